"""Assign's aggregates and their keys."""

from concord.chassis.journal.record import Kind
from concord.contracts.ids import client_of, slot_of_project
from concord.contracts.names import quoted
from services.assign.announcements import VENDOR
from services.assign.domain.acknowledgement import AcknowledgementState
from services.assign.domain.active_time import ActiveTimeState
from services.assign.domain.desk import DeskState
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.unit import UnitState, is_open

UNIT = Kind("unit", UnitState, is_open=is_open, slot=lambda unit: slot_of_project(unit.project_id))
ANNOTATOR = Kind("annotator", AnnotatorState)
DESK = Kind("desk", DeskState)
ACTIVE_TIME = Kind("active_time", ActiveTimeState, last_alone=True)
ACKNOWLEDGEMENT = Kind("acknowledgement", AcknowledgementState)


def unit_key(unit_or_copy_id: str) -> str:
    """Return the key of a unit's aggregate, or of a gold unit's copy."""
    return UNIT.key(client_of(unit_or_copy_id), unit_or_copy_id)


def desk_key(page: DeskState) -> str:
    """Return the aggregate key of a page of a desk."""
    return desk_key_of(page.project_id, page.annotator_id, page.page)


def desk_key_of(project_id: str, annotator_id: str, page: int) -> str:
    """Return the aggregate key of a page of an annotator's desk in a project."""
    return DESK.key(client_of(project_id), f"{project_id}/{quoted(annotator_id)}/{page}")


def annotator_key(annotator_id: str) -> str:
    """Return an annotator's aggregate key; a name may hold what a key is divided by."""
    return ANNOTATOR.key(VENDOR, quoted(annotator_id))


def active_time_key(project_id: str) -> str:
    """Return the aggregate key of what is written down of a project's active times."""
    return ACTIVE_TIME.key(client_of(project_id), project_id)
