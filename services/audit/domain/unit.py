"""A unit as audit knows it: its resolved label, who had a part in it, and what an auditor said."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from concord.review import has_part

UNANSWERABLE = "unanswerable"
"""How a unit was settled of which a person ruled that no label is right for it."""


class UnitDoesNotExist(LookupError):
    """No such unit waits for this auditor: none, not in a sample, or one they had a part in; all look the same."""

    field = "unit_id"
    cure = "take one from GET /v1/inspections"


class InspectedOtherwise(ValueError):
    """The unit was inspected before, with another label or by somebody else."""

    field = "unit_id"
    cure = "take another from GET /v1/inspections"


class LabelledAnew(ValueError):
    """The unit has a new label since it was listed, and the lot's next sample is not drawn yet."""

    field = "unit_id"
    cure = "leave it; it is listed again if the next sample holds it"


class BeingJudged(Exception):
    """The unit's lot is being judged: whether a verdict still counts for it is known in a moment."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One annotation behind a resolution.

    Attributes:
        label: canonical JSON text; empty where the resolution told its digest alone.
        schema_version: of the label schema, in whose names the label is.
        model: a model gave it.
        revision: which word of its annotator's counted: 0 the first.
        referral: how often an adjudicator had referred the unit back before, in that rework.
    """

    annotator_id: str
    label: str
    guideline_version: int
    annotation_id: str = ""
    schema_version: int = 1
    model: bool = False
    revision: int = 0
    referral: int = 0


class Referral(msgspec.Struct, frozen=True, gc=False):
    """That an adjudicator sent a unit back to annotators; `to`: to the same, or to others."""

    adjudicator_id: str
    to: str
    at_us: int


class RuledRegion(msgspec.Struct, frozen=True, gc=False):
    """Where a region of a ruled label comes from, as adjudicate tells it.

    Attributes:
        field: of which field; empty where labels have one.
        origin: drawn, merged, corrected or added.
        evidence: places of the annotations that drew it, or its object.
    """

    field: str
    origin: str
    evidence: tuple[int, ...]


class RegionsRuled(msgspec.Struct, frozen=True, gc=False):
    """What became, in a ruled label, of the objects that annotators drew.

    Attributes:
        drawn: its regions that are just as somebody drew them; merged, corrected and added: the others.
        dropped: objects of which nothing is in it.
    """

    drawn: int = 0
    merged: int = 0
    corrected: int = 0
    added: int = 0
    dropped: int = 0

    def __add__(self, other: "RegionsRuled") -> "RegionsRuled":
        own, more = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return RegionsRuled(*(mine + theirs for mine, theirs in zip(own, more, strict=True)))


def regions_ruled(regions: Iterable[RuledRegion], dropped: int) -> RegionsRuled:
    """Return the counts of what an adjudicator did with drawn objects.

    >>> regions_ruled([RuledRegion("", "drawn", (0,)), RuledRegion("", "added", ())], 2)
    RegionsRuled(drawn=1, merged=0, corrected=0, added=1, dropped=2)
    """
    counts = Counter(region.origin for region in regions)
    return RegionsRuled(counts["drawn"], counts["merged"], counts["corrected"], counts["added"], dropped)


