"""What a definition states beside itself: a project as it was read may be sent back, and what that says must hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.ingest.domain.project import Fault, ProjectState

Stated = Mapping[str, Any]
"""By name, what a definition's sender says that the project is: what they read of it and cannot set."""
NOTHING: Stated = {}
_CURE = "leave it out: a definition cannot set it"
_ELSEWHERE = {
    "life": "leave it out, and pause, resume or close the project: POST /v1/projects/{project_id}/pause",
    "life_reason": "leave it out, and pause, resume or close the project: POST /v1/projects/{project_id}/pause",
}


class RevisionIsAnother(ValueError):
    """Who defines has read a revision that is the newest no more: what came since would be lost.

    Args:
        stated: the revision that they read.
        current: what it is; 0: there is no such project.
    """

    field = "revision"
    cure = "get the project, make your change in what it says now, and send that; or leave revision out"

    def __init__(self, stated: int, current: int) -> None:
        self.problem = f"is {stated}, and the project's is {current}"
        super().__init__(f"The project is at revision {current}, and this definition was made from revision {stated}.")


def must_be_newest(state: ProjectState | None, stated: Stated) -> None:
    """Let a definition through that was made from the newest revision, or does not say from which.

    Raises:
        RevisionIsAnother: it was made from another.
    """
    current = 0 if state is None else state.revision
    if stated.get("revision", current) != current:
        raise RevisionIsAnother(stated["revision"], current)


def stated_faults(state: ProjectState, stated: Stated) -> Iterator[Fault]:
    """Yield what is stated of a project and is otherwise, by field; the revision is not looked at."""
    for field, value in stated.items():
        if field == "revision":
            continue
        there = getattr(state, field)
        if value != there:
            yield Fault(
                field,
                f"is {str(value)[:120]!r}, and the project's is {str(there)[:120]!r}",
                _ELSEWHERE.get(field, _CURE),
            )
