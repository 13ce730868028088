"""Adjudicate's bodies, as they travel over HTTP."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

RULINGS_MAX = 100

Json = Any
"""A label as JSON; checked against the project's schema, not here."""
UnitId = Annotated[str, Meta(min_length=1, max_length=200)]
Reason = Annotated[str, Meta(max_length=2_000)]
QuestionId = Annotated[str, Meta(max_length=40)]
RulingOutcome = Literal["label", "unanswerable", "guideline_unclear", "refer_back"]
ReferralTo = Literal["same", "others"]


class Side(msgspec.Struct, frozen=True):
    """One label of an escalated unit and how many gave it; nobody's name."""

    label: Json
    annotations: int
    flags: list[str]


class FieldAnswer(msgspec.Struct, frozen=True):
    """One answer to a field and how many gave it; null for those who left it out, or were not asked it."""

    answer: Json
    annotations: int


class EscalatedField(msgspec.Struct, frozen=True):
    """One field of an escalated unit whose label has several.

    Attributes:
        confidence: of its leading answer; 0 where what it hangs on came to nothing.
        decided: whether there is one, or that there is to be none.
        agreed: whether all annotators say the same in it.
        answers: in random order.
    """

    field: str
    confidence: float
    decided: bool
    agreed: bool
    answers: list[FieldAnswer]


class Referral(msgspec.Struct, frozen=True):
    """That a unit was sent back to annotators before: nobody's name.

    Attributes:
        to: `same`, to those who had labelled it, or `others`.
        sides: what they had said, in random order; none where that is too long to be kept.
    """

    comment: str
    to: ReferralTo
    at: str
    sides: list[Side]


class Escalation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit that waits for a ruling, as an adjudicator sees it.

    Attributes:
        fields: where its label has several.
        referrals: how often it was sent back to annotators since its lot last was, in order.
        referrals_left: how often it still may be.
    """

    unit_id: str
    project_id: str
    payload_url: str
    reason: str
    confidence: float
    leading_label: Json
    sides: list[Side]
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    rework: int
    fields: list[EscalatedField] = []
    schema_version: int = 1
    referrals: list[Referral] = []
    referrals_left: int = 0


class Escalations(msgspec.Struct, frozen=True, omit_defaults=True):
    """Escalations the caller may rule, most to be gained first; `next` is the cursor of those after them, if any.

    A page may hold fewer than were asked for, or none, and have a next one: units that the caller has a part in are
    left out.
    """

    escalations: list[Escalation]
    next: str = ""


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An adjudicator's word on one unit.

    Attributes:
        label: of the outcome `label`, and of no other.
        outcome: `label` settles the unit on it. `unanswerable`: no label is right for it, whatever one knows; it is
            settled, and leaves its lot without one. `guideline_unclear`: the guideline does not say; the unit waits
            until that is answered. `refer_back`: no ruling yet; its labels are set aside, and it goes back to
            annotators, to whom the reason is shown: at most twice, until its lot leaves or is sent back.
        question_id: the question that an unclear unit joins; left out, the one on its annotators' labels.
        to: of a unit that goes back, and of no other: `same`, to those who labelled it, or `others`, who did not.
    """

    reason: Reason
    label: Json | msgspec.UnsetType = msgspec.UNSET
    outcome: RulingOutcome = "label"
    question_id: QuestionId = ""
    to: ReferralTo | msgspec.UnsetType = msgspec.UNSET


class UnitRuling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ruling in a batch: see `Ruling`."""

    unit_id: UnitId
    reason: Reason
    label: Json | msgspec.UnsetType = msgspec.UNSET
    outcome: RulingOutcome = "label"
    question_id: QuestionId = ""
    to: ReferralTo | msgspec.UnsetType = msgspec.UNSET


class Rulings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of rulings, as it is documented; it is read one by one."""

    rulings: Annotated[list[UnitRuling], Meta(max_length=RULINGS_MAX)]


class RulingsSplit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of rulings, each still as it was sent."""

    rulings: Annotated[list[msgspec.Raw], Meta(max_length=RULINGS_MAX)]


class NamedUnit(msgspec.Struct, frozen=True):
    """Which unit a ruling is of that cannot be taken: for its result."""

    unit_id: str = ""


class RuledUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a ruling.

    Attributes:
        status: `ruled` now, `waits` for an answer, `referred` back, `repeated`, or `refused` with field and cure.
        label: of the unit; null where it has none.
        question_id: that it waits for.
    """

    unit_id: str
    status: str
    label: Json = None
    field: str = ""
    problem: str = ""
    cure: str = ""
    question_id: str = ""


class RuledUnits(msgspec.Struct, frozen=True):
    """What became of a batch of rulings, in its order."""

    results: list[RuledUnit]


class ResolvedField(msgspec.Struct, frozen=True):
    """How a field of a label with several stood when its annotators' labels were last weighed."""

    field: str
    confidence: float
    decided: bool


class LabelDecision(msgspec.Struct, frozen=True):
    """One decision by price on a unit, to ask for another label or not to; costs are in labels: one label costs 1.

    Attributes:
        labels: that were in.
        cost: of the unit as it stood: the error that may be left in it, or a ruling.
        expected: cost from there on by going on as long as it is worth it, the labels among it; `cost` where it is not.
        asked: whether another label was asked for.
    """

    labels: int
    cost: float
    expected: float
    asked: bool


