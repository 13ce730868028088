"""Bodies of what surveys say: pairs, drift, bias, suggestions."""

from typing import Annotated

import msgspec

from concord.quality.clustered import Difference
from services.metrics.domain.anchoring import Anchored, Bend
from services.metrics.domain.bias import Contrast
from services.metrics.domain.drift import DRIFT_LIMIT, Drifted, Window, shown
from services.metrics.domain.pairs import Apart, Pairs
from services.metrics.domain.position import Favoured, Favouring
from services.metrics.domain.sliced import Sliced
from services.metrics.schemas.quality import Estimated, time_of

Said = Annotated[msgspec.Raw, msgspec.Meta(description="A label as JSON.")]
"""What somebody said, as it was kept."""


class PairAgreement(msgspec.Struct, frozen=True):
    """How far two annotators agree on the units that both labelled, of those that were asked of every unit.

    Attributes:
        kappa: Cohen's, weighted by squares where classes have an order.
        agreement: share of the units on which both said the same.
        units: that both labelled.
    """

    first: str
    second: str
    kappa: Estimated
    agreement: Estimated
    units: int


class PairsOfField(msgspec.Struct, frozen=True):
    """Pairs of annotators in the labels, or in one field of them.

    Attributes:
        field: which; empty: the whole label.
        pairs: the hundred that share the most units, those first.
        pairs_met: how many share a unit, of those that are counted.
        pairs_counted: which part of all pairs is counted: a random one, where there are too many.
    """

    field: str
    pairs: list[PairAgreement]
    pairs_met: int
    pairs_counted: float

    @classmethod
    def of(cls, found: Pairs) -> "PairsOfField":
        """Return the body."""
        pairs = [
            PairAgreement(
                pair.first, pair.second, Estimated.of(pair.kappa), Estimated.of(pair.agreement), pair.kappa.units
            )
            for pair in found.pairs
        ]
        return cls(found.field, pairs, found.met, found.counted)


class AgreementOfPairs(msgspec.Struct, frozen=True):
    """A project's pairs of annotators, as of `computed_at` (RFC 3339)."""

    project_id: str
    fields: list[PairsOfField]
    computed_at: str


class UnitApart(msgspec.Struct, frozen=True):
    """A unit on which two annotators disagree.

    Attributes:
        first, second: what each said.
        at: when the later of them did, RFC 3339.
        settlement: "consensus", "adjudicated", "escalated", "unanswerable"; empty while it is not settled.
    """

    unit_id: str
    first: Said
    second: Said
    at: str
    settlement: str

    @classmethod
    def of(cls, found: Apart) -> "UnitApart":
        """Return the body."""
        labels = msgspec.Raw(found.first.encode()), msgspec.Raw(found.second.encode())
        return cls(found.unit_id, *labels, time_of(found.at_us), found.settlement)


class UnitsApart(msgspec.Struct, frozen=True):
    """On which units two annotators disagree, by the units' ids.

    Attributes:
        both, disagreed: units that both labelled, and on which they said something else; 0 where a random part of
            pairs is counted, and not this one.
        listed: of these those whose lot is not settled for good: they are listed, the others have their lineage.
    """

    project_id: str
    field: str
    both: int
    disagreed: int
    listed: int
    units: list[UnitApart]
    next: str
    computed_at: str


class AgreementInPart(msgspec.Struct, frozen=True):
    """Agreement in one part of a project, of the labels that were asked of every unit.

    Attributes:
        by: "class" (against all others), "time", "slice" (the units' stratum), "guideline" (units whose labels
            were all given under one version of it), or "kind", "vendor", "language" of annotators, among themselves.
        part: which; of a class its canonical JSON, of the guideline its version, empty of a window of time.
        alpha: Krippendorff's.
        agreement: share of pairs of labels that are equal.
        start, end: RFC 3339, of a window of time: when units got their first label.
    """

    by: str
    part: str
    alpha: Estimated
    agreement: Estimated
    start: str | None
    end: str | None

    @classmethod
    def of(cls, found: Sliced) -> "AgreementInPart":
        """Return the body."""
        span = (time_of(found.from_us), time_of(found.until_us)) if found.until_us else (None, None)
        return cls(found.by, found.part, Estimated.of(found.alpha), Estimated.of(found.agreement), *span)


