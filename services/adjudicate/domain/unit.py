"""A unit on its way to one label: annotations come in, one decision a round goes out.

How many annotations a unit gets is decided here and nowhere else: assign starts with what it knew at the unit's
admission, tells with every annotation how many it has been asked for, and is asked for more when that is too few.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.labels.digest import label_digest
from services.adjudicate.domain.consensus import FieldStanding, Leading
from services.adjudicate.domain.objects import Regions
from services.adjudicate.domain.rule import PassedOver, Referral, Rule
from services.adjudicate.domain.worth import Step, step_of, stepped

FLAGS_TO_ESCALATE = 2
BROKEN_MIN = 2
"""So many people must have said of a unit that it is broken: one may have lost their connection."""
ROUND_LABEL_BYTES_MAX = 2_000_000
"""Labels of one round, together: with more the record would outgrow the store, so a person decides."""

Status = Literal["open", "consensus", "escalated", "adjudicated", "unanswerable", "gold", "withdrawn"]
Verdict = Literal["overlap_requested", "consensus", "escalated", "recorded"]
LABELLED: frozenset[str] = frozenset({"consensus", "adjudicated"})
RESOLVED = LABELLED | {"unanswerable"}
"""How a unit stands that is settled; one that is unanswerable has no label."""


class Annotation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One label that counts.

    Attributes:
        label: canonical JSON text; empty once the unit was sent back, for then nothing is decided by it any more.
        digest: what stands for the label, also where it is not kept.
        schema_version: under which it was given; the label is in its names.
        model: a model gave it.
        revision: which word of its annotator's it is: 0 the first.
        referral: how often the unit had been referred back, in that rework, when it was given out.
    """

    annotation_id: str
    annotator_id: str
    label: str
    guideline_version: int
    rework: int = 0
    flag: str = ""
    digest: str = ""
    schema_version: int = 1
    model: bool = False
    revision: int = 0
    referral: int = 0


