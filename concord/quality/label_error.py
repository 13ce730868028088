"""Label error rate: the share of labels that are wrong, from inspections that stop by a plan; of one lot and of many.

A lot's labels are a finite population, of which an inspection saw some in random order until its plan stopped it.
Where it stopped says something about the lot, so the interval rests on the plan's stopping law and not on the number
of units that were seen. `lot_error_rate` is about one lot as it was inspected, `leaving_error_rate` about what is left
wrong in it after what was found was put right, `pooled_leaving_error_rate` about all lots that left.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from scipy.special import betaincinv

from concord.quality.auditor_error import Repeats, with_auditor_error
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
        attempts_max: how often such a lot may be inspected before it is inspected whole: its claims share the risk.
        repeats: what second auditors said of it, blind.

    >>> from concord.quality.acceptance import SinglePlan
    >>> Inspection(60, 17, 0, SinglePlan(17, 0).bounds()).unseen
    43
    """

    lot_units: int
    inspected: int
    errors: int
    bounds: Bounds | None = None
    attempts_max: int = 1
    repeats: Repeats = Repeats()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        if self.attempts_max < 1:
            raise ValueError(f"a lot is inspected once at least, not {self.attempts_max} times at most")
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


def lot_error_rate(inspection: Inspection, confidence: float = 0.95, *, upper_only: bool = False) -> Estimate:
    """Return the share of wrong labels in a lot as it was inspected, with an exact interval.

    With D wrong of N units, let the ends of an inspection be ordered from the best, accepted soonest, to the worst,
    rejected soonest. The interval holds every D under which an end as good and one as bad as the one seen are both
    likelier than half of 1 - confidence. The value is errors / inspected. Without
    bounds, or where inspection was cut off before the plan stopped it, this is the hypergeometric interval.

    The coverage is that of the rule, over accepted and rejected lots alike: of lots so inspected, at most
    1 - confidence are claimed wrongly. A lot that is labelled anew and inspected again until it is accepted has as
    many chances to be claimed wrongly, which share the risk: `Inspection.attempts_max`.

    Args:
        inspection: where it stopped.
        confidence: coverage that the interval does not fall below.
        upper_only: put the whole risk above; low is then what was found.

    Raises:
        ValueError: the confidence is none.

    Source: `stopped_rate.stopped_count`, `intervals.lot_count`.

    >>> from concord.quality.acceptance import Guarantee, sequential_plan
    >>> plan = sequential_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10, lot_size=500))
    >>> first = plan.bounds().clean_units_to_accept(0, 0)
    >>> then = first + plan.bounds().clean_units_to_accept(first - 1, 1) - 1  # an error just before it, and on
    >>> stopped = lot_error_rate(Inspection(500, then, 1, plan.bounds()))
    >>> stopped.high > lot_error_rate(Inspection(500, then, 1)).high
    True
    """
    at, lot = inspection, inspection.lot_units
    risk = (1.0 - confidence) / at.attempts_max
    count = None
    if at.bounds is not None and at.inspected < lot:
        count = stopped_count(at.bounds, at.inspected, at.errors, lot, risk, upper_only=upper_only)
    if count is None:
        count = lot_count(at.errors, at.inspected, lot, 1.0 - risk, upper_only=upper_only)
    method = "label error rate: " + count.method.replace("units of a finite lot", "share of a finite lot")
    if count.value is None or count.low is None or count.high is None:
        return undefined(count.reason, count.units, method)
    return Estimate(count.value / lot, count.low / lot, count.high / lot, at.inspected, method)


def leaving_error_rate(inspection: Inspection, confidence: float = 0.95, *, upper_only: bool = False) -> Estimate:
    """Return the share of wrong labels in what leaves: the errors found were put right, the others are still in.

    (D - errors) / N with D as in `lot_error_rate`; inspected whole, none is left, by the auditors' word. Arguments,
    errors and source as there.

    >>> leaving_error_rate(Inspection(50, 50, 2)).high, leaving_error_rate(Inspection(100, 20, 0)).high
    (0.0, 0.15)
    """
    whole = lot_error_rate(inspection, confidence, upper_only=upper_only)
    method = f"label error rate of what leaves, errors found put right; {whole.method}"
    if whole.value is None or whole.low is None or whole.high is None:
        return undefined(whole.reason, whole.units, method)
    lot, found = inspection.lot_units, inspection.errors
    left = [max(0.0, round(share * lot) - found) / lot for share in (whole.low, whole.high)]
    return Estimate(max(0.0, whole.value - found / lot), left[0], left[1], inspection.inspected, method)


POOLED = "label error rate of lots that left, weighted by their units, interval of the effective sample"


@dataclass(frozen=True, slots=True)
class Weighted:
    """Inspections added up, each with a weight: Σ w inspected, Σ w errors and Σ w² inspected."""

    inspected: float = 0.0
    errors: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Weighted") -> "Weighted":
        """Return both together."""
        return Weighted(self.inspected + other.inspected, self.errors + other.errors, self.squares + other.squares)