class PartsOfField(msgspec.Struct, frozen=True):
    """Agreement in parts, of the labels or of one field of them; `reason` says why there are none."""

    field: str
    parts: list[AgreementInPart]
    reason: str


class AgreementInParts(msgspec.Struct, frozen=True):
    """Agreement in parts of a project, as of `computed_at` (RFC 3339)."""

    project_id: str
    fields: list[PartsOfField]
    computed_at: str


class WindowBody(msgspec.Struct, frozen=True):
    """Units of a span of event time.

    Attributes:
        start, end: RFC 3339.
        units: how many.
        shares: of the most frequent categories.
    """

    start: str
    end: str
    units: float
    shares: dict[str, float]

    @classmethod
    def of(cls, found: Window) -> "WindowBody":
        """Return the body."""
        return cls(time_of(found.from_us), time_of(found.until_us), round(found.units, 6), shown(found))


class MeasureDrift(msgspec.Struct, frozen=True):
    """One measure of what comes in, or of how it is labelled: the newest units against the first.

    Attributes:
        measure: "labels" (with "/field" where labels have several), or "content_length" (2^(n - 1) to 2^n - 1
            characters), "media_type", "stratum", "suggested_label", "uncertainty" (in tenths).
        found: whether it has drifted: the index is the limit or more, and chance is no explanation.
        psi: population stability index; absent where there are too few units, then reason says so.
        p_value: by chi-square; `adjusted` with all measures looked at together (Benjamini and Hochberg).
    """

    measure: str
    found: bool
    psi: float | None
    limit: float
    p_value: float | None
    adjusted: float | None
    reference: WindowBody | None
    current: WindowBody | None
    reason: str

    @classmethod
    def of(cls, found: Drifted) -> "MeasureDrift":
        """Return the body."""
        before, now = (None if window is None else WindowBody.of(window) for window in (found.reference, found.current))
        tests = found.p_value, found.adjusted
        return cls(found.measure, found.is_found, found.psi, DRIFT_LIMIT, *tests, before, now, found.reason)


class Drift(msgspec.Struct, frozen=True):
    """What has moved in a project, as of `computed_at` (RFC 3339)."""

    project_id: str
    measures: list[MeasureDrift]
    computed_at: str