class Resolution(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a unit stands. `leading_label` is what its annotators led to, before any ruling.

    `source_id` is the client's own name of the unit; empty once it was erased. `reason` is why a unit is unanswerable,
    `question_id` the question on the guideline that it waits for; `closed`: its escalation was closed with others.
    `schema_version` is the newest version
    of the label schema under which a resolved label can be given as it stands; left out while it is 1. `decisions`: by
    price, in order, of the present rework.
    `referred` is how often an adjudicator sent it back to annotators in the present rework.
    `waits_for` is whom it waits for (annotators, adjudicator, client, operator), `waits` why, as a sentence; both are
    left out of one that is settled.
    """

    unit_id: str
    status: str
    label: Json
    confidence: float
    leading_label: Json
    annotations: int
    rework: int
    source_id: str
    fields: list[ResolvedField] = []
    reason: str = ""
    question_id: str = ""
    closed: bool = False
    schema_version: int = 1
    decisions: list[LabelDecision] = []
    waits_for: str = ""
    waits: str = ""
    referred: int = 0


class AnnotatorWeight(msgspec.Struct, frozen=True):
    """The confusion matrix by which an annotator's labels are weighed, and the answers behind it.

    A matrix of too many classes to be looked at is left out. Of `resolved_units` each is worth less than one of
    `gold_units`: the project's `gold_share` tells how much is from which.
    """

    annotator_id: str
    gold_units: int
    confusion: list[list[float]]
    resolved_units: float = 0.0


class ProjectWeights(msgspec.Struct, frozen=True):
    """What consensus in a project rests on.

    Attributes:
        gold_units: answers of its annotators on hidden gold by which they are weighed.
        next: the `after` of the next page, empty on the last.
        dependence: correlation rho of two annotators' errors on one unit: n labels are worth n / (1 + (n - 1) rho).
        dependence_units: gold units that it rests on; without any it is what is expected of a crowd.
        gold_answers: answers on gold that are in it.
        prevalence_units: units of known class that the mix of classes rests on.
        prevalence_gold_share: the share of these that is hidden gold, and not resolved units; absent without any.
        gold_share: how much of what is known of annotators is from gold, not from resolved units; absent of nothing.
        learnt_until_us: when the newest resolved unit that is in it was resolved; 0 before any.
        fields: where labels have several and none was asked for: those that are weighed; ask for one of them.
    """

    gold_units: int
    annotators: list[AnnotatorWeight]
    next: str = ""
    dependence: float = 0.0
    dependence_units: int = 0
    gold_answers: int = 0
    prevalence_units: int = 0
    prevalence_gold_share: float | None = None
    gold_share: float | None = None
    learnt_until_us: int = 0
    fields: list[str] | msgspec.UnsetType = msgspec.UNSET


class ReasonSpent(msgspec.Struct, frozen=True):
    """Labels spent on the resolved units that were given no more for one reason; see `ProjectSpending`."""

    reason: str
    units: int
    labels: int
    labels_saved: int


class Known(msgspec.Struct, frozen=True):
    """A mean with its 95 % interval; null where it is not known."""

    value: float | None
    low: float | None
    high: float | None


class LabelLedger(msgspec.Struct, frozen=True):
    """What labels were worth, where they are weighed by the posterior: what was expected, and what it came to.

    Attributes:
        certainty: how sure the labels of a resolved unit led at the end, before any ruling, on average.
        fixed_overlap: labels a unit, the same number for each, that make average annotators as sure on average: by what
            is known of the project's annotators now, and classes that are equally frequent. Null: more than 20, or no
            number. Its interval is that of `certainty`.
        labels_at_fixed: that this would have taken of all resolved units; `saved_at_fixed`: less those that were spent.
        units_bought: resolved units of which labels were asked for by price (`policy.consensus.prices`) beyond the
            first.
        expected_gain: what these labels were expected to bring down what the units cost by, all together, themselves
            paid for, when the first of them were asked for; in labels, so that what one label costs is 1.
        real_gain: by how much they did, by the posteriors at the end.
        gain_over_expected: real less expected, a unit: about 0 where what is known of annotators is true.
    """

    certainty: Known
    fixed_overlap: Known
    labels_at_fixed: Known
    saved_at_fixed: Known
    units_bought: int
    expected_gain: float
    real_gain: float
    gain_over_expected: Known


class ProjectSpending(msgspec.Struct, frozen=True):
    """What a project's labels were spent on, over all units that are resolved.

    Attributes:
        units: a unit that was sent back with its lot and resolved again counts again.
        labels: that were asked for and counted; gold and late ones are none of them.
        labels_fixed: that a fixed overlap would have taken: as many a unit as the project allows at most.
        labels_saved: the difference, and by reason: `agreed` (all that came said the same), `weighed` (they did not,
            and who said what was enough), `cap`, `price`, `flagged`, `nobody_left`, `payload_broken` (went to a
            ruling).
        saved_share: of `labels_fixed`; absent before any unit is resolved.
        ledger: absent where labels have no classes, several fields, or are settled by majority.
    """

    units: int
    labels: int
    labels_fixed: int
    labels_saved: int
    saved_share: float | None
    reasons: list[ReasonSpent]
    ledger: LabelLedger | None = None


RULING = msgspec.json.Decoder(Ruling)
RULINGS = msgspec.json.Decoder(RulingsSplit)
UNIT_RULING = msgspec.json.Decoder(UnitRuling)
NAMED_UNIT = msgspec.json.Decoder(NamedUnit)
ESCALATIONS = msgspec.json.Decoder(Escalations)
RULED_UNITS = msgspec.json.Decoder(RuledUnits)
"""What another process of the service answers."""
