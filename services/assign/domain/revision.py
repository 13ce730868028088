"""Labels revised by whoever gave them, until their unit is resolved; and until when a gold unit's copy looks open.

Adjudicate decides when a unit is resolved, and here it is heard of: what was taken a moment too late, adjudicate tells.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from math import log

import msgspec

from services.assign.domain.refusals import (
    AnnotationUnknown,
    LeaseOver,
    NoLabelYet,
    RevisedOtherwise,
    RevisionsUsedUp,
    RevisionTooLate,
)
from services.assign.domain.unit import Assignment, UnitState, at_rework

REVISIONS_MAX = 10
"""Of one label. Who needs more has not decided yet."""
DELAYS_MAX = 256
"""Resolved units of a project whose times from label to resolution are kept, the newest."""
DELAYS_MIN = 20
"""Fewer say little of how long it takes."""
DELAY_MEAN_US = 600_000_000
"""Where that is not known."""
RECENT_MAX = 50
"""Labels of one annotator in one project that are listed."""
RECENT_OF_PROJECT_MAX = 20_000
"""Labels of all annotators that are remembered for that, the newest."""


def given(state: UnitState | None, annotation_id: str, annotator_id: str) -> Assignment:
    """Return the assignment under which an annotator gave a label.

    Raises:
        AnnotationUnknown: there is none, or it is somebody else's.
        NoLabelYet: it is still theirs to label.
        LeaseOver: they skipped or returned the unit.
    """
    found = state.assignment(annotation_id) if state is not None else None
    if found is None or found.annotator_id != annotator_id:
        raise AnnotationUnknown(annotation_id)
    if found.status in ("leased", "expired"):
        raise NoLabelYet(f"You have given no label for {annotation_id} yet.")
    if found.status in ("skipped", "returned"):
        raise LeaseOver(f"Assignment {annotation_id} was {found.status} before.")
    return found


def earlier(state: UnitState, assignment: Assignment) -> str:
    """Return the label that an assignment's annotator gave before the unit was referred back; empty where none."""
    gave = [
        given.id
        for given in state.assignments
        if given.annotator_id == assignment.annotator_id and given.status == "submitted"
        if given.rework == assignment.rework and given.referral < assignment.referral
    ]
    return gave[-1] if gave else ""


def is_revisable(state: UnitState, assignment: Assignment, now_us: int) -> bool:
    """Return whether a label may still be revised, as far as is known here."""
    counts = assignment.status == "submitted" and state.is_current(assignment) and not assignment.beside
    if not counts or state.status == "withdrawn" or state.resolved_at_us:
        return False
    return not state.copy_for or now_us < assignment.revise_until_us


def is_repeated(assignment: Assignment, number: int, digest: str) -> bool:
    """Return whether this very revision is in already.

    Raises:
        RevisedOtherwise: another one is, under its number or a later one.
    """
    if number > assignment.revision:
        return False
    if number == assignment.revision and digest == assignment.revised_digest:
        return True
    raise RevisedOtherwise(f"Revision {number} of {assignment.id} was taken before", assignment.revision)


def revise(
    state: UnitState | None, annotation_id: str, annotator_id: str, number: int, digest: str, now_us: int
) -> UnitState:
    """Return the unit with a label revised; the same revision again changes nothing.

    Args:
        state: the unit.
        annotation_id: which label.
        annotator_id: whose.
        number: of the revision, from 1.
        digest: tells this revision from another one.
        now_us: the time.

    Raises:
        AnnotationUnknown, NoLabelYet, LeaseOver, RevisedOtherwise: see there.
        RevisionTooLate: the label counts no more, or its unit is resolved.
        RevisionsUsedUp: it was revised as often as it may.
    """
    assignment = given(state, annotation_id, annotator_id)
    assert state is not None, "somebody gave a label of it"
    if is_repeated(assignment, number, digest):
        return state
    if not is_revisable(state, assignment, now_us):
        raise RevisionTooLate(f"It is too late to revise {annotation_id}: what comes of its unit is settled.")
    if number > REVISIONS_MAX:
        raise RevisionsUsedUp(f"{annotation_id} was revised {assignment.revision} times, as often as it may.")
    if number != assignment.revision + 1:
        raise RevisedOtherwise(f"Revision {number} of {annotation_id} comes out of turn", assignment.revision)
    return state.with_assignment(msgspec.structs.replace(assignment, revision=number, revised_digest=digest))