class Inspection(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An auditor's own label of a unit, given without sight of the resolved one.

    Attributes:
        rework: the rework of the resolved label that it was held against.
        correct: whether both say the same, by the schema as it was then.
        late: the lot was judged before; it is kept and counts nowhere.
        fields: of each field that either label answers, whether both say the same; empty where labels have no fields.
        stated: the chance that the resolved label was said to be right; 0 where none was, as of a ruling or a majority.
        to_repeat: whether another auditor is to label the unit as well.
        same: of such a repeat: whether it says the same as the first label.
    """

    auditor_id: str
    label: str
    rework: int
    correct: bool
    reason: str = ""
    late: bool = False
    fields: tuple[tuple[str, bool], ...] = ()
    stated: float = 0.0
    to_repeat: bool = False
    same: bool = False


class UnitState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A unit, whichever of its events came first.

    Attributes:
        media_type: of its content.
        history: its ledger, line after line; see `ledger`.
        text_characters: code points of its text; None where it is no text or lies elsewhere.
        label: the resolved label, canonical JSON text; empty before there is one, and of what is unanswerable.
        rework: the rework that the label belongs to.
        method: how it was settled: posterior, majority, adjudicated or unanswerable; empty before it was.
        evidence: the annotations of that rework, in the order in which they came in.
        set_aside: those that an adjudicator had set aside in that rework, who referred it back.
        overlap_initial: how many were asked for before any was looked at; 0 where that was not told.
        participants: everybody who had a part in it, in any rework, counted or late.
        closed: the judgement of its lot (`LotState.judgement`) for which no verdict on it is taken any more.
        schema_version: the newest of the label schema under which the label can be given as it stands: auditors are
            asked under it.
        repeat: what a second auditor said, who did not see the first one's label either; it counts for no verdict.
        regions: of a ruled label with drawn regions, what became of the objects that annotators drew; else none.
        admitted_at_us, resolved_at_us: when it came in, and when its label was settled, by the events that told so.
        lot_id: the lot that it is in; empty where that was not known when its label was settled.
        traceparent: W3C trace context under which it was admitted, where its trace is recorded; else empty.
    """

    unit_id: str
    project_id: str
    source_id: str = ""
    admitted: bool = False
    gold: bool = False
    withdrawn: bool = False
    label: str = ""
    rework: int = 0
    method: str = ""
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    overlap_initial: int = 0
    participants: tuple[str, ...] = ()
    guideline_version: int = 0
    inspection: Inspection | None = None
    closed: tuple[int, int] | None = None
    text_characters: int | None = None
    media_type: str = ""
    history: tuple[str, ...] = ()
    schema_version: int = 1
    admitted_at_us: int = 0
    resolved_at_us: int = 0
    repeat: Inspection | None = None
    lot_id: str = ""
    regions: RegionsRuled | None = None
    traceparent: str = ""
    set_aside: tuple[Evidence, ...] = ()

    def ready(self, rework: int) -> bool:
        """Return whether nothing is missing for an audit of this rework."""
        # What is unanswerable is out of its lot, and is not labelled anew with it.
        labelled = bool(self.label) and self.rework >= rework
        return self.withdrawn or (self.admitted and (labelled or self.unanswerable))

    @property
    def unanswerable(self) -> bool:
        """Whether it was settled without a label."""
        return self.method == UNANSWERABLE

    def inspected(self, rework: int) -> bool:
        """Return whether an auditor has labelled it in this rework."""
        return self.inspection is not None and self.inspection.rework >= rework

    def repeated(self, rework: int) -> Inspection | None:
        """Return what a second auditor said of its label of this rework, if it was inspected and repeated in time."""
        repeat = self.repeat
        return repeat if repeat is not None and repeat.rework >= rework and self.inspected(rework) else None

    def awaits_repeat(self, rework: int) -> bool:
        """Return whether it was inspected in this rework, and a second auditor is to label it as well."""
        first = self.inspection
        return first is not None and first.to_repeat and first.rework >= rework and self.repeated(rework) is None

    @property
    def schema_versions(self) -> set[int]:
        """The versions of the label schema that its labels are in the names of."""
        return {self.schema_version, *(each.schema_version for each in (*self.evidence, *self.set_aside))}

    @property
    def unseen(self) -> tuple[Evidence, ...]:
        """The annotations that were given before an adjudicator had a word in it: agreement rests on none but these."""
        return tuple(each for each in self.set_aside if not each.referral) if self.set_aside else self.evidence

    @property
    def stated(self) -> float:
        """The chance that its label is said to be right; 0 where none is said."""
        return self.confidence if self.method == "posterior" else 0.0

    @property
    def wrong(self) -> bool:
        """Whether an auditor, in time, found the label that it has now wrong."""
        inspection = self.inspection
        return (
            inspection is not None
            and not inspection.correct
            and not inspection.late
            and inspection.rework >= self.rework
        )


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """What adjudicate said of a unit: see `UnitState` for the fields.

    Attributes:
        regions: where the regions of a ruled label come from, in its order.
        regions_dropped: objects of which nothing is in it.
        referrals: how often it was referred back to annotators in that rework, in order.
    """

    label: str
    rework: int
    method: str
    confidence: float
    evidence: tuple[Evidence, ...]
    overlap_initial: int
    participants: Sequence[str]
    guideline_version: int
    schema_version: int = 1
    at_us: int = 0
    lot_id: str = ""
    regions: tuple[RuledRegion, ...] = ()
    regions_dropped: int = 0
    referrals: tuple[Referral, ...] = ()
    set_aside: tuple[Evidence, ...] = ()

    @property
    def regions_ruled(self) -> RegionsRuled | None:
        """What became of drawn objects; None where nothing was drawn, or nobody ruled."""
        if not self.regions and not self.regions_dropped:
            return None
        return regions_ruled(self.regions, self.regions_dropped)


def admitted(state: UnitState | None, fresh: UnitState) -> UnitState | None:
    """Return the unit once its admission is heard; None when that was heard before, or the unit was erased before.

    Args:
        state: the unit before.
        fresh: what its admission says of it.
    """
    if state is None:
        return fresh
    if state.withdrawn or state.admitted:
        return None
    return msgspec.structs.replace(
        state,
        admitted=True,
        source_id=fresh.source_id,
        gold=fresh.gold,
        text_characters=fresh.text_characters,
        media_type=fresh.media_type,
        admitted_at_us=fresh.admitted_at_us,
        traceparent=fresh.traceparent,
    )


def withdrawn(state: UnitState | None, unit_id: str, project_id: str) -> UnitState:
    """Return the unit once it was erased: nothing of it is audited or leaves."""
    before = state or UnitState(unit_id, project_id)
    return UnitState(unit_id, project_id, admitted=True, withdrawn=True, rework=before.rework, lot_id=before.lot_id)


def resolved(state: UnitState | None, unit_id: str, project_id: str, resolution: Resolution) -> UnitState | None:
    """Return the unit with its resolved label; None when it is erased or a later rework's label is there already."""
    before = state or UnitState(unit_id, project_id)
    if before.withdrawn or (before.method and before.rework >= resolution.rework):
        return None
    annotators = {*resolution.participants, *[evidence.annotator_id for evidence in resolution.evidence]}
    return msgspec.structs.replace(
        before,
        label=resolution.label,
        rework=resolution.rework,
        method=resolution.method,
        confidence=resolution.confidence,
        evidence=resolution.evidence,
        set_aside=resolution.set_aside,
        overlap_initial=resolution.overlap_initial,
        participants=_together(before.participants, annotators),
        guideline_version=resolution.guideline_version,
        schema_version=resolution.schema_version,
        resolved_at_us=resolution.at_us,
        lot_id=before.lot_id or resolution.lot_id,
        regions=resolution.regions_ruled,
    )


def joined(state: UnitState | None, unit_id: str, project_id: str, participant: str) -> UnitState | None:
    """Return the unit once somebody's late label of it is heard of; None when that changes nothing."""
    before = state or UnitState(unit_id, project_id)
    if before.withdrawn or participant in before.participants:
        return None
    return msgspec.structs.replace(before, participants=_together(before.participants, [participant]))


def reidentified(state: UnitState | None, unit_id: str, project_id: str) -> UnitState:
    """Return the unit that somebody asked about: all of it stays as it is."""
    return state or UnitState(unit_id, project_id)


def inspected(state: UnitState | None, inspection: Inspection, judgement: tuple[int, int]) -> UnitState:
    """Return the unit with an auditor's label on it.

    Args:
        state: before.
        inspection: the label.
        judgement: that of its lot which the label would count for, as the lot is known.

    Raises:
        UnitDoesNotExist: no such unit, or none with a label of that rework.
        InspectedOtherwise: it was inspected before.
        BeingJudged: it would count, and is not taken any more for this judgement or a later one: look at the lot anew.
    """
    if state is None or not state.label or state.rework != inspection.rework:
        raise UnitDoesNotExist("There is no such unit to inspect.")
    if state.inspected(inspection.rework):
        raise InspectedOtherwise("The unit was inspected before.")
    if not inspection.late and state.closed is not None and state.closed >= judgement:
        raise BeingJudged
    return msgspec.structs.replace(state, inspection=inspection)


def repeated(state: UnitState | None, second: Inspection, judgement: tuple[int, int]) -> UnitState:
    """Return the unit with a second auditor's label on it, which changes nothing of the first.

    Raises:
        UnitDoesNotExist: no such unit, or none with a label of that rework.
        InspectedOtherwise: nobody is to repeat its inspection, or somebody has; who asked may not.
        BeingJudged: its lot is judged without; look at the lot anew.
    """
    if state is None or not state.label or state.rework != second.rework:
        raise UnitDoesNotExist("There is no such unit to inspect.")
    if not may_repeat(state, second.rework, second.auditor_id) or second.late:
        raise InspectedOtherwise("The unit was inspected before.")
    if state.closed is not None and state.closed >= judgement:
        raise BeingJudged
    return msgspec.structs.replace(state, repeat=second)


def may_repeat(state: UnitState, rework: int, auditor_id: str) -> bool:
    """Return whether an auditor may repeat a unit's inspection: it waits for that, and was another's."""
    first = state.inspection
    return state.awaits_repeat(rework) and first is not None and not has_part((first.auditor_id,), auditor_id)


def closed(state: UnitState | None, judgement: tuple[int, int]) -> UnitState | None:
    """Return the unit once its lot is judged without a verdict on it, or a repeat; None: that changes nothing."""
    if state is None or state.withdrawn or (state.inspected(judgement[0]) and not state.awaits_repeat(judgement[0])):
        return None
    if state.closed is not None and state.closed >= judgement:
        return None
    return msgspec.structs.replace(state, closed=judgement)


def line_digest(line: str) -> str:
    """Return the digest of a line of a ledger: SHA-256 of the very text."""
    return hashlib.sha256(line.encode()).hexdigest()


def _together(before: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*before, *more}))
