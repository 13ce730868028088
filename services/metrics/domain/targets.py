"""What a contract promises: whether each target is met, certainly missed or neither, and when that is to be told.

A target is *missed* when the whole interval of its measure lies on the wrong side, *met* when the whole of it lies on
the right one. Between them nobody can say, and whatever was told last stands; what was missed is told to be over when
the estimate itself is on the right side again, for a promise need not be proven anew. Numbers are looked at every
second, and an interval of 95 % that is looked at often enough crosses any line once; so a miss is told only when it has
held for HELD_US without a break, and a recovery likewise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from concord.quality.estimate import Estimate
from services.metrics.domain.report import UNITS_MIN, Report

HELD_US = 60_000_000
VERDICTS_MIN = 5
"""Below so many verdicts on lots the pass rate is not judged: each stands for hundreds of units."""

Standing = Literal["met", "missed", "unsure", "too few"]
Turn = Literal["breached", "recovered"]


@dataclass(frozen=True, slots=True)
class Target:
    """One target and the measure that it is held against.

    Attributes:
        at_least: whether the measure must not be under the limit; else not over it.
        units_min: below so many it is not judged.
    """

    name: str
    limit: float
    estimate: Estimate
    at_least: bool
    units_min: int = UNITS_MIN

    @property
    def standing(self) -> Standing:
        """Return how the target stands.

        >>> from concord.quality.intervals import wilson
        >>> [Target("t", 0.8, wilson(right, 100), True).standing for right in (90, 85, 60)]
        ['met', 'unsure', 'missed']
        """
        found = self.estimate
        if found.value is None or found.units < self.units_min:
            return "too few"
        worst, best = (found.low, found.high) if self.at_least else (found.high, found.low)
        if worst is not None and self._is_kept_by(worst):
            return "met"
        return "unsure" if best is None or self._is_kept_by(best) else "missed"

    @property
    def is_right(self) -> bool:
        """Whether there is enough to judge by, and the estimate itself is on the right side."""
        found = self.estimate
        return found.value is not None and found.units >= self.units_min and self._is_kept_by(found.value)

    def _is_kept_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


class TargetStanding(msgspec.Struct, frozen=True, array_like=True):
    """What was told of a target.

    Attributes:
        breached: whether a breach was, and no recovery since.
        since_us: when that was told; zero when nothing ever was.
        turning_us: since when the other has held; zero when it does not.
    """

    breached: bool = False
    since_us: int = 0
    turning_us: int = 0


def turned(
    standing: TargetStanding, target: Target, now_us: int, held_us: int = HELD_US
) -> tuple[TargetStanding, Turn | None]:
    """Return what is told of a target from now on, and what is to be said if that is news.

    >>> from concord.quality.intervals import wilson
    >>> missed, standing = Target("t", 0.8, wilson(60, 100), True), TargetStanding()
    >>> for now_us in (1, 1 + HELD_US):
    ...     standing, news = turned(standing, missed, now_us)
    >>> news, standing.breached
    ('breached', True)
    """
    is_turning = target.is_right if standing.breached else target.standing == "missed"
    after = held(standing, now_us, held_us, is_turning=is_turning)
    if after.breached == standing.breached:
        return after, None
    return after, "breached" if after.breached else "recovered"


def held(standing: TargetStanding, now_us: int, held_us: int = HELD_US, *, is_turning: bool) -> TargetStanding:
    """Return what is told from now on, where it turns once it has been turning for long enough.

    A clock that is set back begins the time anew: else nothing would turn until it has caught up.
    """
    if not is_turning:
        return TargetStanding(standing.breached, standing.since_us)
    if not 0 < standing.turning_us <= now_us:
        return TargetStanding(standing.breached, standing.since_us, now_us)
    return standing if now_us - standing.turning_us < held_us else TargetStanding(not standing.breached, now_us)


def targets_of(limits: Mapping[str, float], report: Report) -> list[Target]:
    """Return the targets of a contract, by name, each with the measure that it is held against."""
    return [
        Target("alpha", limits["alpha"], report.alpha, True),
        Target("label_error_rate", limits["label_error_rate"], report.label_error_rate, False),
        Target("audit_pass_rate", limits["audit_pass_rate"], report.audit_pass_rate, True, VERDICTS_MIN),
        Target("turnaround_p95_seconds", limits["turnaround_p95_seconds"], report.turnaround_p95, False),
    ]
