"""Every request at the process that owns its place: served here, handed on once, or refused after a moment.

Which place a request means is read off its path: a project's id, or the slot that an id of a unit, a lot or an
assignment carries. So no body is read and no look-up made before a request is handed on. Who asks is known first, as
at every route: for a stranger nothing is carried about. The owner is shown the caller's own credential, and checks it.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.errors import ConcordError, TooManyRequests, Unavailable
from concord.chassis.http.limits import BODY_LIMIT_KEY, BodyLimit
from concord.chassis.http.problems import problem, refusal
from concord.chassis.identity import verified
from concord.chassis.places.moving import Asked, KeptBody, Moving, UnlessLater, moment, said_moving
from concord.chassis.places.owner import Owned, Owner, Standing
from concord.chassis.places.peers import READS, Peers, RawHeaders, Unreached, handed_on_already, is_forwarded
from concord.chassis.shares import may_hold_another
from concord.chassis.telemetry import Instrument, Telemetry
from concord.contracts.ids import place_of, slot_of, slot_of_project
from concord.contracts.owners import OWNER

FORWARDS_MAX = 500
"""Requests handed on at the same time; each holds two connections and a chunk either way. Claims that wait are among
them, so those of one project leave room for others' (`may_hold_another`)."""
BODY_BYTES_MAX = 1_000_000_000
"""Of a body that is handed on, which is not kept; what its route takes is less, and the owner sees to it."""
FIELDS_MAX = 20
FORWARDS = "concord_http_forwards"
INSTRUMENTS = (
    Instrument(
        FORWARDS,
        "counter",
        "Requests that another process owns: handed on, or refused because its place is loading, being dealt, or its "
        "owner does not answer.",
        ("outcome",),
    ),
)
OUTCOMES = ("handed on", "loading", "dealing", "unreached", "full")
SLOTS_BY: Mapping[str, Callable[[str], int | None]] = {
    "project_id": slot_of_project,
    "unit_id": slot_of,
    "lot_id": slot_of,
    "assignment_id": slot_of,
    "annotation_id": slot_of,
}
"""By the name of a parameter of a path, how its slot is read."""
IN_QUERY = "project_id"
GATEWAYS = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
"""Headers of which a gateway adds one at least, and which nobody behind it can keep it from adding: who comes by one
is told no address of the inside."""


@dataclass(frozen=True, slots=True)
class Placing:
    """What a door needs to find the owner of a request.

    Attributes:
        owner: the table of places.
        peers: reaches other owners.
        anywhere: the templates of routes that any process serves though their path names a project or an id.
        naming: an answer that another process gave names that process to whoever asked (`concord.contracts.owners`)
            and came by no gateway.
    """

    owner: Owner
    peers: Peers
    anywhere: Collection[str] = ()
    naming: bool = False

    def waits(self, scope: Scope) -> bool:
        """Return whether a request waits here until this process has started: another one has handed it on.

        That one holds, as the whole group, that the place is ours. Our own "being started" would be no word on it.
        """
        return is_forwarded(scope["headers"])

    def install(self, app: FastAPI, telemetry: Telemetry, serving: Callable[[], bool]) -> None:
        """Put the layer into an application that has all its routes.

        It lies within what bounds requests: one that is handed on takes its caller's place here and at the owner.
        """
        placement = Placement(app.router.routes, self.anywhere)
        app.add_middleware(ForwardMiddleware, placing=self, placement=placement, telemetry=telemetry, serving=serving)


class _Rule(NamedTuple):
    """One route: what matches it, and by which parameter it is placed; None: by its query or not at all."""

    path: re.Pattern[str]
    methods: frozenset[str]
    parameter: str | None
    anywhere: bool
    route: BaseRoute


class Placement:
    """Tells of a request which slot it means, by the first route that it matches, as the router would have it.

    Args:
        routes: the application's, in the router's order.
        anywhere: see `Placing`.
    """

    def __init__(self, routes: Iterable[BaseRoute], anywhere: Collection[str] = ()) -> None:
        self._rules = [_rule(route, anywhere) for route in routes if isinstance(route, APIRoute)]
        unknown = set(anywhere) - {route.path for route in routes if isinstance(route, APIRoute)}
        assert not unknown, f"no route has the path {', '.join(sorted(unknown))}"

    def find(self, scope: Scope) -> tuple[int, BaseRoute] | None:
        """Return the slot and the route of a request; None when any process may serve it."""
        path, method = scope["path"], scope["method"]
        for rule in self._rules:
            if method not in rule.methods or (match := rule.path.match(path)) is None:
                continue
            if rule.anywhere:
                return None
            if rule.parameter is None:
                slot = _slot_in_query(scope["query_string"])
            else:
                slot = SLOTS_BY[rule.parameter](match[rule.parameter])
            return None if slot is None else (slot, rule.route)
        return None


def _rule(route: APIRoute, anywhere: Collection[str]) -> _Rule:
    named = [name for name in route.param_convertors if name in SLOTS_BY]
    assert len(named) <= 1, f"{route.path} is placed by one parameter"
    parameter = named[0] if named else None
    return _Rule(route.path_regex, frozenset(route.methods or ()), parameter, route.path in anywhere, route)


