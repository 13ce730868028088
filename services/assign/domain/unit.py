"""A unit's state: to whom it was assigned and what became of it, and whether it still wants labels.

What is told of a unit may come in any order, since topics are read independently; every order ends the same.
"""

from typing import Literal

import msgspec

UnitStatus = Literal["open", "closed", "withdrawn"]
AssignmentStatus = Literal["leased", "submitted", "late", "skipped", "returned", "expired"]


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One unit offered to one annotator.

    Attributes:
        id: also the id of the annotation that it may lead to.
        lease_until_us: end of the hold, microseconds since the epoch, UTC.
        guideline_version, schema_version: under which it was issued.
        issued_at_us: when, microseconds since the epoch, UTC.
        rework: how often the unit had been sent back when it was issued.
        referral: how often, since then, an adjudicator had referred it back.
        turn: how often the unit had gone round once more since then.
        renewals: how often the lease was renewed.
        active_ms: time that the annotator spent, once submitted, at most what has passed; 0 when not told.
        label_digest: tells a repeated submission from another one.
        handed_to: the aggregate to whose lease its place on the annotator's desk went with its label; empty: to none.
        handed_at_us: when, microseconds since the epoch, UTC.
        hops: how often the place had been handed on until it came to this lease.
        model: the annotator is one.
        beside: it takes no place of the unit's overlap, and its label is not counted.
        submitted_at_us: when its label came in, microseconds since the epoch, UTC.
        revision: of its label; 0: as it came in. `revised_digest` tells that revision from another one.
        revise_until_us: of a gold unit's copy, until when its label may be revised: such a unit is never resolved.
        too_late_from: the first revision that found the unit resolved, and does not count; 0: none did.
    """

    id: str
    annotator_id: str
    status: AssignmentStatus
    lease_until_us: int
    guideline_version: int = 0
    rework: int = 0
    renewals: int = 0
    active_ms: int = 0
    label_digest: str = ""
    issued_at_us: int = 0
    turn: int = 0
    handed_to: str = ""
    handed_at_us: int = 0
    hops: int = 0
    schema_version: int = 1
    model: bool = False
    beside: bool = False
    submitted_at_us: int = 0
    revision: int = 0
    revised_digest: str = ""
    revise_until_us: int = 0
    too_late_from: int = 0
    referral: int = 0


class UnitState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One unit as assign knows it: never its payload, never a label.

    Attributes:
        admitted: whether it was admitted; False while only a resolution or a lot has spoken of it.
        overlap_initial: annotations asked for at first, and again after each time it is sent back.
        overlap_wanted: annotations asked for by now.
        rework: how often it was sent back; only assignments of the current count.
        referral: how often, since then, an adjudicator referred it back; likewise.
        comment: what they said last to those who are given it from then on.
        barred: who is at fault for its lot's rejection, and is not given it anew while there is anybody else.
        named_first: who was named at its admission, where others are since it was referred back; else None.
        turn: how often, since it was last sent or referred back, it went round once more to those who had let it go.
        stranded: it was told that nobody is left to label it.
        named: who may annotate it, in order of preference; empty: anyone eligible.
        text_characters: code points of its text; None where it is no text or lies elsewhere.
        gold: its label is known, and it is shown to each annotator once; which label is not kept here.
        gold_revision: of the newest word on its known label; 0 where there was none.
        held: by that, it is shown to nobody: its known label is in doubt, or it is retired.
        guideline_version: of a gold unit, under which it came in.
        gold_of: of a gold unit that was made of a resolved one: that one, which had annotators of its own.
        not_for: likewise, who had a part in that one, and is not to be shown this one; else who referred it back.
        auditors: who inspected it.
        resolved_at_us: when it was resolved since it was last sent back, microseconds since the epoch, UTC; 0: not yet.
        exposures: to how many annotators a gold unit was shown, where its project bounds that; `shown_by_day` says how
            many on which of the last days.
        copy_for: in a gold unit's copy, the one annotator whom it is for: each has an aggregate of their own, so
            that nobody waits for another and no state grows.
        traceparent: W3C trace context under which it was admitted; empty when nobody traces.
    """

    unit_id: str
    client_id: str
    project_id: str
    admitted: bool = False
    admitted_at_us: int = 0
    media_type: str = ""
    skills: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    priority: int = 0
    gold: bool = False
    copy_for: str = ""
    traceparent: str = ""
    status: UnitStatus = "open"
    overlap_initial: int = 0
    overlap_wanted: int = 0
    rework: int = 0
    assignments: tuple[Assignment, ...] = ()
    turn: int = 0
    stranded: bool = False
    text_characters: int | None = None
    gold_revision: int = 0
    held: bool = False
    guideline_version: int = 0
    gold_of: str = ""
    not_for: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()
    exposures: int = 0
    shown_by_day: tuple[tuple[int, int], ...] = ()
    resolved_at_us: int = 0
    referral: int = 0
    comment: str = ""
    named_first: tuple[str, ...] | None = None
    barred: tuple[str, ...] = ()

    @property
    def current(self) -> list[Assignment]:
        """The assignments since the unit was last sent or referred back."""
        rework, referral = self.rework, self.referral
        return [given for given in self.assignments if given.rework == rework and given.referral == referral]

    @property
    def wants_labels(self) -> bool:
        """Whether a label that comes now can still count."""
        return self.admitted and self.status == "open" and (not self.held or bool(self.copy_for))

    def is_current(self, assignment: Assignment) -> bool:
        """Return whether an assignment was issued since the unit was last sent or referred back."""
        return assignment.rework == self.rework and assignment.referral == self.referral

    def assignment(self, assignment_id: str) -> Assignment | None:
        """Return the assignment with this id."""
        for assignment in self.assignments:
            if assignment.id == assignment_id:
                return assignment
        return None

    def with_assignment(self, changed: Assignment) -> "UnitState":
        """Return the unit with the assignment of this id replaced, or added when it is new."""
        if self.assignment(changed.id) is None:
            return msgspec.structs.replace(self, assignments=(*self.assignments, changed))
        kept = tuple(changed if assignment.id == changed.id else assignment for assignment in self.assignments)
        return msgspec.structs.replace(self, assignments=kept)


