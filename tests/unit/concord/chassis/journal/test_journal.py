"""The journal over the memory store and broker: one decision a cause, in one history, told once each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.store.memory import NoFaults
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.tallies import TALLY, Deaf, House, Tally, add, total


async def test_a_cause_is_answered_once_and_told_once() -> None:
    house = House()
    async with house.process() as part:
        first = await part.journal.decide(TALLY, add("x"))
        again = await part.journal.decide(TALLY, add("x"))
        assert (first.repeated, again.repeated) == (False, True)
        assert again.state == first.state
    assert house.said() == ["x:1"]


async def test_causes_of_one_aggregate_in_a_batch_follow_on_one_another_in_one_record() -> None:
    house = House()
    async with house.process() as part:
        outcomes = await part.journal.apply(TALLY, [add("x"), add("y"), add("x"), add("z", "c1/tally/b")])
        assert [outcome.repeated for outcome in outcomes] == [False, False, True, False]
        assert await total(part.journal) == 2
    assert len(house.database.dump("journal")) == 2
    assert sorted(house.said()) == ["x:1", "y:2", "z:1"]


async def test_a_refusal_in_a_batch_keeps_no_other_from_being_answered() -> None:
    def refuse(state: Tally | None, now_us: int) -> Decision[Tally] | None:
        raise ValueError("not this one")

    house = House()
    async with house.process() as part:
        bad: Cause[Tally] = Cause("c1/tally/a", "bad", refuse)
        outcomes = await part.journal.apply(TALLY, [add("x"), bad, add("y")])
        assert [type(outcome.error) for outcome in outcomes] == [type(None), ValueError, type(None)]
        assert await total(part.journal) == 2
        with pytest.raises(ValueError, match="not this one"):
            await part.journal.decide(TALLY, bad)


async def test_two_processes_with_stale_heads_share_one_history() -> None:
    house = House()
    async with house.process() as entry, house.process() as two:
        await entry.journal.decide(TALLY, add("a"))
        await two.journal.decide(TALLY, add("b"))
        await asyncio.gather(
            *(
                part.journal.decide(TALLY, add(f"{name}{n}"))
                for n in range(20)
                for name, part in (("p", entry), ("q", two))
            )
        )
        answered = await asyncio.gather(
            entry.journal.decide(TALLY, add("same")), two.journal.decide(TALLY, add("same"))
        )
        assert sorted(outcome.repeated for outcome in answered) == [False, True]
        assert await total(entry.journal) == await total(two.journal) == 43
    records = [row for row in house.database.dump("journal") if row["aggregate"] == "c1/tally/a"]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    numbers = [int(value.split(":")[1]) for value in dict.fromkeys(house.said())]
    assert numbers == list(range(1, 44)), "events of one aggregate are told in order, whoever tells them"


async def test_a_supposedly_new_aggregate_that_exists_is_read_after_the_loss() -> None:
    house = House()
    async with house.process() as part:
        await part.journal.decide(TALLY, add("a"))
    async with house.process() as two:
        outcome = await two.journal.decide(TALLY, add("a", creates=True))
        assert outcome.repeated
        assert (await two.journal.decide(TALLY, add("b", creates=True))).state == Tally(2, ("a", "b"))


async def test_what_a_killed_process_stored_and_did_not_say_is_said_by_the_next_and_first() -> None:
    house = House()
    async with house.process(broker=Deaf(house.cluster, "deaf"), clean=False) as part:
        await part.journal.decide(TALLY, add("a"))
        await part.journal.decide(TALLY, add("b"))
    assert house.said() == []
    async with house.process() as two:
        assert house.said() == ["a:1", "b:2"]
        await two.journal.decide(TALLY, add("c"))
    assert house.said() == ["a:1", "b:2", "c:3"]


async def test_no_event_overtakes_an_earlier_one_of_a_living_process_that_cannot_speak() -> None:
    house = House()
    deaf = Deaf(house.cluster, "deaf")
    async with house.process() as two, house.process(broker=deaf) as part:
        await part.journal.decide(TALLY, add("a"))
        await two.journal.decide(TALLY, add("b"))
        await two.publisher.flushed()
        assert house.said() == ["a:1", "b:2"]
        deaf.deaf = False


class Shaky(NoFaults):
    """A store whose inserts go in and are not answered, the first times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def after(self, operation: str, collection: str) -> None:
        await super().after(operation, collection)
        if operation == "insert" and collection == "journal" and self.failures:
            self.failures -= 1
            raise StoreUnavailable("no answer")


