"""A request on a place that changes hands waits a moment and is served, by whoever has the place then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from concord.chassis.broker.port import Deal
from concord.chassis.identity import Role
from concord.chassis.places import moving
from concord.chassis.places.moving import KEPT_BYTES_MAX, MOVING, MOVING_SECONDS_MAX, Asked, KeptBody
from concord.chassis.places.peers import FORWARDED, HttpPeers, MemoryPeers
from concord.contracts.ids import slot_of_project
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.unit.concord.chassis.places.doors import MINE, PLACES, THEIRS, Door, deal, listening, unit_of

PLACE, OTHER_PLACE = slot_of_project(MINE) % PLACES, slot_of_project(THEIRS) % PLACES
LOTS, NOTE = f"/v1/projects/{MINE}/lots", f"/v1/units/{unit_of(MINE)}/note"
ALL, NONE = frozenset(range(PLACES)), frozenset[int]()
BODY = b'{"note": "text"}'


class Town:
    """Two doors of which the first had the place of MINE and the second all others, a third, and a client of each."""

    def __init__(self, doors: Sequence[Door], clients: Sequence[httpx.AsyncClient]) -> None:
        self.one, self.two, self.three = doors
        self.at_one, self.at_two, _ = clients
        deal(self.one, self.two)

    def three_comes(self) -> None:
        """Tell all that the third is one of them, without places, and the second has what it had."""
        table = {self.one.address: frozenset({PLACE}), self.two.address: ALL - {PLACE}, self.three.address: NONE}
        for door in (self.one, self.two, self.three):
            mine = table[door.address]
            door.owner.dealt(Deal(mine, mine, table))

    def three_gains(self, *hear: Door) -> None:
        """Tell these that the first has gone, and its place is the third's; it is loaded there."""
        table = {self.two.address: ALL - {PLACE}, self.three.address: frozenset({PLACE})}
        for door in hear:
            mine = table[door.address]
            door.owner.dealt(Deal(mine, mine & door.owner.open(), table))
        if self.three in hear:
            self.three.owner.opened(PLACE)

    def two_gains(self) -> None:
        """Tell the second that all is its own now, which it has to load."""
        self.two.owner.dealt(Deal(ALL, self.two.owner.open(), {self.two.address: ALL}))

    async def waits(self, door: Door, ask: Awaitable[httpx.Response]) -> "asyncio.Task[httpx.Response]":
        """Return a request that is waiting at a door now."""
        asking = asyncio.ensure_future(ask)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not door.waiting and not asking.done():  # noqa: ASYNC110  # a number has no event
                await asyncio.sleep(0.001)
        assert not asking.done()
        return asking


@pytest.fixture(params=["memory", "sockets"])
async def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 30.0)
    house = House()
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    async with AsyncExitStack() as stack:
        doors = list[Door]()
        clients = list[httpx.AsyncClient]()
        by_address = dict[str, FastAPI]()
        for name in ("one", "two", "three"):
            if request.param == "memory":
                door = Door(house, f"http://{name}:1", MemoryPeers(by_address))
                by_address[door.address] = door.application
                transport = httpx.ASGITransport(door.application)
            else:
                door, transport = await stack.enter_async_context(listening(_over_sockets(house))), None
            client = httpx.AsyncClient(
                base_url=door.address, headers=headers, transport=transport, timeout=PATIENCE_SECONDS
            )
            clients.append(await stack.enter_async_context(client))
            doors.append(door)
        yield Town(doors, clients)
        for door in doors:
            await door.peers.close()


def _over_sockets(house: House) -> Callable[[str], Door]:
    return lambda at: Door(house, at, HttpPeers())


async def test_who_asks_while_a_place_is_loaded_is_served_as_soon_as_it_is(town: Town) -> None:
    town.two_gains()
    asking = await town.waits(town.two, town.at_two.post(NOTE, content=BODY))
    town.two.owner.opened(PLACE)
    answer = await asking
    assert (answer.status_code, answer.json()["at"], town.two.bodies) == (200, town.two.address, [BODY])
    assert town.two.counted("loading") == 0


async def test_who_is_turned_away_by_a_leaving_owner_is_served_by_the_next_one(town: Town) -> None:
    """Nobody has told the second yet that the place is its own: it hands on, is told "later", and hears of it then."""
    town.one.owner.leave()
    asking = await town.waits(town.two, town.at_two.post(NOTE, content=BODY))
    town.two_gains()
    town.two.owner.opened(PLACE)
    answer = await asking
    assert (answer.status_code, answer.json()["at"], town.two.bodies) == (200, town.two.address, [BODY])
    assert town.one.served == []


