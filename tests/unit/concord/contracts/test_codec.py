"""The codec takes events of its topic and refuses everything else with a reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.contracts.codec import (
    SCHEMA_HEADER,
    Undecodable,
    UnknownSchemaVersion,
    check_schema,
    decode,
    encode,
    has_map,
    schema_headers,
)
from concord.contracts.topics import INTAKE, TOPICS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from tests.support.golden import event_types, file

WITH_MESSAGE = [topic for topic in TOPICS if topic.message is not None]
GOLDEN_BYTES = [
    (event.topic, file(golden, ".binpb").read_bytes()) for event in event_types() for golden in event.goldens()
]


def taken_or_refused(topic: Topic, value: bytes) -> None:
    """Ask that a value is either an event with an id and a client, or refused; and nothing third."""
    try:
        event: Any = decode(topic, value)
    except Undecodable:
        return
    assert event.metadata.event_id
    assert event.metadata.client_id
    assert encode(decode(topic, encode(event))) == encode(event)


@given(st.sampled_from(WITH_MESSAGE), st.binary(max_size=400))
def test_rubbish_is_refused(topic: Topic, value: bytes) -> None:
    taken_or_refused(topic, value)


@given(st.sampled_from(GOLDEN_BYTES), st.integers(0, 10_000), st.integers(0, 7))
def test_an_event_with_one_bit_changed_is_another_event_or_refused(
    golden: tuple[Topic, bytes], place: int, bit: int
) -> None:
    topic, value = golden
    changed = bytearray(value)
    changed[place % len(value)] ^= 1 << bit
    taken_or_refused(topic, bytes(changed))


@given(st.sampled_from(GOLDEN_BYTES), st.integers(0, 10_000))
def test_an_event_cut_short_is_refused_or_loses_whole_fields(golden: tuple[Topic, bytes], length: int) -> None:
    topic, value = golden
    taken_or_refused(topic, value[: length % len(value)])


@pytest.mark.parametrize(
    ("metadata", "missing"),
    [
        (Metadata(client_id="k1"), "metadata.event_id"),
        (Metadata(event_id="e1"), "metadata.client_id"),
        (Metadata(), "metadata.event_id and metadata.client_id"),
    ],
)
def test_an_event_without_id_or_client_is_refused(metadata: Metadata, missing: str) -> None:
    event = UnitEvent(metadata=metadata, unit_erased=UnitErased(unit_id="k1-u1"))
    with pytest.raises(Undecodable, match=rf"UnitEvent without {missing}$"):
        decode(UNITS, encode(event))


def test_an_empty_value_is_refused() -> None:
    with pytest.raises(Undecodable, match="without metadata"):
        decode(UNITS, b"")


def test_a_topic_of_cloudevents_has_nothing_to_decode() -> None:
    with pytest.raises(Undecodable, match="CloudEvents"):
        decode(INTAKE, b"{}")


def test_the_same_event_gives_the_same_bytes_however_it_was_put_together() -> None:
    event = UnitEvent(unit_erased=UnitErased(reason="r", unit_id="u"), metadata=Metadata(client_id="k1", event_id="e1"))
    other = UnitEvent()
    other.metadata.event_id = "e1"
    other.metadata.client_id = "k1"
    other.unit_erased.unit_id = "u"
    other.unit_erased.reason = "r"
    assert encode(event) == encode(other)


@pytest.mark.parametrize("golden", GOLDEN_BYTES)
def test_an_event_has_the_bytes_of_a_deterministic_writer_whether_it_has_a_map_or_not(
    golden: tuple[Topic, bytes],
) -> None:
    event = decode(*golden)
    assert encode(event) == event.SerializeToString(deterministic=True)


def test_the_entries_of_a_map_are_written_in_one_order_however_they_were_put_in() -> None:
    names = [f"name-{number}" for number in range(40)]
    events = []
    for order in (names, names[::-1]):
        event = AnnotationEvent()
        for name in order:
            event.annotation_submitted.shown_first[name] = name
        events.append(event)
    assert has_map(AnnotationEvent.DESCRIPTOR)
    assert not has_map(UnitEvent.DESCRIPTOR)
    assert encode(events[0]) == encode(events[1])


def test_a_newer_contract_is_told_from_poison() -> None:
    check_schema(())
    check_schema(schema_headers())
    check_schema((("traceparent", b"2"), *schema_headers()))
    with pytest.raises(UnknownSchemaVersion, match=r"b'2'.*b'1'"):
        check_schema(((SCHEMA_HEADER, b"2"),))
    assert not issubclass(UnknownSchemaVersion, Undecodable), "poison is set aside, a deploy fault must stop the reader"
