"""Label error rate: the share of a lot's resolved labels that are wrong, from the audit of a sample."""

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