async def test_who_asks_a_process_that_leaves_is_served_by_the_one_that_stays(town: Town) -> None:
    town.one.owner.leave()
    asking = await town.waits(town.two, town.at_one.post(NOTE, content=BODY))
    town.two_gains()
    town.two.owner.opened(PLACE)
    answer = await asking
    assert (answer.status_code, answer.json()["at"], town.two.bodies) == (200, town.two.address, [BODY])


async def test_who_asks_a_process_that_leaves_is_served_by_whichever_of_the_others_is_next(town: Town) -> None:
    town.three_comes()
    town.one.owner.leave()
    town.three_gains(town.two, town.three)
    for times in range(1, 3):
        answer = await town.at_one.post(NOTE, content=BODY)
        assert (answer.status_code, answer.json()["at"]) == (200, town.three.address)
        assert town.three.bodies == [BODY] * times
    assert town.two.served == []
    assert town.two.counted("dealing") <= 1, "who was found is asked first"


@pytest.mark.parametrize("late", ["two", "three"])
async def test_who_is_asked_before_it_hears_of_the_deal_waits_for_it(town: Town, late: str) -> None:
    town.three_comes()
    town.one.owner.leave()
    last = {"two": town.two, "three": town.three}[late]
    town.three_gains(town.three if last is town.two else town.two)
    asking = asyncio.ensure_future(town.at_one.post(NOTE, content=BODY))
    await asyncio.sleep(0.05)
    town.three_gains(last)
    answer = await asking
    assert (answer.status_code, answer.json()["at"], town.three.bodies) == (200, town.three.address, [BODY])


async def test_of_two_that_leave_at_once_each_finds_the_one_that_stays(town: Town) -> None:
    town.three_comes()
    town.one.owner.leave()
    town.two.owner.leave()
    town.three.owner.dealt(Deal(ALL, NONE, {town.three.address: ALL}))
    town.three.owner.opened(PLACE)
    town.three.owner.opened(OTHER_PLACE)
    for at in (town.at_one, town.at_two):
        for project_id in (MINE, THEIRS):
            answer = await at.get(f"/v1/projects/{project_id}/lots")
            assert (answer.status_code, answer.json()["at"]) == (200, town.three.address)


async def test_a_process_that_leaves_asks_on_where_one_of_the_others_is_gone(town: Town) -> None:
    gone = "http://127.0.0.1:9"
    table = {town.one.address: frozenset({PLACE}), gone: ALL - {PLACE, OTHER_PLACE}, town.two.address: {OTHER_PLACE}}
    town.one.owner.dealt(Deal(frozenset({PLACE}), frozenset({PLACE}), {at: frozenset(table[at]) for at in table}))
    town.one.owner.leave()
    town.two.owner.dealt(Deal(ALL, NONE, {town.two.address: ALL}))
    town.two.owner.opened(PLACE)
    answer = await town.at_one.post(NOTE, content=BODY)
    assert (answer.status_code, answer.json()["at"], town.two.bodies) == (200, town.two.address, [BODY])


