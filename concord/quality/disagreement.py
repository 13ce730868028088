"""Distances between labels as Krippendorff's alpha needs them: summed over all pairs, never pair by pair.

For label counts c and d, each of shape (labels,), a distance δ² gives the sum over all pairs c·Δ·d with
Δ_kl = δ²(k, l). For nominal and numeric distances this has a closed form that is linear in the labels, so
that a million annotations cost a few passes over the counts; only an arbitrary function needs Δ itself.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from concord.quality.label_counts import Floats, Matrix

Distance = Callable[[Any, Any], float]
"""δ²: the disagreement of two labels, 0 for equal ones, symmetric, not negative; squared where it is a difference."""


class Disagreement(Protocol):
    """Sums of a distance over pairs of labels; `counts` is dense or sparse of shape (rows, labels)."""

    def within(self, counts: Matrix) -> Floats:
        """Return c·Δ·c of each row c: all ordered pairs inside a unit, shape (rows,)."""

    def across(self, counts: Matrix, totals: Floats) -> Floats:
        """Return c·Δ·N of each row c with the label totals N, shape (rows,)."""

    def total(self, totals: Floats) -> float:
        """Return N·Δ·N of the label totals N: all ordered pairs of the data."""


class Nominal:
    """δ² = 1 for unequal labels: c·Δ·d is the number of pairs less the equal ones."""

    def within(self, counts: Matrix) -> Floats:
        """Return m² - Σ c² of each row."""
        return np.asarray(counts.sum(axis=1) ** 2 - (counts * counts).sum(axis=1))

    def across(self, counts: Matrix, totals: Floats) -> Floats:
        """Return m·n - Σ c N of each row."""
        return np.asarray(counts @ (totals.sum() - totals))

    def total(self, totals: Floats) -> float:
        """Return n² - Σ N²."""
        return float(totals @ (totals.sum() - totals))


@dataclass(frozen=True, slots=True, eq=False)
class Squared:
    """δ² = (x_k - x_l)² for places x of the labels, shape (labels,): sums of squares about means."""

    places: Floats

    def within(self, counts: Matrix) -> Floats:
        """Return 2 m Σ c (x - x̄)² of each row, exactly zero where its labels are equal."""
        cells = coo_array(counts)
        rows, columns = cells.coords
        size, m = cells.shape[0], np.asarray(counts.sum(axis=1))
        mean = np.asarray(counts @ self.places) / np.maximum(m, 1)
        alone = np.bincount(rows, minlength=size) <= 1
        off = self.places[columns] - mean[rows]
        spread = np.bincount(rows, weights=cells.data * off * off, minlength=size)
        return np.where(alone, 0.0, 2 * m * spread)

    def across(self, counts: Matrix, totals: Floats) -> Floats:
        """Return Σ_k c_k Σ_l N_l (x_k - x_l)² of each row."""
        n = totals.sum()
        mean = totals @ self.places / n
        off = self.places - mean
        return np.asarray(counts @ (n * off * off + totals @ (off * off)))

    def total(self, totals: Floats) -> float:
        """Return 2 n Σ N (x - x̄)²."""
        if np.count_nonzero(totals) <= 1:
            return 0.0
        off = self.places - totals @ self.places / totals.sum()
        return float(2 * totals.sum() * (totals @ (off * off)))


@dataclass(frozen=True, slots=True, eq=False)
class Tabled:
    """Any δ², tabled for all pairs of labels, shape (labels, labels)."""

    table: Floats

    def within(self, counts: Matrix) -> Floats:
        """Return c·Δ·c of each row."""
        return np.asarray((counts * (counts @ self.table)).sum(axis=1))

    def across(self, counts: Matrix, totals: Floats) -> Floats:
        """Return c·Δ·N of each row."""
        return np.asarray(counts @ (self.table @ totals))

    def total(self, totals: Floats) -> float:
        """Return N·Δ·N."""
        return float(totals @ self.table @ totals)


def ratio_table(values: Floats) -> Floats:
    """Return δ² = ((x_k - x_l)/(x_k + x_l))², 0 where both are zero, for values of zero or more.

    >>> ratio_table(np.array([1.0, 3.0])).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    apart, both = values[:, None] - values[None, :], values[:, None] + values[None, :]
    return np.asarray((apart / np.where(both > 0, both, 1.0)) ** 2)


def tabled(distance: Distance, labels: Sequence[Hashable]) -> Tabled:
    """Ask `distance` once for every pair of labels; ValueError when it answers with no distance.

    >>> tabled(lambda a, b: abs(a - b), [1, 4]).table.tolist()
    [[0.0, 3.0], [3.0, 0.0]]
    """
    table: NDArray[np.float64] = np.zeros((len(labels), len(labels)))
    for i, first in enumerate(labels):
        for j in range(i):
            value = float(distance(first, labels[j]))
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"the distance of {first!r} and {labels[j]!r} is {value}, not zero or more")
            table[i, j] = table[j, i] = value
    return Tabled(table)


def midranks(totals: Floats) -> Floats:
    """Return each label's mean rank among all labels given, shape as `totals` (..., labels).

    Krippendorff's ordinal δ² of k and l, (Σ_g=k..l N_g - (N_k + N_l)/2)², is their difference squared.

    >>> midranks(np.array([2.0, 4.0])).tolist()
    [1.0, 4.0]
    """
    return np.asarray(totals.cumsum(axis=-1) - totals / 2)
