"""Routes of revisions: one's own labels that may still be revised, one of them, and a later word on it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, name_in, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from services.assign.domain.refusals import AnnotationUnknown, ProjectUnknown
from services.assign.door.desk import Desk, desk_of
from services.assign.handlers import Given, Revision
from services.assign.schemas import Flag, timestamp

NUMBER_MAX = 1_000
"""Far beyond what any label may be revised: the refusal says how often that is."""
Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="One more than the label's newest revision, from 1.")]


class RevisionBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a label is to be from now on, whole: a flag that is left out is taken back."""

    label: msgspec.Raw
    flag: Flag = ""


class RevisionResult(msgspec.Struct):
    """What became of a revision: `accepted`, or `repeated` where it was in already.

    It counts unless the unit is resolved by the time it is heard of; then the label shows it as `too_late_from`.
    """

    annotation_id: str
    revision: int
    status: Annotated[str, Meta(description="accepted or repeated")]


class GivenLabel(msgspec.Struct, omit_defaults=True):
    """A label that the caller gave, and how it stands.

    `revision` is its newest, 0 as it came in; `too_late_from` the first one that found its unit resolved, and does not
    count. `revisable` says whether it may still be revised, as far as is known now.
    """

    annotation_id: str
    unit_id: str
    project_id: str
    submitted_at: str
    revision: int
    revisable: bool
    too_late_from: int = 0


class GivenLabels(msgspec.Struct):
    """Some of the caller's labels that came in lately and may be revised, the newest first; `next` as everywhere."""

    annotations: list[GivenLabel]
    next: str


class LabelShown(msgspec.Struct, omit_defaults=True):
    """A label that the caller gave, with the unit as it was shown; without `payload_url` where it is revised no more.

    `label` is null where it is kept no more; `order` as with the assignment.
    """

    annotation_id: str
    unit_id: str
    project_id: str
    submitted_at: str
    revision: int
    revisable: bool
    label: msgspec.Raw
    label_schema: msgspec.Raw
    schema_version: int
    guideline_version: int
    media_type: str
    order: dict[str, list[str]]
    payload_url: str = ""
    flag: str = ""
    too_late_from: int = 0


REVISION = msgspec.json.Decoder(RevisionBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    listed = documented(reply=GivenLabels, refusals=(404,))
    routes.get("/projects/{project_id}/annotations", **listed)(list_annotations)
    routes.get("/annotations/{annotation_id}", **documented(reply=LabelShown, refusals=(404, 409)))(show_annotation)
    revised = documented(body=RevisionBody, reply=RevisionResult, refusals=(404, 409))
    routes.put("/annotations/{annotation_id}/revisions/{revision}", **revised)(revise)
    return routes


async def list_annotations(
    request: Request, project_id: AnyId, caller: Annotator, limit: Limit = None, cursor: str = ""
) -> Response:
    """List the caller's labels of a project that came in lately and may be revised, the newest first."""
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
    size, after = page_size(limit), name_in(cursor)
    labels = [_listed(label) for label in await desk_of(request).handlers.revising.recent(caller.subject, project_id)]
    if after:
        # What was last shown may be listed no more: then the rest is shown from the beginning.
        place = next((place for place, label in enumerate(labels, 1) if label.annotation_id == after), 0)
        labels = labels[place:]
    more = cursor_of(labels[size - 1].annotation_id) if len(labels) > size else ""
    return json_answer(GivenLabels(labels[:size], more))


async def show_annotation(request: Request, annotation_id: AnyId, caller: Annotator) -> Response:
    """Show a label that the caller gave, and the unit as long as it may be revised."""
    desk = desk_of(request)
    _own(annotation_id, caller)
    given, word = await desk.handlers.revising.given(caller.subject, annotation_id)
    return json_answer(_shown(desk, given, word))


async def revise(request: Request, annotation_id: AnyId, revision: Number, caller: Annotator) -> Response:
    """Take another label in the place of one that the caller gave: the same revision again changes nothing."""
    _own(annotation_id, caller)
    body = await read_json(request, REVISION)
    wish = Revision(annotation_id, revision, bytes(body.label), body.flag)
    status = await desk_of(request).handlers.revising.revise(caller.subject, wish)
    return json_answer(RevisionResult(annotation_id, revision, status))


def _own(annotation_id: str, caller: Caller) -> None:
    """Raise AnnotationUnknown for another client's unit when the caller is bound to one: it looks the same."""
    if not caller.may_touch(annotation_id):
        raise AnnotationUnknown(annotation_id)


def _listed(given: Given) -> GivenLabel:
    assignment = given.assignment
    return GivenLabel(
        assignment.id,
        given.unit.unit_id,
        given.unit.project_id,
        timestamp(assignment.submitted_at_us),
        assignment.revision,
        given.revisable,
        assignment.too_late_from,
    )


def _shown(desk: Desk, given: Given, word: tuple[bytes, str] | None) -> LabelShown:
    assignment = given.assignment
    label, flag = word if word is not None else (b"null", "")
    return LabelShown(
        assignment.id,
        given.unit.unit_id,
        given.unit.project_id,
        timestamp(assignment.submitted_at_us),
        assignment.revision,
        given.revisable,
        msgspec.Raw(label),
        desk.label_schema(given.project, assignment.schema_version),
        assignment.schema_version,
        assignment.guideline_version,
        given.unit.media_type,
        desk.handlers.submissions.orders(given.project, assignment),
        desk.link(given.unit, assignment) if given.revisable else "",
        flag,
        assignment.too_late_from,
    )