class UnitState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit as adjudicate knows it, whichever of its events came first.

    Attributes:
        admitted: whether its admission was heard; nothing is decided before.
        source_id: the client's own name of it; empty once it is erased.
        named: how many annotators its admission names, beyond whom nobody may be asked; 0 where it names none.
        page: the page of its project's list that it stands on.
        text_characters: code points of its text; None where it is no text or lies elsewhere.
        annotations: the labels of every round that counted, in the order in which they came in.
        late: who sent a label that did not count.
        may_submit: who held the unit when it was closed, and can still send a label that will not count.
        labelling_ended: whether assign has said that the escalated unit is given to nobody any more.
        stranded: nobody is left who could give the labels that it lacks.
        rework: how often its lot was sent back; only annotations of this rework count.
        referrals: how often, since then, it was referred back; labels of before the last one are set aside.
        overlap_asked: annotations that assign has been asked for, as far as is known; 0 while nothing is.
        overlap_initial: annotations that were asked for in this round before any was looked at; 0 until one was.
        overlap_max: the most that might be asked for when they were last weighed.
        decided_round: annotations that were in when they were last weighed.
        alike: whether all of them said exactly the same then, under whichever version of the label schema.
        label: the resolved label, or the leading one of an escalated unit; canonical JSON text, empty for none.
        leading_label: what led before an adjudicator ruled.
        fields: how each field of a label with several stood when it was last weighed.
        steps: its decisions by price.
        rulers: who ruled it, or asked a question about it, in any rework.
        question_id: of the question on the guideline that it waits for; empty while it waits for none.
        closed_by: who closed it on its leading label, with others; empty where nobody did.
        led_with: how sure its leading label was before an adjudicator ruled.
        regions: of a label that an adjudicator ruled, where what is drawn in it comes from.
        repeat: whether its ruling is to be given by a second adjudicator, too, or was; by whom, and its `Word.digest`.
        policy_revision: of the project, by whose policy it was last decided on.
        decided_at_us: when it was last settled, escalated or ruled.
        schema_version: the newest under which its resolved label can be given as it stands.
        unclear: who passed it over since it was sent back, for the guideline does not say how it is to be labelled.
        broken: likewise, for it cannot be read, seen or heard.
        gold: whether its label was chosen to be a known one, or declined, or does not stand any more; by whom, and why.
        traceparent: W3C trace context under which it was admitted; empty when nobody traces.
    """

    unit_id: str
    project_id: str
    admitted: bool = False
    status: Status = "open"
    source_id: str = ""
    named: int = 0
    page: str = ""
    annotations: tuple[Annotation, ...] = ()
    late: tuple[str, ...] = ()
    may_submit: tuple[str, ...] = ()
    labelling_ended: bool = False
    stranded: bool = False
    rework: int = 0
    overlap_asked: int = 0
    overlap_initial: int = 0
    overlap_max: int = 0
    decided_round: int = 0
    alike: bool = False
    label: str = ""
    confidence: float = 0.0
    leading_label: str = ""
    fields: tuple[FieldStanding, ...] = ()
    steps: tuple[Step, ...] = ()
    escalated_for: str = ""
    adjudicator_id: str = ""
    ruling_reason: str = ""
    rulers: tuple[str, ...] = ()
    question_id: str = ""
    closed_by: str = ""
    led_with: float = 0.0
    regions: Regions | None = None
    repeat: Literal["", "waits", "done"] = ""
    repeated_by: str = ""
    repeated_digest: str = ""
    policy_revision: int = 0
    decided_at_us: int = 0
    schema_version: int = 1
    traceparent: str = ""
    text_characters: int | None = None
    gold: Literal["", "chosen", "declined", "dropped"] = ""
    gold_by: str = ""
    gold_reason: str = ""
    unclear: tuple[PassedOver, ...] = ()
    broken: tuple[PassedOver, ...] = ()
    referrals: tuple[Referral, ...] = ()

    def counted(self) -> tuple[Annotation, ...]:
        """Return the annotations that count now."""
        now = self.rework, len(self.referrals)
        return tuple([given for given in self.annotations if (given.rework, given.referral) == now])

    def set_aside(self) -> tuple[Annotation, ...]:
        """Return the annotations of this rework that were given before it was last referred back."""
        rework, now = self.rework, len(self.referrals)
        return tuple([given for given in self.annotations if given.rework == rework and given.referral < now])

    @property
    def annotators(self) -> tuple[str, ...]:
        """Whoever annotated it in any round, counted or late, or may still send a label of it."""
        return tuple(dict.fromkeys((*(voice.annotator_id for voice in self.annotations), *self.late, *self.may_submit)))

    @property
    def participants(self) -> tuple[str, ...]:
        """Everybody who had a part in it: its annotators, and whoever ruled it in any round."""
        return tuple(dict.fromkeys((*self.annotators, *self.rulers)))

    @property
    def begun(self) -> bool:
        """Whether labels have come in for a decision that is still to be taken."""
        if not self.admitted or self.status != "open" or not self.annotations:
            return False
        last = self.annotations[-1]  # in the order of reworks, and of referrals
        return (last.rework, last.referral) == (self.rework, len(self.referrals))

    @property
    def is_open(self) -> bool:
        """Whether it waits for a label after its first one, a ruling, or its admission: what a start has to know of."""
        return self.begun or self.status == "escalated" or self.repeat == "waits" or self.unheard

    @property
    def unheard(self) -> bool:
        """Whether something was told of it before its admission was heard."""
        return not self.admitted and self.status == "open"


class Admission(NamedTuple):
    """A unit as its admission describes it."""

    unit_id: str
    project_id: str
    gold: bool
    source_id: str = ""
    page: str = ""
    traceparent: str = ""
    named: int = 0
    text_characters: int | None = None


class Judged(NamedTuple):
    """A decision of one round: the new state, and what is to be told.

    Attributes:
        joined: who has a part in the unit since it was resolved.
    """

    state: UnitState
    verdict: Verdict
    joined: tuple[str, ...] = ()


Weigh = Callable[[Sequence[Annotation]], Leading]


def admitted(state: UnitState | None, admission: Admission, rule: Rule, weigh: Weigh) -> Judged:
    """Return what follows when the unit's admission is heard; a gold unit is never resolved, and keeps no labels."""
    before = state or UnitState(admission.unit_id, admission.project_id)
    if before.admitted or before.status == "withdrawn":
        return Judged(before, "recorded")
    after = msgspec.structs.replace(
        before,
        admitted=True,
        source_id=admission.source_id,
        named=admission.named,
        page=admission.page,
        traceparent=admission.traceparent,
        text_characters=admission.text_characters,
    )
    if admission.gold:
        return Judged(msgspec.structs.replace(after, status="gold", annotations=(), late=()), "recorded")
    return judged(after, rule, weigh)


