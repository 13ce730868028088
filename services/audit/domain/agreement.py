"""Agreement of the annotators of a lot, at a cost that does not grow with the lot."""

import hashlib
import hmac
import random
from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from typing import NamedTuple

from concord.labels import ClassedSchema, LabelSchema, decoded, encoded
from concord.labels.form import Form, answers_in
from concord.quality.estimate import Estimate, undefined
from concord.quality.krippendorff import NO_VARIATION, ONE_UNIT_CARRIES_ALL, krippendorff_alpha
from concord.quality.label_counts import count_labels
from concord.quality.linearised import NO_PAIRS, ONE_UNIT, student_interval

UNITS_MAX = 300
"""Units whose labels are compared with one another where each comparison is a call; more are sampled."""
PAIRS_MAX = 3_000
"""Pairs of labels that stand for all: how far two of them lie apart by chance."""
CELLS_MAX = 1_000_000_000
"""Of comparing, counted as the bytes of one label times those of the other: a few seconds of CPU."""
SEED = 20111
CONFIDENCE = 0.95
METHOD = "Krippendorff's alpha, given distance"

Labels = Sequence[str]
"""Canonical JSON of the labels that were asked of one unit."""


def compared(unit_ids: Sequence[str], schema: LabelSchema, secret: bytes) -> frozenset[str]:
    """Return the units whose labels are held against one another.

    All of a kind with a named metric, which is counted. Of the others UNITS_MAX, by the keyed hash of their ids, so
    that the cost does not grow with the lot and nobody foresees which.

    Args:
        unit_ids: of the lot.
        schema: of the labels.
        secret: of the deployment.
    """
    if schema.alpha_metric is not None or len(unit_ids) <= UNITS_MAX:
        return frozenset(unit_ids)

    def place(unit_id: str) -> bytes:
        return hmac.new(secret, f"agreement\x00{unit_id}".encode(), hashlib.sha256).digest()

    return frozenset(sorted(unit_ids, key=place)[:UNITS_MAX])


def agreement(units: Sequence[Labels], schema: LabelSchema, shares: int = 1) -> Estimate:
    """Return Krippendorff's alpha of the labels that were asked of every unit.

    Where the distance is a function, the disagreement by chance is the mean over at most PAIRS_MAX pairs of labels.

    Args:
        units: of each, the labels as `first_asked` gives them; UNITS_MAX of them at most where the schema names no
            metric.
        schema: says how far labels are apart.
        shares: among how many fields CELLS_MAX is dealt, for the cost is the label's, however many it has.
    """
    pairable = [labels for labels in units if len(labels) > 1]
    if not pairable:
        return undefined(NO_PAIRS, 0, METHOD)
    if schema.alpha_metric == "interval":
        return krippendorff_alpha(count_labels([[float(label) for label in labels] for labels in pairable]), "interval")
    if schema.alpha_metric is not None:
        scale: list[Hashable] | None = None
        if isinstance(schema, ClassedSchema):
            scale = [encoded(class_name).decode() for class_name in schema.classes]
        return krippendorff_alpha(count_labels(pairable, scale), schema.alpha_metric)
    cells_max = CELLS_MAX // 2 // shares
    taken = _within_budget(pairable, cells_max)
    if len(taken) < min(2, len(pairable)):
        return undefined("the labels are too large to be compared with one another", 0, METHOD)
    return _alpha(taken, schema, random.Random(SEED), cells_max)


def agreement_by_field(units: Sequence[Labels], form: Form) -> dict[str, Estimate]:
    """Return alpha of each field by the metric of its kind, over the labels that answer it.

    A field that is asked after an answer to another rests on the units in which two annotators were asked it.

    Args:
        units: of each, the labels that were asked of it, as `agreement` takes them.
        form: the schema.
    """
    answered = [[answers_in(label) or {} for label in labels] for labels in units]

    def given(name: str) -> list[list[str]]:
        return [[answers[name] for answers in unit if name in answers] for unit in answered]

    return {field.name: agreement(given(field.name), field.schema, len(form.fields)) for field in form.fields}