def _slot_in_query(query: bytes) -> int | None:
    if IN_QUERY.encode() not in query and b"%" not in query:  # the name itself may be written percent-encoded
        return None
    try:
        named = parse_qs(query.decode("latin-1"), max_num_fields=FIELDS_MAX).get(IN_QUERY)
    except ValueError:  # the route itself says what is wrong with it
        return None
    return slot_of_project(named[0]) if named else None


class ForwardMiddleware:
    """Serves what is ours, hands on what is another's, and says "later" of what is nobody's for longer than a moment.

    Args:
        app: what comes next.
        placing: the table and the way to others.
        placement: which slot a request means.
        telemetry: counts what is not served here.
        serving: whether this process has started.
    """

    def __init__(
        self, app: ASGIApp, placing: Placing, placement: Placement, telemetry: Telemetry, serving: Callable[[], bool]
    ) -> None:
        self._app, self._owner, self._peers, self._placement = app, placing.owner, placing.peers, placement
        self._serving = serving
        self._naming = placing.naming
        self._moving = Moving(placing.owner)
        self._next: dict[int, str] = {}
        instruments = telemetry.instruments(INSTRUMENTS)
        self._counters = {outcome: instruments.counter(FORWARDS, outcome) for outcome in OUTCOMES}
        self._under_way = 0
        self._by_slot = Counter[int]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self._placement.find(scope) if scope["type"] == "http" else None
        # Health and telemetry, which no limit bounds, are answered at all times.
        if not self._serving() and BODY_LIMIT_KEY in scope:
            lingers = found is not None and self._owner.lingering and scope["method"] in READS
            if not await self._started(lingers, scope, receive, send):
                return
        if found is None:
            await self._app(scope, receive, send)
            return
        slot, route = found
        owned = self._owner.whose(slot)
        if owned.standing is Standing.MINE:
            await self._serve(slot, scope, receive, send)
            return
        scope["route"] = route  # by which it is timed: the router never sees it
        had_before = owned.standing is Standing.LOADING and owned.address
        if (owned.lingers or had_before) and scope["method"] in READS:
            await self._answer_meanwhile(slot, owned, scope, receive, send)
        else:
            await self._elsewhere(slot, owned, scope, receive, send)

    async def _started(self, lingers: bool, scope: Scope, receive: Receive, send: Send) -> bool:
        """Return whether a request may be served, waiting for it until this process has started; else it is refused.

        What lingers is not waited for: whoever had it answers at once.
        """
        try:
            await verified(scope["app"].state.identity, scope)
        except ConcordError as fault:
            await refusal(fault, scope["path"])(scope, receive, send)
            return False
        if not lingers and await self._moving.started(self._serving, moment(Asked.of(scope["headers"]))):
            return True
        await self._refuse("loading", _being_dealt(), scope, receive, said_moving(send))
        return False

    async def _serve(self, slot: int, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in READS:  # changes nothing that the next owner would have to know
            await self._app(scope, receive, send)
            return
        with self._owner.in_hand(slot):
            await self._app(scope, receive, send)

    async def _answer_meanwhile(self, slot: int, owned: Owned, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is only read while its place goes from one process to another, by whichever of them can."""
        if owned.address and not is_forwarded(scope["headers"]) and self._has_room(slot):
            answer = UnlessLater(send)
            await self._hand_on(slot, owned.address, scope, receive, answer, names=owned.standing is Standing.THEIRS)
            if not answer.later:
                return
        if owned.lingers:
            await self._serve(slot, scope, receive, send)
        else:
            await self._refuse_moving(owned, scope, receive, send)

    async def _elsewhere(self, slot: int, owned: Owned, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request served by whose place it is; by whose it is in a moment, where it changes hands."""
        kept, limit, asked = KeptBody(receive), scope[BODY_LIMIT_KEY], Asked.of(scope["headers"])
        bytes_max, deadline, forwarded = limit.bytes_max, moment(asked), is_forwarded(scope["headers"])
        while owned.standing is not Standing.MINE:
            if self._owner.leaving and not forwarded:
                await self._at_the_next(slot, owned, scope, kept, send, deadline)
                return
            address = owned.address if owned.standing is Standing.THEIRS and not forwarded else ""
            if await self._answered(slot, address, scope, kept, send):
                return
            before = owned
            if kept.again() and (not forwarded or _may_come(owned, asked)):
                owned = await self._moving.over(slot, before, deadline)
            if owned == before and (forwarded or not self._owner.leaving or not kept.again()):
                await self._refuse_moving(owned, scope, receive, send)
                return
        limit.bytes_max = bytes_max
        await self._serve(slot, scope, kept.receive, send)

    async def _at_the_next(
        self, slot: int, owned: Owned, scope: Scope, kept: KeptBody, send: Send, deadline: float
    ) -> None:
        """Have a request served by who has its place next, once this process leaves.

        It hears no deal any more. So the others are asked in turn, each of which waits until it is told of the deal,
        and then serves the request or says that it has not the place; who was found is asked first from then on.
        """
        place, others, loop = place_of(slot, self._owner.places), self._owner.others(), asyncio.get_running_loop()
        first = [address for address in (self._next.get(place, ""), owned.address) if address in others]
        turned = [others[(place + turn) % len(others)] for turn in range(len(others))]
        for address in dict.fromkeys([*first, *turned] or [""]):
            if (seconds := deadline - loop.time()) <= 0 or not kept.again():
                break
            marked = {**scope, "headers": [*scope["headers"], Asked(seconds, self._owner.address).header()]}
            if await self._answered(slot, address, marked, kept, send, names=address == owned.address):
                self._next[place] = address
                return
        await self._refuse_moving(owned, scope, kept.receive, send)

    def _has_room(self, slot: int) -> bool:
        return may_hold_another(self._by_slot[slot], self._under_way, FORWARDS_MAX)

    async def _answered(
        self, slot: int, address: str, scope: Scope, kept: KeptBody, send: Send, *, names: bool = True
    ) -> bool:
        """Hand a request on, if it goes further; return whether its caller was answered, and be it refused."""
        if address and not self._has_room(slot):
            await self._refuse("full", _full(self._by_slot[slot]), scope, kept.receive, send)
            return True
        if not address:
            try:
                await verified(scope["app"].state.identity, scope)
            except ConcordError as fault:
                await refusal(fault, scope["path"])(scope, kept.receive, send)
                return True
            return False
        answer = UnlessLater(send, moving=True)
        await self._hand_on(slot, address, scope, kept.receive, answer, names=names)
        return not answer.later

    async def _hand_on(
        self, slot: int, address: str, scope: Scope, receive: Receive, send: Send, *, names: bool = True
    ) -> None:
        self._under_way += 1
        self._by_slot[slot] += 1
        try:
            await verified(scope["app"].state.identity, scope)
            limit: BodyLimit = scope[BODY_LIMIT_KEY]
            limit.bytes_max = BODY_BYTES_MAX  # the owner's own limit holds; here it is passed through and not kept
            answer = _naming(address, send) if names and self._naming and not by_gateway(scope["headers"]) else send
            await self._peers.relay(address, scope, receive, answer)
        except Unreached as fault:
            # Who leaves asks another then, which may have the place by now.
            answered = said_moving(send) if self._owner.leaving else send
            await self._refuse("unreached", fault, scope, receive, answered)
        except ConcordError as fault:
            await refusal(fault, scope["path"])(scope, receive, send)
        except HTTPException as fault:
            # The body was more, or slower, than any may be.
            error = fault.__cause__
            reply = refusal(error) if isinstance(error, ConcordError) else problem(fault.status_code, fault.detail)
            await reply(scope, receive, send)
        else:
            self._counters["handed on"].inc()
        finally:
            self._under_way -= 1
            self._by_slot[slot] -= 1
            if not self._by_slot[slot]:
                del self._by_slot[slot]

    async def _refuse_moving(self, owned: Owned, scope: Scope, receive: Receive, send: Send) -> None:
        loading = owned.standing is Standing.LOADING
        error: ConcordError = _being_dealt()
        if is_forwarded(scope["headers"]) and (self._owner.leaving or not loading):
            send = said_moving(send)  # whoever handed it on is about to hear of another owner
            if owned.standing is Standing.THEIRS:
                error = handed_on_already()
        await self._refuse("loading" if loading else "dealing", error, scope, receive, send)

    async def _refuse(self, outcome: str, error: ConcordError, scope: Scope, receive: Receive, send: Send) -> None:
        self._counters[outcome].inc()
        await refusal(error, scope["path"])(scope, receive, send)


def _full(own: int) -> ConcordError:
    """Return how a request is refused that finds no room among those that are handed on.

    Args:
        own: how many of its project's are.
    """
    if own:
        return TooManyRequests(
            f"{own} requests of this project are with another process, which is its share now; wait for answers before "
            "you send more, or try again in a moment."
        )
    return Unavailable("As many requests as may are with other processes; try again in a moment.")


def _may_come(owned: Owned, asked: Asked | None) -> bool:
    """Return whether a request that was handed on may wait here for its place, and not where it came from.

    Where that process leaves, until this one is told who has the place now.
    """
    if owned.standing is Standing.LOADING:
        return True
    return asked is not None and (owned.standing is not Standing.THEIRS or asked.by in ("", owned.address))


def by_gateway(headers: RawHeaders) -> bool:
    """Return whether a request says that a gateway carried it, who else wrote that into it all the same."""
    return any(name in GATEWAYS for name, _ in headers)


def _naming(address: str, send: Send) -> Send:
    """Return what names the owner in the answer that it sends on."""
    named = (OWNER.encode(), address.encode())

    async def naming(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], named]
        await send(message)

    return naming


def _being_dealt() -> Unavailable:
    return Unavailable(
        "The project is being taken over by another process; send the same request again in a second.",
        retry_after_seconds=1,
    )
