"""What is committed can be said; and what cannot, from older code, stops nothing."""

from collections.abc import Sequence

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import NeverTaken, Outgoing
from concord.chassis.journal import turn
from concord.chassis.journal.announce import TRACE_HEADER_BYTES_MAX, Announcer
from concord.chassis.journal.record import JOURNAL, PARKED, Cause, Commit, Decision, Entry, encoded_state
from concord.chassis.size_budget import DECISION_BYTES_MAX, CannotBeSaid
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import DOCUMENT_BYTES_MAX
from concord.contracts.topics import UNITS
from concord.contracts.v1.units_pb2 import UnitEvent
from tests.support.tallies import KEY, TALLY, House, Tally, add


def headers_without_value(cause: str) -> Outgoing:
    return Outgoing(UNITS.name, cause.encode(), b"bad", (("traceparent", None),))  # type: ignore[arg-type]  # seen


async def test_what_cannot_be_said_is_refused_before_it_is_stored_and_keeps_no_other_from_being_answered() -> None:
    house = House()
    async with house.process() as part:
        large = add("large", event_bytes=DECISION_BYTES_MAX)
        outcomes = await part.journal.apply(TALLY, [add("x"), large, add("y"), add("z", "c1/tally/b")])
        assert [type(outcome.error) for outcome in outcomes] == [type(None), CannotBeSaid, type(None), type(None)]
        with pytest.raises(CannotBeSaid):
            await part.journal.decide(TALLY, large)
    assert {cause for entry in house.database.dump(JOURNAL.name) for cause in entry["causes"]} == {"x", "y", "z"}
    assert sorted(house.said()) == ["x:1", "y:2", "z:1"]


async def test_a_state_that_no_document_holds_is_refused_before_it_is_stored() -> None:
    def grow(state: Tally | None, now_us: int) -> Decision[Tally]:
        return Decision(Tally(1, ("x" * DOCUMENT_BYTES_MAX,)))

    house = House()
    async with house.process() as part:
        with pytest.raises(CannotBeSaid):
            await part.journal.decide(TALLY, Cause(KEY, "grow", grow))
        assert (await part.journal.decide(TALLY, add("x"))).state == Tally(1, ("x",))


async def test_causes_of_one_aggregate_whose_events_fill_a_record_go_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "ENTRY_EVENTS_BYTES_MAX", DECISION_BYTES_MAX + 1_000)
    house = House()
    async with house.process() as part:
        causes = [add(f"c{n}", event_bytes=600) for n in range(5)]
        outcomes = await part.journal.apply(TALLY, causes)
        assert [outcome.state.total for outcome in outcomes if outcome.state] == [1, 2, 3, 4, 5]
    assert [len(entry["causes"]) for entry in house.database.dump(JOURNAL.name)] == [2, 2, 1]


async def test_an_event_of_older_code_that_cannot_be_said_is_parked_and_what_follows_is_said() -> None:
    house = House()
    store = MemoryStore(house.database)
    bad = [headers_without_value("a"), Outgoing(UNITS.name, b"k", b"v" * 1_000_001)]
    for number, event in enumerate([*bad, Outgoing(UNITS.name, b"k", b"good")], 1):
        state = Tally(1, ())
        entry = Entry(f"c1/tally/{number}", 1, ["x"], 0, state, [event], encoded_state(state))
        await store.insert(JOURNAL.name, [entry.document(Commit("dead", number))])
    await store.insert("writers", [{"_id": "dead", "started_at_us": 0}])
    async with house.process() as part:
        assert house.said() == ["good"]
        assert part.publisher.events_parked == 2
        await part.journal.decide(TALLY, add("x"))
    assert house.said() == ["good", "x:1"]
    kept = house.database.dump(PARKED.name)
    assert sorted(row["reason"] for row in kept) == [
        "a record of concord.units.v1 has 1000002 bytes; at most 1000000",
        "an event has no topic: it could not be read from its record",
    ]
    assert all(row["event"] for row in kept)


class Picky(MemoryBroker):
    """A broker that is set to take less than others, and says so of a batch without saying of which record."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if any(record.value.startswith(b"large") for record in records):
            raise NeverTaken("MessageSizeTooLarge")
        if any(record.value.startswith(b"odd") for record in records):
            raise AssertionError("the library did not expect that")
        await super().publish(records)


async def test_what_the_broker_refuses_for_ever_is_parked_alone() -> None:
    house = House()
    async with house.process(broker=Picky(house.cluster, "picky")) as part:
        names = ["a", "large", "b", "odd", "c"]
        await part.journal.apply(TALLY, [add(name, f"c1/tally/{name}") for name in names])
        await part.publisher.flushed()
        assert sorted(house.said()) == ["a:1", "b:1", "c:1"]
        assert part.publisher.events_parked == 2


def test_a_trace_that_cannot_be_passed_on_is_left_out_of_what_is_said() -> None:
    large = ("tracestate", b"x" * (TRACE_HEADER_BYTES_MAX + 1))
    none = ("traceparent", None)
    announcer = Announcer("ingest", "cause", 0, (none, large))  # type: ignore[arg-type]  # what a client may send
    own = (("traceparent", b"00-1"), large)
    outgoing = announcer.event(UNITS, "k", "c1", "c1-p", UnitEvent(), trace=own)
    assert [name for name, _ in outgoing.headers] == ["concord-schema", "traceparent"]
    assert [name for name, _ in announcer.event(UNITS, "k", "c1", "c1-p", UnitEvent()).headers] == ["concord-schema"]