def _within_budget(units: Sequence[Labels], cells_max: int) -> list[Labels]:
    """Return the labels of as many units as half the budget lets compare within themselves."""
    taken: list[Labels] = []
    cells = 0
    for labels in units:
        cells += sum(len(first) * len(other) for first, other in _pairs(labels))
        if cells > cells_max:
            break
        taken.append(labels)
    return taken


def _pairs(labels: Labels) -> list[tuple[str, str]]:
    return [(first, other) for place, first in enumerate(labels) for other in labels[place + 1 :]]


class _Apart(NamedTuple):
    """How far two labels are apart that chance has put together.

    Attributes:
        units: the places of the units that they are of.
    """

    units: frozenset[int]
    far: float


def _alpha(units: Sequence[Labels], schema: LabelSchema, generator: random.Random, cells_max: int) -> Estimate:
    """Return alpha = 1 - Do/De with the delete-one jackknife over units, De from pairs drawn at random.

    Do = Σ_u m_u d_u / Σ_u m_u with d_u the mean distance within unit u of m_u labels, and De the mean distance of two
    labels out of all: Krippendorff 2011, with the sum over all pairs replaced by an incomplete U-statistic, Blom,
    Biometrika 63 (1976) 573-580.
    """
    read = {label: decoded(label.encode()) for labels in units for label in labels}

    def distance(first: str, other: str) -> float:
        return 0.0 if first == other else schema.distance(read[first], read[other])

    sizes = [len(labels) for labels in units]
    within = []
    for labels in units:
        pairs = _pairs(labels)
        within.append(len(labels) * sum(distance(*pair) for pair in pairs) / len(pairs))
    apart = _by_chance(units, distance, generator, cells_max)
    expected, observed, n = sum(part.far for part in apart), sum(within), sum(sizes)
    if not expected > 0:
        return undefined(NO_VARIATION, len(units), METHOD)
    value = 1 - (observed / n) / (expected / len(apart))
    method = f"{METHOD}, {len(units)} units and {len(apart)} pairs, jackknife interval over units"
    if len(units) < 2:
        return Estimate(value, None, None, len(units), method, ONE_UNIT)
    touching, far_touching = [0] * len(units), [0.0] * len(units)
    for part in apart:
        for unit in part.units:
            touching[unit] += 1
            far_touching[unit] += part.far
    without = []
    for unit, size in enumerate(sizes):
        left, far_left = len(apart) - touching[unit], expected - far_touching[unit]
        if not left or far_left <= 1e-12 * expected:
            return Estimate(value, None, None, len(units), method, ONE_UNIT_CARRIES_ALL)
        without.append(1 - ((observed - within[unit]) / (n - size)) / (far_left / left))
    mean = sum(without) / len(without)
    variance = (len(units) - 1) / len(units) * sum((estimate - mean) ** 2 for estimate in without)
    low, high = student_interval(value, sqrt(variance), len(units) - 1, CONFIDENCE)
    return Estimate(value, low, high, len(units), method)


def _by_chance(
    units: Sequence[Labels], distance: Callable[[str, str], float], generator: random.Random, cells_max: int
) -> list[_Apart]:
    """Return how far pairs of labels out of all are apart, as many as half the budget lets compare."""
    labels = [(unit, label) for unit, each in enumerate(units) for label in each]
    found: list[_Apart] = []
    cells = 0
    for first, other in _drawn(len(labels), generator):
        (unit, label), (other_unit, other_label) = labels[first], labels[other]
        cells += len(label) * len(other_label)
        if cells > cells_max and found:
            break
        found.append(_Apart(frozenset((unit, other_unit)), distance(label, other_label)))
    return found


def _drawn(labels: int, generator: random.Random) -> list[tuple[int, int]]:
    """Return all pairs of labels when they are few, else PAIRS_MAX of them drawn at random."""
    if labels * (labels - 1) // 2 <= PAIRS_MAX:
        pairs = [(first, other) for first in range(labels) for other in range(first + 1, labels)]
        generator.shuffle(pairs)
        return pairs
    drawn = []
    for _ in range(PAIRS_MAX):
        first = generator.randrange(labels)
        other = generator.randrange(labels - 1)
        drawn.append((first, other + (other >= first)))
    return drawn
