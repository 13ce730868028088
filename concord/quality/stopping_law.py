"""When and how an inspection by attributes ends: exact, by counting paths on the (inspected, errors) lattice.

Every plan by attributes, whether single, double or sequential, is a pair of bounds: after `n` inspected
units the lot is accepted at `errors <= accept_at[n]`, rejected at `errors >= reject_at[n]`, and inspection
goes on in between. The number of paths that end in each boundary point does not depend on the error rate,
so it is counted once, and the operating characteristic and the average sample number at any rate, in a
stream or in a finite lot, are weighted sums of it.

Source: Aroian, "Sequential analysis, direct method", Technometrics 10(1), 1968, 125-132.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlog1py, xlogy

Decision = Literal["accept", "reject", "continue"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Accept and reject numbers after 0, 1, ..., `inspected_max` units.

    Attributes:
        accept_at: shape (inspected_max + 1,), accept at this many errors or fewer; -1 where not yet possible.
        reject_at: same shape, reject at this many errors or more; above `n` where not yet possible.

    Both never fall, `accept_at` rises by at most one a unit, and they meet at the end, so that inspection ends.

    >>> bounds = Bounds(np.array([-1, -1, 0]), np.array([1, 1, 1]))
    >>> bounds.decide(1, 0), bounds.decide(1, 1), bounds.decide(2, 0), bounds.clean_units_to_accept(1, 0)
    ('continue', 'reject', 'accept', 1)
    """

    accept_at: Ints
    reject_at: Ints

    def __post_init__(self) -> None:
        """Hold the shape that the path count relies on."""
        if self.accept_at.shape != self.reject_at.shape or self.accept_at.ndim != 1:
            raise ValueError("bounds are two vectors of one length")
        if np.any(np.diff(self.reject_at) < 0) or not np.all(np.isin(np.diff(self.accept_at), (0, 1))):
            raise ValueError("bounds must not fall, and acceptance may rise by one a unit at most")
        if self.reject_at[-1] != self.accept_at[-1] + 1:
            raise ValueError("bounds must meet at the last unit")

    @property
    def inspected_max(self) -> int:
        """The most units that inspection can take."""
        return len(self.accept_at) - 1

    def decide(self, inspected: int, errors: int) -> Decision:
        """Return what to do after `inspected` units with `errors` among them; the first verdict is final.

        Raises:
            ValueError: the counts are impossible, or the plan had ended before.
        """
        if not 0 <= errors <= inspected:
            raise ValueError(f"{errors} errors among {inspected} inspected units cannot be")
        if inspected > self.inspected_max:
            raise ValueError(f"the plan ends after {self.inspected_max} units, {inspected} were inspected")
        if errors <= self.accept_at[inspected]:
            return "accept"
        return "reject" if errors >= self.reject_at[inspected] else "continue"

    def clean_units_to_accept(self, inspected: int, errors: int) -> int | None:
        """Return how many more units, all right, would accept the lot: what an auditor has before them.

        0 when it is accepted already, None when it is rejected.
        """
        decision = self.decide(inspected, errors)
        if decision != "continue":
            return 0 if decision == "accept" else None
        return int(np.searchsorted(self.accept_at, errors)) - inspected


@dataclass(frozen=True, slots=True, eq=False)
class StoppingLaw:
    """All points in which inspection under some bounds can end, and the number of paths into each.

    Attributes:
        inspected, errors: shape (points,), where inspection ends.
        accepted: shape (points,), whether the lot is accepted there.
        log_paths: shape (points,), natural logarithm of the number of paths that first end there.

    >>> law = stopping_law(Bounds(np.array([-1, -1, 0]), np.array([1, 1, 1])))
    >>> points = law.at_rate([0.1, 0.5])
    >>> law.accept_probability(points).round(9).tolist(), law.mean_inspected(points).round(9).tolist()
    ([0.81, 0.25], [1.9, 1.5])
    """

    inspected: Ints
    errors: Ints
    accepted: NDArray[np.bool_]
    log_paths: Floats

    def at_rate(self, error_rate: ArrayLike) -> Floats:
        """Return P(end in point | units wrong independently at `error_rate`), shape (*rates, points)."""
        p = np.asarray(error_rate, dtype=float)[..., None]
        return np.exp(self.log_paths + xlogy(self.errors, p) + xlog1py(self.inspected - self.errors, -p))

    def in_lot(self, lot_size: int, lot_errors: ArrayLike) -> Floats:
        """Return P(end in point | `lot_errors` wrong units among `lot_size`, drawn without replacement)."""
        wrong = np.asarray(lot_errors, dtype=np.int64)[..., None]
        rest = log_choose(lot_size - self.inspected, wrong - self.errors)
        return np.exp(self.log_paths + rest - log_choose(np.asarray(lot_size), wrong))

    def accept_probability(self, point_probability: Floats) -> Floats:
        """Return the operating characteristic from the probabilities of the points (`at_rate`, `in_lot`)."""
        return np.asarray(point_probability @ self.accepted.astype(float))

    def mean_inspected(self, point_probability: Floats) -> Floats:
        """Return the average sample number from the probabilities of the points (`at_rate`, `in_lot`)."""
        return np.asarray(point_probability @ self.inspected.astype(float))


