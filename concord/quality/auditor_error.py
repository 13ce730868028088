"""What auditors' own errors leave open of a label error rate, by inspections that a second auditor repeated blind.

An inspection is a person's label held against the one that was resolved: it may miss a wrong label, or call a right one
wrong. Two auditors of one unit who do not see each other tell how often that happens, and cannot tell which of the two
it was: of what two verdicts with three outcomes show, two numbers can be known, and there are three (how many labels
are wrong, how many of these are found, how many right ones are not let be). So the ends of the interval are moved to
what either reading allows at worst, and the value stays what the auditors found, which every reading allows.
"""

from dataclasses import dataclass
from math import ceil

from scipy.special import bdtr, bdtrc, betaincinv

from concord.quality.estimate import Estimate
from concord.quality.intervals import least_true

DETECTION_MIN = 0.5
"""What is taken for granted of auditors: of a wrong label they say so at least as often as not."""
RISK = 0.05
"""With which each rate of theirs is worse than it is taken to be."""
TAIL = 0.05
"""With which more errors fall on so many units than is reckoned with, where the rate is known."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Inspections that a second auditor repeated, and those that they are a part of; they add up.

    Attributes:
        inspected, found: inspections of which some were repeated, and how many of them found a wrong label.
        wrong: repeated ones whose first auditor found the label wrong.
        confirmed: of these, those where the second gave the same label as the first.
        right: repeated ones whose first auditor found the label right.
        overturned: of these, those where the second found it wrong.

    >>> both = Repeats(125, 3, 3, 2, 47, 1) + Repeats(60, 1, 1, 1, 20, 0)
    >>> both.repeated, both.agreed
    (71, 69)
    """

    inspected: int = 0
    found: int = 0
    wrong: int = 0
    confirmed: int = 0
    right: int = 0
    overturned: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        parts = 0 <= self.confirmed <= self.wrong <= self.found and 0 <= self.overturned <= self.right
        if not parts or self.right > self.inspected - self.found:
            raise ValueError(f"of what is repeated no more can agree, nor more be repeated than was inspected: {self}")

    def __add__(self, other: "Repeats") -> "Repeats":
        """Return both together."""
        return Repeats(
            self.inspected + other.inspected,
            self.found + other.found,
            self.wrong + other.wrong,
            self.confirmed + other.confirmed,
            self.right + other.right,
            self.overturned + other.overturned,
        )

    @property
    def repeated(self) -> int:
        """Inspections that were repeated."""
        return self.wrong + self.right

    @property
    def agreed(self) -> int:
        """Those of which the second auditor said what the first had said."""
        return self.confirmed + self.right - self.overturned


@dataclass(frozen=True, slots=True)
class AuditorError:
    """How bad auditors may be, by their repeats.

    Attributes:
        detection_min: share of wrong labels that they find, at least.
        false_alarm_max: share of right labels that they call wrong, at most.
    """

    detection_min: float
    false_alarm_max: float


def auditor_error(repeats: Repeats) -> AuditorError:
    """Return how bad auditors may be, each rate with the certainty 1 - RISK by itself.

        detection >= P(confirmed | found wrong)
        false alarms <= P(overturned | found right),   false alarms <= w / (1 - w) (1 - P(confirmed | found wrong))

    with w = P(found wrong). The first holds with equality where no right label is called wrong, the others where no
    wrong one is missed: each is what one reading of the disagreements comes to, so none can be drawn in without taking
    more for granted than that two auditors err independently, given the unit, and find DETECTION_MIN of what is wrong.

    Source: Hui and Walter, Biometrics 36 (1980) 167-171, for two tests, here exchangeable, and one population, of which
    one of three rates stays free; Manski, Partial Identification of Probability Distributions, Springer 2003.

    >>> found = auditor_error(Repeats(1600, 40, 40, 38, 200, 1))
    >>> round(found.detection_min, 3), round(found.false_alarm_max, 3)
    (0.851, 0.005)
    """
    unconfirmed = _at_most(repeats.wrong - repeats.confirmed, repeats.wrong)
    found = _at_most(repeats.found, repeats.inspected)
    by_found = 1.0 if found >= 1.0 else min(1.0, found / (1.0 - found) * unconfirmed)
    false_alarm = min(by_found, _at_most(repeats.overturned, repeats.right))
    return AuditorError(max(DETECTION_MIN, 1.0 - unconfirmed), false_alarm)


def with_auditor_error(leaving: Estimate, units: int, inspected: int, errors: int, repeats: Repeats) -> Estimate:
    """Return a label error rate of what leaves as it stands where auditors err as badly as their repeats allow.

        high = (A / detection + missed) / units,   low = (B - false alarms among the unseen) / units

    A and B are the ends that are handed in, in units. To the upper one come those that were missed among the inspected:
    at most so many that finding no more than `errors` is no rarer than TAIL. The value stays: it is what the auditors
    found, which every reading of their disagreements allows. No end comes to lie inside the one that was handed in.

    What leaves of an inspected unit is the auditor's label. Those that are put right wrongly are within the upper end:
    of so many found wrong and so few confirmed, more are wrong where as many were missed than where they were none.

    Args:
        leaving: by the auditors' word: `label_error.leaving_error_rate`, or the pooled one.
        units: that leave.
        inspected: of these.
        errors: found in them.
        repeats: of the auditors; without any nothing is known of them, and the estimate is returned as it is.

    >>> naive = Estimate(0.018, 0.002, 0.062, 125, "a rate")
    >>> wider = with_auditor_error(naive, 500, 125, 3, Repeats(1600, 40, 40, 38, 200, 1))
    >>> wider.low, wider.high, wider.value == naive.value
    (0.0, 0.078, True)
    """
    if not repeats.repeated or leaving.value is None or leaving.low is None or leaving.high is None or not units:
        return leaving
    auditors, unseen = auditor_error(repeats), units - inspected
    missed = _most_missed(errors, auditors.detection_min)
    # Ends are whole units, or what is left of dividing such: to the last digits.
    high = min(1.0, (ceil(round(leaving.high * units / auditors.detection_min, 6)) + missed) / units)
    called = min(unseen, int(round(leaving.low * units, 6)))
    low = least_true(0, called, lambda wrong: _likely(called - wrong, unseen - wrong, auditors.false_alarm_max))
    method = f"{leaving.method}; ends moved by what {repeats.repeated} blind repeats leave open of the auditors"
    return Estimate(leaving.value, min(leaving.low, low / units), max(leaving.high, high), leaving.units, method)


def _most_missed(errors: int, detection: float) -> int:
    """Return how many wrong labels may have been missed beside so many that were found."""

    def too_many(missed: int) -> bool:
        return float(bdtr(errors, errors + missed + 1, detection)) <= TAIL

    return least_true(0, 2 * errors + 20, too_many)


def _likely(alarms: int, right: int, share: float) -> bool:
    """Return whether so many false alarms on so many right labels are likely, or more."""
    return alarms <= 0 or float(bdtrc(alarms - 1, right, share)) > TAIL


def _at_most(hits: int, trials: int) -> float:
    """Return the share that is exceeded with the probability RISK at most; without trials it is one."""
    return 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1.0 - RISK))
