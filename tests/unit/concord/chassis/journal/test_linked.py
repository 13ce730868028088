"""Two aggregates in one go: what the second leads to is stored after the first's, and only if that is."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from concord.chassis.journal.journal import Linked
from concord.chassis.journal.record import JOURNAL, Cause, Decision
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import Document, StoreUnavailable
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
        self.calls = 0

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        self.calls += 1
        return await super().insert_in_order(collection, documents)

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name:
            self.inserts.append([document["_id"] for document in documents])
            key, self.key = self.key, ""
            taken = [document for document in documents if document["aggregate"] == key]
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
    house, names = House(), list[str]()
    async with house.process(store=Rival(house, OTHER)) as part:
        part.journal.listen(TALLY, lambda key, state: names.append(f"{key} {state.causes}"))
        first, then = await part.journal.apply_linked(TALLY, Pair("x").linked())
        assert first.state is not None
        assert then is None
        assert names[0] == f"{KEY} ('x',)"
        assert names[1:] == [f"{OTHER} ('then x',)"], "once, when the rival's record is read"
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


async def test_a_lost_pair_keeps_no_other_of_the_same_insert_from_being_stored() -> None:
    house = House()
    async with house.process(store=Rival(house, f"{KEY}3")) as part:
        pairs = [
            Linked(f"{KEY}{n}", partial(_first, n), add(f"y{n}", f"{OTHER}{n}"), lambda state: True) for n in range(6)
        ]
        outcomes = await asyncio.gather(*(part.journal.apply_linked(TALLY, pair) for pair in pairs))
        assert [outcome.state.total for outcome, _ in outcomes if outcome.state is not None] == [1, 1, 1, 2, 1, 1]
        assert [then.state.total for _, then in outcomes if then is not None and then.state is not None] == [1] * 6
        assert len({document["commit"] for document in house.database.dump(JOURNAL.name)}) == 3, "two and the rival's"


class Doubtful(NoFaults):
    """A store that does not answer its n-th operation on the journal, before it, in its midst or after it."""

    def __init__(self, nth: int, moment: str) -> None:
        self.left = nth
        self.moment = moment

    async def before(self, operation: str, collection: str) -> None:
        await self._pass_by("before", operation, collection)

    async def after(self, operation: str, collection: str) -> None:
        await self._pass_by("after", operation, collection)

    async def _pass_by(self, moment: str, operation: str, collection: str) -> None:
        await asyncio.sleep(0)
        if (moment, operation, collection) == (self.moment, "insert", JOURNAL.name):
            self.left -= 1
            if self.left == 0:
                raise StoreUnavailable("no answer")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 7))
async def test_after_doubt_each_is_stored_once_said_once_and_what_follows_only_after_its_first(
    nth: int, moment: str
) -> None:
    house = House()
    async with house.process(store=MemoryStore(house.database, Doubtful(nth, moment))) as part:
        pairs = [
            Linked(f"{KEY}{n}", partial(_first, n), add(f"y{n}", f"{OTHER}{n}"), lambda state: True) for n in range(3)
        ]
        outcomes = await asyncio.gather(*(part.journal.apply_linked(TALLY, pair) for pair in pairs))
        assert all(
            outcome.state is not None and not outcome.repeated and then is not None for outcome, then in outcomes
        )
        await part.publisher.flushed()
    assert sorted(house.said()) == ["x0:1", "x1:1", "x2:1", "y0:1", "y1:1", "y2:1"]
    assert {entry["seq"] for entry in house.database.dump(JOURNAL.name)} == {1}


async def test_in_doubt_and_beaten_by_a_rival_what_follows_is_not_stored_without_its_first() -> None:
    house = House()
    rival = Rival(house, "")

    class Late(MemoryStore):
        async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
            if collection == JOURNAL.name and rival.key == "":
                rival.key = KEY
                await rival.inner.insert(collection, [{**documents[0], "commit": "rival/1", "causes": ["rival"]}])
                raise StoreUnavailable("no answer")
            return await super().insert(collection, documents)

    granted = list[bool]()

    def first(leads: bool) -> Cause[Tally]:
        granted.append(leads)
        return add("x")

    def once(state: Tally | None, now_us: int) -> Decision[Tally] | None:
        if granted:
            raise Refused
        return add("then x", OTHER).decide(state, now_us)

    async with house.process(store=Late(house.database)) as part:
        linked = Linked(KEY, first, Cause(OTHER, "then x", once), lambda state: True)
        outcome, then = await part.journal.apply_linked(TALLY, linked)
        assert outcome.state is not None
        assert outcome.state.total == 2, "on what the rival stored"
        assert granted == [True, False]
        assert then is None
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
        assert store.calls <= 2, "one or two inserts for forty records"
        assert part.commits.waiting_bytes == 0
