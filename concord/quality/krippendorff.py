"""Krippendorff's alpha for any number of annotators, gaps, and any distance between labels."""

from math import isfinite, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from concord.quality.disagreement import (
    Disagreement,
    Distance,
    Nominal,
    Squared,
    Tabled,
    midranks,
    ratio_table,
    tabled,
)
from concord.quality.estimate import Estimate, undefined
from concord.quality.label_counts import Floats, LabelCounts, as_label_counts
from concord.quality.linearised import NO_PAIRS, ONE_UNIT, Linearised, student_interval

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

NO_VARIATION = "all labels are equal: without variation alpha is 0/0"
ONE_UNIT_CARRIES_ALL = "all variation lies in one unit: without it alpha is 0/0, so the jackknife has no interval"
TABLED_LABELS_MAX = 4096
"""Distinct labels up to which a distance without a closed form (ratio, a function) is tabled for all pairs."""

ORDINAL_CELLS_MAX = 20_000_000
"""Units times labels up to which ranks are moved for each unit left out; a larger table gets the other interval."""

ROWS_PER_STEP = 65_536
"""Rows of the ordinal jackknife worked on at once, so that its memory stays flat."""


def krippendorff_alpha(
    counts: LabelCounts | ArrayLike,
    distance: Metric | Distance = "nominal",
    *,
    confidence: float = 0.95,
    interval: Literal["jackknife", "linearised"] = "jackknife",
) -> Estimate:
    """Agreement beyond chance, where chance is drawing labels from all that were given.

        α = 1 - Do/De,  Do = (1/n) Σ_u Σ_kl c_uk c_ul δ²_kl / (m_u - 1),  De = Σ_kl N_k N_l δ²_kl / (n (n - 1))

    `counts` holds how many annotators gave each label to each unit, shape (units, K), with the labels in the
    order of the scale; N_k are the labels' totals over units with two labels or more, n their sum, m_u a
    unit's number of labels. Units with one label have no pair and do not count.

    `distance` is δ²: nominal; ordinal (by ranks in the order of the columns); interval and ratio (by the
    labels' own values); or a function of two labels that returns their disagreement: 0 for equal labels,
    symmetric, already squared where it is a difference. A function costs K²/2 calls.

    The interval is α ± t·se with the exact delete-one jackknife over units (Student's t, units - 1 degrees of
    freedom), or "linearised" after Gwet 2014, which holds an ordinal δ² fixed; `method` says which was made
    (very large ordinal tables are always linearised). Not defined without a pair,
    without variation, when a numeric distance meets labels that are not numbers, or ratio a negative one, or when
    ratio or a function meets more than 4096 distinct labels.
    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; jackknife: Efron & Stein 1981, Ann.
    Stat. 9:586; linearised: Gwet 2014, Handbook of Inter-Rater Reliability, ch. 6.

    >>> e = krippendorff_alpha([[1, 1]] * 4 + [[0, 2]] + [[2, 0]] * 5)
    >>> round(e.value, 4), e.units
    (0.0952, 10)
    """
    name = distance if isinstance(distance, str) else "given"
    method = f"Krippendorff's alpha, {name} distance"
    table = as_label_counts(counts).pairable()
    if not len(table.times):
        return undefined(NO_PAIRS, 0, method)
    units = round(float(table.times.sum()))
    totals = np.asarray(table.counts.T @ table.times)
    measure = _measure(distance, table, totals)
    if isinstance(measure, str):
        return undefined(measure, units, method)
    if interval == "linearised" or (distance == "ordinal" and np.prod(table.counts.shape) > ORDINAL_CELLS_MAX):
        return _linearised(table, measure, totals, method).estimate(confidence)
    return _jackknifed(
        table, measure, totals, f"{method}, jackknife interval over units", confidence, ordinal=distance == "ordinal"
    )


def alpha_linearised(counts: LabelCounts | ArrayLike, distance: Metric | Distance = "nominal") -> Linearised:
    """Return alpha with its linearised standard error (Gwet 2014, ch. 6); see `krippendorff_alpha`.

    >>> alpha_linearised([[2, 0], [0, 2], [2, 0]]).standard_error
    0.0
    """
    method = "Krippendorff's alpha"
    table = as_label_counts(counts).pairable()
    if not len(table.times):
        return Linearised(None, None, 0, 0, method, NO_PAIRS)
    totals = np.asarray(table.counts.T @ table.times)
    measure = _measure(distance, table, totals)
    if isinstance(measure, str):
        return Linearised(None, None, round(float(table.times.sum())), 0, method, measure)
    return _linearised(table, measure, totals, method)


def _measure(distance: Metric | Distance, table: LabelCounts, totals: Floats) -> Disagreement | str:
    """Return how labels disagree, or why this distance is not defined on these labels."""
    if (callable(distance) or distance == "ratio") and len(table.labels) > TABLED_LABELS_MAX:
        return f"{len(table.labels)} distinct labels are too many to compare each with each; round or group them"
    if callable(distance):
        return tabled(distance, table.labels)
    match distance:
        case "nominal":
            return Nominal()
        case "ordinal":
            return Squared(midranks(totals))
        case "interval" | "ratio":
            return _numeric(distance, table)
    raise ValueError(f"distance {distance!r} is not known; use nominal, ordinal, interval, ratio or a function")


