"""Label error rate: the share of labels that are wrong, from inspections that stop by a plan; of one lot and of many.

A lot's labels are a finite population, of which an inspection saw some in random order until its plan stopped it.
Where it stopped says something about the lot, so the interval rests on the plan's stopping law and not on the number
of units that were seen. `lot_error_rate` is about one lot as it was inspected, `leaving_error_rate` about what is left
wrong in it after what was found was put right, `pooled_leaving_error_rate` about all lots that left.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import betaincinv

from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import lot_count
from concord.quality.prevalence import corrected_prevalence
from concord.quality.stopped_rate import stopped_count
from concord.quality.stopping_law import Bounds


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """One inspection of a lot, from its first unit to where it stopped.

    Attributes:
        lot_units: units in the lot, without those that were withdrawn.
        inspected: units that were inspected, in random order.
        errors: those of them whose label was wrong.
        bounds: of the plan that stopped it (`plan.bounds()` of a single, double or sequential plan); None where
            the number to inspect was fixed beforehand, as in a whole inspection. Lots of one plan share one object.

    >>> from concord.quality.acceptance import SinglePlan
    >>> Inspection(60, 17, 0, SinglePlan(17, 0).bounds()).unseen
    43
    """

    lot_units: int
    inspected: int
    errors: int
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        if not 0 <= self.errors <= self.inspected <= self.lot_units:
            counts = f"not {self.errors}, {self.inspected}, {self.lot_units}"
            raise ValueError(f"0 <= errors <= inspected <= lot_units must hold, {counts}")

    @property
    def unseen(self) -> int:
        """Units of the lot that nobody inspected."""
        return self.lot_units - self.inspected

    @property
    def inspected_max(self) -> int:
        """The most units that the inspection could have taken."""
        return self.inspected if self.bounds is None else self.bounds.inspected_max


def lot_error_rate(
    inspection: Inspection, confidence: float = 0.95, *, upper_only: bool = False, attempts_max: int = 1
) -> Estimate:
    """Return the share of wrong labels in a lot as it was inspected, with an exact interval.

    With D wrong of N units, let the ends of an inspection be ordered from the best, accepted soonest, to the worst,
    rejected soonest. The interval holds every D under which an end as good and one as bad as the one seen are both
    likelier than half of 1 - confidence. The value is errors / inspected. Without
    bounds, or where inspection was cut off before the plan stopped it, this is the hypergeometric interval.

    The coverage is that of the rule, over accepted and rejected lots alike: of lots so inspected, at most
    1 - confidence are claimed wrongly. A lot that is labelled anew and inspected again until it is accepted has as
    many chances to be claimed wrongly; with `attempts_max` they share the risk.

    Args:
        inspection: where it stopped.
        confidence: coverage that the interval does not fall below.
        upper_only: put the whole risk above; low is then what was found.
        attempts_max: how often such a lot may be inspected before it is inspected whole.

    Raises:
        ValueError: attempts_max is under 1, or the confidence is none.

    Source: `stopped_rate.stopped_count`, `intervals.lot_count`.

    >>> from concord.quality.acceptance import Guarantee, sequential_plan
    >>> plan = sequential_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10, lot_size=500))
    >>> first = plan.bounds().clean_units_to_accept(0, 0)
    >>> then = first + plan.bounds().clean_units_to_accept(first - 1, 1) - 1  # an error just before it, and on
    >>> stopped = lot_error_rate(Inspection(500, then, 1, plan.bounds()))
    >>> stopped.high > lot_error_rate(Inspection(500, then, 1)).high
    True
    """
    if attempts_max < 1:
        raise ValueError(f"a lot is inspected once at least, not {attempts_max} times at most")
    risk = (1.0 - confidence) / attempts_max
    at, lot = inspection, inspection.lot_units
    count = None
    if at.bounds is not None and at.inspected < lot:
        count = stopped_count(at.bounds, at.inspected, at.errors, lot, risk, upper_only=upper_only)
    if count is None:
        count = lot_count(at.errors, at.inspected, lot, 1.0 - risk, upper_only=upper_only)
    method = "label error rate: " + count.method.replace("units of a finite lot", "share of a finite lot")
    if count.value is None or count.low is None or count.high is None:
        return undefined(count.reason, count.units, method)
    return Estimate(count.value / lot, count.low / lot, count.high / lot, at.inspected, method)


def leaving_error_rate(
    inspection: Inspection, confidence: float = 0.95, *, upper_only: bool = False, attempts_max: int = 1
) -> Estimate:
    """Return the share of wrong labels in what leaves: the errors found were put right, the others are still in.

    (D - errors) / N with D as in `lot_error_rate`; inspected whole, none is left, by the auditors' word. Arguments,
    errors and source as there.

    >>> leaving_error_rate(Inspection(50, 50, 2)).high, leaving_error_rate(Inspection(100, 20, 0)).high
    (0.0, 0.15)
    """
    whole = lot_error_rate(inspection, confidence, upper_only=upper_only, attempts_max=attempts_max)
    method = f"label error rate of what leaves, errors found put right; {whole.method}"
    if whole.value is None or whole.low is None or whole.high is None:
        return undefined(whole.reason, whole.units, method)
    lot, found = inspection.lot_units, inspection.errors
    left = [max(0.0, round(share * lot) - found) / lot for share in (whole.low, whole.high)]
    return Estimate(max(0.0, whole.value - found / lot), left[0], left[1], inspection.inspected, method)


POOLED = "label error rate of lots that left, weighted by their units, interval of the effective sample"


def pooled_leaving_error_rate(
    left: Sequence[Inspection], rejected: Iterable[Inspection] = (), confidence: float = 0.95
) -> Estimate:
    """Return the share of wrong labels in all lots that left, errors found put right; each lot is a stratum.

    value = Σ U_l r_l / Σ N_l with U_l the unseen units of lot l and r_l its errors / inspected: a lot that was
    inspected whole adds none, and one that was labelled anew counts as it left. Its error of prediction is that of
    a simple sample of n units, 1/n = Σ U_l² / n_l / (Σ U_l)² + 1 / Σ U_l, for which the interval is Clopper and
    Pearson's. Lots of differing rates vary less than that, so the interval is then wider than it must be.

    A lot leaves because few errors were found in it, so what left looks better than it is. The upper end is
    therefore never under that of the labelling process, p = Σ w_l errors_l / Σ w_l inspected_l over all inspections,
    the rejected ones too, with w_l = N_l / the most units of the plan. Whatever stops it, an inspection's errors
    vary about p times its inspected units as a sample of so many (Wald), so this end knows the stopping law. Where
    lots differ much, and inspection tells them apart, it claims too much rather than too little.

    Args:
        left: of each lot that left, the inspection on which it did.
        rejected: the inspections on which lots were rejected, whatever was done then.
        confidence: coverage that is aimed at.

    Source: Korn and Graubard, Survey Methodology 24 (1998) 193-201, for the effective sample size; Hoeffding, Annals
    of Mathematical Statistics 27 (1956) 713-721, for differing rates; Wald, Annals of Mathematical Statistics 15
    (1944) 283-296, for sums that are stopped.

    >>> whole, sampled = Inspection(500, 500, 50), Inspection(500, 60, 0)
    >>> pooled = pooled_leaving_error_rate([whole, sampled])
    >>> pooled.value, pooled.low, round(pooled.high, 3)
    (0.0, 0.0, 0.028)
    """
    units, unseen = sum(one.lot_units for one in left), sum(one.unseen for one in left)
    seen = sum(one.inspected for one in left)
    sampled = [one for one in left if one.unseen]
    rejected = [one for one in rejected if one.inspected]
    if not units:
        return undefined("no lot has left yet", 0, POOLED)
    if any(not one.inspected for one in sampled):
        return undefined("a lot left of which no unit was inspected", seen, POOLED)
    if not sampled:
        return Estimate(0.0, 0.0, 0.0, seen, POOLED)
    if len(sampled) == 1 and not rejected:
        alone, share = leaving_error_rate(sampled[0], confidence), sampled[0].lot_units / units
        ends = [None if each is None else each * share for each in (alone.value, alone.low, alone.high)]
        return Estimate(ends[0], ends[1], ends[2], seen, POOLED)
    strata = [(one.unseen / one.inspected, one) for one in sampled]
    found = _weighted(strata, unseen, confidence)
    process = _weighted([(one.lot_units / one.inspected_max, one) for one in (*sampled, *rejected)], unseen, confidence)
    # What is left wrong is so many units: less than one is none.
    low, high = math.floor(found.low * unseen), max(found.high, process.high) * unseen
    return Estimate(found.value * unseen / units, low / units, high / units, seen, POOLED)


class _Rate(NamedTuple):
    """A rate of the unseen units, with its interval."""

    value: float
    low: float
    high: float


def _weighted(weighted: Sequence[tuple[float, Inspection]], unseen: int, confidence: float) -> _Rate:
    """Return Σ w errors / Σ w inspected, with the interval of the simple sample that predicts the unseen as well."""
    total = math.fsum(weight * one.inspected for weight, one in weighted)
    rate = math.fsum(weight * one.errors for weight, one in weighted) / total
    spread = math.fsum((weight / total) ** 2 * one.inspected for weight, one in weighted)
    size, tail = 1.0 / (spread + 1.0 / unseen), (1.0 - confidence) / 2
    wrong = min(rate * size, size)
    low = 0.0 if wrong <= 0.0 else float(betaincinv(wrong, size - wrong + 1.0, tail))
    high = 1.0 if wrong >= size else float(betaincinv(wrong + 1.0, size - wrong, 1.0 - tail))
    return _Rate(rate, low, high)


def label_error_rate_by_fallible_auditor(
    wrong: int, audited: int, detection: float, false_alarm: float, confidence: float = 0.95
) -> Estimate:
    """Return the label error rate where the auditor errs too, at known rates.

    Rogan and Gladen's correction, ``(wrong / audited - false_alarm) / (detection - false_alarm)``: see
    `prevalence.corrected_prevalence`.

    Args:
        wrong: audited units that the auditor called wrong.
        audited: units audited.
        detection: probability that the auditor calls a wrong label wrong.
        false_alarm: probability that the auditor calls a right label wrong.
        confidence: coverage of the interval.

    >>> round(label_error_rate_by_fallible_auditor(10, 100, detection=0.9, false_alarm=0.05).value, 4)
    0.0588
    """
    return corrected_prevalence(wrong, audited, detection, 1.0 - false_alarm, confidence)
