"""A project's life: paused and resumed as often as its client likes, and closed once."""

from typing import Any

import msgspec

from services.ingest.domain.project import Author, Fault, Life, ProjectNotOpen, ProjectRefused, ProjectState

REASON_CHARACTERS_MAX = 500


def revised(state: ProjectState, author: Author, **changed: Any) -> ProjectState:
    """Return a project's next revision, with what has changed in it and who changed it."""
    return msgspec.structs.replace(
        state, revision=state.revision + 1, changed_by=author.subject, changed_as=author.role, **changed
    )


def turned(state: ProjectState, life: Life, reason: str, author: Author) -> ProjectState | None:
    """Return the project paused, resumed (to "open") or closed; None when it is so, for that reason, already.

    Raises:
        ProjectRefused: the reason is too long.
        ProjectNotOpen: it is closed, which is for good.
    """
    if len(reason) > REASON_CHARACTERS_MAX:
        cure = f"send at most {REASON_CHARACTERS_MAX} characters"
        raise ProjectRefused([Fault("reason", f"has {len(reason)} characters", cure)])
    kept = "" if life == "open" else reason
    if (state.life, state.life_reason) == (life, kept):
        return None
    if state.life == "closed":
        if life == "closed":
            return None  # the first reason stands
        raise ProjectNotOpen(state.life, state.life_reason)
    return revised(state, author, life=life, life_reason=kept)
