"""Fatigue in one annotator's session: slower, or less accurate, than this annotator's own usual.

Two one-sided CUSUM charts run over the units of a session.

*Time.* Each time is ranked among the annotator's own latest times, and the rank is turned into a normal score,
z = Phi^-1((rank - 1/2) / n), which is standard normal in control whatever the distribution of times: a pause of
an hour counts as the slowest unit and no more. C = max(0, C + z - k) rises only when times run long. Getting
faster, which is what learning does, gives low ranks and holds C at zero: it cannot alarm.

*Accuracy.* On gold units a Bernoulli CUSUM waits for the error rate to rise above the annotator's own. That rate
is itself an estimate from few gold units, so the threshold is set on its whole posterior: false alarms come at
the stated rate on average over what the rate may be, not at the rate that happened to be observed.

*False alarms.* Times of units one after another are alike: hard ones come together, and so do interruptions. An
independent chart's run length does not hold for them, so what is summed is what is new in a score: with the
annotator's own lag-one autocorrelation r, e = (z - r z') / sqrt(1 - r^2) after the score z' before. r is estimated from
the latest scores and drawn to .2 as if sixty had shown that. With h = 5 the time chart alarms on a steady annotator
once in 930 timed units or more, which is what h promises of independent ones: by simulation of 20,000 each once in
about 1,300 at an autocorrelation of .3, 2,900 at .1 and 5,000 where times are independent; at .5, once in 670.
Times slower by 1.75 of their standard deviations are found in 8 to 9 units in median. The accuracy chart alarms
once in `gold_between_false_alarms` (465) gold units; at one gold unit in ten that is one in 4,650 units.

An alarm is a reason to offer a break, never a verdict on a person: evidence that fatigue matters is mixed (Hata
et al., CSCW 2017, find steady quality over weeks; Jung et al., HCOMP 2014, find that single workers move).

Sources: McDonald, Naval Research Logistics 37, 1990, for the CUSUM of sequential ranks; Lu and Reynolds, Journal of
Quality Technology 33(3), 2001, for charts of an autocorrelated process' residuals; Reynolds and Stoumbos,
Journal of Quality Technology 31(1), 1999, for the Bernoulli CUSUM.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

from scipy.special import betaincinv

from concord.quality.control_chart import bernoulli_reference
from concord.quality.run_length import bernoulli_cusum_h_for_arl, cusum_h_for_arl

REMEMBERED = 0.99
"""How much of what was known of the autocorrelation is left at the next unit: about the last hundred count."""
EXPECTED, EXPECTED_SCORES = 0.2, 60.0
"""What autocorrelation is expected of anybody, and for how many scores that stands: real timings show .1 to .3."""
CORRELATION_MAX = 0.5
"""More is a lasting change as a rule, which is what is looked for."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class FatigueRule:
    """When a session alarms; the defaults are the documented ones.

    Attributes:
        time_k, time_h: reference value and decision interval of the time chart, in standard deviations of what is new.
        error_rise: rise of the error rate that the accuracy chart is tuned to.
        gold_between_false_alarms: run length of the accuracy chart while the annotator is steady, in gold units.
        times_min, times_max: own times to have before any is judged, and latest times to keep.
        gold_min: gold units of the baseline without which accuracy is not judged.
    """

    time_k: float = 0.5
    time_h: float = 5.0
    error_rise: float = 0.25
    gold_between_false_alarms: float = 465.0
    times_min: int = 10
    times_max: int = 50
    gold_min: int = 30


@dataclass(frozen=True, slots=True)
class GoldBaseline:
    """What an annotator did on gold units before this session: `wrong` of `units`."""

    wrong: int = 0
    units: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        if not 0 <= self.wrong <= self.units:
            raise ValueError(f"{self.wrong} wrong of {self.units} gold units cannot be")


@dataclass(frozen=True, slots=True)
class Session:
    """State of one session: small, and all that has to be kept between units.

    Attributes:
        baseline: the annotator's own gold record before the session.
        times: latest own times in seconds, oldest first, from this session or earlier ones.
        units: units of this session.
        score: of the latest time, which the next one is held against; None before any.
        together, apart: sums over the latest scores of products of neighbours, and of squares: their quotient is
            the autocorrelation.
        slow_sum, slow_run: the time chart, and units since it was last at zero.
        error_sum, error_run: the accuracy chart, and gold units since it was last at zero.
    """

    baseline: GoldBaseline = GoldBaseline()
    times: tuple[float, ...] = ()
    units: int = 0
    score: float | None = None
    together: float = 0.0
    apart: float = 0.0
    slow_sum: float = 0.0
    slow_run: int = 0
    error_sum: float = 0.0
    error_run: int = 0


