"""One annotator at work in a project: the session, the charts over it, and when a break is due.

An alarm of the charts (`concord.quality.fatigue`) asks for a break first, a short one. One more alarm before the
session is over asks for a rotation: other work for ROTATION_US. A session that has gone on for as long as the project
lets it asks for a break too. A session ends with a pause of SESSION_PAUSE_US; the next one begins rested, with short
breaks again. While a break that was asked for runs, nothing is judged, and after it the charts begin at zero: who was
just asked is not asked again at once. Getting faster never alarms.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple, cast

import msgspec

from concord.quality.fatigue import Fatigue, FatigueRule, GoldBaseline, Session, after_unit, fatigue, rule_for
from services.metrics.domain.standing import SaysSame
from services.metrics.domain.unit import Annotation

SESSION_PAUSE_US = 1_800_000_000
ROTATION_US = 1_800_000_000
BASELINE_UNITS_MAX, BASELINE_STEP = 100, 20
"""Gold units of a baseline, and their steps: a chart is reckoned once for each baseline, in some 30 ms."""

Kind = Literal["", "break", "rotation"]
_rule_for = lru_cache(maxsize=256)(rule_for)


class Breaks(msgspec.Struct, frozen=True):
    """What a project says of breaks.

    Attributes:
        asked: whether people are asked for breaks at all; the charts are shown in any case.
        false_alarm_units: a steady annotator is asked once in so many units, or more rarely.
        break_seconds: how long a break is.
        session_minutes_max: after so long without a pause a break is due.
    """

    asked: bool
    false_alarm_units: int
    break_seconds: int
    session_minutes_max: int

    @property
    def rule(self) -> FatigueRule:
        """Return the charts' thresholds."""
        return _rule_for(float(self.false_alarm_units))


class Watch(NamedTuple):
    """How a project's people are watched: what says whether labels say the same, and what is said of breaks."""

    says: SaysSame
    breaks: Breaks


Watched = Callable[[str], Watch | None]
"""Tells how a project's people are watched; of one that asks for no breaks nothing."""


def nobody_is_watched(project_id: str) -> Watch | None:
    """Return nothing."""
    del project_id
    return None


class Due(msgspec.Struct, frozen=True, array_like=True):
    """A break that an annotator is asked for.

    Attributes:
        kind: a short break, or a rotation to other work; empty: none was ever due.
        reason: why, as a sentence that the annotator is told.
        at_us, until_us: event times.
    """

    kind: Kind = ""
    reason: str = ""
    at_us: int = 0
    until_us: int = 0


class Person(msgspec.Struct, array_like=True):
    """One annotator in one project; changed in place, by annotations in the order of their event times.

    Attributes:
        newest_us: event time of the newest annotation that is in; an older one, or one told again, changes nothing.
        begun_us: when the session began.
        gold_units, gold_wrong: of all sessions, the present one among them.
        baseline: wrong, units: gold before the session.
        times, score, together, apart, slow, slow_run, errors, error_run: see `concord.quality.fatigue.Session`; times
            in milliseconds.
        asked: how often the charts have asked for a break in this session.
        due: the newest break.
    """

    newest_us: int = 0
    begun_us: int = 0
    gold_units: int = 0
    gold_wrong: int = 0
    baseline: tuple[int, int] = (0, 0)
    units: int = 0
    times: tuple[int, ...] = ()
    score: float | None = None
    together: float = 0.0
    apart: float = 0.0
    slow: float = 0.0
    slow_run: int = 0
    errors: float = 0.0
    error_run: int = 0
    asked: int = 0
    due: Due = Due()

    def worked(self, annotation: Annotation, wrong: bool | None) -> None:
        """Take an annotation in; `wrong` tells of gold whether it was, and is None of any other unit.

        >>> person = Person()
        >>> for at_us in (1, 2, 2):
        ...     person.worked(Annotation("ann", '"yes"', active_ms=5_000, at_us=at_us), None)
        >>> person.units
        2
        """
        if annotation.at_us <= self.newest_us:
            return
        if annotation.at_us - self.newest_us > SESSION_PAUSE_US:
            self._begin(annotation.at_us)
        self.newest_us = annotation.at_us
        if annotation.at_us >= self.due.until_us:
            # Ranks alone count, so milliseconds do. Sums do not depend on thresholds: those are the project's.
            self._take(after_unit(self._session(), seconds=annotation.active_ms or None, wrong=wrong))
        if wrong is not None:
            self.gold_units += 1
            self.gold_wrong += wrong

    def _begin(self, at_us: int) -> None:
        """Begin a session, rested, judged by what was known of the annotator before."""
        self.begun_us, self.units, self.asked = at_us, 0, 0
        self._rest()
        units = min(self.gold_units, BASELINE_UNITS_MAX) // BASELINE_STEP * BASELINE_STEP
        wrong = round(self.gold_wrong * units / self.gold_units) if units else 0
        self.baseline = (wrong, units)

    def _rest(self) -> None:
        self.slow = self.errors = 0.0
        self.slow_run = self.error_run = 0

    def _session(self) -> Session:
        return Session(
            GoldBaseline(*self.baseline),
            self.times,
            self.units,
            self.score,
            self.together,
            self.apart,
            self.slow,
            self.slow_run,
            self.errors,
            self.error_run,
        )

    def _take(self, now: Session) -> None:
        self.times, self.units, self.score = cast("tuple[int, ...]", now.times), now.units, now.score
        self.together, self.apart = now.together, now.apart
        self.slow, self.slow_run, self.errors, self.error_run = (
            now.slow_sum,
            now.slow_run,
            now.error_sum,
            now.error_run,
        )

    def found(self, breaks: Breaks) -> Fatigue:
        """Return what the charts say now."""
        return fatigue(self._session(), breaks.rule)

    def judged(self, breaks: Breaks) -> None:
        """Note the break that falls due now, if one does, and go on from there: the charts begin at zero.

        >>> person = Person(newest_us=7, begun_us=1, slow=6.0, times=(5_000,) * 10)
        >>> for _ in range(2):
        ...     person.judged(Breaks(True, 465, 30, 90))
        >>> person.due.kind, person.due.until_us - person.due.at_us, person.asked
        ('break', 30000000, 1)
        """
        at_us = self.newest_us
        if not breaks.asked or at_us < self.due.until_us:
            return
        charts = self.found(breaks)
        overdue = at_us - self.begun_us > breaks.session_minutes_max * 60_000_000
        if not charts.alarm and not overdue:
            return
        kind: Kind = "rotation" if charts.alarm and self.asked else "break"
        length_us = ROTATION_US if kind == "rotation" else breaks.break_seconds * 1_000_000
        self.due = Due(kind, _reason(charts, breaks), at_us, at_us + length_us)
        self._rest()
        self.asked += charts.alarm
        if overdue:
            self.begun_us = at_us


def _reason(charts: Fatigue, breaks: Breaks) -> str:
    if charts.slower:
        ago = charts.turned_units_ago or 0
        return f"Your last {ago} units took longer than is usual for you."
    if charts.less_accurate:
        return "Your latest labels were right less often than is usual for you."
    return f"You have worked for {breaks.session_minutes_max} minutes without a pause."