def annotated(
    state: UnitState | None,
    unit_id: str,
    project_id: str,
    annotation: Annotation,
    rule: Rule,
    weigh: Weigh,
    *,
    overlap_asked: int = 0,
    late: bool = False,
) -> Judged | None:
    """Return what follows when an annotation is in; None when nothing does, as for gold units, which metrics counts.

    Args:
        state: the unit.
        unit_id: its id.
        project_id: its project.
        annotation: the label and whose it is.
        rule: the project's policy as of now.
        weigh: tells which label leads.
        overlap_asked: how many annotations assign says that it was asked for; 0 when it does not say.
        late: assign did not count it: its round was full or over.
    """
    before = state or UnitState(unit_id, project_id)
    if before.status in ("gold", "withdrawn"):
        return None
    if annotation.rework > before.rework:
        # Its lot was rejected; that news is still on its way.
        before = reopened(before, annotation.rework)
    if any(known.annotation_id == annotation.annotation_id for known in before.annotations):
        return None  # a revision of it was heard of first
    earlier = (annotation.rework, annotation.referral) < (before.rework, len(before.referrals))
    if late or earlier or before.status in RESOLVED:
        return _joined(before, annotation.annotator_id)
    kept = msgspec.structs.replace(annotation, digest=label_digest(annotation.label.encode()))
    after = msgspec.structs.replace(
        before,
        annotations=(*before.annotations, kept),
        overlap_asked=max(before.overlap_asked, overlap_asked),
        stranded=False,
    )
    return judged(after, rule, weigh)


def _joined(state: UnitState, annotator_id: str) -> Judged | None:
    """Return the unit with somebody's part in it noted, whose label does not count; None when it was known before."""
    counted = any(annotation.annotator_id == annotator_id for annotation in state.annotations)
    if counted or annotator_id in state.late:
        return None
    known = annotator_id in state.may_submit
    after = msgspec.structs.replace(state, late=(*state.late, annotator_id))
    return Judged(after, "recorded", (annotator_id,) if state.status in RESOLVED and not known else ())


def judged(state: UnitState, rule: Rule, weigh: Weigh) -> Judged:
    """Decide what is to be decided by today's policy: said again, with nothing new, it decides nothing.

    A unit is weighed as soon as it has as many annotations as the project asks for first, or as there can be, or two
    flags; it is asked for more as soon as assign is known to have been asked for fewer than today's policy wants.
    One that was referred back, and that nobody is left to label, goes to an adjudicator without labels, too.
    Labels that no longer say one thing, for their class was split, are as none: others are asked for in their place.
    """
    counted = state.counted()
    if len(state.broken) >= BROKEN_MIN and state.admitted and state.status == "open":
        return _escalated(msgspec.structs.replace(state, decided_round=len(counted)), "payload_broken")
    if not counted and state.stranded and state.referrals and state.admitted and state.status == "open":
        return _escalated(state, "nobody_left")
    if not counted or not state.admitted or state.status != "open":
        return Judged(state, "recorded")
    if rule.says is not None and (aside := sum(not rule.says(annotation.label) for annotation in counted)):
        rule = rule._replace(overlap_initial=rule.overlap_initial + aside, overlap_max=rule.overlap_max + aside)
    if names := len(state.referrals[-1].names) if state.referrals else 0:
        rule = rule._replace(overlap_initial=names, overlap_max=names)
    elif state.named:
        rule = rule._replace(overlap_max=min(rule.overlap_max, state.named))
    need = min(rule.overlap_initial, rule.overlap_max)
    if not state.decided_round:
        # Of one that was referred back it stays what was asked for before anybody had looked at any.
        initial = (state.referrals and state.overlap_initial) or need
        state = msgspec.structs.replace(state, overlap_initial=initial, overlap_asked=state.overlap_asked or need)
    flagged = sum(bool(annotation.flag) for annotation in counted) >= FLAGS_TO_ESCALATE
    full = sum(len(annotation.label) for annotation in counted) >= ROUND_LABEL_BYTES_MAX
    if len(counted) < need and not (flagged or state.stranded or full):
        return _asked(state, need)
    return _weighed(state, counted, rule, weigh(counted), flagged=flagged, full=full)