def resolve(state: UnitState, rework: int, at_us: int) -> UnitState | None:
    """Return the unit closed for it is resolved; None when that changes nothing.

    Args:
        state: the unit.
        rework: how often it had been sent back by then.
        at_us: when it was resolved.
    """
    now = at_rework(state, rework)
    if now is None or now.status == "withdrawn" or now.resolved_at_us:
        return None
    return msgspec.structs.replace(now, status="closed", resolved_at_us=at_us)


def came_too_late(state: UnitState, annotation_id: str, number: int) -> UnitState | None:
    """Return the unit once adjudicate has told that a revision did not count; None when that is known."""
    assignment = state.assignment(annotation_id)
    if assignment is None or 0 < assignment.too_late_from <= number:
        return None
    return state.with_assignment(msgspec.structs.replace(assignment, too_late_from=number))


class Delays:
    """How long a project's units take from a label to their resolution: what a gold unit's copy is to look like."""

    def __init__(self) -> None:
        self._units: OrderedDict[str, int] = OrderedDict()
        self._delays: deque[int] = deque(maxlen=DELAYS_MAX)
        self._sorted: list[int] | None = None

    def settle(self, state: UnitState) -> None:
        """Take over when a unit was resolved; saying it again changes nothing."""
        if not state.resolved_at_us or state.gold or self._units.get(state.unit_id, -1) >= state.rework:
            return
        self._units[state.unit_id] = state.rework
        self._units.move_to_end(state.unit_id)
        if len(self._units) > DELAYS_MAX:
            self._units.popitem(last=False)
        for assignment in state.current:
            if assignment.status == "submitted" and assignment.submitted_at_us:
                self._delays.append(max(0, state.resolved_at_us - assignment.submitted_at_us))
                self._sorted = None

    def quantile_us(self, share: float) -> int:
        """Return the time that this share of labels wait at most, microseconds.

        >>> Delays().quantile_us(0.5) == round(DELAY_MEAN_US * log(2))
        True
        """
        if len(self._delays) < DELAYS_MIN:
            return round(-DELAY_MEAN_US * log(1.0 - min(share, 0.999)))
        if self._sorted is None:  # asked with every label, and told of a few at a time
            self._sorted = sorted(self._delays)
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]


class RecentLabels:
    """The labels of a project that came in lately and may be revised, by annotator: a hint, oldest first.

    Args:
        since_us: what came in before is not listed, gold or not: of gold nothing is read again.
    """

    def __init__(self, since_us: int = 0) -> None:
        self._since_us = since_us
        self._all: OrderedDict[str, str] = OrderedDict()
        self._of: dict[str, OrderedDict[str, str]] = {}

    def settle(self, state: UnitState, key: str) -> None:
        """Take over what a unit's newest state says of its labels; saying it again changes nothing."""
        over = state.status == "withdrawn" or state.resolved_at_us > 0
        for assignment in state.assignments:
            if assignment.status != "submitted":
                continue
            if over or not state.is_current(assignment):
                self._forget(assignment.id)
            elif assignment.id not in self._all and assignment.submitted_at_us >= max(1, self._since_us):
                self._note(assignment, key)

    def _note(self, assignment: Assignment, key: str) -> None:
        self._all[assignment.id] = assignment.annotator_id
        mine = self._of.setdefault(assignment.annotator_id, OrderedDict())
        mine[assignment.id] = key
        if len(mine) > RECENT_MAX:
            self._forget(next(iter(mine)))
        if len(self._all) > RECENT_OF_PROJECT_MAX:
            self._forget(next(iter(self._all)))

    def _forget(self, annotation_id: str) -> None:
        annotator_id = self._all.pop(annotation_id, None)
        if annotator_id is not None:
            mine = self._of[annotator_id]
            del mine[annotation_id]
            if not mine:
                del self._of[annotator_id]

    def of(self, annotator_id: str) -> Iterator[tuple[str, str]]:
        """Yield an annotator's labels with the keys of their aggregates, the newest first."""
        return reversed(list(self._of.get(annotator_id, {}).items()))
