"""What is only read is answered by who had its place until the next owner has begun, in services that are only read."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from concord.chassis.broker.port import Deal
from concord.chassis.identity import Role
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.places.peers import HttpPeers, MemoryPeers
from concord.contracts.ids import slot_of_project
from concord.contracts.owners import OWNER
from simulation.house import House
from tests.unit.concord.chassis.places.doors import MINE, PLACES, Door, deal, listening, unit_of

PLACE = slot_of_project(MINE) % PLACES
LOTS = f"/v1/projects/{MINE}/lots"
ALL = frozenset(range(PLACES))


class Handing:
    """Two doors of which the first had the place of MINE, and a client of each; others lie with the second."""

    def __init__(self, doors: tuple[Door, Door], clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
        self.one, self.two = doors
        self.at_one, self.at_two = clients
        deal(self.one, self.two)

    def give(self, door: Door, *, opened: bool) -> None:
        """Deal everything to one of the two, which the other hears of as well."""
        table = {door.address: ALL, (self.two if door is self.one else self.one).address: frozenset[int]()}
        for each in (self.one, self.two):
            mine = table[each.address]
            each.owner.dealt(Deal(mine, mine & each.owner.open(), table))
        if opened:
            for place in ALL - door.owner.open():
                door.owner.opened(place)


@pytest.fixture(params=["memory", "sockets"])
async def handing(request: pytest.FixtureRequest) -> AsyncIterator[Handing]:
    house = House()
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    async with AsyncExitStack() as stack:
        doors = list[Door]()
        transports = list[httpx.ASGITransport | None]()
        if request.param == "memory":
            by_address = dict[str, FastAPI]()
            for name in ("one", "two"):
                doors.append(Door(house, f"http://{name}:1", MemoryPeers(by_address), naming=True, lingering=True))
                by_address[doors[-1].address] = doors[-1].application
                transports.append(httpx.ASGITransport(doors[-1].application))
        else:
            for _ in range(2):
                made = listening(lambda at: Door(house, at, HttpPeers(), naming=True, lingering=True))
                doors.append(await stack.enter_async_context(made))
                transports.append(None)
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=door.address, headers=headers, transport=transport)
            )
            for door, transport in zip(doors, transports, strict=True)
        ]
        yield Handing((doors[0], doors[1]), (clients[0], clients[1]))
        for door in doors:
            await door.peers.close()


async def test_who_lost_a_place_answers_of_it_until_its_owner_can(handing: Handing) -> None:
    handing.give(handing.two, opened=False)
    answer = await handing.at_one.get(LOTS)
    assert (answer.status_code, answer.json()["at"]) == (200, handing.one.address)
    assert (await handing.at_one.post(f"/v1/units/{unit_of(MINE)}/note")).status_code == 503, "nothing is changed here"
    handing.two.owner.opened(PLACE)
    answer = await handing.at_one.get(LOTS)
    assert (answer.json()["at"], answer.headers[OWNER]) == (handing.two.address, handing.two.address)


async def test_who_has_let_go_of_it_says_later(handing: Handing) -> None:
    handing.give(handing.two, opened=False)
    handing.one.owner.let_go(PLACE)
    answer = await handing.at_one.get(LOTS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_whoever_is_loading_a_place_asks_who_had_it_and_names_nobody(handing: Handing) -> None:
    handing.one.owner.leave(answering=True)
    handing.two.owner.dealt(Deal(ALL, handing.two.owner.open(), {handing.two.address: ALL}))
    answer = await handing.at_two.get(LOTS)
    assert (answer.status_code, answer.json()["at"]) == (200, handing.one.address)
    assert OWNER not in answer.headers, "it is not the owner any more"
    handing.two.owner.opened(PLACE)
    assert (await handing.at_two.get(LOTS)).json()["at"] == handing.two.address


async def test_whoever_is_loading_a_place_says_later_where_the_one_before_serves_it_no_more(handing: Handing) -> None:
    handing.one.owner.leave()
    handing.two.owner.dealt(Deal(ALL, handing.two.owner.open(), {handing.two.address: ALL}))
    answer = await handing.at_two.get(LOTS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert handing.one.served == []


async def test_two_that_both_lost_a_place_ask_each_other_once(handing: Handing) -> None:
    """Each takes the other for who had it: a request goes one hop and no further."""
    handing.give(handing.two, opened=False)
    handing.give(handing.one, opened=False)
    for client in (handing.at_one, handing.at_two):
        assert (await client.get(LOTS)).status_code == 503
    assert handing.one.served == handing.two.served == []


async def test_what_comes_back_is_not_another_s_any_more(handing: Handing) -> None:
    handing.give(handing.two, opened=True)
    assert handing.one.owner.lingers(PLACE)
    handing.give(handing.one, opened=False)
    assert not handing.one.owner.lingers(PLACE)
    assert handing.one.owner.whose(PLACE).address == handing.two.address
    handing.one.owner.opened(PLACE)
    assert handing.one.owner.whose(PLACE) == (Standing.MINE, "", False)


def test_in_a_service_of_which_more_than_reading_is_asked_nothing_lingers() -> None:
    owner = Owner(PLACES, "http://one:1")
    owner.dealt(Deal(ALL, frozenset(), {"http://one:1": ALL}))
    owner.opened(PLACE)
    owner.dealt(Deal(frozenset(), frozenset(), {"http://two:1": ALL}))
    assert owner.whose(PLACE) == (Standing.THEIRS, "http://two:1", False)
    owner.dealt(Deal(ALL, frozenset(), {"http://one:1": ALL}))
    assert owner.whose(PLACE) == (Standing.LOADING, "", False)