def log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    """Return ln(n choose k), minus infinity where k is not within 0..n.

    >>> round(float(np.exp(log_choose(5, 2))), 9)
    10.0
    """
    n, k = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(k, dtype=float))
    inside = (k >= 0) & (k <= n)
    top, low = np.where(inside, n, 0.0), np.where(inside, k, 0.0)
    return np.where(inside, gammaln(top + 1) - gammaln(low + 1) - gammaln(top - low + 1), -np.inf)


def curtailed(accept_at: Ints, reject_at: Ints) -> Bounds:
    """Return bounds that also stop as soon as the rest of the sample cannot change the verdict.

    The verdict, and with it the operating characteristic, stays what it was; only the sample shrinks.

    >>> curtailed(np.array([-1, -1, -1, -1, 1]), np.array([9, 9, 9, 9, 2])).decide(3, 0)
    'accept'
    """
    steps = np.arange(len(accept_at))
    surely = np.maximum.accumulate((accept_at - steps)[::-1])[::-1] + steps  # were all that follow wrong
    accept = np.maximum.accumulate(surely)
    reject = np.minimum.accumulate(reject_at[::-1])[::-1]
    return Bounds(np.maximum(accept, -1).astype(np.int64), reject.astype(np.int64))


def stopping_law(bounds: Bounds) -> StoppingLaw:
    """Count the paths into every point in which inspection under `bounds` can end.

    Paths K(n, d) = K(n-1, d) + K(n-1, d-1) over points that neither accept nor reject; along one row of `d`
    errors that is a running sum, so the work is one vector operation a row. Logarithms keep large plans exact.

    >>> law = stopping_law(curtailed(np.array([-1, -1, 0]), np.array([1, 1, 1])))
    >>> round(float(law.accept_probability(law.at_rate(0.1))), 9)  # two units without an error: .9 squared
    0.81
    """
    rows = np.arange(int(bounds.reject_at[-1]) + 1)
    opens = np.searchsorted(bounds.reject_at, rows, side="right").tolist()  # first n that does not reject
    closes = np.searchsorted(bounds.accept_at, rows, side="left").tolist()  # first n that accepts
    start, arrivals = 0, np.zeros(1)  # ln paths that come into the row by an error, at n = start, start + 1, ...
    points: list[tuple[Ints, int, bool, Floats]] = []
    for errors in rows.tolist():
        rejected = min(max(opens[errors] - start, 0), len(arrivals))
        points.append((np.arange(start, start + rejected), errors, False, arrivals[:rejected]))
        start, arrivals = start + rejected, arrivals[rejected:]
        if len(arrivals) == 0:
            break
        row = np.full(closes[errors] - start + 1, -np.inf)
        row[: len(arrivals)] = arrivals
        row = np.logaddexp.accumulate(row)
        points.append((np.array([closes[errors]]), errors, True, row[-1:]))
        start, arrivals = start + 1, row[:-1]
    inspected, wrong, flags, paths = zip(*points, strict=True)
    lengths = [len(at) for at in inspected]
    return StoppingLaw(
        np.concatenate(inspected),
        np.repeat(wrong, lengths),
        np.repeat(flags, lengths),
        np.concatenate(paths),
    )
