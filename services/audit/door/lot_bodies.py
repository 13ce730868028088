"""Audit's bodies of lots, and of what they come to together."""

import msgspec


class PlanTerms(msgspec.Struct, frozen=True):
    """What a lot's plan follows from; the fields are those of `policy.audit`, and the units it was made for.

    Attributes:
        fraction: the share of the lot that its sample is at most, whatever the plan; the policy's by the plan fraction.
        level, inspection: of a plan of ISO 2859-1, its level and how severe it is; empty for others.
    """

    plan: str
    fraction: float
    aql: float
    ltpd: float
    alpha: float
    beta: float
    lot_units: int
    level: str = ""
    inspection: str = ""


class ReReviewBody(msgspec.Struct, frozen=True):
    """Units of a lot whose annotators are at fault for the rejection of another.

    Attributes:
        units: all of them; inspected, errors: by now, and how many of these are wrong.
        left: how many are still to be inspected before the lot may be accepted.
    """

    units: int
    inspected: int
    errors: int
    left: int


class LotBody(msgspec.Struct, frozen=True):
    """Where a lot stands.

    Attributes:
        units: without those that were erased before the lot was accepted, and those that are unanswerable.
        unanswerable: units that were ruled so when the sample was drawn: they have no label and do not leave.
        sample_size: units that may be inspected; `inspected` and `errors` are those so far
            while it is inspected, and else those of the last judgement.
        repeats_waiting: inspections that another auditor is still to repeat, blind, before it can be accepted.
        label_error_rate: of what leaves, once the lot is accepted: value, low, high.
        erased_since: units that were erased after that; corrected_since: that a recheck found wrong.
        problem: why it stands still, as a sentence; empty while it does not.
        plan_terms: of its plan; none before its sample is drawn.
        inspection: by a plan of ISO 2859-1, how severe its sample is: normal, tightened or reduced; empty by others.
        waits_for: whom it waits for: people (annotators, or an adjudicator where they do not agree), annotators,
            auditor, another_auditor, operator, client, or acceptances of other lots; empty where it waits for nobody.
        waits: the same as a sentence with its reason.
        sealed_at: when it was put together; none where that was before lots told so.
        held: whether it is not accepted before some units were looked at, whose annotators are at fault for others.
        held_for: these rejected lots, as they were when it was held last.
        re_review: the units meant, while it is inspected; none where it was not held.
    """

    lot_id: str
    project_id: str
    status: str
    units: int
    rework: int
    rejections: int
    plan: str
    sample_size: int
    inspected: int
    errors: int
    corrected: int
    label_error_rate: dict[str, float | None] | None
    accepted_at: str | None
    erased_since: int
    problem: str
    plan_terms: PlanTerms | None
    inspection: str
    unanswerable: int = 0
    waits_for: str = ""
    waits: str = ""
    repeats_waiting: int = 0
    sealed_at: str | None = None
    held: bool = False
    held_for: list[str] = []
    re_review: ReReviewBody | None = None
    corrected_since: int = 0


class RateBody(msgspec.Struct, frozen=True):
    """A label error rate with its 95 % interval; without a value, the reason."""

    value: float | None
    low: float | None
    high: float | None
    units: int
    reason: str


class RepeatsBody(msgspec.Struct, frozen=True):
    """What a second auditor said, blind, of inspections that were repeated; all 0 where none were.

    Attributes:
        repeated, agreed: inspections that were repeated, and those of which the second said what the first had said.
        found_wrong, confirmed: repeated ones that had found a wrong label, and those whose own label the second gave.
        found_right, overturned: repeated ones that had found the label right, and those that the second found wrong.
        by_their_word: the label error rate as it would be if auditors did not err.
    """

    repeated: int
    agreed: int
    found_wrong: int
    confirmed: int
    found_right: int
    overturned: int
    by_their_word: RateBody


class RecheckBody(msgspec.Struct, frozen=True):
    """Units that have left and are inspected once more, as something had drifted or a lot was rejected.

    Attributes:
        status: gathering, until so many units as are wanted were accepted since; rechecking; rechecked.
        measure, category: what has drifted, and the category whose share has grown most, as drift tells them; `radius`
            for one of the radius of a rejection.
        since: of units from when on; raised_at: when the drift was told, or the lot rejected.
        wanted: how many units are to be inspected; of a radius first, and all `units` where one of these is wrong.
        units: how many it has, without those erased since.
        among: of how many units of accepted lots, which nobody had inspected, these are a random part.
        inspected, changed: once it is rechecked: how many auditors have labelled, and how many of them otherwise.
        changed_unit_ids: these.
        changed_rate: their share of all `among`, with its interval.
        rejected_lot_id, annotator_ids: of a radius: for which rejection, and whose labels are meant.
    """

    lot_id: str
    status: str
    measure: str
    category: str
    since: str
    raised_at: str
    wanted: int
    among: int
    units: int
    inspected: int
    changed: int
    changed_unit_ids: list[str]
    changed_rate: RateBody | None
    rejected_lot_id: str = ""
    annotator_ids: list[str] = []


class Rechecks(msgspec.Struct, frozen=True):
    """A project's rechecks, the newest first: 50 at most."""

    rechecks: list[RecheckBody]


class Together(msgspec.Struct, frozen=True):
    """What a project's lots come to together, and how severely the next one is inspected.

    Attributes:
        lots, units: that left.
        inspected, errors_found: on the inspections on which they did.
        rejections: a lot that was rejected twice counts twice.
        label_error_rate: of all that left, errors found put right: docs/certificates.md.
        inspection: by ISO 2859-1: normal, tightened, reduced or discontinued; normal for other plans.
        score: the switching score of normal inspection; at 30 it is reduced, where the project lets it.
        last_verdicts: of the last five lots under this severity, the oldest first; true for those accepted.
        rejected_tightened: lots rejected since inspection was tightened; at 5 it is discontinued.
        switched_by: the lot by whose verdict the severity changed last; empty if it never did.
        reason: why inspection was resumed last; empty if it never was.
        repeats: how far auditors agree who do not see each other; the interval allows for it.
    """

    project_id: str
    lots: int
    units: int
    inspected: int
    errors_found: int
    rejections: int
    label_error_rate: RateBody
    inspection: str
    score: int
    last_verdicts: list[bool]
    rejected_tightened: int
    switched_by: str
    reason: str
    repeats: RepeatsBody


class Lots(msgspec.Struct, frozen=True):
    """A page of a project's lots; `next` is what to send as `after` for the next one, none after the last.

    Attributes:
        together: what all of the project's lots come to, those on other pages among them.
    """

    lots: list[LotBody]
    next: str | None
    together: Together
