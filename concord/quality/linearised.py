"""The pattern behind every chance-corrected coefficient, and its variance over units.

All of percent agreement, Fleiss' and Randolph's kappa, Gwet's AC1 and AC2 are (pa - pe)/(1 - pe) and differ
in pe, the agreement expected by chance. Writing a coefficient as a mean over units, with what each unit adds
through pa and through pe, gives its variance from the spread of these contributions (Gwet 2008, Br. J. Math.
Stat. Psych. 61:29; Gwet 2014, Handbook of Inter-Rater Reliability, ch. 5 and 6).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from concord.quality.estimate import Estimate, undefined
from concord.quality.label_counts import LabelCounts, Matrix

Floats = NDArray[np.float64]

NO_PAIRS = "no unit has two labels to compare"
NO_VARIATION = "agreement by chance alone is already complete (0/0): the labels show no variation"
ONE_UNIT = "one unit shows no spread to make an interval of"


@dataclass(frozen=True, slots=True)
class Linearised:
    """A coefficient with its standard error over units.

    Attributes:
        value: the coefficient; None where it is not defined.
        standard_error: of the value; None where there is none.
        units: units with two labels or more.
        degrees: degrees of freedom of Student's t for the interval.
        method: the coefficient's name.
        reason: why the value or the standard error is missing.
    """

    value: float | None
    standard_error: float | None
    units: int
    degrees: float
    method: str
    reason: str = ""

    def estimate(self, confidence: float = 0.95) -> Estimate:
        """Return value ± t·se, cut at 1, and below at -1 or the value, whichever is less.

        Units with one label count for prevalence only, and with many of them a coefficient can be under -1.
        """
        if self.value is None:
            return undefined(self.reason, self.units, self.method)
        if self.standard_error is None:
            return Estimate(self.value, None, None, self.units, self.method, self.reason)
        low, high = student_interval(self.value, self.standard_error, self.degrees, confidence)
        return Estimate(self.value, low, high, self.units, f"{self.method}, linearised interval over units")


def student_interval(value: float, error: float, degrees: float, confidence: float) -> tuple[float, float]:
    """Return the ends of value ± t(degrees)·error, cut to where a coefficient of agreement can lie.

    Units that are all alike, as in perfect agreement, show no error, which is no certainty: n such units leave room for
    a share of others of up to 1 - (risk / 2)^(1/n) (Clopper and Pearson for 0 of n). If those agree as chance has it,
    the coefficient is lower by that share, which is then the half width.

    >>> low, high = student_interval(0.5, 0.1, 10, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.277, 0.723)
    >>> [round(student_interval(1.0, 0.0, units - 1, 0.95)[0], 2) for units in (3, 30, 300)]
    [0.29, 0.88, 0.99]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, as in 0.95")
    tail = (1 - confidence) / 2
    half = float(stdtrit(degrees, 1 - tail)) * error if error > 0 else 1 - tail ** (1 / (degrees + 1))
    return max(value - half, min(-1.0, value)), min(value + half, max(1.0, value))


@dataclass(frozen=True, slots=True, eq=False)
class PairAgreement:
    """What each unit says: its agreement over pairs of annotators and its share of each label.

    Attributes:
        units: units with one label or more, n.
        pairable: units with two labels or more, n2.
        times: how many units each row stands for, shape (rows,).
        is_pairable: rows with two labels or more, shape (rows,).
        agreement: weighted share of agreeing pairs, 0 where a unit has no pair, shape (rows,).
        shares: share of each label in the unit, r_ik / r_i, shape (rows, K), dense or sparse as the counts were.
        prevalence: mean share of each label over units, π_k, shape (K,).
        observed: mean agreement over pairable units, pa; NaN where there is none.
    """

    units: float
    pairable: float
    times: Floats
    is_pairable: NDArray[np.bool_]
    agreement: Floats
    shares: Matrix
    prevalence: Floats
    observed: float

    @classmethod
    def of(cls, table: LabelCounts, weights: Floats | None = None) -> "PairAgreement":
        """Compare every pair of annotators of each unit under `weights` (None: only equal labels agree)."""
        counts, times = table.counts, table.times
        labelled = np.asarray(counts.sum(axis=1)) > 0
        if not labelled.all():
            counts, times = counts[labelled], times[labelled]
        m = np.asarray(counts.sum(axis=1))
        is_pairable = m >= 2
        weighted = counts if weights is None else counts @ weights.T
        pairs = np.where(is_pairable, m * (m - 1), 1.0)
        agreement = (np.asarray((counts * weighted).sum(axis=1)) - m) / pairs * is_pairable
        shares = counts * (1 / m)[:, None]
        units, pairable = float(times.sum()), float(times[is_pairable].sum())
        prevalence = np.asarray(shares.T @ times) / units if units else np.zeros(counts.shape[1])
        observed = float(times @ agreement) / pairable if pairable else float("nan")
        return cls(units, pairable, times, is_pairable, agreement, shares, prevalence, observed)

    def corrected(self, expected: float, expected_by_unit: Floats | None, method: str) -> Linearised:
        """Return (pa - pe)/(1 - pe) and its standard error.

        `expected_by_unit` is each unit's part in pe, with mean pe; None where pe does not come from the data.
        """
        pairable = round(self.pairable)
        if not pairable:
            return Linearised(None, None, 0, 0, method, NO_PAIRS)
        if not 1 - expected > 1e-12:
            return Linearised(None, None, pairable, 0, method, NO_VARIATION)
        value = 1 - (1 - self.observed) / (1 - expected)
        if self.pairable < 2:
            return Linearised(value, None, pairable, 0, method, ONE_UNIT)
        chance = expected * self.is_pairable
        parts = self.units / self.pairable * (self.agreement - chance) / (1 - expected)
        if expected_by_unit is not None:
            parts = parts - 2 * (1 - value) * (expected_by_unit - expected) / (1 - expected)
        variance = float(self.times @ (parts - value) ** 2) / (self.units * (self.units - 1))
        return Linearised(value, sqrt(variance), pairable, self.units - 1, method)
