"""Label error rate: the share of a lot's resolved labels that are wrong, from the audit of a sample."""

from collections.abc import Sequence

from concord.quality.estimate import Estimate
from concord.quality.intervals import clopper_pearson, clopper_pearson_upper, lot_proportion
from concord.quality.prevalence import corrected_prevalence


def label_error_rate(
    wrong: int,
    audited: int,
    lot_units: int | None = None,
    confidence: float = 0.95,
    *,
    upper_only: bool = False,
) -> Estimate:
    """Return the share of wrong labels in the lot that the sample was drawn from, with an exact interval.

    With `lot_units` the claim is about these units: the sample was drawn from them without replacement, and the
    interval is hypergeometric, narrower than the binomial and of width zero when every unit was audited.
    Without it the claim is about the process that labels, and the interval is Clopper-Pearson's.

    Args:
        wrong: audited units whose label was wrong.
        audited: units audited, a simple random sample.
        lot_units: units in the lot.
        confidence: coverage that the interval does not fall below.
        upper_only: give the one-sided upper bound, with low as far down as is possible: what a certificate
            states ("at most").

    Raises:
        ValueError: the counts are not possible.

    Source: `intervals.lot_proportion`, `intervals.clopper_pearson`.

    >>> whole = label_error_rate(wrong=2, audited=50, lot_units=500)
    >>> process = label_error_rate(wrong=2, audited=50)
    >>> whole.value, whole.high < process.high
    (0.04, True)
    """
    if lot_units is not None:
        estimate = lot_proportion(wrong, audited, lot_units, confidence, upper_only=upper_only)
    elif upper_only:
        estimate = clopper_pearson_upper(wrong, audited, confidence)
    else:
        estimate = clopper_pearson(wrong, audited, confidence)
    method = f"label error rate: {estimate.method}"
    return Estimate(estimate.value, estimate.low, estimate.high, estimate.units, method, estimate.reason)


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


def pooled_label_error_rate(lots: Sequence[tuple[Estimate, int]]) -> Estimate:
    """Return the label error rate of several lots together, from each lot's own estimate.

    rate = Σ w_l r_l with w_l = N_l / Σ N; the interval is recovered from the lots' own:
    low = rate - sqrt(Σ w_l² (r_l - low_l)²), and high alike.

    Args:
        lots: (estimate, number of units) of each lot; every estimate has a value and an interval.

    Raises:
        ValueError: there is no lot, or an estimate is not defined.

    Source: method of variance estimates recovery, Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702.

    >>> one = label_error_rate(wrong=2, audited=50, lot_units=500)
    >>> pooled = pooled_label_error_rate([(one, 500), (one, 500)])
    >>> pooled.value, one.low < pooled.low < pooled.high < one.high
    (0.04, True)
    """
    units = sum(size for _, size in lots)
    if not units:
        raise ValueError("there is no lot to pool")
    value = below = above = 0.0
    for estimate, size in lots:
        if estimate.value is None or estimate.low is None or estimate.high is None:
            raise ValueError(f"a lot's rate is not defined: {estimate.reason}")
        weight = size / units
        value += weight * estimate.value
        below += (weight * (estimate.value - estimate.low)) ** 2
        above += (weight * (estimate.high - estimate.value)) ** 2
    method = "label error rate of lots pooled by size, interval by variance estimates recovery"
    return Estimate(value, value - below**0.5, value + above**0.5, units, method)