def _numeric(distance: Literal["interval", "ratio"], table: LabelCounts) -> Disagreement | str:
    values = []
    for label in table.labels:
        if not isinstance(label, int | float) or not _is_finite(label):
            return f"the {distance} distance needs labels that are numbers, which {label!r} is not"
        if distance == "ratio" and label < 0:
            return f"the ratio distance needs labels of zero or more, which {label!r} is not"
        values.append(float(label))
    places = np.array(values)
    # Alpha does not see the scale; without it squares of 1e308 would not be numbers, nor those of 1e-308 more than 0.
    places = places / (np.abs(places).max(initial=0.0) or 1.0)
    return Squared(places) if distance == "interval" else Tabled(ratio_table(places))


def _is_finite(label: float) -> bool:
    """Say whether a label is a number that a float can hold; an integer may be too long."""
    try:
        return isfinite(label)
    except OverflowError:
        return False


def _jackknifed(
    table: LabelCounts, measure: Disagreement, totals: Floats, method: str, confidence: float, *, ordinal: bool
) -> Estimate:
    m = np.asarray(table.counts.sum(axis=1))
    n, times = float(totals.sum()), table.times
    units = round(float(times.sum()))
    by_unit = measure.within(table.counts) / (m - 1)
    observed, expected = float(times @ by_unit), measure.total(totals)
    if not expected > 0:
        return undefined(NO_VARIATION, units, method)
    value = 1 - (n - 1) * observed / expected
    if units < 2:
        return Estimate(value, None, None, units, method, ONE_UNIT)
    if not observed:
        # Without any disagreement alpha is 1 whichever unit is left out.
        return Estimate(value, *student_interval(value, 0.0, units - 1, confidence), units, method)
    if ordinal:
        observed_without, expected_without = _ordinal_without_one(table, totals, m)
    else:
        observed_without = observed - by_unit
        expected_without = expected - 2 * measure.across(table.counts, totals) + by_unit * (m - 1)
    if not expected_without.min() > 1e-12 * expected:
        return Estimate(value, None, None, units, method, ONE_UNIT_CARRIES_ALL)
    without_one = 1 - (n - m - 1) * observed_without / expected_without
    mean = float(times @ without_one) / units
    variance = (units - 1) / units * float(times @ (without_one - mean) ** 2)
    low, high = student_interval(value, sqrt(variance), units - 1, confidence)
    return Estimate(value, low, high, units, method)


def _ordinal_without_one(table: LabelCounts, totals: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Return Σ_v≠u c_v·Δ·c_v/(m_v - 1) and N·Δ·N without each unit u, with the ranks that then hold.

    Leaving a unit out moves every rank. The observed sum is a quadratic form x·A·x in the places x, so A is
    summed once over all units, and each row evaluates it at its own places. Shapes (rows,).
    """
    counts, share = table.dense(), table.times / (m - 1)
    form = 2 * (np.diag(counts.T @ (share * m)) - counts.T @ (counts * share[:, None]))
    observed, expected = np.empty(len(m)), np.empty(len(m))
    for start in range(0, len(m), ROWS_PER_STEP):
        rows = slice(start, start + ROWS_PER_STEP)
        own, size = counts[rows], m[rows]
        rest = totals - own
        places = midranks(rest)
        mean = np.einsum("uk,uk->u", rest, places) / np.maximum(rest.sum(axis=1), 1)
        places = places - mean[:, None]
        own_squares, own_sum = np.einsum("uk,uk,uk->u", own, places, places), np.einsum("uk,uk->u", own, places)
        own_part = 2 * (size * own_squares - own_sum**2) / (size - 1)
        observed[rows] = np.einsum("uk,uk->u", places @ form, places) - own_part
        expected[rows] = 2 * rest.sum(axis=1) * np.einsum("uk,uk,uk->u", rest, places, places)
    return observed, expected


def _linearised(table: LabelCounts, measure: Disagreement, totals: Floats, method: str) -> Linearised:
    """Write alpha as 1 - Do/De and take each unit's part in both from the first order of their change."""
    m = np.asarray(table.counts.sum(axis=1))
    n, times = float(totals.sum()), table.times
    units = float(times.sum())
    expected = measure.total(totals)
    if not expected > 0:
        return Linearised(None, None, round(units), 0, method, NO_VARIATION)
    by_unit = measure.within(table.counts) / (m - 1)
    observed = float(times @ by_unit)
    value = 1 - (n - 1) * observed / expected
    if units < 2:
        return Linearised(value, None, round(units), 0, method, ONE_UNIT)
    # De here with n² in place of n (n - 1), as in Gwet: the variance is of first order.
    do_mean, de_mean = observed / n, expected / n**2
    size = m * units / n
    do, de = by_unit * units / n, measure.across(table.counts, totals) * units / n**2
    moved = do - do_mean - (size - 1) * do_mean * (1 - 1 / n)
    change = (moved - 2 * do_mean / de_mean * (de - size * de_mean)) / de_mean
    variance = float(times @ change**2) / (units * (units - 1))
    return Linearised(value, sqrt(variance), round(units), units - 1, method)