def is_open(state: UnitState) -> bool:
    """Return whether something may come of the unit that nobody asks for by its id: it may be given out, or is held.

    A gold unit stays open until it is withdrawn; its copy, which is given out once, while it is held.
    """
    return (state.wants_labels and not state.copy_for) or any(
        assignment.status == "leased" for assignment in state.assignments
    )


def unheard_of(unit_id: str, client_id: str, project_id: str) -> UnitState:
    """Return the state of a unit of which something is told before it is admitted."""
    return UnitState(unit_id, client_id, project_id)


def admit(state: UnitState | None, unit: UnitState) -> UnitState | None:
    """Return the admitted unit, with what was told of it before; None when it was admitted before.

    Args:
        state: what is known so far.
        unit: the unit as its admission describes it.
    """
    if state is None:
        return unit
    if state.admitted:
        return None
    return msgspec.structs.replace(
        unit,
        status=state.status,
        rework=state.rework,
        overlap_wanted=max(unit.overlap_wanted, state.overlap_wanted),
        referral=state.referral,
        comment=state.comment,
        named=state.named or unit.named,
        named_first=None if state.named_first is None else unit.named,
        not_for=unit.not_for or state.not_for,
        gold_revision=state.gold_revision,
        held=state.held,
        auditors=state.auditors,
        resolved_at_us=state.resolved_at_us,
        barred=state.barred,
    )


def begun(state: UnitState | None, row: UnitState | None) -> UnitState | None:
    """Return a unit to which something happens alone: as its record has it, else as the row in which it waited.

    Args:
        state: the state of its aggregate; None: it has no record yet.
        row: the unit as it was admitted, where it waits in a page.
    """
    if state is None or row is None:
        return state or row
    return state if state.admitted else admit(state, row)


def at_rework(state: UnitState, rework: int) -> UnitState | None:
    """Return the unit sent back at least `rework` times; None when what is told is of an earlier time."""
    if rework < state.rework:
        return None
    if rework == state.rework:
        return state
    status: UnitStatus = "withdrawn" if state.status == "withdrawn" else "open"
    return msgspec.structs.replace(
        state,
        rework=rework,
        status=status,
        overlap_wanted=state.overlap_initial,
        turn=0,
        stranded=False,
        resolved_at_us=0,
        referral=0,
        comment="",
        named=state.named if state.named_first is None else state.named_first,
        named_first=None,
        barred=(),
    )


