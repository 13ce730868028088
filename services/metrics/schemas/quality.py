"""Bodies of what is measured every second."""

from datetime import UTC, datetime

import msgspec

from concord.chassis.clock import MICROSECONDS
from concord.quality.calibration import EDGES, Bin
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson


class Estimated(msgspec.Struct, frozen=True):
    """A measure with its 95 % interval.

    Attributes:
        value: absent where these data do not define it; then reason says why.
        units: what it rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int
    method: str
    reason: str

    @classmethod
    def of(cls, found: Estimate) -> "Estimated":
        """Return the estimate's body."""
        return cls(found.value, found.low, found.high, found.units, found.method, found.reason)

    @classmethod
    def on_gold(cls, found: Estimate, gold_units: int) -> "Estimated":
        """Return an accuracy's body: without a gold unit there is the prior alone, which says nothing of a person."""
        if gold_units:
            return cls.of(found)
        return cls(None, None, None, 0, found.method, "not known: no gold unit was labelled")


class Lots(msgspec.Struct, frozen=True):
    """What became of lots."""

    sealed: int
    accepted: int
    rejections: int
    inspected: int
    errors: int


class Promised(msgspec.Struct, frozen=True):
    """A target of the contract.

    Attributes:
        target: which measure; alpha and the audit pass rate are to be the limit at least, the others at most.
        standing: "met" (the whole interval is on the right side), "missed" (the whole of it is on the wrong one),
            "unsure" (the limit is within it), or "too few" units to judge.
        breached: whether a breach was told (TargetBreached) and no recovery since: a miss that has held for a minute.
        since: when that was told, RFC 3339; absent when nothing ever was.
    """

    target: str
    limit: float
    standing: str
    found: Estimated
    breached: bool
    since: str | None


class Alert(msgspec.Struct, frozen=True):
    """Something that is broken now.

    Attributes:
        project_id: in which project.
        target: which promise is missed, or `drift/` and what has moved.
        limit, found: of a promise that was measured: what it is to be, and what it is.
        since: when it was told, RFC 3339.
    """

    project_id: str
    target: str
    limit: float | None
    found: Estimated | None
    since: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Return where it stands in the list: what has been broken longest comes first."""
        return self.since, self.project_id, self.target


class AlertList(msgspec.Struct, frozen=True):
    """A page of what is broken in the caller's projects, the longest first; `next` is the cursor of the rest."""

    alerts: list[Alert]
    next: str


ALERT_LIST = msgspec.json.Decoder(AlertList)


class StatedConfidence(msgspec.Struct, frozen=True):
    """Audited units that consensus settled and that were stated to be about equally sure: a point of the curve.

    Attributes:
        stated_from: where the bin begins; it ends where the next begins.
        stated: what was stated of them, on average.
        right: the share that auditors found right, with its 95 % interval.
    """

    stated_from: float
    units: int
    stated: float
    right: Estimated

    @classmethod
    def of(cls, found: Bin) -> "StatedConfidence":
        """Return a bin's body."""
        right = Estimated.of(wilson(found.right, found.units))
        return cls(EDGES[found.place], found.units, found.stated / found.units, right)


class FieldQuality(msgspec.Struct, frozen=True):
    """The quality of one field of labels that have several.

    Attributes:
        alpha, percent_agreement: over the units in which annotators were asked it.
        gold_annotations: answers to it on gold units that answer it, and how many of them are right.
    """

    field: str
    alpha: Estimated
    percent_agreement: Estimated
    gold_annotations: int
    gold_correct: int


class VersionQuality(msgspec.Struct, frozen=True):
    """Agreement under one version of the label schema: of the units whose labels were all given under it.

    Attributes:
        alpha, percent_agreement: of the labels as they were given, in that version's classes.
    """

    schema_version: int
    alpha: Estimated
    percent_agreement: Estimated


