"""Routes of inference over all labels of a project: asked for, looked after, and read a page at a time."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import (
    AnyId,
    Limit,
    cursor_of,
    documented,
    json_answer,
    not_ours,
    page_size,
    position_of,
    read_wish,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
from services.adjudicate.domain.inference import Inferred
from services.adjudicate.door.means import door_of, label_in, timestamp
from services.adjudicate.handlers.inferring import InferenceDoesNotExist, NoClasses, Run, Status, TooManyRuns

Operator = Annotated[Caller, require(Role.OPERATOR)]
OfField = Annotated[str, Query(alias="field", max_length=200, description="Where labels have several; else left out.")]
Differing = Annotated[
    bool, Query(description="Only units whose likeliest class is not the one they were settled with.")
]
STATUSES: dict[type[Exception], int] = {InferenceDoesNotExist: 404, NoClasses: 409, TooManyRuns: 409}
MATRIX_CLASSES_MAX = 200
"""Of an annotator's matrix in an answer; with more classes it is left out."""
CELLS_A_PAGE = 20_000
"""Numbers in one answer: some ten milliseconds of the event loop."""
Json = Any


class InferenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is to be inferred; `rulings`: what adjudicators ruled is taken as known."""

    rulings: bool = False


class InferredField(msgspec.Struct, frozen=True):
    """What all labels of a field say.

    Attributes:
        field: which; empty: the whole label.
        classes: in the schema's order; `shares` are how frequent they are by all labels.
        units, labels, annotators: that were taken.
        settled: units that were settled, of which `differing` with another class than the likeliest one.
        iterations: of expectation maximisation; `converged`: whether it came to its end.
        log_likelihood: of all labels, in nats.
    """

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


class InferenceRun(msgspec.Struct, frozen=True):
    """A run; `status`: waits, reads, reckons, done or failed, then with the `reason`. It is known for an hour."""

    inference_id: str
    project_id: str
    status: Status
    rulings: bool
    units_read: int
    started_at: str
    ended_at: str | None
    reason: str
    fields: list[InferredField]


class InferenceRuns(msgspec.Struct, frozen=True):
    """The runs of a project that are known, oldest first."""

    inferences: list[InferenceRun]


class InferredUnit(msgspec.Struct, frozen=True):
    """One unit.

    Attributes:
        posterior: probability of each class, in the order of `classes`.
        label: the likeliest.
        decided: what it was settled with, and how sure that was; null while it is not.
    """

    unit_id: str
    posterior: list[float]
    label: Json
    decided: Json
    confidence: float | None


class InferredUnits(msgspec.Struct, frozen=True):
    """Some units of a run, as they came in; `next` is the cursor of the rest, empty at the end.

    With many classes a page holds fewer than were asked for.
    """

    classes: list[Json]
    units: list[InferredUnit]
    next: str


class InferredAnnotator(msgspec.Struct, frozen=True):
    """One annotator: how often they say which class (column) of a unit of which class (row); null with many classes."""

    annotator_id: str
    labels: int
    accuracy: float
    confusion: list[list[float]] | None


class InferredAnnotators(msgspec.Struct, frozen=True):
    """Some annotators of a run, by their first label, with their accuracy on the mix of classes; `next` as of units."""

    classes: list[Json]
    annotators: list[InferredAnnotator]
    next: str


ASK = msgspec.json.Decoder(InferenceBody)
BASE = "/projects/{project_id}/inferences"


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    asked = documented(body=InferenceBody, reply=InferenceRun, refusals=(404, 409), status=202, body_required=False)
    routes.post(BASE, **asked)(ask)
    routes.get(BASE, **documented(reply=InferenceRuns, refusals=(404,)))(list_runs)
    path = f"{BASE}/{{inference_id}}"
    routes.get(path, **documented(reply=InferenceRun, refusals=(404,)))(show_run)
    routes.get(f"{path}/units", **documented(reply=InferredUnits, refusals=(404,)))(list_units)
    routes.get(f"{path}/annotators", **documented(reply=InferredAnnotators, refusals=(404,)))(list_annotators)
    return routes


async def ask(request: Request, project_id: AnyId, caller: Operator) -> Response:
    """Have all labels of a project weighed at once by Dawid and Skene's model; look after it by its id."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    inference = await read_wish(request, ASK)
    run = door.handlers.inferring.ask(project, rulings=inference.rulings)
    answer = json_answer(_run(run), 202)
    answer.headers["location"] = f"/v1/projects/{project_id}/inferences/{run.inference_id}"
    return answer


