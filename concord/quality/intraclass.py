"""Intraclass correlation: how much of the spread of numbers lies between units rather than annotators."""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from concord.quality.estimate import Estimate, undefined
from concord.quality.label_counts import Ratings

Floats = NDArray[np.float64]
Form = Literal["ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k"]
FORMS: tuple[Form, ...] = ("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k")


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """The analysis of variance of n units by k annotators without gaps.

    Attributes:
        units: number of units, n.
        annotators: number of annotators, k.
        between: mean square between units, n - 1 degrees of freedom.
        within: mean square within units, n (k - 1) degrees of freedom.
        annotator: mean square between annotators, k - 1 degrees of freedom.
        residual: mean square of what is left, (n - 1)(k - 1) degrees of freedom.
    """

    units: int
    annotators: int
    between: float
    within: float
    annotator: float
    residual: float


def intraclass_correlation(labels_by_unit: Ratings, form: Form = "ICC2", *, confidence: float = 0.95) -> Estimate:
    """Share of variance that lies between units, for numbers by several annotators.

    `labels_by_unit` has a row per unit and a column per annotator; units with a gap (None or NaN) are left
    out; ValueError for labels that are not numbers. With the mean squares of `MeanSquares` and n units, k annotators:

        ICC1  = (MSB - MSW)/(MSB + (k-1) MSW)                   each unit by other annotators
        ICC2  = (MSB - MSE)/(MSB + (k-1) MSE + k (MSA - MSE)/n)  the same annotators, drawn at random
        ICC3  = (MSB - MSE)/(MSB + (k-1) MSE)                   these annotators and no others
        ICC1k = (MSB - MSW)/MSB,  ICC2k = (MSB - MSE)/(MSB + (MSA - MSE)/n),  ICC3k = (MSB - MSE)/MSB

    the last three for the mean of all k. The intervals are the published ones from F, Satterthwaite's degrees
    of freedom in ICC2. Not defined with fewer than two complete units or annotators, or without variation.
    Source: Shrout & Fleiss 1979, Psych. Bull. 86:420; McGraw & Wong 1996, Psych. Meth. 1:30.

    >>> six = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> [round(intraclass_correlation(six, form).value, 2) for form in ("ICC1", "ICC2", "ICC3")]
    [0.17, 0.29, 0.71]
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r} is not known; use one of {', '.join(FORMS)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, as in 0.95")
    values = np.asarray(labels_by_unit, dtype=np.float64)
    if not values.size:
        values = np.zeros((len(values), 0))
    if values.ndim != 2:
        raise ValueError(f"labels must be units by annotators, not of shape {values.shape}")
    complete = values[~np.isnan(values).any(axis=1)]
    method = f"intraclass correlation {form}, F interval"
    if len(complete) < len(values):
        method += f", {len(values) - len(complete)} units with gaps left out"
    units, annotators = complete.shape
    if units < 2 or annotators < 2:
        return undefined("it needs two annotators and two units that both labelled", units, method)
    squares = mean_squares(complete)
    value = _value(squares, form)
    if value is None:
        return undefined("the units do not differ: there is no variation to divide by (0/0)", units, method)
    low, high = _bounds(squares, form, 1 - (1 - confidence) / 2)
    if low is None or high is None:
        return Estimate(
            value,
            None,
            None,
            units,
            method,
            "the published interval has no lower end here: the units do not differ enough",
        )
    return Estimate(value, min(low, value), max(high, value), units, method)


def mean_squares(values: Floats) -> MeanSquares:
    """Split the sum of squares of complete numbers, shape (units, annotators).

    >>> mean_squares(np.array([[1.0, 2.0], [3.0, 4.0]])).between
    4.0
    """
    n, k = values.shape
    off = values - values.mean()
    rows, columns = off.mean(axis=1), off.mean(axis=0)
    left = off - rows[:, None] - columns[None, :]
    inside = off - rows[:, None]
    return MeanSquares(
        n,
        k,
        between=_cleared(float(k * (rows @ rows) / (n - 1)), off),
        within=_cleared(float((inside**2).sum() / (n * (k - 1))), off),
        annotator=_cleared(float(n * (columns @ columns) / (k - 1)), off),
        residual=_cleared(float((left**2).sum() / ((n - 1) * (k - 1))), off),
    )


def _cleared(square: float, off: Floats) -> float:
    """Return zero for what only rounding left of a mean square, so that equal means are equal and 1 is exactly 1."""
    return square if square > 1e-24 * float((off**2).max()) else 0.0


def _value(s: MeanSquares, form: Form) -> float | None:
    n, k = s.units, s.annotators
    match form:
        case "ICC1":
            over, under = s.between - s.within, s.between + (k - 1) * s.within
        case "ICC2":
            over = s.between - s.residual
            under = s.between + (k - 1) * s.residual + k * (s.annotator - s.residual) / n
        case "ICC3":
            over, under = s.between - s.residual, s.between + (k - 1) * s.residual
        case "ICC1k":
            over, under = s.between - s.within, s.between
        case "ICC2k":
            over, under = s.between - s.residual, s.between + (s.annotator - s.residual) / n
        case _:
            over, under = s.between - s.residual, s.between
    return over / under if under > 0 else None


def _bounds(s: MeanSquares, form: Form, upper: float) -> tuple[float | None, float | None]:
    """Return the ends of the interval, None for one that is infinitely low; `upper` is 1 - α/2."""
    n, k = s.units, s.annotators
    if form in {"ICC2", "ICC2k"}:
        low, high = _bounds_two_way(s, upper)
        return (low, high) if form == "ICC2" else (_of_mean(low, k), _of_mean(high, k))
    error, degrees = (s.within, n * (k - 1)) if form in {"ICC1", "ICC1k"} else (s.residual, (n - 1) * (k - 1))
    if not error:
        return 1.0, 1.0
    f = s.between / error
    f_low, f_high = f / fdtri(n - 1, degrees, upper), f * fdtri(degrees, n - 1, upper)
    if form.endswith("k"):
        # f is not zero here: where the units do not differ, the mean's coefficient is not defined.
        return float(1 - 1 / f_low), float(1 - 1 / f_high)
    return float((f_low - 1) / (f_low + k - 1)), float((f_high - 1) / (f_high + k - 1))


def _bounds_two_way(s: MeanSquares, upper: float) -> tuple[float | None, float | None]:
    """Return the interval of ICC2 with Satterthwaite's degrees of freedom (McGraw & Wong 1996, table 7)."""
    n, k = s.units, s.annotators
    icc = _value(s, "ICC2")
    if icc is None or not (s.residual or s.annotator):
        return 1.0, 1.0
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    over = (a * s.annotator + b * s.residual) ** 2
    under = (a * s.annotator) ** 2 / (k - 1) + (b * s.residual) ** 2 / ((n - 1) * (k - 1))
    degrees = over / under if under > 0 else float((n - 1) * (k - 1))
    f_low, f_high = fdtri(n - 1, degrees, upper), fdtri(degrees, n - 1, upper)
    common = k * s.annotator + (k * n - k - n) * s.residual
    under_low, under_high = f_low * common + n * s.between, common + n * f_high * s.between
    if not (0 < under_low < inf and 0 < under_high < inf):
        return None, None
    low, high = n * (s.between - f_low * s.residual) / under_low, n * (f_high * s.between - s.residual) / under_high
    return float(low), float(high)


def _of_mean(single: float | None, annotators: int) -> float | None:
    """Step a single annotator's coefficient up to the mean of k (Spearman-Brown)."""
    if single is None:
        return None
    under = 1 + (annotators - 1) * single
    return annotators * single / under if under > 0 else None