class Quality(msgspec.Struct, frozen=True):
    """The quality of a project.

    Attributes:
        fleiss_kappa, gwet_ac1: of the same labels as alpha, where they have classes.
        prevalence_note: a sentence where one label prevails so much that kappa and alpha mislead; else empty.
        annotations: all, gold and late ones among them.
        annotations_counted: those of each unit's present round that came in time; agreement rests on the first of them,
            as many as were asked for before any was looked at.
        units_escalated: those that wait for a ruling.
        units_unanswerable: those that an adjudicator ruled to have no right label; they leave without one.
        confidence_gap: stated confidence less the share that auditors found right, of units that consensus settled, by
            lots: above 0 more was claimed than is right.
        confidence_curve: the same by how sure they were said to be, over the units that auditors saw.
        labels_saved: against the project's overlap at most for every settled unit; the share is of those.
        freshness_p95_seconds: from a label being given to its being in these numbers.
        newest_at, computed_at: RFC 3339; of the newest label that is in, and of the numbers.
        fields: of each, where labels have several; absent else.
        schema_versions: of each version of the label schema, the newest ten, oldest first; absent where it has had one.
        units_of_several_versions: units that are under none of these, for their labels are of several; likewise.
    """

    project_id: str
    alpha: Estimated
    percent_agreement: Estimated
    fleiss_kappa: Estimated
    gwet_ac1: Estimated
    prevalence_note: str
    annotations: int
    annotations_counted: int
    gold_annotations: int
    gold_correct: int
    units_consensus: int
    units_adjudicated: int
    units_escalated: int
    units_unanswerable: int
    lots: Lots
    label_error_rate: Estimated
    confidence_gap: Estimated
    confidence_curve: list[StatedConfidence]
    audit_pass_rate: Estimated
    targets: list[Promised]
    labels_saved: int
    labels_saved_share: float | None
    turnaround_p50_seconds: int | None
    turnaround_p95_seconds: int | None
    freshness_p95_seconds: float | None
    newest_at: str | None
    computed_at: str
    fields: list[FieldQuality] | msgspec.UnsetType = msgspec.UNSET
    schema_versions: list[VersionQuality] | msgspec.UnsetType = msgspec.UNSET
    units_of_several_versions: int | msgspec.UnsetType = msgspec.UNSET


class Tired(msgspec.Struct, frozen=True):
    """What the fatigue charts say of an annotator; only where the project asks people for breaks.

    Attributes:
        slower, less_accurate: than is usual for this annotator, for longer than chance would have it.
        unjudged: why a chart does not run yet.
        break_kind: of the newest break: "break" or "rotation" to other work; empty when none was ever due.
        break_reason: as the annotator is told it.
        break_until: RFC 3339.
    """

    slower: bool
    less_accurate: bool
    unjudged: tuple[str, ...]
    break_kind: str
    break_reason: str
    break_until: str | None


class AnnotatorField(msgspec.Struct, frozen=True):
    """An annotator in one field of labels that have several, on the gold units that answer it."""

    field: str
    gold_units: int
    gold_correct: int
    accuracy: Estimated
    expected_accuracy: float | None


class Annotator(msgspec.Struct, frozen=True):
    """One annotator in a project: competence on gold, and pace.

    Attributes:
        kind: "human" or "model"; absent where the annotator was never defined.
        expected_accuracy: on the project's mix of classes, a beginner's drawn to the crowd's; absent without classes.
        active_ms_median: to three digits; zero where no time was told.
        fields: the same of each field, where labels have several; absent else.
    """

    annotator_id: str
    kind: str | None
    gold_units: int
    gold_correct: int
    accuracy: Estimated
    expected_accuracy: float | None
    annotations: int
    active_ms_median: int
    fatigue: Tired | None = None
    fields: list[AnnotatorField] | msgspec.UnsetType = msgspec.UNSET


class Annotators(msgspec.Struct, frozen=True):
    """Some of a project's annotators, by id, and after which the list goes on."""

    project_id: str
    annotators: list[Annotator]
    next: str | None = None


def time_of(at_us: int) -> str:
    """Return a moment as RFC 3339."""
    return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
