"""The routes of the versions of a project's label schema."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from concord.chassis.http import AnyId, Limit, Whole, documented, json_answer, page_size
from concord.labels.versions import Step, What
from services.ingest.domain.schema_versions import steps_of
from services.ingest.door.projects import REVISIONS_MAX, After, ClientOrOperator, handlers_of, project_of
from services.ingest.repository import Revision
from services.ingest.schemas import timestamp

Version = Annotated[Whole, Path(ge=1, description="Of the label schema, counted from 1.")]


def add_routes(routes: APIRouter) -> None:
    """Add these routes to ingest's table."""
    routes.get("/projects/{project_id}/schemas", **documented(reply=SchemaList, refusals=(404,)))(list_schemas)
    shown = documented(reply=SchemaBody, refusals=(404,))
    routes.get("/projects/{project_id}/schemas/{version}", **shown)(show_schema)


class SchemaListed(msgspec.Struct, frozen=True):
    """A version of a label schema: since which revision and when, by whom, and how many steps led to it."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    steps: int

    @classmethod
    def of(cls, found: Revision) -> "SchemaListed":
        """Return the version that came in a revision, as it is listed."""
        state, steps = found.state, len(list(steps_of(found.state)))
        return cls(
            state.schema_version, state.revision, timestamp(found.at_us), state.changed_by, state.changed_as, steps
        )


class SchemaList(msgspec.Struct, frozen=True):
    """The versions of a project's label schema, oldest first, and after which the list goes on; None at its end."""

    schemas: list[SchemaListed]
    next: int | None = None


class StepBody(msgspec.Struct, frozen=True):
    """One thing that a version of a label schema changed.

    Attributes:
        field: of a form, as it is named since; empty for labels of one field.
        name: the class, as it was named before; empty where it is the field itself that was changed.
        into: the new name of what is renamed, the class it is merged into, or the classes that it is split into.
    """

    what: What
    field: str
    name: str
    into: tuple[str, ...]

    @classmethod
    def of(cls, step: Step) -> "StepBody":
        """Return a step as its client sees it: whether a retired field was required is told by the version before."""
        return cls(step.what, step.field, step.name, step.into if step.name or step.what == "rename" else ())


class SchemaBody(msgspec.Struct, frozen=True):
    """A version of a project's label schema: what it offers, and by which steps it follows from the one before."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    label_schema: dict[str, Any]
    steps: list[StepBody]

    @classmethod
    def of(cls, found: Revision) -> "SchemaBody":
        """Return the version that came in a revision."""
        state, at = found.state, timestamp(found.at_us)
        schema, steps = state.definition.label_schema, [StepBody.of(step) for step in steps_of(state)]
        return cls(state.schema_version, state.revision, at, state.changed_by, state.changed_as, schema, steps)


async def list_schemas(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, after: After = 0
) -> Response:
    """List the versions of a project's label schema, oldest first, a page at a time; at most 50."""
    project = await project_of(request, project_id, caller)
    wanted = min(page_size(limit), REVISIONS_MAX)
    found, rest = await handlers_of(request).projects.schemas(project, after, wanted)
    return json_answer(SchemaList([SchemaListed.of(schema) for schema in found], rest))


async def show_schema(request: Request, project_id: AnyId, version: Version, caller: ClientOrOperator) -> Response:
    """Show a version of a project's label schema, and how it follows from the one before."""
    project = await project_of(request, project_id, caller)
    return json_answer(SchemaBody.of(await handlers_of(request).projects.schema(project, version)))
