"""Requests at whoever owns their place: served, handed on once to the byte, or refused for a second."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from concord.chassis.broker.port import Deal
from concord.chassis.identity import Role
from concord.chassis.places import forward
from concord.chassis.places.forward import Placement
from concord.chassis.places.moving import MOVING
from concord.chassis.places.peers import FORWARDED, HttpPeers, MemoryPeers
from concord.contracts.ids import placed_id, slot_of_project
from concord.contracts.owners import OWNER
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.unit.concord.chassis.places.doors import (
    LARGE_BYTES,
    MINE,
    PLACES,
    THEIRS,
    Door,
    deal,
    listening,
    refused_for_a_second,
    unit_of,
)


class Pair:
    """Two doors, and a client that calls the first as an operator."""

    def __init__(self, house: House, door: Door, two: Door, client: httpx.AsyncClient) -> None:
        self.house, self.one, self.two, self.client = house, door, two, client


@pytest.fixture(params=["memory", "sockets"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    house = House()
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            doors: dict[str, FastAPI] = {}
            entry, two = (Door(house, f"http://{name}:1", MemoryPeers(doors)) for name in ("one", "two"))
            doors.update({door.address: door.application for door in (entry, two)})
            transport = httpx.ASGITransport(entry.application)
            client = httpx.AsyncClient(transport=transport, base_url=entry.address, headers=headers)
        else:
            entry = await stack.enter_async_context(listening(lambda at: Door(house, at, HttpPeers())))
            two = await stack.enter_async_context(listening(lambda at: Door(house, at, HttpPeers())))
            client = httpx.AsyncClient(base_url=entry.address, headers=headers)
        await stack.enter_async_context(client)
        deal(entry, two)
        yield Pair(house, entry, two, client)
        for door in (entry, two):
            await door.peers.close()


async def test_a_request_on_our_own_place_is_served_here(pair: Pair) -> None:
    answer = await pair.client.get(f"/v1/projects/{MINE}/lots")
    assert answer.json() == {"at": pair.one.address, "id": MINE}
    assert pair.two.served == []
    assert pair.one.counted("handed on") == 0


async def test_what_only_reads_is_not_waited_for_by_a_process_that_leaves(pair: Pair) -> None:
    await pair.client.get(f"/v1/projects/{MINE}/lots")
    await pair.client.post(f"/v1/units/{unit_of(MINE)}/note")
    assert pair.one.in_hand == [0, 1]
    assert pair.one.owner.requests_in_hand() == 0


async def test_a_request_on_anothers_place_is_handed_on_with_the_callers_own_credential(pair: Pair) -> None:
    body = json.dumps({"note": "Zoë"}).encode()
    unit_id = unit_of(THEIRS)
    answer = await pair.client.post(f"/v1/units/{unit_id}/note?x=%2Fa%20b", content=body)
    assert answer.json() == {"at": pair.two.address, "id": unit_id}
    assert pair.two.served == [("note", "olga", unit_id)]
    assert pair.two.bodies == [body]
    assert pair.one.served == []
    assert pair.one.counted("handed on") == 1
    # What callers are always told comes once, whoever served.
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_an_answer_that_was_handed_on_names_its_owner_where_it_is_set_to_and_no_gateway_is_between() -> None:
    house, doors = House(), dict[str, FastAPI]()
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    for naming in (False, True):
        door, two = (Door(house, f"http://{name}:1", MemoryPeers(doors), naming=naming) for name in ("one", "two"))
        doors.update({door.address: door.application for door in (door, two)})
        deal(door, two)
        transport = httpx.ASGITransport(door.application)
        async with httpx.AsyncClient(transport=transport, base_url=door.address, headers=headers) as client:
            handed_on = await client.get(f"/v1/projects/{THEIRS}/lots")
            assert handed_on.json()["at"] == two.address
            assert handed_on.headers.get_list(OWNER) == ([two.address] if naming else [])
            assert OWNER not in (await client.get(f"/v1/projects/{MINE}/lots")).headers
            for gateway in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
                outside = await client.get(f"/v1/projects/{THEIRS}/lots", headers={gateway: "203.0.113.7"})
                assert (outside.status_code, OWNER in outside.headers) == (200, False)
            stranger = await client.get(f"/v1/projects/{THEIRS}/lots", headers={"authorization": "Bearer none"})
            assert (stranger.status_code, OWNER in stranger.headers) == (401, False)
            doors.pop(two.address)
            gone = await client.get(f"/v1/projects/{THEIRS}/lots")
            assert (gone.status_code, OWNER in gone.headers) == (503, False)


async def test_a_stranger_has_nothing_handed_on(pair: Pair) -> None:
    answer = await pair.client.get(f"/v1/projects/{THEIRS}/lots", headers={"authorization": "Bearer none"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="concord"'
    assert pair.two.served == []
    assert pair.one.counted("handed on") == pair.one.counted("unreached") == 0


async def test_a_caller_without_the_role_is_refused_by_the_owner(pair: Pair) -> None:
    token = pair.house.token("anna", Role.ANNOTATOR)
    answer = await pair.client.get(f"/v1/projects/{THEIRS}/lots", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert pair.two.served == []
    assert pair.one.counted("handed on") == 1


async def test_a_path_is_handed_on_to_the_byte_whatever_it_decodes_to(pair: Pair) -> None:
    unit_id = unit_of(THEIRS) + "%0d%0ax:%20y%25"
    answer = await pair.client.post(f"/v1/units/{unit_id}/note")
    assert answer.json()["id"] == unit_of(THEIRS) + "\r\nx: y%"


async def test_a_large_answer_is_handed_back_as_it_comes(pair: Pair) -> None:
    lot_id = placed_id("l", THEIRS, "a" * 26)
    async with pair.client.stream("GET", f"/v1/lots/{lot_id}/export") as answer:
        assert answer.headers["x-told"] == "yes"
        assert answer.headers["content-type"] == "application/x-ndjson"
        content = b"".join([chunk async for chunk in answer.aiter_bytes()])
    assert len(content) == LARGE_BYTES
    assert [int(content[begin : begin + 4]) for begin in range(0, LARGE_BYTES, 1_000)] == list(range(300))


async def test_a_large_body_is_handed_on_as_it_comes_with_and_without_a_length(pair: Pair) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(200):
            yield b"%03d" % number * 1_000

    whole = b"".join([chunk async for chunk in chunks()])
    for content in (whole, chunks()):
        answer = await pair.client.post(f"/v1/units/{unit_of(THEIRS)}/note", content=content)
        assert answer.status_code == 200
    assert pair.two.bodies == [whole, whole]


async def test_a_body_over_the_limit_is_refused_by_the_owner(pair: Pair) -> None:
    answer = await pair.client.post(f"/v1/units/{unit_of(THEIRS)}/note", content=b"x" * 1_000_001)
    assert answer.status_code == 413
    assert pair.two.bodies == []


async def test_what_was_handed_on_goes_no_further(pair: Pair) -> None:
    """The doors hold different tables for a moment: each thinks that the other has the place."""
    place = slot_of_project(THEIRS) % PLACES
    table = {pair.one.address: frozenset({place})}
    pair.two.owner.dealt(Deal(frozenset(), frozenset(), table))
    answer = await pair.client.get(f"/v1/projects/{THEIRS}/lots")
    assert refused_for_a_second(answer)
    assert (pair.one.served, pair.two.served) == ([], [])
    assert pair.two.counted("dealing") == 1


async def test_a_place_that_is_loading_or_nobodys_is_refused_for_a_second(pair: Pair) -> None:
    everything = frozenset(range(PLACES))
    pair.one.owner.dealt(Deal(everything, frozenset(), {pair.one.address: everything}))
    assert refused_for_a_second(await pair.client.get(f"/v1/projects/{MINE}/lots"))
    assert pair.one.counted("loading") == 1
    pair.one.owner.dealt(Deal(frozenset(), frozenset(), {}))
    assert refused_for_a_second(await pair.client.get(f"/v1/projects/{MINE}/lots"))
    assert pair.one.counted("dealing") == 1
    assert pair.one.served == []


async def test_an_owner_that_is_gone_is_told_as_a_moment(pair: Pair) -> None:
    gone = "http://127.0.0.1:1"
    pair.one.owner.dealt(Deal(frozenset(), frozenset(), {gone: frozenset(range(PLACES))}))
    for path in (f"/v1/projects/{THEIRS}/lots", f"/v1/projects/{MINE}/lots"):
        assert refused_for_a_second(await pair.client.get(path))
    assert pair.one.counted("unreached") == 2


@pytest.mark.parametrize("pair", ["sockets"], indirect=True)
@pytest.mark.parametrize("content", [b"", b"{}"])
async def test_an_owner_hears_that_a_caller_has_hung_up_by_whoever_they_asked(pair: Pair, content: bytes) -> None:
    unit_id = unit_of(THEIRS)
    asking = asyncio.create_task(pair.client.post(f"/v1/units/{unit_id}/waits", content=content))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not pair.two.served:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.005)
        asking.cancel()
        while len(pair.two.served) == 1:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.005)
    assert pair.two.served == [("waits", "olga", unit_id), ("left", "olga", unit_id)]
    # Its place among those that are handed on is free, and so is the way to the owner.
    answer = await pair.client.post(f"/v1/units/{unit_id}/note", content=b"{}")
    assert answer.status_code == 200


async def test_more_requests_at_once_than_may_be_handed_on_are_refused(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "FORWARDS_MAX", 0)
    answer = await pair.client.get(f"/v1/projects/{THEIRS}/lots")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert pair.one.counted("full") == 1


@pytest.mark.parametrize("pair", ["sockets"], indirect=True)
async def test_those_who_wait_in_a_project_leave_room_for_others(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "FORWARDS_MAX", 6)
    wait, other = f"/v1/units/{unit_of(THEIRS)}/waits", "k7q2-third"
    assert slot_of_project(other) % PLACES not in {slot_of_project(project) % PLACES for project in (MINE, THEIRS)}
    asking = [asyncio.create_task(pair.client.post(wait)) for _ in range(4)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(pair.two.served) < 4:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.005)
        refused = await pair.client.post(wait)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert (await pair.client.get(f"/v1/projects/{other}/lots")).json()["at"] == pair.two.address
        for task in asking:
            task.cancel()
        while len(pair.two.served) < 9:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.005)
    assert (await pair.client.get(f"/v1/projects/{THEIRS}/lots")).status_code == 200


async def test_whoever_writes_the_mark_themselves_is_told_to_leave_it_out(pair: Pair) -> None:
    mark = {FORWARDED.decode(): "1"}
    for answer in (
        await pair.client.get(f"/v1/projects/{THEIRS}/lots", headers=mark),
        await pair.client.post(f"/v1/units/{unit_of(THEIRS)}/note", headers=mark | {MOVING.decode(): "9 x"}),
        await pair.client.post("/v1/notes", json=[unit_of(THEIRS)], headers=mark),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (421, "concord-forwarded")
    assert (pair.one.served, pair.two.served) == ([], [])


async def test_what_any_process_may_serve_is_served_where_it_comes(pair: Pair) -> None:
    assert (await pair.client.post(f"/v1/projects/{THEIRS}/anywhere")).json()["at"] == pair.one.address
    for path, status in (("/v1/projects", 404), ("/live", 200), ("/v1/units/1/note", 405)):
        assert (await pair.client.get(path)).status_code == status
    assert pair.two.served == []


async def test_a_list_over_all_places_is_gathered_and_merged_in_order(pair: Pair) -> None:
    everything = [f"{place:02}" for place in range(PLACES)]
    assert (await pair.client.get("/v1/units")).json() == {"items": everything}
    assert (await pair.client.get("/v1/units?limit=3")).json() == {"items": everything[:3]}
    assert pair.two.served == [("units", "olga", "")] * 2


async def test_a_list_that_would_lack_a_place_is_refused_for_a_second(pair: Pair) -> None:
    most = frozenset(range(1, PLACES))
    pair.one.owner.dealt(Deal(frozenset({0}), frozenset(), {pair.two.address: most}))
    assert refused_for_a_second(await pair.client.get("/v1/units"))
    gone = "http://127.0.0.1:1"
    pair.one.owner.dealt(Deal(frozenset(), frozenset(), {gone: frozenset(range(PLACES))}))
    assert refused_for_a_second(await pair.client.get("/v1/units"))


async def test_a_bulk_body_is_split_by_owner_and_its_results_come_in_its_order(pair: Pair) -> None:
    mine, theirs = unit_of(MINE), unit_of(THEIRS)
    items = [theirs, mine, "1", theirs + ".2", mine + ".1"]
    answer = await pair.client.post("/v1/notes", json=items)
    text, two = pair.one.address, pair.two.address
    places = [two, text, text, two, text]
    assert answer.json() == [f"{item} at {address}" for item, address in zip(items, places, strict=True)]
    assert [any_id for _, _, any_id in pair.two.served] == [theirs, theirs + ".2"]
    assert (await pair.client.post("/v1/notes", json=[])).json() == []


async def test_a_bulk_body_of_which_a_part_is_nobodys_is_refused_for_a_second(pair: Pair) -> None:
    pair.two.owner.dealt(Deal(frozenset(), frozenset(), {}))
    assert refused_for_a_second(await pair.client.post("/v1/notes", json=[unit_of(THEIRS)]))
    pair.one.owner.dealt(Deal(frozenset(), frozenset(), {}))
    assert refused_for_a_second(await pair.client.post("/v1/notes", json=[unit_of(MINE)]))


async def test_a_caller_that_hangs_up_in_its_body_takes_nothing_with_it(pair: Pair) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionAbortedError

    with suppress(ConnectionAbortedError, httpx.HTTPError):
        await pair.client.post(f"/v1/units/{unit_of(THEIRS)}/note", content=half())
    assert (await pair.client.get(f"/v1/projects/{THEIRS}/lots")).status_code == 200
    assert pair.two.bodies == []


def routes() -> Iterator[tuple[str, str, bytes, int | None]]:
    unit_id = unit_of(THEIRS)
    slot = slot_of_project(THEIRS)
    yield "GET", f"/p/{THEIRS}", b"", slot
    yield "GET", "/p/static", b"", None
    yield "PUT", f"/p/{THEIRS}", b"", None
    yield "POST", f"/u/{unit_id}/deep/x", b"", slot
    yield "GET", "/list", b"limit=3&project_id=" + THEIRS.encode(), slot
    yield "GET", "/list", b"project%5Fid=" + THEIRS.encode(), slot
    yield "GET", "/list", b"limit=3", None
    yield "GET", "/list", b"project_id=", None
    yield "GET", "/list", b"&".join([b"a=1"] * 50) + b"&project_id=x", None
    yield "GET", "/nowhere", b"", None
    yield "GET", "/u/1", b"", None


@pytest.mark.parametrize(("method", "path", "query", "slot"), list(routes()))
def test_the_first_route_that_a_request_matches_tells_its_slot(
    method: str, path: str, query: bytes, slot: int | None
) -> None:
    router = APIRouter()
    for template, methods in (
        ("/p/static", ["GET"]),
        ("/p/{project_id}", ["GET"]),
        ("/u/{unit_id}/{rest:path}", ["POST"]),
        ("/u/{unit_id}", ["GET"]),
        ("/list", ["GET"]),
    ):
        router.add_api_route(template, lambda: None, methods=methods)
    found = Placement(router.routes).find({"path": path, "method": method, "query_string": query})
    assert (None if found is None else found[0]) == slot


def test_a_route_that_is_served_anywhere_must_be_there() -> None:
    with pytest.raises(AssertionError, match="no route has the path /gone"):
        Placement([], {"/gone"})
