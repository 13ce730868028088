"""Agreement of a project's annotators, by the metric of its kind of label."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from concord.labels import ClassedSchema, LabelSchema, decoded, encoded
from concord.quality.agreement import fleiss_kappa, percent_agreement
from concord.quality.estimate import Estimate, undefined
from concord.quality.gwet import gwet_ac1
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.paradox import kappa_warning
from concord.quality.tally import LabelTally, Row

DISTANCES_LABELS_MAX = 300
"""Distinct labels up to which a kind without a named metric is measured live: each is compared with each."""

ROWS_MAX = 5_000
"""Distinct rows up to which such a kind is looked at at all: few write the same text, so rows grow with units."""

COEFFICIENT = "krippendorff_alpha"
ROWS_OVER = "so many units have labels that no other has that they are not kept while they come in"


def classes_of(schema: LabelSchema) -> tuple[str, ...]:
    """Return canonical JSON of the schema's classes, in its order; empty where the kind has none.

    >>> from concord.labels import schema_from
    >>> classes_of(schema_from({"kind": "choice", "classes": ["no", "yes"]}))
    ('"no"', '"yes"')
    """
    return (
        tuple(encoded(class_name).decode() for class_name in schema.classes)
        if isinstance(schema, ClassedSchema)
        else ()
    )


def agreement(tally: LabelTally, schema: LabelSchema, *, rows_over: bool = False) -> tuple[Estimate, Estimate]:
    """Return Krippendorff's alpha with its jackknife interval, and the percent agreement.

    Args:
        tally: how many units have which labels, as canonical JSON.
        schema: says how far labels are apart.
        rows_over: whether the tally lacks some, for they were too many to be kept.
    """
    classes = classes_of(schema)
    if rows_over:
        return undefined(ROWS_OVER, 0, "Krippendorff's alpha"), undefined(ROWS_OVER, 0, "percent agreement")
    if schema.alpha_metric == "interval":
        counts = _numbers(tally).label_counts()
        return krippendorff_alpha(counts, "interval"), percent_agreement(counts)
    method = "Krippendorff's alpha, given distance"
    if schema.alpha_metric is None and len(tally.rows) > ROWS_MAX:
        reason = f"the labels of {len(tally.rows)} units differ too much to be compared while they come in"
        return undefined(reason, 0, method), undefined(reason, 0, "percent agreement")
    # By a distance, a class that nobody gave is no label to be compared with.
    counts = tally.label_counts(_scale(tally, classes) if classes and schema.alpha_metric is not None else None)
    shared = percent_agreement(counts)
    if schema.alpha_metric is not None:
        return krippendorff_alpha(counts, schema.alpha_metric), shared
    if len(counts.labels) > DISTANCES_LABELS_MAX:
        reason = f"{len(counts.labels)} distinct labels are too many to compare each with each while they come in"
        return undefined(reason, shared.units, method), shared

    def distance(first: str, other: str) -> float:
        return schema.distance(decoded(first.encode()), decoded(other.encode()))

    return krippendorff_alpha(counts, distance), shared


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What is told beside alpha, of the same labels.

    Attributes:
        fleiss_kappa, gwet_ac1: by equality of labels; not defined for kinds without classes.
        prevalence_note: a sentence where one label prevails so much that kappa and alpha mislead; else empty.
    """

    fleiss_kappa: Estimate
    gwet_ac1: Estimate
    prevalence_note: str = ""


def coefficients(tally: LabelTally, schema: LabelSchema, *, rows_over: bool = False) -> Coefficients:
    """Return the coefficients beside alpha; see `agreement` for the arguments.

    >>> from concord.labels import schema_from
    >>> tally = LabelTally({(('"no"', 2),): 118, (('"no"', 1), ('"yes"', 1)): 7})
    >>> found = coefficients(tally, schema_from({"kind": "choice", "classes": ["no", "yes"]}))
    >>> round(found.fleiss_kappa.value, 2), round(found.gwet_ac1.value, 2)
    (-0.03, 0.94)
    >>> print(found.prevalence_note)
    97 % of the labels are "no", so kappa (-0.03) misleads: annotators agree on 94 % of pairs and AC1 is 0.94.
    """
    classes = classes_of(schema)
    if rows_over or not classes:
        reason = ROWS_OVER if rows_over else "labels of this kind have no classes, so none agree by being equal"
        return Coefficients(undefined(reason, 0, "Fleiss' kappa"), undefined(reason, 0, "Gwet's AC1"))
    counts = tally.label_counts(_scale(tally, classes))
    return Coefficients(fleiss_kappa(counts), gwet_ac1(counts), kappa_warning(counts))


def _scale(tally: LabelTally, classes: Sequence[str]) -> list[Hashable]:
    """Return the classes in their order, and after them what an earlier schema had."""
    earlier = {label for row in tally.rows for label, _ in row}.difference(classes)
    return [*classes, *sorted(map(str, earlier))]


def _numbers(tally: LabelTally) -> LabelTally:
    """Return the tally with canonical JSON read as numbers."""
    rows: dict[Row, int] = {}
    read: Mapping[Hashable, float] = {
        label: float(str(label)) for label in {label for row in tally.rows for label, _ in row}
    }
    for row, units in tally.rows.items():
        numbers = tuple(sorted((read[label], times) for label, times in row))
        rows[numbers] = rows.get(numbers, 0) + units
    return LabelTally(rows)
