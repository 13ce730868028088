"""Cohen's kappa of two annotators, plain and weighted, with its published large-sample errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from concord.quality.estimate import Estimate, undefined
from concord.quality.linearised import NO_PAIRS, NO_VARIATION
from concord.quality.weights import agreement_weights

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KappaErrors:
    """Large-sample standard errors of kappa.

    Attributes:
        standard_error: for an interval around kappa.
        standard_error_null: under the hypothesis that the annotators are independent, for a test of it.
    """

    standard_error: float
    standard_error_null: float


def cohen_kappa(
    table: ArrayLike,
    weights: Literal["identity", "linear", "quadratic"] | ArrayLike = "identity",
    *,
    scores: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Agreement of two annotators beyond what their own habits would give by chance.

        κ = (po - pe)/(1 - pe),  po = Σ w_ij p_ij,  pe = Σ w_ij p_i. p_.j

    `table` holds the units that the first annotator called i and the second j, shape (K, K) over the whole
    declared scale (`label_counts.contingency` makes it). `weights` give part credit: linear and quadratic by
    the distance of `scores`, which are the positions 0, 1, 2, ... unless given, or any matrix of agreement
    weights. The interval is κ ± z·se, cut at ±1. Not defined without a unit, or when pe = 1.
    Source: Cohen 1960, Educ. Psych. Meas. 20:37; Cohen 1968, Psych. Bull. 70:213; standard error: Fleiss,
    Cohen & Everitt 1969, Psych. Bull. 72:323.

    >>> e = cohen_kappa([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    >>> round(e.value, 4), round(e.low, 4), round(e.high, 4), e.units
    (0.4915, 0.3916, 0.5915, 200)
    """
    counts = _square(table)
    w = agreement_weights(weights, np.arange(len(counts)) if scores is None else scores)
    return _estimate(counts, w, _method(weights), confidence)


def cohen_kappa_disagreement(table: ArrayLike, disagreement: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Weighted kappa from weights v of disagreement, as Cohen published it: κ = 1 - Σ v p_ij / Σ v p_i. p_.j.

    v is zero where there is no disagreement and otherwise on any ratio scale, shape (K, K). It is the same as
    agreement weights 1 - v/v_max. Source: Cohen 1968, Psych. Bull. 70:213.

    >>> round(cohen_kappa_disagreement([[20, 5], [10, 15]], [[0, 7], [7, 0]]).value, 4)
    0.4
    """
    counts = _square(table)
    v = np.asarray(disagreement, dtype=np.float64)
    if v.shape != counts.shape:
        raise ValueError(f"disagreement weights of shape {v.shape} do not fit a table of {counts.shape}")
    if not (np.isfinite(v).all() and v.min() >= 0):
        raise ValueError("disagreement weights must be finite and not negative")
    method = "Cohen's kappa, given weights"
    if not v.any():
        return undefined("all disagreement weights are zero", int(counts.sum()), method)
    return _estimate(counts, 1 - v / v.max(), method, confidence)


def cohen_errors(
    table: ArrayLike,
    weights: Literal["identity", "linear", "quadratic"] | ArrayLike = "identity",
    *,
    scores: Sequence[float] | None = None,
) -> KappaErrors:
    """Return the standard errors of `cohen_kappa` (Fleiss, Cohen & Everitt 1969), for a test or a report.

        se²  = {Σ p_ij [w_ij (1-pe) - (w̄_i. + w̄_.j)(1-po)]² - (po·pe - 2pe + po)²} / (N (1-pe)⁴)
        se0² = {Σ p_i. p_.j [w_ij - (w̄_i. + w̄_.j)]² - pe²} / (N (1-pe)²)

    with w̄_i. = Σ_j w_ij p_.j and w̄_.j = Σ_i w_ij p_i. . ValueError where kappa is not defined.

    >>> round(cohen_errors([[0, 4, 1], [0, 8, 0], [0, 1, 5]]).standard_error, 4)
    0.138
    """
    counts = _square(table)
    w = agreement_weights(weights, np.arange(len(counts)) if scores is None else scores)
    units = counts.sum()
    if not units:
        raise ValueError(NO_PAIRS)
    p = counts / units
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(rows @ w @ columns)
    if not 1 - expected > 1e-12:
        raise ValueError(NO_VARIATION)
    margins = (w @ columns)[:, None] + (rows @ w)[None, :]
    around = (p * (w * (1 - expected) - margins * (1 - observed)) ** 2).sum()
    around -= (observed * expected - 2 * expected + observed) ** 2
    null = (np.outer(rows, columns) * (w - margins) ** 2).sum() - expected**2
    return KappaErrors(
        sqrt(_cleared(around) / units) / (1 - expected) ** 2, sqrt(_cleared(null) / units) / (1 - expected)
    )


def _estimate(counts: Floats, w: Floats, method: str, confidence: float) -> Estimate:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, as in 0.95")
    units = float(counts.sum())
    if not units:
        return undefined(NO_PAIRS, 0, method)
    # In terms of disagreement, so that perfect agreement is exactly 1.
    p, v = counts / units, 1 - w
    expected = float(p.sum(axis=1) @ v @ p.sum(axis=0))
    if not expected > 1e-12:
        return undefined(NO_VARIATION, round(units), method)
    value = 1 - float((v * p).sum()) / expected
    error, tail = cohen_errors(counts, w).standard_error, (1 - confidence) / 2
    # As in `linearised.student_interval`: units that are all alike show no error, which is no certainty.
    half = float(ndtri(1 - tail)) * error if error > 0 else 1 - tail ** (1 / float(counts.sum()))
    low, high = max(value - half, min(-1.0, value)), min(value + half, max(1.0, value))
    return Estimate(value, low, high, round(units), f"{method}, large-sample interval")


def _cleared(variance: float) -> float:
    """Return zero for what only rounding left of a variance, as at perfect agreement."""
    return float(variance) if variance > 1e-15 else 0.0


def _square(table: ArrayLike) -> Floats:
    counts = np.asarray(table, dtype=np.float64)
    if not counts.size:
        return np.zeros((0, 0))
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"the table must cross one scale with itself, not have shape {counts.shape}")
    if not (np.isfinite(counts).all() and counts.min() >= 0):
        raise ValueError("the table's counts must be finite and not negative")
    return counts


def _method(weights: object) -> str:
    kind = weights if isinstance(weights, str) else "given"
    return "Cohen's kappa" + ("" if kind == "identity" else f", {kind} weights")
