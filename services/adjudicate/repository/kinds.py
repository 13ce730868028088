"""Adjudicate's aggregates, their keys, and what it keeps beside the journal."""

from concord.chassis.journal.record import Kind
from concord.chassis.projects import Project
from concord.chassis.store.port import Collection
from concord.contracts.ids import client_of, slot_of_project
from concord.contracts.names import quoted
from services.adjudicate.domain.competence import CompetenceState, CrowdState
from services.adjudicate.domain.gold import WAITING, GoldState
from services.adjudicate.domain.questions import QuestionState
from services.adjudicate.domain.repeats import RepeatsState
from services.adjudicate.domain.retraining import RetrainingState
from services.adjudicate.domain.unit import UnitState

UNIT = Kind(
    "unit",
    UnitState,
    is_open=lambda unit: unit.is_open,
    slot=lambda unit: slot_of_project(unit.project_id),
    may_be_row=lambda unit: unit.status == "open",
)
"""Until it has a label it waits as a row; of gold nothing more is told, so that its page would never be done with."""
COMPETENCE = Kind(
    "competence",
    CompetenceState,
    is_open=lambda _: True,
    slot=lambda competence: slot_of_project(competence.project_id),
    last_alone=True,
)
"""As long as there is a project it may be labelled, so what is known of its annotators is never done with; and while
it is labelled they are told of once a second, so that nobody could read all of it. Revisions say what is newer."""
CROWD = Kind(
    "crowd",
    CrowdState,
    is_open=lambda _: True,
    slot=lambda crowd: slot_of_project(crowd.project_id),
    last_alone=True,
)
GOLD = Kind(
    "gold",
    GoldState,
    is_open=lambda state: state.standing in WAITING,
    slot=lambda state: slot_of_project(state.project_id),
)
REPEATS = Kind("repeats", RepeatsState)
QUESTION = Kind(
    "question", QuestionState, is_open=lambda _: True, slot=lambda question: slot_of_project(question.project_id)
)
"""A question that was answered may be asked again, and says since when its labels are confused anew."""
RETRAINING = Kind("retraining", RetrainingState)
"""Looked up by name alone: somebody asks for their own."""
NOTES = Collection("untallied_units", indexed=("slot",))
"""Settled units that are in no tally yet, each batch of them a note."""
LISTED = Collection("listed_units", indexed=("project",))
"""Pages of a project's units, each the admissions of one batch; a unit belongs to the page that its state names."""
TALLIES = Collection("class_tallies", indexed=("slot",))
"""What settled units tell, by some hundred; the newest of each project."""


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def gold_key(unit_id: str) -> str:
    """Return the aggregate key of what is in doubt of a gold unit."""
    return GOLD.key(client_of(unit_id), unit_id)


def repeats_key(project: Project) -> str:
    """Return the aggregate key of what a project's repeats came to."""
    return REPEATS.key(project.client_id, project.project_id)


def question_key(project: Project, question_id: str) -> str:
    """Return the aggregate key of a question on a project's guideline."""
    return QUESTION.key(project.client_id, f"{project.project_id}/{question_id}")


def retraining_key(project_id: str, annotator_id: str) -> str:
    """Return the aggregate key of what somebody is to look at in a project."""
    return RETRAINING.key(client_of(project_id), f"{project_id}/{quoted(annotator_id)}")


def crowd_key(client_id: str, project_id: str, field: str = "") -> str:
    """Return the aggregate key of what gold says of a project, or of a field of its labels."""
    return CROWD.key(client_id, f"{project_id}/{field}" if field else project_id)


def competence_key(client_id: str, project_id: str, annotator_id: str, field: str = "") -> str:
    """Return the aggregate key of what is known of an annotator in a project, or in a field of its labels."""
    name = f"{project_id}/{quoted(annotator_id)}"
    return COMPETENCE.key(client_id, f"{name}/{field}" if field else name)