async def test_a_process_that_leaves_says_later_where_nobody_has_the_place(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 0.05)
    town.three_comes()
    town.one.owner.leave()
    answer = await town.at_one.get(LOTS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "concord-moving" not in answer.headers
    town.one.owner.dealt(Deal(NONE, NONE, {town.one.address: NONE}))
    stranger = await town.at_one.get(LOTS, headers={"authorization": "Bearer none"})
    assert stranger.status_code == 401, "also where there is nobody to ask"


async def test_who_waits_when_the_process_leaves_is_served_by_the_next(town: Town) -> None:
    town.two_gains()
    town.two.owner.dealt(Deal(ALL, town.two.owner.open(), {town.two.address: ALL, town.one.address: NONE}))
    asking = await town.waits(town.two, town.at_two.post(NOTE, content=BODY))
    town.one.owner.dealt(Deal(ALL, NONE, {town.one.address: ALL}))
    town.one.owner.opened(PLACE)
    town.two.owner.leave()
    answer = await asking
    assert (answer.status_code, answer.json()["at"], town.one.bodies) == (200, town.one.address, [BODY])


async def test_who_waits_when_the_only_process_leaves_is_told_at_once(town: Town) -> None:
    town.two_gains()
    asking = await town.waits(town.two, town.at_two.get(LOTS))
    town.two.owner.leave()
    answer = await asking
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("said", "seconds", "by"),
    [
        ((b"700 http://one:1",), 0.7, "http://one:1"),
        ((b"900000 http://one:1",), MOVING_SECONDS_MAX, "http://one:1"),
        ((b"9" * 5_000 + b" http://one:1",), MOVING_SECONDS_MAX, "http://one:1"),
        ((b"1",), MOVING_SECONDS_MAX, ""),
        ((b"x http://one:1",), MOVING_SECONDS_MAX, ""),
        ((b"5 http://liar:1", b"700 http://one:1"), 0.7, "http://one:1"),
    ],
)
def test_what_a_leaving_process_says_is_read_within_bounds(
    said: Sequence[bytes], seconds: float, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", MOVING_SECONDS_MAX)
    assert Asked.of([(MOVING, words) for words in said]) == Asked(seconds, by)


def test_what_a_leaving_process_says_is_read_as_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", MOVING_SECONDS_MAX)
    assert Asked.of([Asked(0.25, "http://one:1").header()]) == Asked(0.25, "http://one:1")
    assert Asked.of([]) is None


async def test_an_owner_that_others_know_and_that_has_not_loaded_is_waited_for(town: Town) -> None:
    table = {town.one.address: ALL, town.two.address: frozenset[int]()}
    for door in (town.one, town.two):
        mine = table[door.address]
        door.owner.dealt(Deal(mine, mine & door.owner.open(), table))
    path = f"/v1/projects/{THEIRS}/lots"
    asking = await town.waits(town.one, town.at_two.get(path))
    town.one.owner.opened(OTHER_PLACE)
    assert (await asking).json()["at"] == town.one.address


async def test_an_owner_that_has_not_started_is_waited_for_whatever_is_asked(town: Town) -> None:
    """It joins its group before all of it is started: the others hold that the place is its own, and ask it."""
    for ask in (
        town.at_two.get(LOTS), town.at_two.post(NOTE, content=BODY), town.at_two.get("/v1/units"),
        town.at_two.post("/v1/notes", json=[unit_of(MINE)]),
    ):  # fmt: skip
        town.one.ready.serving = False
        asking = await town.waits(town.one, ask)
        town.one.ready.serving = True
        assert (await asking).status_code == 200
    assert [name for name, *_ in town.one.served] == ["lots", "note", "units", "notes"]


async def test_an_owner_that_does_not_start_is_a_place_in_motion_and_no_service_that_is_away(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 0.05)
    town.one.ready.serving = False
    for ask in (town.at_two.get(LOTS), town.at_two.post(NOTE, content=BODY), town.at_two.get("/v1/units")):
        answer = await ask
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "taken over by another process" in answer.json()["detail"]
        assert MOVING.decode() not in answer.headers
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 30.0)
    marked = {FORWARDED.decode(): "1"}
    stranger = await town.at_one.get(LOTS, headers={**marked, "authorization": "Bearer none"})
    assert stranger.status_code == 401, "a stranger waits for nothing, whatever they write into their request"
    assert (await town.at_one.get("/live", headers=marked)).status_code == 200
    assert (await town.at_one.get(LOTS)).headers["retry-after"] == "2", "who asks it itself is told that it starts"
    monkeypatch.setattr(moving, "WAITING_MAX", 0)
    assert (await town.at_two.get("/v1/units")).status_code == 503
    assert town.one.served == []


async def test_what_lingers_is_answered_while_its_owner_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", float("inf"))  # who waited would do so for good
    house, by_address = House(), dict[str, FastAPI]()
    one, two = (Door(house, f"http://{name}:1", MemoryPeers(by_address), lingering=True) for name in ("one", "two"))
    by_address.update({door.address: door.application for door in (one, two)})
    deal(one, two)
    table = {two.address: ALL}
    one.owner.dealt(Deal(NONE, NONE, table))
    two.ready.serving = False
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    transport = httpx.ASGITransport(one.application)
    async with httpx.AsyncClient(transport=transport, base_url=one.address, headers=headers) as client:
        assert (await client.get(LOTS)).json()["at"] == one.address


