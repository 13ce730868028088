"""Calibration: whether labels are right as often as their stated confidence says, from audits.

Auditors label units blindly, drawn at random from each lot. Where a unit was settled by consensus, what was stated of
it can be held against what they found: over all of it (`confidence_gap`), and by how sure it was said to be (a
reliability curve, `added`). Lots are strata: of each a sample was seen, whole where it was rejected and soon ended
where it was good, so that every lot counts by the units it has and not by those that were looked at.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

from concord.quality.estimate import Estimate, undefined

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Where the bins of stated confidence begin; a bin ends where the next one begins."""
UNITS_MIN = 50
"""Below so many audited units nothing is said of the gap."""
METHOD = "stated confidence less audited accuracy, lots as strata, score interval"


class Bin(NamedTuple):
    """Audited units of one lot, or of many, that were stated to be about equally sure.

    Attributes:
        place: of the bin, in the order of EDGES.
        units: how many.
        stated: the sum of what was stated.
        right: how many labels the auditor found right.
    """

    place: int
    units: int
    stated: float
    right: int


class AuditedLot(NamedTuple):
    """What an audit says of one lot's stated confidences.

    Attributes:
        units: of the lot.
        inspected: of them, whoever settled them.
        bins: of those inspected that consensus had settled.
    """

    units: int
    inspected: int
    bins: Sequence[Bin]


def binned(units: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Return the bins of some (stated confidence, found right), those that are empty left out.

    >>> binned([(0.99, True), (0.985, False), (0.91, True)])
    [Bin(place=5, units=1, stated=0.91, right=1), Bin(place=7, units=2, stated=1.975, right=1)]
    """
    found: dict[int, list[tuple[float, bool]]] = {}
    for stated, right in units:
        found.setdefault(bisect_right(EDGES, stated) - 1, []).append((stated, right))
    return [
        Bin(place, len(some), fsum(stated for stated, _ in some), sum(right for _, right in some))
        for place, some in sorted(found.items())
    ]


def added(parts: Iterable[Sequence[Bin]]) -> list[Bin]:
    """Return the sum of any number of bins, by place: the same in whatever order they come.

    >>> added([[Bin(5, 1, 0.91, 1)], [Bin(5, 2, 1.86, 1), Bin(7, 1, 0.99, 1)]])
    [Bin(place=5, units=3, stated=2.77, right=2), Bin(place=7, units=1, stated=0.99, right=1)]
    """
    found: dict[int, list[Bin]] = {}
    for part in parts:
        for entry in part:
            found.setdefault(entry.place, []).append(entry)
    return [
        Bin(
            place,
            sum(item.units for item in some),
            fsum(item.stated for item in some),
            sum(item.right for item in some),
        )
        for place, some in sorted(found.items())
    ]


def confidence_gap(lots: Iterable[AuditedLot], confidence: float = 0.95) -> Estimate:
    """Return stated confidence less the share that auditors found right, of units that consensus had settled.

    With n_l such units among the m_l inspected of the N_l of lot l, it stands for w_l = N_l n_l / m_l of them:

    gap = sum_l w_l (stated_l - right_l) / sum_l w_l, both as means over the n_l.

    The interval is the score interval of the share right at as many units as would be as informative,
    n = p (1 - p) / sum_l (w_l / sum w)^2 p (1 - p) / n_l, taken from what is stated. It is of what the statements are
    worth, and not of how these units came out: a lot that was inspected whole is known, and yet of 1,000 units that
    are rightly stated to be .99 sure now 7 are wrong and now 13, so that nothing is taken off for units being few.
    What is stated is taken as it is: that units differ in it only adds to the width.

    Args:
        lots: audited lots; one that was inspected twice may stand here twice.
        confidence: of the interval.

    Returns:
        Above 0: more was claimed than is right. Undefined under UNITS_MIN units.

    Source: stratified sampling, Cochran, Sampling Techniques, 3rd ed. 1977, section 5A.2; Wilson, JASA 22 (1927) 209.

    >>> lots = [AuditedLot(500, 60, binned([(0.98, n % 15 > 0) for n in range(60)])) for _ in range(5)]
    >>> found = confidence_gap(lots)
    >>> round(found.value, 3), found.low > 0, found.units
    (0.047, True, 300)
    """
    strata = [_stratum(lot) for lot in lots]
    seen = [stratum for stratum in strata if stratum.units]
    units = sum(stratum.units for stratum in seen)
    if units < UNITS_MIN:
        reason = f"{units} audited units that consensus settled; with {UNITS_MIN} or more something is said"
        return undefined(reason, units, METHOD)
    whole = fsum(stratum.weight for stratum in seen)
    right = fsum(stratum.weight * stratum.right for stratum in seen) / whole
    stated = fsum(stratum.weight * stratum.stated for stratum in seen) / whole
    spread = fsum((stratum.weight / whole) ** 2 / stratum.units for stratum in seen)
    low, high = _score(right, 1.0 / spread, confidence)
    return Estimate(stated - right, stated - high, stated - low, units, METHOD)


class _Stratum(NamedTuple):
    """One lot: units that were seen, those it stands for, the means of what was stated and right."""

    units: int
    weight: float
    stated: float
    right: float


def _stratum(lot: AuditedLot) -> _Stratum:
    units = sum(bin_.units for bin_ in lot.bins)
    if not units:
        return _Stratum(0, 0.0, 0.0, 0.0)
    stated, right = fsum(bin_.stated for bin_ in lot.bins), sum(bin_.right for bin_ in lot.bins)
    weight = lot.units * units / lot.inspected
    return _Stratum(units, weight, stated / units, right / units)


def _score(share: float, trials: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share, the trials being any number: see `intervals.wilson`."""
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    shrink = 1.0 + z * z / trials
    centre = (share + z * z / (2.0 * trials)) / shrink
    half = z * sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)