async def test_a_doubtful_insert_is_settled_by_reading_back() -> None:
    house = House()
    async with house.process(faults=Shaky(2)) as part:
        outcomes = await part.journal.apply(TALLY, [add("a"), add("b", "c1/tally/b")])
        assert [outcome.repeated for outcome in outcomes] == [False, False]
    assert sorted(house.said()) == ["a:1", "b:1"]
    assert len(house.database.dump("journal")) == 2


async def test_a_clean_stop_leaves_no_writer_and_the_word_that_all_is_said() -> None:
    house = House()
    async with house.process() as part:
        await part.journal.decide(TALLY, add("a"))
        await part.publisher.flushed()
        await part.publisher.mark()
        assert [entry["_id"] for entry in house.database.dump("writers")] == ["w1"]
        assert [entry["_id"] for entry in house.database.dump("marks")] == ["w1/1"]
    assert house.database.dump("writers") == []
    assert house.database.dump("marks") == [{"_id": "w1/closed", "writer": "w1", "number": 1}]


async def test_rebuild_yields_the_newest_state_of_every_aggregate_of_the_kind() -> None:
    house = House()
    async with house.process() as part:
        for n in range(3):
            await part.journal.decide(TALLY, add(f"a{n}"))
        await part.journal.decide(TALLY, add("b", "c1/tally/b"))
    async with house.process() as part:
        found = {key: state.total async for key, state in part.journal.rebuild(TALLY)}
    assert found == {"c1/tally/a": 3, "c1/tally/b": 1}


class Meanwhile(NoFaults):
    """A store during whose operations something else happens, once."""

    def __init__(self, moment: tuple[str, str]) -> None:
        self.moment = moment
        self.happens: list[Callable[[], None]] = []

    async def after(self, operation: str, collection: str) -> None:
        await super().after(operation, collection)
        if (operation, collection) == self.moment and self.happens:
            self.happens.pop()()


async def test_a_head_that_is_let_go_during_an_insert_takes_no_answered_cause_with_it() -> None:
    house, meanwhile = House(), Meanwhile(("insert", "journal"))
    async with house.process(faults=meanwhile) as part:
        await part.journal.decide(TALLY, add("a"))
        meanwhile.happens.append(part.journal.forget)
        await part.journal.decide(TALLY, add("b"))
        assert (await part.journal.decide(TALLY, add("a"))).repeated
        assert await total(part.journal) == 2


async def test_a_head_that_is_let_go_while_others_are_read_is_not_taken_for_none() -> None:
    house, meanwhile = House(), Meanwhile(("find", "journal"))
    async with house.process(faults=meanwhile) as part:
        await part.journal.decide(TALLY, add("a"))
        meanwhile.happens.append(part.journal.forget)
        states = await part.journal.states(TALLY, ["c1/tally/a", "c1/tally/b"])
        assert states == {"c1/tally/a": Tally(1, ("a",))}


async def test_reading_many_heads_pushes_out_none_that_is_asked_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concord.chassis.journal.heads.HEADS_BYTES_MAX", 2_100)
    house = House()
    async with house.process() as part:
        for key in "abcd":
            await part.journal.decide(TALLY, add(key, f"c1/tally/{key}"))
    async with house.process() as two:
        await two.journal.states(TALLY, ["c1/tally/a"])
        await two.journal.states(TALLY, ["c1/tally/b", "c1/tally/c"])
        assert len(await two.journal.states(TALLY, ["c1/tally/a", "c1/tally/d"])) == 2


async def test_what_others_decided_is_seen_once_heads_are_forgotten() -> None:
    house = House()
    async with house.process() as part, house.process() as two:
        await part.journal.decide(TALLY, add("a"))
        assert await total(two.journal) == 1
        await part.journal.decide(TALLY, add("b"))
        two.journal.forget()
        assert await total(two.journal) == 2


async def test_rebuild_is_not_behind_what_is_decided_while_it_reads() -> None:
    house = House()
    async with house.process() as part:
        await part.journal.decide(TALLY, add("a"))
        pages = part.journal.store.stream

        async def stream(collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
            async for page in pages(collection, only):
                yield page
            await part.journal.decide(TALLY, add("late"))
            await part.journal.decide(TALLY, add("new", "c1/tally/b"))

        part.journal.store.stream = stream  # type: ignore[method-assign]  # others decide while it is read
        found = {key: state.total async for key, state in part.journal.rebuild(TALLY)}
    assert found == {"c1/tally/a": 2, "c1/tally/b": 1}