class DifferenceBody(msgspec.Struct, frozen=True):
    """Two rates beside each other: the first less the second with its 95 % interval.

    Attributes:
        p_value: chance of as much where there is no difference; `adjusted` with all that is compared together.
        reason: why nothing is said; empty where something is.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    adjusted: float | None
    reason: str

    @classmethod
    def of(cls, found: Difference, adjusted: float | None) -> "DifferenceBody":
        """Return the body."""
        return cls(found.value, found.low, found.high, found.p_value, adjusted, found.reason)


class ContrastBody(msgspec.Struct, frozen=True):
    """A group of annotators, or a slice of the data, beside the rest of its kind.

    Attributes:
        field: of labels that have several; else empty.
        by: "kind", "vendor" or "language" of annotators, or "slice" (the units' stratum).
        within: the slice to which annotators are compared; absent: over all.
        measure: "error" on gold, or how often a "label" is given, then `label` says which.
        found: whether chance is no explanation, with all that is compared together.
    """

    field: str
    by: str
    group: str
    within: str | None
    measure: str
    label: msgspec.Raw | None
    rate: Estimated
    rest: Estimated
    difference: DifferenceBody
    found: bool

    @classmethod
    def of(cls, contrast: Contrast) -> "ContrastBody":
        """Return the body."""
        about = contrast.field, contrast.by, contrast.group, contrast.within, contrast.measure, _json(contrast.label)
        rates = Estimated.of(contrast.rate), Estimated.of(contrast.rest)
        return cls(*about, *rates, DifferenceBody.of(contrast.difference, contrast.adjusted), contrast.is_found)


class Bent(msgspec.Struct, frozen=True):
    """A rate where suggestions are shown, and in the random arm from which they are kept.

    Attributes:
        label: where it is looked at: what was suggested; absent: all suggestions.
    """

    label: msgspec.Raw | None
    shown: Estimated
    hidden: Estimated
    difference: DifferenceBody

    @classmethod
    def of(cls, found: Bend) -> "Bent":
        """Return the body."""
        rates = Estimated.of(found.shown), Estimated.of(found.hidden)
        return cls(_json(found.label), *rates, DifferenceBody.of(found.difference, found.adjusted))


class Anchoring(msgspec.Struct, frozen=True):
    """How far shown suggestions bend the labels, or the answers to one field.

    Attributes:
        field: which; empty: the whole label.
        followed: labels that say exactly what was suggested.
        by_label: the same by what was suggested.
        gold_errors: answers on gold that are wrong.
        gold_misled: of wrong suggestions on gold, the answers that say exactly the same.
    """

    field: str
    followed: Bent
    by_label: list[Bent]
    gold_errors: Bent
    gold_misled: Bent

    @classmethod
    def of(cls, found: Anchored) -> "Anchoring":
        """Return the body."""
        by_label = [Bent.of(bend) for bend in found.by_label]
        gold = Bent.of(found.gold_errors), Bent.of(found.gold_misled)
        return cls(found.field, Bent.of(found.followed), by_label, *gold)


class FavouringBody(msgspec.Struct, frozen=True):
    """An annotator who favours what stands first, or last; of all named 5 % are named falsely at most, on average."""

    annotator_id: str
    model: bool
    first: Estimated
    expected: float | None

    @classmethod
    def of(cls, found: Favouring) -> "FavouringBody":
        """Return the body."""
        of_them = found.position
        return cls(found.annotator_id, found.is_model, Estimated.of(of_them.first), of_them.expected)


class PositionBody(msgspec.Struct, frozen=True):
    """How far people favour what stands first, of preferences and rankings, whose order each label has by chance.

    Attributes:
        field: which; empty: the whole label.
        first: share of labels in which what is chosen had stood first.
        expected: the share that chance alone makes; absent without labels.
        ties: labels that chose neither.
        found: whether chance is no explanation; without a bias this is ever so with a chance of 1 % at most, over all
            of a project's life.
        favouring: annotators of whom it is found, models among them: twenty at most, the strongest evidence first.
        counted: which part of all annotators is counted: a random one, where there are too many.
    """

    field: str
    first: Estimated
    expected: float | None
    ties: int
    found: bool
    favouring: list[FavouringBody]
    counted: float

    @classmethod
    def of(cls, found: Favoured) -> "PositionBody":
        """Return the body."""
        named = [FavouringBody.of(favouring) for favouring in found.favouring]
        people = found.people
        return cls(
            found.field, Estimated.of(people.first), people.expected, found.ties, found.is_found, named, found.share
        )


class Bias(msgspec.Struct, frozen=True):
    """How groups and slices are labelled beside the rest, how far suggestions bend labels, and what stands first.

    Attributes:
        contrasts: those least explained by chance first. A group or a slice is compared where it and the rest have
            fifty answers each, of three annotators or, of slices, three units; what has fewer is not among them.
        computed_at: RFC 3339.
    """

    project_id: str
    contrasts: list[ContrastBody]
    suggestions: list[Anchoring]
    positions: list[PositionBody]
    computed_at: str


def _json(label: str) -> msgspec.Raw | None:
    return msgspec.Raw(label.encode()) if label else None