@dataclass(frozen=True, slots=True)
class Fatigue:
    """What the charts say now.

    Attributes:
        slower, less_accurate: either chart is above its threshold.
        turned_units_ago: units since the time chart left zero, the estimate of when it turned; None if not slower.
        turned_gold_ago: the same in gold units for the accuracy chart; None if not less accurate.
        unjudged: why a chart is not running yet, one sentence each; empty when both run.
    """

    slower: bool
    less_accurate: bool
    turned_units_ago: int | None
    turned_gold_ago: int | None
    unjudged: tuple[str, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether to offer a break."""
        return self.slower or self.less_accurate


def after_unit(
    session: Session, *, seconds: float | None, wrong: bool | None = None, rule: FatigueRule = FatigueRule()
) -> Session:
    """Return the session after one unit.

    Args:
        session: the state before.
        seconds: active time on the unit; None where it is not known.
        wrong: for a gold unit whether the label was wrong; None for any other unit.
        rule: thresholds.

    >>> session = Session(times=(10.0,) * 10)
    >>> after_unit(session, seconds=8.0).slow_sum, round(after_unit(session, seconds=12.0).slow_sum, 2)
    (0.0, 1.19)
    """
    session = replace(session, units=session.units + 1)
    if seconds is not None:
        session = _time_observed(session, seconds, rule)
    return session if wrong is None else _gold_observed(session, wrong, rule)


def fatigue(session: Session, rule: FatigueRule = FatigueRule()) -> Fatigue:
    """Return what the charts say after the latest unit.

    >>> fatigue(Session()).unjudged
    ('10 own times are needed, 0 are known', '30 gold units are needed as a baseline, 0 are known')
    """
    slower = session.slow_sum > rule.time_h
    less_accurate = False
    unjudged = []
    if len(session.times) < rule.times_min:
        unjudged.append(f"{rule.times_min} own times are needed, {len(session.times)} are known")
    if session.baseline.units < rule.gold_min:
        unjudged.append(f"{rule.gold_min} gold units are needed as a baseline, {session.baseline.units} are known")
    else:
        less_accurate = session.error_sum >= _accuracy_chart(session.baseline, rule).threshold
    return Fatigue(
        slower,
        less_accurate,
        session.slow_run if slower else None,
        session.error_run if less_accurate else None,
        tuple(unjudged),
    )


def rule_for(false_alarm_units: float) -> FatigueRule:
    """Return the rule under which a steady annotator is stopped once in so many units, or more rarely.

    Each of the two charts is given half of the alarms, and the accuracy chart one gold unit in ten units or fewer.

    >>> rule_for(465).time_h
    5.0
    """
    h = round(cusum_h_for_arl(FatigueRule().time_k, 2 * false_alarm_units, two_sided=False), 2)
    return FatigueRule(time_h=h, gold_between_false_alarms=max(2 * false_alarm_units / 10, 20.0))


def after_break(session: Session) -> Session:
    """Return the session with both charts at zero, as after a break or an alarm that was dealt with.

    >>> after_break(Session(slow_sum=6.0, slow_run=9)).slow_sum
    0.0
    """
    return replace(session, slow_sum=0.0, slow_run=0, error_sum=0.0, error_run=0)


def _time_observed(session: Session, seconds: float, rule: FatigueRule) -> Session:
    times = session.times
    kept = (*times, seconds)[-rule.times_max :]
    if len(times) < rule.times_min:
        return replace(session, times=kept)
    shorter = sum(known < seconds for known in times)
    equal = times.count(seconds)
    # The mean rank among all, the new one included, from 1; ties share it.
    rank = shorter + equal / 2 + 1
    score = _NORMAL.inv_cdf((rank - 0.5) / (len(times) + 1))
    total = max(0.0, session.slow_sum + _new_in(score, session) - rule.time_k)
    before = 0.0 if session.score is None else session.score
    return replace(
        session,
        times=kept,
        score=score,
        together=REMEMBERED * session.together + score * before,
        apart=REMEMBERED * session.apart + before * before,
        slow_sum=total,
        slow_run=session.slow_run + 1 if total > 0 else 0,
    )


def _new_in(score: float, session: Session) -> float:
    """Return what of a score did not follow from the one before it, with a variance of one."""
    if session.score is None:
        return score
    found = (session.together + EXPECTED * EXPECTED_SCORES) / (session.apart + EXPECTED_SCORES)
    correlation = min(max(found, 0.0), CORRELATION_MAX)
    return float((score - correlation * session.score) / sqrt(1.0 - correlation * correlation))


def _gold_observed(session: Session, wrong: bool, rule: FatigueRule) -> Session:
    if session.baseline.units < rule.gold_min:
        return session
    chart = _accuracy_chart(session.baseline, rule)
    total = max(0.0, session.error_sum + (1.0 if wrong else 0.0) - chart.reference)
    return replace(session, error_sum=total, error_run=session.error_run + 1 if total > 0 else 0)


@dataclass(frozen=True, slots=True)
class _AccuracyChart:
    reference: float
    threshold: float


@lru_cache(maxsize=4096)
def _accuracy_chart(baseline: GoldBaseline, rule: FatigueRule) -> _AccuracyChart:
    """Return the Bernoulli CUSUM for this baseline; some 30 ms of work, done once for each baseline.

    Under a uniform prior the error rate is Beta(wrong + 1, right + 1); its mean, to a hundredth, is the rate in
    control, and five equally likely quantiles stand for the rest.
    """
    right = baseline.units - baseline.wrong
    usual = min(max(round((baseline.wrong + 1) / (baseline.units + 2), 2), 0.01), 0.75)
    risen = min(usual + rule.error_rise, 0.95)
    rates = betaincinv(baseline.wrong + 1, right + 1, [0.1, 0.3, 0.5, 0.7, 0.9])
    threshold = bernoulli_cusum_h_for_arl(usual, risen, rule.gold_between_false_alarms, rates)
    return _AccuracyChart(bernoulli_reference(usual, risen).gamma, threshold)
