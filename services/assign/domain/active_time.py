"""How long units of a project take, robustly: no one person's clock, and no few wild times, set everybody's lease."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from math import exp, log
from statistics import median

import msgspec

LEASE_SECONDS_MIN = 120
LEASE_SECONDS_MAX = 8 * 3_600
"""A shift: what a project does not say itself never makes a lease longer."""
ACTIVE_TIME_MULTIPLE = 3
TIMES_MAX = 512
"""Submissions of a project that its lease is measured by: the newest."""
SHARE_MAX = 0.2
"""Of those that count, the part that may be one annotator's, where enough others have labelled too."""
SHARE_STEPS = 20
"""Steps in which that part is found: what is left out makes the whole smaller, and with it everybody's part."""
TIMES_MIN = 20
"""Fewer say nothing about a 95th percentile."""
MEASURE_AGAIN_TIMES = 32
CHANGE_MIN = 0.1
"""Only what differs by more from what was written down is written down anew."""
QUARTILE_Z, QUANTILE_95_Z = 0.6744897501960817, 1.6448536269514722
"""Quantiles of the standard normal distribution at 3/4 and at 95/100."""


def robust_quantile_95(times: Sequence[float]) -> float:
    """Return the 95th percentile of times above 0, as their quartiles tell it under a log-normal law.

    exp(log median + z_.95 * s), s = (log q3 - log q1) / (2 z_.75); never below q3. Human response times are close to
    log-normal, and neither the largest nor the smallest quarter of the values, whatever they are, moves it far, where
    the sample's own 95th percentile is lost to one value in twenty.

    Source: the quartile estimate of scale, Rousseeuw and Croux, JASA 88 (1993) 1273-1283, section 1; the law, van der
    Linden, Journal of Educational and Behavioral Statistics 31 (2006) 181-204.

    >>> round(robust_quantile_95([4.0] * 30 + [8.0] * 10)), robust_quantile_95([4_000.0] * 36 + [86_400_000.0] * 4)
    (4, 4000.0)
    """
    ordered = sorted(times)
    low, middle, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))
    scale = (log(high) - log(low)) / (2 * QUARTILE_Z)
    return max(high, exp(log(middle) + QUANTILE_95_Z * scale)) if scale else float(high)


class ActiveTimeState(msgspec.Struct, frozen=True):
    """How long units of a project take, written down for whoever serves the project next.

    Attributes:
        quantile_ms, median_ms: the 95th percentile and the median as last measured, milliseconds; 0: it was not.
    """

    project_id: str
    quantile_ms: float
    median_ms: float = 0.0


class ActiveTimes:
    """The newest active times of one project, and what its lease follows from; measured anew every so often.

    Attributes:
        informed: whether it is known what was written down before; until then nothing is to be.
    """

    def __init__(self) -> None:
        self._times_ms: OrderedDict[str, tuple[str, int, int]] = OrderedDict()
        self._left_out_until_us = 0
        self._unmeasured = 0
        self._quantile_ms = 0.0
        self._median_ms = 0.0
        self._written_ms = 0.0
        self._written_median_ms = 0.0
        self.informed = False

    def add(self, assignment_id: str, annotator_id: str, active_ms: int, issued_at_us: int) -> None:
        """Take in one submission's active time, once however often it is told; 0 (not told) is left out."""
        if active_ms <= 0 or assignment_id in self._times_ms or issued_at_us < self._left_out_until_us:
            return
        self._times_ms[assignment_id] = (annotator_id, active_ms, issued_at_us)
        if len(self._times_ms) > TIMES_MAX:
            _, (_, _, oldest_us) = self._times_ms.popitem(last=False)
            self._left_out_until_us = max(self._left_out_until_us, oldest_us)
        self._unmeasured += 1
        if len(self._times_ms) >= TIMES_MIN and (self._unmeasured >= MEASURE_AGAIN_TIMES or not self._quantile_ms):
            fairly = self._fairly()
            self._quantile_ms, self._median_ms = robust_quantile_95(fairly), float(median(fairly))
            self._unmeasured = 0

    @property
    def median_ms(self) -> float:
        """The median active time, milliseconds; 0: it is not known."""
        return self._median_ms or self._written_median_ms

    def inform(self, written_ms: float, median_ms: float = 0.0) -> None:
        """Take what was written down: the lease follows from it until enough is measured here."""
        self.informed = True
        self._written_ms = written_ms
        self._written_median_ms = median_ms

    def unwritten_ms(self) -> float | None:
        """Return the 95th percentile that is to be written down; None when what was is near enough."""
        if not self.informed or abs(self._quantile_ms - self._written_ms) <= CHANGE_MIN * self._written_ms:
            return None
        return self._quantile_ms or None

    def _fairly(self) -> list[int]:
        """Return the times that count: of each annotator the newest, at most their share of all that count."""
        times_told = Counter([annotator_id for annotator_id, _, _ in self._times_ms.values()])
        share, most = max(1.0 / len(times_told), SHARE_MAX), float(TIMES_MAX)
        for _ in range(SHARE_STEPS):
            before, most = most, max(1.0, share * sum([min(times, most) for times in times_told.values()]))
            if most == before:
                break
        if max(times_told.values()) <= most:
            return [active_ms for _, active_ms, _ in self._times_ms.values()]
        counts: Counter[str] = Counter()
        times = []
        for annotator_id, active_ms, _ in reversed(self._times_ms.values()):
            counts[annotator_id] += 1
            if counts[annotator_id] <= most:
                times.append(active_ms)
        return times

    def lease_seconds(self, policy_seconds: int) -> int:
        """Return for how long a unit is leased: what the project says, else 3 times the 95th percentile.

        Args:
            policy_seconds: the project's own; 0 when it leaves it to the active time.
        """
        if policy_seconds:
            return policy_seconds
        measured = -(-ACTIVE_TIME_MULTIPLE * (self._quantile_ms or self._written_ms) // 1_000)
        return int(min(LEASE_SECONDS_MAX, max(LEASE_SECONDS_MIN, measured)))
