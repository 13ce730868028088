"""Routes of guidelines: how a project's units are to be labelled, and who has read which version of it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from concord.chassis.http import AnyId, Limit, Whole, documented, json_answer, page_size
from concord.chassis.identity import Caller, Role, require
from concord.contracts.names import NAME_CHARACTERS_MAX
from concord.contracts.v1.projects_pb2 import GuidelineExample
from services.assign.domain.acknowledgement import AcknowledgementState
from services.assign.domain.refusals import ProjectUnknown
from services.assign.door.desk import desk_of
from services.assign.schemas import timestamp

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Version = Annotated[Whole, Path(ge=1, description="Of the guideline, counted from 1.")]
AfterName = Annotated[str, Query(max_length=NAME_CHARACTERS_MAX, description="A name; the page before tells it.")]


class ExampleBody(msgspec.Struct, omit_defaults=True, rename={"class_name": "class"}):
    """What has a class: a text, or the address of an image, and why. Of a form, `field` asks for the class."""

    class_name: str
    text: str = ""
    uri: str = ""
    note: str = ""
    field: str = ""

    @classmethod
    def of(cls, example: GuidelineExample) -> "ExampleBody":
        """Return an example as annotators see it."""
        return cls(example.class_name, example.text, example.uri, example.note, example.field)


class Guideline(msgspec.Struct):
    """How a project's units are to be labelled: markdown, and examples of classes."""

    project_id: str
    guideline_version: int
    guideline: str
    label_schema: msgspec.Raw
    examples: list[ExampleBody]


class AcknowledgementBody(msgspec.Struct):
    """That somebody has read a version of a project's guideline, and when."""

    project_id: str
    guideline_version: int
    annotator_id: str
    acknowledged_at: str

    @classmethod
    def of(cls, found: AcknowledgementState) -> "AcknowledgementBody":
        """Return an acknowledgement as it is shown."""
        return cls(found.project_id, found.version, found.annotator_id, timestamp(found.at_us))


class AcknowledgementList(msgspec.Struct):
    """Who has read a version of a guideline, by name, and after which name the list goes on; None at its end."""

    acknowledgements: list[AcknowledgementBody]
    next: str | None = None


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/guideline", **documented(reply=Guideline, refusals=(404,)))(show_guideline)
    read = documented(reply=AcknowledgementBody, refusals=(404, 409))
    routes.post("/projects/{project_id}/guidelines/{version}/acknowledgement", **read)(acknowledge)
    readers = documented(reply=AcknowledgementList, refusals=(404,))
    routes.get("/projects/{project_id}/guidelines/{version}/acknowledgements", **readers)(list_acknowledgements)
    return routes


async def show_guideline(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show how a project's units are to be labelled."""
    desk = desk_of(request)
    _may_know(project_id, caller)
    project = await desk.handlers.claims.guideline(caller.subject, project_id)
    schema, examples = (
        desk.label_schema(project),
        [ExampleBody.of(guideline_example) for guideline_example in project.guideline_examples],
    )
    return json_answer(
        Guideline(project.project_id, project.guideline_version, project.guideline_text, schema, examples)
    )


async def acknowledge(request: Request, project_id: AnyId, version: Version, caller: Annotator) -> Response:
    """Acknowledge the version of the guideline that is in force: the caller has read it."""
    _may_know(project_id, caller)
    found = await desk_of(request).handlers.acknowledging.acknowledge(caller.subject, project_id, version)
    return json_answer(AcknowledgementBody.of(found))


async def list_acknowledgements(
    request: Request,
    project_id: AnyId,
    version: Version,
    caller: ClientOrOperator,
    limit: Limit = None,
    after: AfterName = "",
) -> Response:
    """List who has acknowledged a version of the guideline, by name, a page at a time."""
    _may_know(project_id, caller)
    wanted = page_size(limit)
    found = await desk_of(request).handlers.acknowledging.of(project_id, version, after, wanted + 1)
    rest = found[wanted - 1].annotator_id if len(found) > wanted else None
    return json_answer(
        AcknowledgementList([AcknowledgementBody.of(acknowledgement) for acknowledgement in found[:wanted]], rest)
    )


def _may_know(project_id: str, caller: Caller) -> None:
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