def _asked(state: UnitState, wanted: int) -> Judged:
    if state.overlap_asked >= wanted:
        return Judged(state, "recorded")
    return Judged(msgspec.structs.replace(state, overlap_asked=wanted), "overlap_requested")


def _weighed(
    state: UnitState, counted: Sequence[Annotation], rule: Rule, best: Leading, *, flagged: bool, full: bool
) -> Judged:
    rounds = len(counted)
    label = "" if best.label is None else msgspec.json.encode(best.label, order="deterministic").decode()
    decided = msgspec.structs.replace(
        state,
        overlap_max=rule.overlap_max,
        decided_round=rounds,
        alike=best.alike,
        label=label,
        confidence=best.confidence,
        leading_label=label,
        fields=best.fields,
    )
    if flagged:
        return _escalated(decided, "flagged")
    humans = rounds - sum([annotation.model for annotation in counted])
    enough = rounds >= min(rule.overlap_initial, rule.overlap_max) and humans >= rule.humans_min
    left = 0 if full or state.stranded else rule.overlap_max - rounds
    # Where labels have no classes nothing is weighed, and prices say no more than from which support on it is settled.
    if (step := step_of(rule.prices, best.outlook, rounds, left)) is not None and enough:
        decided = msgspec.structs.replace(decided, steps=stepped(state.steps, step))
        if step.goes_on:
            return _asked(decided, rounds + 1)
    if label and best.confidence >= rule.confidence and enough:
        return Judged(msgspec.structs.replace(decided, status="consensus"), "consensus")
    if rounds >= rule.overlap_max or full:
        return _escalated(decided, "no_consensus")
    if state.stranded:
        return _escalated(decided, "nobody_left")
    goes_on = humans < rule.humans_min or step is None
    return _asked(decided, rounds + 1) if goes_on else _escalated(decided, "price")


def _escalated(state: UnitState, reason: str) -> Judged:
    return Judged(msgspec.structs.replace(state, status="escalated", escalated_for=reason), "escalated")


def reopened(state: UnitState, rework: int) -> UnitState:
    """Return the unit after its lot was sent back: who labelled it is kept, and labels are asked for anew."""
    if state.rework >= rework or state.status in ("gold", "withdrawn"):
        return state
    return msgspec.structs.replace(
        anew(state),
        rework=rework,
        annotations=tuple(msgspec.structs.replace(annotation, label="", flag="") for annotation in state.annotations),
        overlap_initial=0,
        referrals=(),
    )


def anew(state: UnitState) -> UnitState:
    """Return the unit as one that nothing was decided on; which of its labels count is the caller's to say."""
    return msgspec.structs.replace(
        state,
        status="open",
        labelling_ended=False,
        stranded=False,
        overlap_asked=0,
        overlap_max=0,
        decided_round=0,
        label="",
        confidence=0.0,
        leading_label="",
        fields=(),
        steps=(),
        escalated_for="",
        adjudicator_id="",
        ruling_reason="",
        question_id="",
        closed_by="",
        regions=None,
        repeat="",
        repeated_by="",
        unclear=(),
        broken=(),
    )
