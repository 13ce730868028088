"""Drafts: what somebody has of a label before they send it, kept as long as they hold the unit and no longer.

A draft is no event and no label. It has a number, which grows with each save; whoever saves says on which number they
built, so that of two pages none writes over what it has not seen. Its active time is all that was spent so far: it is
told once, with the label, and never added up here.
"""

from collections.abc import Sequence

import msgspec

from services.assign.domain.refusals import DraftSuperseded
from services.assign.domain.unit import UnitState

DRAFT_BYTES_MAX = 200_000
"""As much as a label may take."""
REVISIONS_MAX = 999_999


class Draft(msgspec.Struct, frozen=True):
    """What is kept.

    Attributes:
        draft: JSON, as the page that saved it has it; nobody else reads it.
        flag: what its annotator remarks.
        active_ms: time spent so far, milliseconds, at most what has passed since the unit was given out.
        saved_at_us: when, microseconds since the epoch, UTC.
    """

    revision: int
    draft: msgspec.Raw
    flag: str = ""
    active_ms: int = 0
    saved_at_us: int = 0


def next_revision(newest: int, built_on: int) -> int:
    """Return the number of the next save.

    Raises:
        DraftSuperseded: another was saved since, or the draft that was built on is gone.

    >>> next_revision(0, 0), next_revision(4, 4)
    (1, 5)
    """
    if newest != built_on or newest >= REVISIONS_MAX:
        raise DraftSuperseded(built_on, newest)
    return newest + 1


def outlived(state: UnitState | None, assignment_id: str) -> bool:
    """Return whether the lease that a draft belongs to is over, however it ended, or its unit was withdrawn."""
    assignment = state.assignment(assignment_id) if state is not None else None
    return state is None or assignment is None or assignment.status != "leased" or state.status == "withdrawn"


def older(revisions: Sequence[int], kept: int) -> list[int]:
    """Return which of the stored numbers a save makes superfluous.

    Raises:
        DraftSuperseded: one that was stored meanwhile is newer.
    """
    newest = max(revisions, default=kept)
    if newest > kept:
        raise DraftSuperseded(kept - 1, newest)
    return [revision for revision in revisions if revision < kept]
