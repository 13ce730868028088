"""How many more annotators a unit wants, and for named units whose turn it is."""

from services.assign.domain.unit import Assignment, UnitState

HOLDING = frozenset({"leased", "submitted"})
"""What takes a slot: a lease that runs, and a label that counts."""
LET_GO = frozenset({"skipped", "returned", "expired"})
"""How an assignment ends without a label."""


def holds(assignment: Assignment) -> bool:
    """Return whether the assignment takes one of its unit's slots."""
    return assignment.status in HOLDING and not assignment.beside


def slots_open(state: UnitState) -> int:
    """Return to how many more annotators the unit may be given now; 0 for a unit that wants no labels."""
    if not state.wants_labels:
        return 0
    held = [1 for assignment in state.assignments if state.is_current(assignment) and holds(assignment)]
    return max(0, state.overlap_wanted - len(held))


def left_by_models(state: UnitState) -> int:
    """Return how many of the annotations that a unit wants in all are no model's by now."""
    return state.overlap_wanted - sum(assignment.model and holds(assignment) for assignment in state.current)


def open_to_models(left: int, humans_min: int) -> bool:
    """Return whether a model may take one of a unit's slots, so that enough are left to people.

    Args:
        left: see `left_by_models`.
        humans_min: how many people the project wants among those who label a unit.

    >>> open_to_models(3, 2), open_to_models(2, 2)
    (True, False)
    """
    return left > humans_min


def seen_by(state: UnitState) -> frozenset[str]:
    """Return to whom the unit is not offered now: who holds or labelled it since it was sent back, or let it go.

    Who let it go may have it again once everybody else has had it: see `stranding`. One that was referred back is
    offered again to those whom it names now, and else to nobody who labelled it, or holds it, since its lot was last
    sent back. Nor is it offered to who is at fault for that; see `stranding` for when there is nobody else.
    """
    rework, turn, referral = state.rework, state.turn, state.referral
    seen = frozenset(
        [
            assignment.annotator_id
            for assignment in state.assignments
            if assignment.rework == rework
            and (assignment.referral == referral or not state.named)
            and (assignment.status not in LET_GO or (assignment.turn == turn and assignment.referral == referral))
        ]
    )
    return seen.union(state.not_for, state.barred) if state.not_for or state.barred else seen


def turns(state: UnitState) -> tuple[str, ...]:
    """Return, for a named unit, whose turn it is: the first names, as many as slots are open.

    A name that skipped, returned or let the lease end is passed over, and the next one's turn comes.
    A gold unit waits for all its names at once; each gets a copy.
    """
    if state.gold and not state.copy_for:
        return state.named if state.wants_labels else ()
    if not state.named:
        return ()
    slots, seen = slots_open(state), seen_by(state)
    return tuple(name for name in state.named if name not in seen)[:slots]


def offered_to(state: UnitState, annotator_id: str) -> bool:
    """Return whether the unit may be given to this annotator now, skills apart."""
    if state.named:
        return annotator_id in turns(state)
    return slots_open(state) > 0 and annotator_id not in seen_by(state)
