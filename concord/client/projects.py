"""Projects and annotators: what is defined before there is work."""

from collections.abc import Mapping, Sequence
from typing import Any

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import (
    Change,
    ChangePage,
    Json,
    Project,
    ProjectPage,
)
from concord.client.steps import Flow
from concord.client.work import Annotator, Credential, Stranded

PAGE = 500
"""As many as a service sends at once."""


def define_project(slug: str, definition: Mapping[str, Json], *, dry_run: bool = False) -> Flow[Project]:
    """Define a project, or define it anew, whole: what is left out has its default, whatever the project said before.

    To change one, send what `GET /v1/projects/{id}` says of it with your change; its `revision` keeps what came in
    between from being lost (409).

    Args:
        slug: your own name of it: a-z, 0-9 and single hyphens. The project's id is made of it.
        definition: label_schema, and as you like name, guideline, policy and targets (docs/guide/policy.md); where the
            schema changes, schema_change says what becomes of its classes (docs/guide/schemas.md).
        dry_run: nothing is written; what is returned, or raised, is what would come of it.
    """
    query = query_of(dry_run=dry_run or None)
    return sent(Project, "ingest", "PUT", path_of("/v1/projects/{slug}", slug=slug), definition, query=query)


def project(project_id: str) -> Flow[Project]:
    """Return a project, whole."""
    return got(Project, "ingest", path_of("/v1/projects/{id}", id=project_id))


def projects(*, life: str = "") -> Flow[list[Project]]:
    """Return all of the caller's projects, by id; with `life` those that are `open`, `paused` or `closed`."""
    found: list[Project] = []
    after = ""
    while True:
        page = yield from got(ProjectPage, "ingest", "/v1/projects", query_of(limit=PAGE, after=after, life=life))
        found += page.projects
        if page.next is None:
            return found
        after = page.next


def pause_project(project_id: str, reason: str = "") -> Flow[Project]:
    """Pause a project: nothing more is given out or taken in; what people hold may be finished, and counts."""
    return _turned(project_id, "pause", reason)


def resume_project(project_id: str, reason: str = "") -> Flow[Project]:
    """Resume a paused project: all goes on where it was."""
    return _turned(project_id, "resume", reason)


def close_project(project_id: str, reason: str = "") -> Flow[Project]:
    """Close a project, for good: nothing more is taken in or given out, and what was begun is settled."""
    return _turned(project_id, "close", reason)


def _turned(project_id: str, turn: str, reason: str) -> Flow[Project]:
    path = path_of(f"/v1/projects/{{id}}/{turn}", id=project_id)
    return sent(Project, "ingest", "POST", path, {"reason": reason})


def changes(project_id: str) -> Flow[list[Change]]:
    """Return who changed what of a project, and when, oldest first."""
    found: list[Change] = []
    after = 0
    path = path_of("/v1/projects/{id}/changes", id=project_id)
    while True:
        page = yield from got(ChangePage, "ingest", path, query_of(after=after))
        found += page.changes
        if page.next is None:
            return found
        after = page.next


def define_annotator(
    annotator_id: str,
    *,
    kind: str = "human",
    skills: Sequence[str] = (),
    credentials: Sequence[Credential] = (),
    vendor: str = "",
    languages: Sequence[str] = (),
) -> Flow[Annotator]:
    """Say who an annotator is, or say it anew; for operators.

    Args:
        annotator_id: the subject of the annotator's own credential.
        kind: human or model.
        skills: what units may ask for.
        credentials: what the annotator is certified in.
        vendor: whose annotator it is.
        languages: as the annotator speaks them.
    """
    body: dict[str, Any] = {
        "kind": kind,
        "skills": list(skills),
        "credentials": list(credentials),
        "vendor": vendor,
        "languages": list(languages),
    }
    return sent(Annotator, "assign", "PUT", path_of("/v1/annotators/{id}", id=annotator_id), body)


def annotator(annotator_id: str) -> Flow[Annotator]:
    """Return an annotator as last defined; for operators."""
    return got(Annotator, "assign", path_of("/v1/annotators/{id}", id=annotator_id))


def stranded(project_id: str) -> Flow[Stranded]:
    """Return which units want labels that nobody who is defined can give."""
    return got(Stranded, "assign", path_of("/v1/projects/{id}/stranded", id=project_id))
