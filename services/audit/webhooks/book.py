"""Where webhooks are found: endpoints and deliveries in the journal, and by place what of them is open, in memory."""

import heapq
from bisect import insort
from collections.abc import Callable, Iterator, Mapping

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.chassis.places.by_place import ByPlace, NotHere
from concord.chassis.places.owner import Owner
from concord.contracts.ids import SLOTS, client_of, place_of, slot_of_project
from services.audit.domain.delivery import DeliveryState
from services.audit.domain.endpoint import Endpoint, EndpointsState


def _any_endpoints(state: EndpointsState) -> bool:
    return bool(state.endpoints)


def _is_open(state: DeliveryState) -> bool:
    return state.is_open


def _slot(state: EndpointsState | DeliveryState) -> int:
    return slot_of_project(state.project_id)


ENDPOINTS = Kind("endpoints", EndpointsState, is_open=_any_endpoints, slot=_slot)
DELIVERY = Kind("delivery", DeliveryState, is_open=_is_open, slot=_slot)


def endpoints_key(project_id: str) -> str:
    """Return the aggregate key of a project's endpoints."""
    return ENDPOINTS.key(client_of(project_id), project_id)


def delivery_key(delivery_id: str) -> str:
    """Return a delivery's aggregate key."""
    return DELIVERY.key(client_of(delivery_id), delivery_id)


class Queue:
    """The open deliveries of one endpoint, without their bodies; of each line the first is next.

    Attributes:
        open: by id, those that wait and those that are dead.
        in_flight: those that are being sent now.
        trusted: whether it took what was sent last, as far as this process knows.
        failures: attempts that failed since then.
        paused_until_us: when it may be tried again after one that failed.
    """

    __slots__ = ("_due", "_lines", "failures", "in_flight", "open", "paused_until_us", "trusted")

    def __init__(self) -> None:
        self.open: dict[str, DeliveryState] = {}
        self.in_flight: set[str] = set()
        self.trusted = False
        self.failures = 0
        self.paused_until_us = 0
        self._lines: dict[str, list[tuple[int, str]]] = {}
        self._due: list[tuple[int, int, str]] = []

    def take(self, state: DeliveryState) -> None:
        """Take the newest state of a delivery."""
        before = self.open.pop(state.delivery_id, None)
        if before is not None and before.status == "waiting" and state.status != "waiting":
            self._leave_line(before)
        if not state.is_open:
            return
        self.open[state.delivery_id] = msgspec.structs.replace(state, body="")
        if state.status == "dead":
            self._push(state)
            return
        line = self._lines.setdefault(state.line, [])
        if before is None or before.status != "waiting":
            insort(line, (state.number, state.delivery_id))
        if line[0][1] == state.delivery_id:
            self._push(state)

    def number_after(self, line: str, wished: int) -> int:
        """Return a place in a line behind all that wait in it: the wished one, if it is."""
        waiting = self._lines.get(line)
        return max(wished, waiting[-1][0] + 1) if waiting else wished

    def next(self, now_us: int) -> DeliveryState | None:
        """Take out what is due now; it is in flight, or dead and to be forgotten. None: nothing is."""
        while self._due and self._due[0][0] <= now_us:
            due_us, _, delivery_id = heapq.heappop(self._due)
            state = self.open.get(delivery_id)
            if state is None or delivery_id in self.in_flight or state.next_at_us != due_us:
                continue
            if state.status == "waiting" and self._lines[state.line][0][1] != delivery_id:
                continue
            self.in_flight.add(delivery_id)
            return state
        return None

    def done(self, delivery_id: str) -> None:
        """Note that a delivery is in flight no longer."""
        self.in_flight.discard(delivery_id)
        state = self.open.get(delivery_id)
        if state is not None and (state.status == "dead" or self._lines[state.line][0][1] == delivery_id):
            self._push(state)

    def next_at_us(self) -> int | None:
        """Return when to look again; None: nothing is to come."""
        return max(self._due[0][0], self.paused_until_us) if self._due else None

    def oldest_us(self) -> int | None:
        """Return when what waits longest fell due; None: nothing waits. Of each line the first is looked at."""
        return min((self.open[line[0][1]].made_at_us for line in self._lines.values()), default=None)

    def waiting(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._lines.values()))

    def _push(self, state: DeliveryState) -> None:
        heapq.heappush(self._due, (state.next_at_us, state.number, state.delivery_id))

    def _leave_line(self, state: DeliveryState) -> None:
        line = self._lines[state.line]
        line.remove((state.number, state.delivery_id))
        if not line:
            del self._lines[state.line]
        elif (first := self.open.get(line[0][1])) is not None:
            self._push(first)


