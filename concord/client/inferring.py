"""All labels of a project weighed at once, by Dawid and Skene's model, beside what units were settled with."""

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.steps import Flow

PAGE = 500
"""As many as a service sends at once."""
UNDER_WAY = ("waits", "reads", "reckons")


class InferredField(Struct, frozen=True):
    """What all labels of a field say: shares of classes, and how many settled units differ."""

    field: str
    classes: list[Json]
    shares: list[float]
    units: int
    labels: int
    annotators: int
    settled: int
    differing: int
    iterations: int
    converged: bool
    log_likelihood: float


class Inference(Struct, frozen=True):
    """A run: waits, reads, reckons, done or failed; it is known for an hour."""

    inference_id: str
    project_id: str
    status: str
    rulings: bool
    units_read: int
    started_at: str
    ended_at: str | None
    reason: str
    fields: list[InferredField]


class InferredUnit(Struct, frozen=True):
    """A unit's probability of each class, the likeliest, and what it was settled with."""

    unit_id: str
    posterior: list[float]
    label: Json
    decided: Json
    confidence: float | None


class InferredUnits(Struct, frozen=True):
    """A page of units."""

    classes: list[Json]
    units: list[InferredUnit]
    next: str


class InferredAnnotator(Struct, frozen=True):
    """An annotator's accuracy on the mix of classes, and what they take (rows) for what (columns)."""

    annotator_id: str
    labels: int
    accuracy: float
    confusion: list[list[float]] | None


class InferredAnnotators(Struct, frozen=True):
    """A page of annotators."""

    classes: list[Json]
    annotators: list[InferredAnnotator]
    next: str


def infer(project_id: str, *, rulings: bool = False) -> Flow[Inference]:
    """Have all labels of a project weighed at once; where that is under way already, that run.

    Args:
        project_id: which.
        rulings: whether what adjudicators ruled is taken as known.
    """
    path = path_of("/v1/projects/{id}/inferences", id=project_id)
    return sent(Inference, "adjudicate", "POST", path, {"rulings": rulings})


def inference(project_id: str, inference_id: str) -> Flow[Inference]:
    """Return how far a run is, and what it found once it is done."""
    path = path_of("/v1/projects/{id}/inferences/{one}", id=project_id, one=inference_id)
    return got(Inference, "adjudicate", path)


def inferred_units(
    project_id: str, inference_id: str, field: str = "", *, differing: bool = False
) -> Flow[list[InferredUnit]]:
    """Return the units of a run that is done, all or those that were settled otherwise."""
    path = path_of("/v1/projects/{id}/inferences/{one}/units", id=project_id, one=inference_id)
    units: list[InferredUnit] = []
    cursor = ""
    while True:
        query = query_of(field=field, differing="true" if differing else "", limit=PAGE, cursor=cursor)
        page = yield from got(InferredUnits, "adjudicate", path, query)
        units += page.units
        if not (cursor := page.next):
            return units


def inferred_annotators(project_id: str, inference_id: str, field: str = "") -> Flow[list[InferredAnnotator]]:
    """Return the annotators of a run that is done, with what each takes for what."""
    path = path_of("/v1/projects/{id}/inferences/{one}/annotators", id=project_id, one=inference_id)
    annotators: list[InferredAnnotator] = []
    cursor = ""
    while True:
        query = query_of(field=field, limit=PAGE, cursor=cursor)
        page = yield from got(InferredAnnotators, "adjudicate", path, query)
        annotators += page.annotators
        if not (cursor := page.next):
            return annotators