async def list_runs(request: Request, project_id: AnyId, caller: Operator) -> Response:
    """List the runs of a project that are known."""
    door = door_of(request)
    visible(door.handlers.projects, project_id, caller)
    return json_answer(InferenceRuns([_run(run) for run in door.handlers.inferring.of_project(project_id)]))


async def show_run(request: Request, project_id: AnyId, inference_id: AnyId, caller: Operator) -> Response:
    """Show how far a run is, and once it is done what it found in each field."""
    return json_answer(_run(_found(request, project_id, inference_id, caller)))


async def list_units(
    request: Request,
    project_id: AnyId,
    inference_id: AnyId,
    caller: Operator,
    field_name: OfField = "",
    differing: Differing = False,
    limit: Limit = None,
    cursor: str = "",
) -> Response:
    """List the units of a run with the probability of each class, beside what they were settled with."""
    found = _field(_found(request, project_id, inference_id, caller), field_name)
    places = found.differing if differing else range(len(found.units))
    start, end = _page(limit, cursor, len(places), len(found.classes))
    shown = [
        InferredUnit(
            found.units[place],
            found.found.posteriors[place].round(6).tolist(),
            label_in(found.classes[found.likeliest[place]]),
            label_in(found.classes[found.decided[place]]) if found.decided[place] >= 0 else None,
            found.confidences[place] if found.decided[place] >= 0 else None,
        )
        for place in places[start:end]
    ]
    more = cursor_of(end) if end < len(places) else ""
    return json_answer(InferredUnits([label_in(class_name) for class_name in found.classes], shown, more))


async def list_annotators(
    request: Request,
    project_id: AnyId,
    inference_id: AnyId,
    caller: Operator,
    field_name: OfField = "",
    limit: Limit = None,
    cursor: str = "",
) -> Response:
    """List the annotators of a run with what each takes for what."""
    found = _field(_found(request, project_id, inference_id, caller), field_name)
    whole = len(found.classes) <= MATRIX_CLASSES_MAX
    start, end = _page(limit, cursor, len(found.annotators), len(found.classes) ** 2 if whole else 1)
    shown = [
        InferredAnnotator(
            found.annotators[place],
            found.labels_by[place],
            round(float(found.found.confusions[place].diagonal() @ found.found.prior), 6),
            found.found.confusions[place].round(6).tolist() if whole else None,
        )
        for place in range(start, end)
    ]
    more = cursor_of(end) if end < len(found.annotators) else ""
    return json_answer(InferredAnnotators([label_in(class_name) for class_name in found.classes], shown, more))


def _found(request: Request, project_id: str, inference_id: str, caller: Caller) -> Run:
    door = door_of(request)
    visible(door.handlers.projects, project_id, caller)
    return door.handlers.inferring.find(project_id, inference_id)


def _field(run: Run, name: str) -> Inferred:
    found = run.fields.get(name) if run.status == "done" else None
    if found is None:
        known = ", ".join(sorted(run.fields)) or "none"
        if run.status != "done":
            error = FieldError("inference_id", f"is not done: it {run.status}", "ask again when its status is done")
        else:
            error = FieldError("field", "has nothing inferred", f"name one of: {known}")
        raise Invalid("There is nothing to list.", [error])
    return found


def _page(limit: int | None, cursor: str, count: int, cells: int) -> tuple[int, int]:
    """Return where a page begins and ends: as many as are asked for, or fewer where each holds many numbers."""
    position = position_of(cursor) if cursor else [0]
    start = position[0] if len(position) == 1 else ""
    if not isinstance(start, int) or start < 0:
        raise not_ours()
    return min(start, count), min(count, start + min(page_size(limit), max(1, CELLS_A_PAGE // cells)))


def _run(run: Run) -> InferenceRun:
    ended = timestamp(run.ended_at_us) if run.ended_at_us else None
    fields = [_summed(field) for field in run.fields.values()] if run.status == "done" else []
    about = run.inference_id, run.project_id, run.status, run.rulings, run.units_read
    return InferenceRun(*about, timestamp(run.started_at_us), ended, run.reason, fields)


def _summed(field: Inferred) -> InferredField:
    return InferredField(
        field.field,
        [label_in(label) for label in field.classes],
        [round(float(share), 6) for share in field.found.prior],
        len(field.units),
        field.labels,
        len(field.annotators),
        field.settled,
        len(field.differing),
        field.found.iterations,
        field.found.converged,
        field.found.log_likelihood,
    )
