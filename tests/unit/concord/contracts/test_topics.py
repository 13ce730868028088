"""The catalogue is whole: every topic once, one writer each, and keys that its events really carry."""

import re

import pytest

from concord.contracts.topics import (
    ANNOTATORS,
    ANY_SERVICE,
    BY_NAME,
    CLIENTS,
    DEAD_LETTERS,
    INTAKE,
    LOTS,
    PLACES_LOCAL,
    PLACES_PRODUCTION,
    PROJECTS,
    TOPICS,
    UNITS,
    Topic,
    check_places,
)
from tests.support.golden import EventType, event_types

SERVICES = frozenset({"ingest", "assign", "adjudicate", "audit", "metrics"})
HEARD_BY_THEIR_WRITER = (PROJECTS, UNITS, ANNOTATORS, LOTS)
"""Ingest: every process knows every project, and who owns a place hears of units that others took in (0036). Assign:
whichever process defines an annotator, all must hear of it (0033). Audit: webhooks hear of lots by offsets, as of all
else that they tell (0070)."""
LOT_KEYED = frozenset({"LotSealed"})
"""Events whose key is their lot's in a topic that is keyed by unit: said in the catalogue's page and in the proto."""


def test_names_are_unique_and_carry_the_version() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"concord\.[a-z-]+\.v1", name) for name in names)
    assert {name: BY_NAME[name].name for name in names} == {name: name for name in names}
    assert len(BY_NAME) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_has_one_writer_and_is_read_by_others(topic: Topic) -> None:
    assert topic.writer in {*SERVICES, CLIENTS, ANY_SERVICE}
    assert set(topic.readers) <= SERVICES
    assert len(set(topic.readers)) == len(topic.readers)
    # A service's own facts are in its journal; only what its other processes must hear of comes to it by a topic.
    assert topic.writer not in topic.readers or topic in HEARD_BY_THEIR_WRITER
    assert topic.readers or topic is DEAD_LETTERS, "what nobody reads is not told"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_kept_by_time_or_compacted(topic: Topic) -> None:
    assert topic.partitions > 0
    assert topic.compacted == (topic.retention_seconds is None)
    assert topic.compacted or (topic.retention_seconds or 0) >= 86_400


def test_messages_are_the_topics_own() -> None:
    messages = [topic.message.DESCRIPTOR.full_name for topic in TOPICS if topic.message is not None]
    assert len(set(messages)) == len(messages)
    assert all(topic.message is not None or topic.writer == CLIENTS for topic in TOPICS)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.message], ids=lambda topic: topic.name)
def test_every_catalogued_message_has_metadata(topic: Topic) -> None:
    assert topic.message is not None
    field = topic.message.DESCRIPTOR.fields_by_name["metadata"]
    assert field.message_type is not None
    assert field.message_type.full_name == "concord.contracts.v1.Metadata"
    assert field.number == 1


@pytest.mark.parametrize("event", list(event_types()), ids=lambda event: event.name)
def test_an_event_carries_the_key_of_its_topic(event: EventType) -> None:
    fields = set(event.descriptor.fields_by_name) | {"project_id"}
    if event.topic is DEAD_LETTERS:
        assert "key" in fields
    elif event.descriptor.name in LOT_KEYED:
        assert "lot_id" in fields
    else:
        assert fields & set(event.topic.key.split(" or ")), f"{event.name} does not say its {event.topic.key}"


@pytest.mark.parametrize("places", [1, PLACES_LOCAL, PLACES_PRODUCTION, 1_024])
def test_what_is_dealt_by_place_has_a_partition_a_place_and_tables_keep_theirs(places: int) -> None:
    assert check_places(places) == places
    for topic in TOPICS:
        dealt = topic.placed or topic is INTAKE
        assert topic.partitions_at(places) == (places if dealt else 2)
        assert topic.partitions == topic.partitions_at(PLACES_LOCAL)


def test_the_topics_of_events_are_placed_and_the_intake_and_tables_go_by_key() -> None:
    placed = {topic.name.split(".")[1] for topic in TOPICS if topic.placed}
    assert placed == {"units", "assignments", "annotations", "resolutions", "lots", "quality"}


@pytest.mark.parametrize("places", [0, -8, 3, 12, 2_048])
def test_a_number_of_places_that_slots_are_not_dealt_to_evenly_is_refused(places: int) -> None:
    with pytest.raises(ValueError, match="a power of two from 1 to 1024"):
        check_places(places)