@dataclass(frozen=True, slots=True)
class Pool:
    """Lots of one labelling process, added up: what `pooled_leaving_error_rate` needs of any number of them.

    Pools add; of two that hold lots apart the sum is the pool of all.

    Attributes:
        lots: those that left.
        units, unseen, inspected, errors: of these lots, on the inspections on which they left.
        blind: of these lots, those with units of which none was inspected.
        sampled: of these lots, those of which some units were not inspected.
        rejections: inspections on which lots were rejected, whatever was done then.
        strata: the sampled lots, each weighted by its unseen units over its inspected ones.
        process: all inspections but whole ones that lots left on, weighted by units over the most of the plan.
        alone: of a single sampled lot, its own `leaving_error_rate`, where that was told.
        repeats: of all these inspections; the rate knows how far auditors err by them.

    >>> whole, sampled = Pool.of_left(Inspection(500, 500, 50)), Pool.of_left(Inspection(500, 60, 0))
    >>> both = whole + sampled
    >>> both.lots, both.sampled, both.leaving_error_rate().value
    (2, 1, 0.0)
    """

    lots: int = 0
    units: int = 0
    unseen: int = 0
    inspected: int = 0
    errors: int = 0
    blind: int = 0
    sampled: int = 0
    rejections: int = 0
    strata: Weighted = Weighted()
    process: Weighted = Weighted()
    alone: Estimate | None = None
    repeats: Repeats = Repeats()  # noqa: RUF009 - frozen

    @classmethod
    def of_left(cls, inspection: Inspection, alone: Estimate | None = None) -> "Pool":
        """Return the pool of a lot, from the inspection on which it left.

        Args:
            inspection: the inspection.
            alone: its own `leaving_error_rate`, which takes time and is of use where no other lot was sampled; None
                where there is one.
        """
        whole = cls(
            1,
            inspection.lot_units,
            inspection.unseen,
            inspection.inspected,
            inspection.errors,
            repeats=inspection.repeats,
        )
        if not inspection.unseen:
            return whole
        if not inspection.inspected:
            return replace(whole, blind=1, sampled=1)
        return replace(
            whole,
            sampled=1,
            strata=_weighted(inspection.unseen / inspection.inspected, inspection),
            process=_weighted(inspection.lot_units / inspection.inspected_max, inspection),
            alone=alone,
        )

    @classmethod
    def of_rejected(cls, inspection: Inspection) -> "Pool":
        """Return the pool of an inspection on which a lot was rejected."""
        if not inspection.inspected:
            return cls()
        return cls(
            rejections=1,
            process=_weighted(inspection.lot_units / inspection.inspected_max, inspection),
            repeats=inspection.repeats,
        )

    def __add__(self, other: "Pool") -> "Pool":
        """Return the pool of the lots of both."""
        sampled, rejections = self.sampled + other.sampled, self.rejections + other.rejections
        return Pool(
            self.lots + other.lots,
            self.units + other.units,
            self.unseen + other.unseen,
            self.inspected + other.inspected,
            self.errors + other.errors,
            self.blind + other.blind,
            sampled,
            rejections,
            self.strata + other.strata,
            self.process + other.process,
            (self.alone or other.alone) if sampled == 1 else None,
            self.repeats + other.repeats,
        )

    def leaving_error_rate(self, confidence: float = 0.95) -> Estimate:
        """Return the share of wrong labels in the lots that left: see `pooled_leaving_error_rate`.

        Where inspections were repeated, the ends allow for auditors who err: see `with_auditor_error`.

        Args:
            confidence: coverage that is aimed at; of a single sampled lot, the one that it was pooled with.
        """
        found = self.by_their_word(confidence)
        return with_auditor_error(found, self.units, self.inspected, self.errors, self.repeats)

    def by_their_word(self, confidence: float = 0.95) -> Estimate:
        """Return the same as it would be if auditors did not err."""
        if not self.units:
            return undefined("no lot has left yet", 0, POOLED)
        if self.blind:
            return undefined("a lot left of which no unit was inspected", self.inspected, POOLED)
        if not self.sampled:
            return Estimate(0.0, 0.0, 0.0, self.inspected, POOLED)
        unseen, units = self.unseen, self.units
        if self.alone is not None and not self.rejections:
            share = self._share_of_sampled()
            ends = [
                None if value is None else value * share
                for value in (self.alone.value, self.alone.low, self.alone.high)
            ]
            return Estimate(ends[0], ends[1], ends[2], self.inspected, POOLED)
        found, process = (_predicted(weighted, unseen, confidence) for weighted in (self.strata, self.process))
        # What is left wrong is so many units: less than one is none.
        low, high = math.floor(found.low * unseen), max(found.high, process.high) * unseen
        return Estimate(found.value * unseen / units, low / units, high / units, self.inspected, POOLED)

    def _share_of_sampled(self) -> float:
        """Return the share of the units that are in the only sampled lot: all others were inspected whole."""
        assert self.alone is not None, "there is one sampled lot"
        return (self.unseen + self.alone.units) / self.units


def pooled_leaving_error_rate(
    left: Iterable[Inspection], rejected: Iterable[Inspection] = (), confidence: float = 0.95
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
    left = list(left)
    pool = sum((Pool.of_rejected(inspection) for inspection in rejected), sum(map(Pool.of_left, left), Pool()))
    if pool.sampled == 1 and not pool.rejections and not pool.blind:
        (only,) = (inspection for inspection in left if inspection.unseen)
        pool = replace(pool, alone=leaving_error_rate(only, confidence))
    return pool.leaving_error_rate(confidence)


class _Rate(NamedTuple):
    """A rate of the unseen units, with its interval."""

    value: float
    low: float
    high: float


def _weighted(weight: float, inspection: Inspection) -> Weighted:
    return Weighted(weight * inspection.inspected, weight * inspection.errors, weight * weight * inspection.inspected)


def _predicted(weighted: Weighted, unseen: int, confidence: float) -> _Rate:
    """Return Σ w errors / Σ w inspected, with the interval of the simple sample that predicts the unseen as well."""
    rate = weighted.errors / weighted.inspected
    size, tail = 1.0 / (weighted.squares / weighted.inspected**2 + 1.0 / unseen), (1.0 - confidence) / 2
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
