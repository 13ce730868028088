"""How well classifiers tell two kinds of units apart by what was seen of each: the area under the curve, by halves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

RIDGE = 10.0
WAVES, WAVE_RIDGE = 300, 30.0
RESAMPLES = 400
INTERVAL = (2.5, 97.5)
SEED = 7

Floats = NDArray[np.float64]


class Area(NamedTuple):
    """An area under the curve, with an interval of 95 % by drawing units anew (Efron 1979)."""

    area: float
    low: float
    high: float


def auc(scores: Floats, marked: NDArray[np.bool_]) -> float:
    """Return the chance that a marked row is scored over another one (Mann and Whitney 1947); ties count half."""
    many, ranks = int(marked.sum()), rankdata(scores)
    return float((ranks[marked].sum() - many * (many + 1) / 2) / (many * (len(marked) - many)))


def scored(rows: Floats, marked: NDArray[np.bool_], units: Sequence[str], *, waves: int = 0) -> Floats:
    """Return a score of each row, by a classifier that was taught on units of the other half.

    Least squares with a ridge on what is there and its squares; with waves on so many random cosines as well, which is
    what a kernel of Gauss would see (Rahimi and Recht 2007).

    Args:
        rows: what was seen, a row each.
        marked: the kind of each.
        units: of which unit each is: all that was seen of it is on one side, or ids would be learnt by heart.
        waves: how many cosines.
    """
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    rows = np.clip(rows, -5.0, 5.0)
    shown = [rows, rows**2, np.ones((len(rows), 1))]
    if waves:
        drawn = np.random.default_rng(SEED)
        across = drawn.normal(size=(rows.shape[1], waves)) / np.sqrt(rows.shape[1])
        shown.append(np.cos(rows @ across + drawn.uniform(0, 2 * np.pi, waves)))
    seen = np.hstack(shown)
    names = {unit_id: number for number, unit_id in enumerate(sorted(set(units)))}
    side = np.array([names[unit] % 2 for unit in units])
    scores = np.zeros(len(seen))
    ridge = (WAVE_RIDGE if waves else RIDGE) * np.eye(seen.shape[1])
    for taught in (0, 1):
        on, off = side == taught, side != taught
        wanted = np.where(marked[on], 1.0, -1.0)
        weights = np.linalg.solve(seen[on].T @ seen[on] + ridge, seen[on].T @ wanted)
        scores[off] = seen[off] @ weights
    return scores


def area(scores: Floats, marked: NDArray[np.bool_], units: Sequence[str]) -> Area:
    """Return the area under the curve, and between which its like would lie for other units."""
    names = {unit_id: number for number, unit_id in enumerate(sorted(set(units)))}
    of_unit = np.array([names[unit] for unit in units])
    order = np.argsort(of_unit, kind="stable")
    bounds = np.searchsorted(of_unit[order], np.arange(len(names) + 1))
    drawn, found = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        picked = drawn.integers(len(names), size=len(names))
        rows = np.concatenate([order[bounds[entry] : bounds[entry + 1]] for entry in picked])
        found.append(auc(scores[rows], marked[rows]))
    low, high = np.percentile(found, INTERVAL)
    return Area(auc(scores, marked), float(low), float(high))
