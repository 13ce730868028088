"""Versions of a project's label schema."""

from msgspec import Struct

from concord.client.asking import got, path_of, query_of
from concord.client.models import Json
from concord.client.steps import Flow


class SchemaListed(Struct, frozen=True):
    """A version of a project's label schema: since which revision and when, by whom, in how many steps."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    steps: int


class SchemaPage(Struct, frozen=True):
    """Some versions of a label schema, and after which the list goes on."""

    schemas: list[SchemaListed]
    next: int | None = None


class SchemaStep(Struct, frozen=True):
    """One thing that a version of a label schema changed: add, rename, merge, split or retire a class, or a field."""

    what: str
    field: str
    name: str
    into: list[str]


class SchemaVersion(Struct, frozen=True):
    """A version of a project's label schema: what it offers, and by which steps it follows from the one before."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    label_schema: dict[str, Json]
    steps: list[SchemaStep]


def schemas(project_id: str) -> Flow[list[SchemaListed]]:
    """Return the versions of a project's label schema, oldest first."""
    found: list[SchemaListed] = []
    after = 0
    path = path_of("/v1/projects/{id}/schemas", id=project_id)
    while True:
        page = yield from got(SchemaPage, "ingest", path, query_of(after=after))
        found += page.schemas
        if page.next is None:
            return found
        after = page.next


def schema(project_id: str, version: int) -> Flow[SchemaVersion]:
    """Return a version of a project's label schema: what it offers, and by which steps it came."""
    return got(
        SchemaVersion, "ingest", path_of("/v1/projects/{id}/schemas/{version}", id=project_id, version=str(version))
    )
