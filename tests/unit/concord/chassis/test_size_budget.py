"""The size budget: what is committed can be said."""

import pytest

from concord.chassis.broker.port import RECORD_BYTES_MAX, Incoming, Outgoing, record_bytes, why_never_taken
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.size_budget import DECISION_BYTES_MAX, CannotBeSaid, check_decision, check_document
from concord.chassis.store.port import DOCUMENT_BYTES_MAX
from concord.contracts.codec import decode
from concord.contracts.topics import DEAD_LETTERS, UNITS
from tests.unit.concord.chassis.hand_clock import HandClock


def event(size: int) -> Outgoing:
    return Outgoing(UNITS.name, b"key", b"v" * (size - 3))


def test_events_up_to_the_bound_can_be_said_and_those_beyond_are_refused_with_a_cure() -> None:
    half = DECISION_BYTES_MAX // 2 - 100
    assert check_decision([event(half), event(half)]) == DECISION_BYTES_MAX
    with pytest.raises(CannotBeSaid, match=f"at most {DECISION_BYTES_MAX}") as refused:
        check_decision([event(half), event(half + 1)])
    assert refused.value.errors[0].cure


def test_a_header_without_a_value_can_never_be_said() -> None:
    odd = Outgoing(UNITS.name, b"key", b"value", (("traceparent", None),))  # type: ignore[arg-type]  # clients do so
    assert why_never_taken(odd) is not None
    with pytest.raises(CannotBeSaid):
        check_decision([odd])


def test_a_record_is_taken_up_to_its_bound() -> None:
    assert why_never_taken(event(RECORD_BYTES_MAX)) is None
    assert why_never_taken(event(RECORD_BYTES_MAX + 1)) is not None


def test_a_record_of_the_journal_is_kept_up_to_its_bound() -> None:
    check_document(DOCUMENT_BYTES_MAX)
    with pytest.raises(CannotBeSaid):
        check_document(DOCUMENT_BYTES_MAX + 1)


async def test_the_largest_event_fits_whole_into_a_dead_letter() -> None:
    published: list[Outgoing] = []

    class Taking:
        async def publish(self, records: list[Outgoing]) -> None:
            published.extend(records)

    largest = event(DECISION_BYTES_MAX)
    origin = Incoming(largest.topic, 0, 0, largest.key, largest.value, largest.headers, 0)
    letters = DeadLetters("assign", Taking(), HandClock())  # type: ignore[arg-type]  # all that it asks of a broker
    await letters.set_aside(origin, ValueError("x" * 10_000), attempts=5)
    (letter,) = published
    assert record_bytes(letter) <= RECORD_BYTES_MAX
    entry = decode(DEAD_LETTERS, letter.value)
    assert entry.value == largest.value  # type: ignore[attr-defined]  # it is a dead letter