class Hooks:
    """What is known of one project: its endpoints, and by endpoint what is open; also of endpoints that are gone."""

    __slots__ = ("endpoints", "queues")

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.queues: dict[str, Queue] = {}

    def queue(self, endpoint_id: str) -> Queue:
        """Return an endpoint's queue."""
        return self.queues.setdefault(endpoint_id, Queue())


class Book:
    """Where webhooks are found; the journal settles it.

    Args:
        journal: the truth.
        owner: says which places are this process's.

    Attributes:
        news: told of an endpoint, by its project and id, in whose queue something changed.
    """

    def __init__(self, journal: Journal, owner: Owner) -> None:
        self.journal = journal
        self.owner = owner
        self.news: Callable[[str, str], object] = _nobody
        self._places: ByPlace[Hooks] = ByPlace(owner.places, Hooks)
        journal.listen(ENDPOINTS, self.settle_endpoints)
        journal.listen(DELIVERY, self.settle_delivery)

    async def load(self, place: int) -> None:
        """Read a place's endpoints, and its deliveries that are open."""
        self._places.hold(place)
        before = dict(self._places.in_place(place))
        known = {
            open_delivery
            for hooks in before.values()
            for queue in hooks.queues.values()
            for open_delivery in queue.open
        }
        slots = range(place, SLOTS, self.owner.places)
        async for kind, key, state in self.journal.rebuild_open_kinds((ENDPOINTS, DELIVERY), slots):
            if kind is ENDPOINTS:
                self.settle_endpoints(key, state)
                before.pop(state.project_id, None)
            else:
                self.settle_delivery(key, state)
                known.discard(state.delivery_id)
        # What is not among the open any more, others may have closed since it was met here.
        gone = [endpoints_key(project_id) for project_id, hooks in before.items() if hooks.endpoints]
        for key, state in (await self.journal.states(ENDPOINTS, gone)).items():
            self.settle_endpoints(key, state)
        closed = [delivery_key(delivery_id) for delivery_id in sorted(known)]
        for key, delivery in (await self.journal.states(DELIVERY, closed)).items():
            self.settle_delivery(key, delivery)

    async def drop(self, place: int) -> None:
        """Forget everything of a place."""
        self._places.drop(place)

    def settle_endpoints(self, key: str, state: EndpointsState) -> None:
        """Bring the read models up to a project's endpoints, if its place is here."""
        del key
        hooks = self._places.settled(state.project_id)
        if hooks is None:
            return
        hooks.endpoints = {endpoint.endpoint_id: endpoint for endpoint in state.endpoints}
        for endpoint_id in list(hooks.queues):
            self.news(state.project_id, endpoint_id)

    def settle_delivery(self, key: str, state: DeliveryState) -> None:
        """Bring the read models up to a delivery, if its place is here."""
        del key
        hooks = self._places.settled(state.project_id)
        if hooks is not None:
            hooks.queue(state.endpoint_id).take(state)
            self.news(state.project_id, state.endpoint_id)

    def hooks(self, project_id: str) -> Hooks | None:
        """Return what is known of a project; None: it has no endpoints and had none.

        Raises:
            NotHere: its place is another process's.
        """
        if not self._places.holds(place_of(slot_of_project(project_id), self.owner.places)):
            raise NotHere(project_id)
        return self._places.known(project_id)

    def known(self, project_id: str) -> Hooks | None:
        """Return what is known of a project here; None: nothing, or its place is another process's."""
        return self._places.known(project_id)

    def __iter__(self) -> Iterator[tuple[str, Hooks]]:
        """Yield every project of which something is known."""
        return iter(self._places)

    async def endpoints(self, project_id: str) -> EndpointsState:
        """Return a project's endpoints."""
        key = endpoints_key(project_id)
        return (await self.journal.states(ENDPOINTS, [key])).get(key) or EndpointsState(project_id)

    async def delivery(self, delivery_id: str) -> DeliveryState | None:
        """Return a delivery, its body with it, open or closed."""
        key = delivery_key(delivery_id)
        found: Mapping[str, DeliveryState] = await self.journal.states(DELIVERY, [key])
        return found.get(key)


def _nobody(project_id: str, endpoint_id: str) -> None:
    """Hear of news while nobody else does."""
    del project_id, endpoint_id