async def test_whose_tables_differ_waits_for_the_next_deal_where_they_asked(town: Town) -> None:
    """The second holds that the first has all, which holds the opposite: the first says so, and the second waits."""
    table = {town.one.address: ALL}
    town.two.owner.dealt(Deal(frozenset(), frozenset(), table))
    path = f"/v1/projects/{THEIRS}/lots"
    asking = await town.waits(town.two, town.at_two.get(path))
    assert town.one.waiting == 0, "who hands on waits for another owner, and not who is asked"
    town.two_gains()
    town.two.owner.opened(OTHER_PLACE)
    assert (await asking).json()["at"] == town.two.address


async def test_a_list_over_all_places_waits_for_those_that_are_loaded_wherever(town: Town) -> None:
    everything = [f"{place:02}" for place in range(PLACES)]
    for door, client in ((town.two, town.at_two), (town.one, town.at_two)):
        had = door.owner.open()
        table = {town.one.address: town.one.owner.open(), town.two.address: town.two.owner.open()}
        door.owner.dealt(Deal(had, frozenset(), table))
        asking = await town.waits(door, client.get("/v1/units"))
        for place in had:
            door.owner.opened(place)
        assert (await asking).json() == {"items": everything}


async def test_a_bulk_body_waits_for_a_place_that_is_loaded(town: Town) -> None:
    town.two_gains()
    asking = await town.waits(town.two, town.at_two.post("/v1/notes", json=[unit_of(MINE)]))
    town.two.owner.opened(PLACE)
    assert (await asking).json() == [f"{unit_of(MINE)} at {town.two.address}"]


async def test_a_list_that_lacks_what_another_loads_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 0.0)
    mine, theirs = town.one.owner.open(), town.two.owner.open()
    town.two.owner.dealt(Deal(theirs, frozenset(), {town.one.address: mine, town.two.address: theirs}))
    assert (await town.at_one.get("/v1/units")).status_code == 503


async def test_a_moment_is_not_longer(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 0.0)
    town.two_gains()
    answer = await town.at_two.get(LOTS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert town.two.counted("loading") == 1


async def test_more_than_may_wait_are_told_at_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "WAITING_MAX", 0)
    town.two_gains()
    assert (await town.at_two.get(LOTS)).status_code == 503


async def test_a_stranger_waits_for_nothing(town: Town) -> None:
    town.two_gains()
    answer = await town.at_two.get(LOTS, headers={"authorization": "Bearer none"})
    assert answer.status_code == 401


async def test_what_an_owner_refuses_for_another_reason_is_told_as_it_is(town: Town) -> None:
    town.one.busy = True
    answer = await town.at_two.get(LOTS)
    assert (answer.status_code, answer.json()["detail"]) == (503, "As busy as can be.")


class TurnsAway(MemoryPeers):
    """Another process that reads a request whole, and says that its place has gone."""

    asked = 0

    async def relay(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.asked += 1
        await send({"type": "http.response.start", "status": 503, "headers": [(MOVING, b"1")]})
        await send({"type": "http.response.body", "body": b""})


async def test_a_body_that_is_too_long_to_be_kept_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 30.0)
    house, peers = House(), TurnsAway({})
    door = Door(house, "http://one:1", peers)
    door.owner.dealt(Deal(frozenset(), frozenset(), {"http://two:1": ALL}))
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    transport = httpx.ASGITransport(door.application)
    async with httpx.AsyncClient(transport=transport, base_url=door.address, headers=headers) as client:
        answer = await client.post(NOTE, content=b"x" * (KEPT_BYTES_MAX + 1))
    assert (answer.status_code, answer.headers["retry-after"], peers.asked) == (503, "1", 1)


async def test_whoever_says_that_a_request_was_handed_on_is_not_waited_for(town: Town) -> None:
    answer = await town.at_two.get(LOTS, headers={FORWARDED.decode(): "1"})
    assert answer.status_code == 421


async def test_a_short_body_is_read_twice_and_a_long_one_once() -> None:
    async def body(*parts: bytes) -> tuple[bool, bytes, bytes]:
        left = [*parts]

        async def receive() -> Message:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        kept = KeptBody(receive)
        read = b""
        for _ in parts:
            read += (await kept.receive())["body"]
        again = kept.again()
        return again, read, b"".join([(await kept.receive())["body"] for _ in parts]) if again else b""

    assert await body(b"a", b"b") == (True, b"ab", b"ab")
    long = b"x" * KEPT_BYTES_MAX
    assert await body(long) == (True, long, long)
    assert await body(b"a", long) == (False, b"a" + long, b"")