def send_back(state: UnitState, rework: int, at_fault: tuple[str, ...] = ()) -> UnitState | None:
    """Return the unit opened again for the `rework`-th time; None when that is known.

    Args:
        state: the unit.
        rework: how often its lot was sent back.
        at_fault: who is barred from it: of another topic it may be known already that it was sent back, and not this.
    """
    now = at_rework(state, rework)
    if now is None or (rework == state.rework and state.barred == at_fault):
        return None
    return msgspec.structs.replace(now, barred=at_fault)


def refer_back(
    state: UnitState, rework: int, referral: int, names: tuple[str, ...], wanted: int, comment: str, not_for: str
) -> UnitState | None:
    """Return the unit opened again by an adjudicator; None when that is known, or over.

    Args:
        state: the unit.
        rework: how often it had been sent back by then.
        referral: which time this is, since then, that it is referred back.
        names: to whom alone it goes; none: to anybody who has not labelled it.
        wanted: annotations asked for.
        comment: to who is given it.
        not_for: the adjudicator, who has seen what was said of it.
    """
    now = at_rework(state, rework)
    if now is None or referral <= now.referral:
        return None
    first = now.named if now.named_first is None else now.named_first
    return msgspec.structs.replace(
        now,
        status="withdrawn" if now.status == "withdrawn" else "open",
        overlap_wanted=wanted,
        turn=0,
        stranded=False,
        referral=referral,
        comment="" if now.status == "withdrawn" else comment,
        named=names or first,
        named_first=first if names else None,
        not_for=tuple(dict.fromkeys((*now.not_for, not_for))),
    )


def raise_overlap(state: UnitState, rework: int, wanted: int, referral: int = 0) -> UnitState | None:
    """Return the unit wanting this many annotations in all; None when it does or did already."""
    now = at_rework(state, rework)
    if now is None or referral < now.referral or now.overlap_wanted >= wanted:
        return None
    return msgspec.structs.replace(now, overlap_wanted=wanted, stranded=False)


def close(state: UnitState, rework: int, referral: int = 0) -> UnitState | None:
    """Return the unit closed, on its way to an adjudicator; None when that changes nothing."""
    now = at_rework(state, rework)
    if now is None or referral < now.referral or now.status != "open":
        return None
    return msgspec.structs.replace(now, status="closed")


def may_still_submit(state: UnitState) -> list[str]:
    """Return who holds the unit or let its lease end, in any round: a label of theirs would be taken, and be late."""
    held = [assignment.annotator_id for assignment in state.assignments if assignment.status in ("leased", "expired")]
    return sorted(set(held))


def hold_gold(state: UnitState, revision: int, *, held: bool) -> UnitState | None:
    """Return a gold unit held from everybody, or shown again, by the newest word on it; None when that is known."""
    if revision <= state.gold_revision:
        return None
    return msgspec.structs.replace(state, gold_revision=revision, held=held)


def inspected(state: UnitState, auditor_id: str) -> UnitState | None:
    """Return the unit once an auditor has inspected it; None when that is known."""
    if auditor_id in state.auditors:
        return None
    return msgspec.structs.replace(state, auditors=(*state.auditors, auditor_id))


def had_part(state: UnitState) -> frozenset[str]:
    """Return who was given the unit, in any round and whatever became of it, or inspected it."""
    return frozenset((*(assignment.annotator_id for assignment in state.assignments), *state.auditors))


def withdraw(state: UnitState) -> UnitState | None:
    """Return the unit closed for good; None when it is."""
    return None if state.status == "withdrawn" else msgspec.structs.replace(state, status="withdrawn", comment="")


def copy_for(unit: UnitState, annotator_id: str) -> UnitState:
    """Return a gold unit's copy for one annotator, to whom alone it will be offered once."""
    return msgspec.structs.replace(
        unit,
        copy_for=annotator_id,
        named=(annotator_id,),
        overlap_initial=1,
        overlap_wanted=1,
        assignments=(),
        not_for=(),
        exposures=0,
        shown_by_day=(),
    )


def with_overlap(state: UnitState, initial: int) -> UnitState:
    """Return the unit as its project asks for it: so many annotations at first; a gold unit takes any number."""
    wanted = 0 if state.gold else initial
    return msgspec.structs.replace(state, overlap_initial=wanted, overlap_wanted=wanted)
