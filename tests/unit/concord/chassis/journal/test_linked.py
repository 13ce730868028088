"""Two aggregates in one go: what the second leads to is stored after the first's, and only if that is."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from concord.chassis.journal.journal import Linked
from concord.chassis.journal.record import JOURNAL, Cause, Decision
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import Document
from tests.support.tallies import KEY, TALLY, House, Tally, add

OTHER = "c1/tally/b"


class Refused(Exception):
    """Not to be granted."""


def refusing(key: str = OTHER) -> Cause[Tally]:
    def decide(state: Tally | None, now_us: int) -> Decision[Tally]:
        raise Refused

    return Cause(key, "no", decide)


class Pair:
    """A label and the lease that follows it, as tallies."""

    def __init__(self, cause: str, then: Cause[Tally] | None = None, *, hands_on: bool = True) -> None:
        self.granted: list[bool] = []
        self.cause = cause
        self.hands_on = hands_on
        self.then = then or add(f"then {cause}", OTHER)

    def linked(self) -> Linked[Tally]:
        def first(granted: bool) -> Cause[Tally]:
            self.granted.append(granted)
            return add(self.cause)

        return Linked(KEY, first, self.then, lambda state: self.hands_on)


def _first(number: int, granted: bool) -> Cause[Tally]:
    del granted
    return add(f"x{number}", f"{KEY}{number}")


class Rival(MemoryStore):
    """A store in which another process is faster at one aggregate, once."""

    def __init__(self, house: House, key: str) -> None:
        super().__init__(house.database)
        self.inner = MemoryStore(house.database)
        self.key = key
        self.inserts: list[list[str]] = []

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name:
            self.inserts.append([document["_id"] for document in documents])
            key, self.key = self.key, ""
            taken = [one for one in documents if one["aggregate"] == key]
            if taken:
                rival = {**taken[0], "commit": "rival/1", "causes": ["rival"], "events": b"\x90"}
                await self.inner.insert(collection, [rival])
            elif key:
                self.key = key
        return await super().insert(collection, documents)


async def test_both_are_stored_one_after_the_other_and_told_at_once() -> None:
    house = House()
    store = Rival(house, "")
    async with house.process(store=store) as part:
        first, then = await part.journal.apply_linked(TALLY, Pair("x").linked())
        assert first.state is not None
        assert then is not None
        assert then.state is not None
        assert (first.state.total, then.state.total) == (1, 1)
        assert store.inserts == [[f"{KEY}/000001"], [f"{OTHER}/000001"]]
        again, nothing = await part.journal.apply_linked(TALLY, Pair("x").linked())
        assert again.repeated
        assert nothing is None


async def test_where_the_first_loses_both_are_decided_anew_and_the_second_was_never_stored_alone() -> None:
    house = House()
    store = Rival(house, KEY)
    async with house.process(store=store) as part:
        pair = Pair("x")
        first, then = await part.journal.apply_linked(TALLY, pair.linked())
        assert first.state is not None
        assert first.state.total == 2, "on what the rival stored"
        assert then is not None
        assert pair.granted == [True, True]
        assert store.inserts == [[f"{KEY}/000001"], [f"{KEY}/000002"], [f"{OTHER}/000001"]]


async def test_where_the_second_loses_the_first_stands_and_the_rival_is_read() -> None:
    house, told = House(), list[str]()
    async with house.process(store=Rival(house, OTHER)) as part:
        part.journal.listen(TALLY, lambda key, state: told.append(f"{key} {state.causes}"))
        first, then = await part.journal.apply_linked(TALLY, Pair("x").linked())
        assert first.state is not None
        assert then is None
        assert told[0] == f"{KEY} ('x',)"
        assert told[1:] == [f"{OTHER} ('then x',)"], "once, when the rival's record is read"
        assert part.journal.settling.under_way == 0


@pytest.mark.parametrize(
    ("pair", "granted"), [(Pair("x", refusing()), False), (Pair("x", hands_on=False), True)], ids=["refused", "no hand"]
)
async def test_a_second_that_is_not_to_follow_keeps_nothing_back(pair: Pair, granted: bool) -> None:
    house = House()
    async with house.process() as part:
        first, then = await part.journal.apply_linked(TALLY, pair.linked())
        assert first.state is not None
        assert then is None
        assert pair.granted == [granted]
        assert await part.journal.states(TALLY, [OTHER]) == {}


async def test_what_follows_goes_out_with_what_others_store_meanwhile() -> None:
    house = House()
    store = Rival(house, "")
    async with house.process(store=store) as part:
        pairs = [
            Linked(f"{KEY}{n}", partial(_first, n), add(f"y{n}", f"{OTHER}{n}"), lambda state: True) for n in range(20)
        ]
        outcomes = await asyncio.gather(*(part.journal.apply_linked(TALLY, pair) for pair in pairs))
        assert all(then is not None for _, then in outcomes)
        assert len(store.inserts) <= 4, "two or three inserts for forty records"
        assert part.commits.waiting_bytes == 0
