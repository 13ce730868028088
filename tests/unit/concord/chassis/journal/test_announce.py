"""How events are worded: the same cause says the same, in the place of its project."""

import msgspec

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Commit, Entry, events_of
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import ANNOTATORS, UNITS
from concord.contracts.v1.annotators_pb2 import AnnotatorEvent
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent

PROJECT = "k7q2-rte"


class Nothing(msgspec.Struct, frozen=True):
    """A state that tells nothing."""


def said(unit_id: str = "k7q2-ug6a") -> Outgoing:
    event = UnitEvent(unit_erased=UnitErased(unit_id=unit_id))
    return Announcer("ingest", "cause", 7).event(UNITS, unit_id, "k7q2", PROJECT, event)


def test_an_event_lies_in_its_projects_place_whatever_its_key() -> None:
    assert said().slot == said("k7q2-ug6b").slot == slot_of_project(PROJECT)
    assert said().key != said("k7q2-ug6b").key


def test_a_row_of_a_table_goes_by_its_key() -> None:
    row = Announcer("assign", "cause", 7).event(ANNOTATORS, "zoe", "vendor", "", AnnotatorEvent())
    assert row.slot is None


def test_the_slot_is_kept_with_the_event_so_that_a_republished_one_lies_in_the_same_place() -> None:
    entry = Entry("k7q2/unit/k7q2-ug6a", 1, ["cause"], 7, Nothing(), [said()], b"{}")
    assert events_of(entry.document(Commit("ingest-1", 1))) == [said()]
