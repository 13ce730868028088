"""The record that a unit becomes is what ingest's intake reads."""

from datetime import UTC, datetime

from concord.chassis.broker.port import Incoming
from concord.client import Unit, intake
from concord.contracts.topics import INTAKE
from services.ingest import intake as door

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_a_unit_is_the_same_to_ingest_whichever_way_it_was_written() -> None:
    unit = Unit(id="ü 1", content={"text": "words"}, gold="spam", skills=["de"], priority=3)
    as_json = {"id": "ü 1", "content": {"text": "words"}, "gold": "spam", "skills": ["de"], "priority": 3}
    wishes = []
    for entry in (unit, as_json):
        key, value, headers = intake.record_of("k1-p", entry, AT)
        event = door.cloud_event(Incoming(intake.TOPIC, 0, 0, key, value, tuple(headers), 0))
        assert (key, door.project_of(event)) == ("ü 1".encode(), "k1-p")
        wishes.append(door.wish_of(event))
    assert wishes[0] == wishes[1]
    assert (wishes[0].id, wishes[0].gold, wishes[0].skills) == ("ü 1", "spam", ("de",))


def test_topic_and_type_are_those_that_ingest_reads() -> None:
    assert (INTAKE.name, door.TYPE) == (intake.TOPIC, intake.TYPE)
