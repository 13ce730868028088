"""Has a distribution of labels moved? PSI, Jensen-Shannon and chi-square between two tables of counts.

All three look at the same thing, counts of categories in a reference and in a current window. They differ in
what they are read as: chi-square as evidence, PSI and Jensen-Shannon as size. With few units each is noise, so
each has minimum counts and says so instead of giving a number.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, rel_entr

Floats = NDArray[np.float64]

UNITS_MIN = 50  # in each window; below, sampling alone moves PSI past its usual limit of .25
EXPECTED_MIN = 5.0  # in each cell, Cochran's rule for chi-square


@dataclass(frozen=True, slots=True)
class Drift:
    """A distance between two distributions, and whether sampling alone explains it.

    Attributes:
        value: the statistic; None where there are too few units, never a number in its place.
        p_value: chance of a value as large when nothing moved; None with the value.
        units: units in both windows.
        method: the statistic, as a reader would cite it.
        reason: why there is no value; empty when there is.
    """

    value: float | None
    p_value: float | None
    units: int
    method: str
    reason: str = ""


def population_stability_index(reference: ArrayLike, current: ArrayLike, *, units_min: int = UNITS_MIN) -> Drift:
    """Return PSI = sum over categories of (q - p) ln(q / p), the symmetric Kullback-Leibler divergence.

    Where a category is missing from one window, half a unit is added to every count, so that PSI stays finite.
    When nothing moved,
    PSI / (1/M + 1/N) is nearly chi-square with (categories - 1) degrees of freedom. Customary reading: below .1
    stable, above .25 moved.

    Args:
        reference: counts, shape (categories,).
        current: counts of the same categories.
        units_min: fewer units in either window give no value.

    Source: Siddiqi, "Credit Risk Scorecards", Wiley 2006; Yurdakul and Naranjo, Journal of Risk Model
    Validation 14(4), 2020, for the distribution.

    >>> round(population_stability_index([50, 50], [70, 30]).value, 4)
    0.1695
    """
    method = "population stability index"
    before, after = _counts(reference, current)
    if (reason := _too_few(before, after, units_min)) is not None:
        return _no_value(before, after, method, reason)
    spare = 0.0 if np.all((before > 0) & (after > 0)) else 0.5
    p, q = _shares(before + spare), _shares(after + spare)
    value = float(((q - p) * np.log(q / p)).sum())
    return _tested(value, value, before, after, method)


def jensen_shannon(reference: ArrayLike, current: ArrayLike, *, units_min: int = UNITS_MIN) -> Drift:
    """Return the Jensen-Shannon divergence in bits: 0 for equal, 1 for disjoint distributions.

    JS = [KL(p || m) + KL(q || m)] / 2 with m = (p + q) / 2; its square root is a distance. When nothing moved,
    8 ln(2) JS / (1/M + 1/N) is nearly chi-square with (categories - 1) degrees of freedom.

    Args:
        reference: counts, shape (categories,).
        current: counts of the same categories.
        units_min: fewer units in either window give no value.

    Source: Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Information Theory 37(1), 1991.

    >>> round(jensen_shannon([50, 50], [70, 30]).value, 4)
    0.0303
    """
    method = "Jensen-Shannon divergence, bits"
    before, after = _counts(reference, current)
    if (reason := _too_few(before, after, units_min)) is not None:
        return _no_value(before, after, method, reason)
    p, q = _shares(before), _shares(after)
    middle = (p + q) / 2
    nats = float((rel_entr(p, middle) + rel_entr(q, middle)).sum()) / 2
    return _tested(nats / float(np.log(2)), 8 * nats, before, after, method)


def chi_square_drift(reference: ArrayLike, current: ArrayLike, *, expected_min: float = EXPECTED_MIN) -> Drift:
    """Return Pearson's chi-square of homogeneity: sum of (observed - expected)^2 / expected over both windows.

    Categories that neither window holds are left out. Cells expected below `expected_min` units make the
    chi-square distribution a bad guide, so there is no value then.

    Args:
        reference: counts, shape (categories,).
        current: counts of the same categories.
        expected_min: the least expected count in any cell.

    Source: Pearson 1900; Cochran, Biometrics 10(4), 1954, for the minimum.

    >>> drift = chi_square_drift([50, 50], [70, 30])
    >>> round(drift.value, 4), round(drift.p_value, 4)
    (8.3333, 0.0039)
    """
    method = "chi-square of homogeneity"
    before, after = _counts(reference, current)
    if (reason := _too_few(before, after, 1)) is not None:
        return _no_value(before, after, method, reason)
    observed = np.stack([before, after])
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0) / observed.sum()
    if (least := float(expected.min())) < expected_min:
        return _no_value(before, after, method, f"a cell expects {least:.1f} units, {expected_min:g} are needed")
    value = float(((observed - expected) ** 2 / expected).sum())
    return Drift(value, float(chdtrc(observed.shape[1] - 1, value)), int(observed.sum()), method)


def pooled_rare(
    reference: ArrayLike, current: ArrayLike, *, expected_min: float = EXPECTED_MIN
) -> tuple[Floats, Floats]:
    """Return the counts with all categories that expect too few units in either window as one, the last.

    So rare categories are neither noise in PSI nor a reason to say nothing. Where those together expect too few, too,
    they join the rarest of the others.

    >>> [one.tolist() for one in pooled_rare([90, 8, 1, 1], [85, 12, 2, 1])]
    [[90.0, 10.0], [85.0, 15.0]]
    """
    before, after = _counts(reference, current)
    both = before + after
    if not both.sum():
        return before, after
    expected = both * min(before.sum(), after.sum()) / both.sum()
    order = np.argsort(-expected, kind="stable")
    kept = [place for place in order if expected[place] >= expected_min]
    rare = [place for place in order if expected[place] < expected_min]
    if rare and kept and expected[rare].sum() < expected_min:
        rare.append(kept.pop())
    parts = [[place] for place in sorted(kept)] + ([rare] if rare else [])
    return np.array([before[part].sum() for part in parts]), np.array([after[part].sum() for part in parts])


def _counts(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    before, after = np.asarray(reference, dtype=float), np.asarray(current, dtype=float)
    if before.shape != after.shape or before.ndim != 1 or np.any(before < 0) or np.any(after < 0):
        raise ValueError("counts of the same categories are needed, none negative")
    held = before + after > 0  # a category that neither window holds says nothing
    return before[held], after[held]


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum())


def _too_few(before: Floats, after: Floats, units_min: int) -> str | None:
    if len(before) < 2:
        return "one category alone cannot move"
    fewer = int(min(before.sum(), after.sum()))
    return None if fewer >= units_min else f"a window holds {fewer} units, {units_min} are needed"


def _no_value(before: Floats, after: Floats, method: str, reason: str) -> Drift:
    return Drift(None, None, int(before.sum() + after.sum()), method, reason)


def _tested(value: float, divergence: float, before: Floats, after: Floats, method: str) -> Drift:
    """Return the value with the p-value of its scaled divergence."""
    scale = 1 / before.sum() + 1 / after.sum()
    p_value = float(chdtrc(len(before) - 1, divergence / scale))
    return Drift(value, p_value, int(before.sum() + after.sum()), method)
