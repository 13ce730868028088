"""Rates of things that come in clusters: labels of one annotator, or of one unit, are alike, and no independent trials.

What adds up are whole numbers: of each cluster how many there are and how many of them hit, and the squares and the
product of both. So partial sums of anything, taken in any order, are the sums of all.
"""

from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtr, ndtri, stdtrit

from concord.quality.estimate import Estimate, undefined

CLUSTERS_MIN = 3
"""Fewer clusters show no spread to speak of."""


@dataclass(slots=True)
class Clusters:
    """Sums over clusters.

    Attributes:
        clusters: how many there are.
        trials, hits: in all of them.
        trials_squared, hits_squared, product: sums over clusters of n^2, y^2 and n y.
    """

    clusters: int = 0
    trials: int = 0
    hits: int = 0
    trials_squared: int = 0
    hits_squared: int = 0
    product: int = 0

    def add(self, trials: int, hits: int, times: int = 1) -> None:
        """Count so many clusters of this size.

        >>> found = Clusters()
        >>> found.add(trials=3, hits=1, times=2)
        >>> found.trials, found.hits, found.hits_squared
        (6, 2, 2)
        """
        if not 0 <= hits <= trials:
            raise ValueError(f"{hits} of {trials} cannot be")
        if not trials:
            return
        self.clusters += times
        self.trials += times * trials
        self.hits += times * hits
        self.trials_squared += times * trials * trials
        self.hits_squared += times * hits * hits
        self.product += times * trials * hits

    def __sub__(self, other: "Clusters") -> "Clusters":
        return Clusters(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))

    @property
    def rate(self) -> float:
        """Return the share of hits; there must be a trial."""
        return self.hits / self.trials

    def effective(self, confidence: float = 0.95) -> float:
        """Return how many independent trials would tell as much.

            n* = p(1 - p) / v · (z / t)²,  v = m/(m - 1) Σ (y - p n)² / n²,  at most n

        v is the variance of the ratio over m clusters, t the quantile of Student's t with m - 1 degrees of freedom: few
        clusters do not know their own spread. Where all hit, or none, clusters count and not trials.

        Source: Korn and Graubard, Survey Methodology 24(2), 1998, 193.
        """
        most = float(self.trials)
        if not 0 < self.hits < self.trials:
            most = float(self.clusters)
            variance = 0.0
        else:
            p = self.rate
            spread = self.hits_squared - 2 * p * self.product + p * p * self.trials_squared
            variance = max(0.0, spread) * self.clusters / (self.clusters - 1) / self.trials**2
        tail = (1 + confidence) / 2
        few = float(ndtri(tail) / stdtrit(self.clusters - 1, tail)) ** 2
        found = most if variance == 0.0 else min(most, self.rate * (1 - self.rate) / variance)
        return max(found * few, 1.0)


def clustered_rate(sums: Clusters, what: str, confidence: float = 0.95) -> Estimate:
    """Return the share of hits with Wilson's interval at as many independent trials as would tell as much.

    Args:
        sums: of the clusters.
        what: the clusters in words, as in "annotators".
        confidence: coverage of the interval.

    >>> found = Clusters()
    >>> for hits in (0, 2, 5, 9):
    ...     found.add(10, hits)
    >>> e = clustered_rate(found, "annotators")
    >>> round(e.value, 2), e.units, round(e.low, 2), round(e.high, 2)
    (0.4, 40, 0.07, 0.85)
    """
    method = f"rate, Wilson interval over {what} as clusters"
    if not sums.trials:
        return undefined("there is nothing to take a rate of", 0, method)
    if sums.clusters < CLUSTERS_MIN:
        reason = f"{sums.clusters} {what} show no spread, {CLUSTERS_MIN} are needed"
        return Estimate(sums.rate, None, None, sums.trials, method, reason)
    low, high = _wilson(sums.rate, sums.effective(confidence), confidence)
    return Estimate(sums.rate, low, high, sums.trials, method)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two rates beside each other.

    Attributes:
        value: the first less the second; None where nothing can be said, then `reason` says why.
        low, high: of its 95 % interval.
        p_value: chance of a difference as large where there is none.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    reason: str = ""


def clustered_difference(first: Clusters, second: Clusters, what: str, confidence: float = 0.95) -> Difference:
    """Return the difference of two rates of clusters that have nothing in common.

    The p-value is that of the score test, whose variance is of the pooled rate, at as many independent trials as would
    tell as much; the interval joins the two rates' own (Newcombe's method 10).

    Source: Newcombe, Statistics in Medicine 17, 1998, 873; effective trials as `Clusters.effective`.

    >>> one, other = Clusters(), Clusters()
    >>> for _ in range(20):
    ...     one.add(10, 4)
    ...     other.add(10, 1)
    >>> found = clustered_difference(one, other, "annotators")
    >>> round(found.value, 2), found.p_value < 0.001
    (0.3, True)
    """
    fewer = min(first.clusters, second.clusters)
    if fewer < CLUSTERS_MIN:
        reason = f"one side has {fewer} {what}, {CLUSTERS_MIN} are needed"
        return Difference(None, None, None, None, reason)
    sizes = first.effective(confidence), second.effective(confidence)
    p, q = first.rate, second.rate
    pooled = (p * sizes[0] + q * sizes[1]) / sum(sizes)
    error = sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    p_value = 1.0 if error == 0.0 else float(2 * ndtr(-abs(p - q) / error))
    (low_p, high_p), (low_q, high_q) = _wilson(p, sizes[0], confidence), _wilson(q, sizes[1], confidence)
    low = p - q - sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    high = p - q + sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    return Difference(p - q, low, high, p_value)


def _wilson(p: float, trials: float, confidence: float) -> tuple[float, float]:
    z = float(ndtri((1 + confidence) / 2))
    shrink = 1 + z * z / trials
    centre = (p + z * z / (2 * trials)) / shrink
    half = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / shrink
    return (0.0 if p == 0.0 else max(0.0, centre - half)), (1.0 if p == 1.0 else min(1.0, centre + half))
