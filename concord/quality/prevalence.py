"""Prevalence of classes in the population, corrected for the errors of those who labelled it."""

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import clopper_pearson
from concord.quality.responses import Floats

CONFUSION_CONDITION_MAX = 1e6
"""A confusion matrix with a larger condition number tells its classes apart by rounding error only."""


def corrected_prevalence(
    positive: int, units: int, sensitivity: float, specificity: float, confidence: float = 0.95
) -> Estimate:
    """Return the prevalence of a trait reported by annotators whose error rates are known.

    p = (r + specificity - 1) / (sensitivity + specificity - 1), r = positive / units, cut at 0 and 1; the ends
    of r's Clopper-Pearson interval go through the same map. Not defined where the annotators do no better
    than chance, sensitivity + specificity <= 1.

    Args:
        positive: units reported to have the trait.
        units: units labelled.
        sensitivity: P(reported | has it).
        specificity: P(not reported | has it not).
        confidence: coverage of the interval.

    Source: Rogan and Gladen, Am. J. Epidemiology 107 (1978) 71; interval: Reiczigel, Foldi and Ozsvari,
    Epidemiology and Infection 138 (2010) 1674.

    >>> estimate = corrected_prevalence(6, 151, sensitivity=0.964, specificity=0.927)
    >>> estimate.value, estimate.low, round(estimate.high, 3)
    (0.0, 0.0, 0.013)
    """
    method = "prevalence, Rogan-Gladen correction for known error rates, Clopper-Pearson interval"
    _check_rates(sensitivity, specificity)
    reported = clopper_pearson(positive, units, confidence)
    if reported.value is None or reported.low is None or reported.high is None:
        return undefined(reported.reason, units, method)
    better_than_chance = sensitivity + specificity - 1.0
    if better_than_chance <= 0.0:
        return undefined("the annotators do no better than chance, so their labels say nothing", units, method)
    value, low, high = (
        min(1.0, max(0.0, (rate + specificity - 1.0) / better_than_chance))
        for rate in (reported.value, reported.low, reported.high)
    )
    return Estimate(value, low, high, units, method)


def corrected_prevalence_from_gold(
    positive: int,
    units: int,
    gold_positive: tuple[int, int],
    gold_negative: tuple[int, int],
    confidence: float = 0.95,
) -> Estimate:
    """Return the prevalence of a trait reported by annotators whose error rates were estimated on gold units.

    The value is Rogan and Gladen's with the rates seen on gold. The interval takes in that the rates are
    estimates, too: every proportion is shrunk (r by z^2/2 of z^2, the rates by 1 of 2), the variance is that of
    the ratio by the delta method, and the centre is moved by
    2 z^2 (p Se (1 - Se) / n_Se - (1 - p) Sp (1 - Sp) / n_Sp).

    Args:
        positive: units reported to have the trait.
        units: units labelled.
        gold_positive: (reported to have it, all) of the gold units that have it.
        gold_negative: (reported not to have it, all) of the gold units that have it not.
        confidence: coverage of the interval; the method was studied for 0.95.

    Source: Lang and Reiczigel, Preventive Veterinary Medicine 113 (2014) 13-22, equations 6, 7, 16, 17.

    >>> estimate = corrected_prevalence_from_gold(30, 100, gold_positive=(45, 50), gold_negative=(76, 80))
    >>> round(estimate.value, 4), round(estimate.low, 4), round(estimate.high, 4)
    (0.2941, 0.1793, 0.4206)
    """
    method = "prevalence, Rogan-Gladen correction for rates estimated on gold, Lang-Reiczigel interval"
    for right, all_of_them in (gold_positive, gold_negative, (positive, units)):
        if not 0 <= right <= all_of_them:
            raise ValueError(f"{right} of {all_of_them} cannot be")
    if 0 in (units, gold_positive[1], gold_negative[1]):
        return undefined("without units, or without gold units of both kinds, nothing can be corrected", units, method)
    sensitivity, specificity = gold_positive[0] / gold_positive[1], gold_negative[0] / gold_negative[1]
    if sensitivity + specificity <= 1.0:
        return undefined("the annotators do no better than chance, so their labels say nothing", units, method)
    value = (positive / units + specificity - 1.0) / (sensitivity + specificity - 1.0)
    z = float(ndtri((1.0 + confidence) / 2.0))
    n, n_se, n_sp = units + z**2, gold_positive[1] + 2, gold_negative[1] + 2
    r, se, sp = (positive + z**2 / 2) / n, (gold_positive[0] + 1) / n_se, (gold_negative[0] + 1) / n_sp
    p = (r + sp - 1.0) / (se + sp - 1.0)
    noise_se, noise_sp = se * (1.0 - se) / n_se, sp * (1.0 - sp) / n_sp
    centre = p + 2.0 * z**2 * (p * noise_se - (1.0 - p) * noise_sp)
    spread = z * sqrt(r * (1.0 - r) / n + p**2 * noise_se + (1.0 - p) ** 2 * noise_sp) / (se + sp - 1.0)
    value, low, high = (min(1.0, max(0.0, x)) for x in (value, centre - spread, centre + spread))
    return Estimate(value, low, high, units, method)


def corrected_shares(reported: ArrayLike, gold_counts: ArrayLike, confidence: float = 0.95) -> tuple[Estimate, ...]:
    """Return the share of each of K classes, corrected for confusions counted on gold units.

    What is reported follows ``reported share = M^T p`` with M the confusion matrix. p is the maximum-likelihood
    solution among shares (0 to 1, summing to one): the inverse ``M^-T reported`` wherever that is one, else the
    nearest that could be, found by EM. Intervals by the delta method around it, from the multinomial noise of
    the reported labels and of every row of the confusion matrix, cut at 0 and 1.

    Args:
        reported: units reported as each class, shape (K,).
        gold_counts: gold units of class k reported as l, shape (K, K), ``[gold, reported]``.
        confidence: coverage of the intervals; approximate, for some tens of gold units a class.

    Returns:
        One estimate a class; none has a value where a class has no gold, or where the annotators cannot tell
        the classes apart (the matrix cannot be inverted).

    Source: Tenenbein, JASA 65 (1970) 1350 and Technometrics 14 (1972) 187; Buonaccorsi, Measurement Error, 2010,
    ch. 2; EM for the constraint: Saerens, Latinne and Decaestecker, Neural Computation 14 (2002) 21.

    >>> shares = corrected_shares([38, 62], [[90, 10], [20, 80]])
    >>> [round(share.value, 4) for share in shares]
    [0.2571, 0.7429]
    """
    counts, seen = np.asarray(gold_counts, dtype=np.float64), np.asarray(reported, dtype=np.float64)
    method = "share of a class, inverted confusion matrix constrained to shares, delta-method interval"
    if seen.ndim != 1 or counts.shape != (len(seen), len(seen)) or seen.min() < 0 or counts.min() < 0:
        raise ValueError(f"reported {seen.shape} and gold counts {counts.shape} must be counts (K,) and (K, K)")
    units, gold_units = int(seen.sum()), counts.sum(axis=1)
    if units == 0 or not gold_units.all():
        reason = "without labelled units, or without gold units of every class, nothing can be corrected"
        return (undefined(reason, units, method),) * len(seen)
    confusion: Floats = counts / gold_units[:, None]
    if np.linalg.cond(confusion) > CONFUSION_CONDITION_MAX:
        return (undefined("the annotators do not tell the classes apart", units, method),) * len(seen)
    shares = _most_likely_shares(seen / units, confusion)
    inverse = np.linalg.inv(confusion.T)
    noise = _multinomial_covariance(shares @ confusion) / units
    for share, row, n in zip(shares, confusion, gold_units, strict=True):
        noise += share**2 * _multinomial_covariance(row) / n
    half_widths = float(ndtri((1.0 + confidence) / 2.0)) * np.sqrt(np.diag(inverse @ noise @ inverse.T).clip(min=0.0))
    return tuple(
        Estimate(float(p), float(max(0.0, p - half)), float(min(1.0, p + half)), units, method)
        for p, half in zip(shares, half_widths, strict=True)
    )


def _most_likely_shares(reported: Floats, confusion: Floats) -> Floats:
    """Return the shares p that maximise sum over l of reported[l] log (M^T p)[l].

    The log-likelihood is concave, so EM from equal shares finds the maximum.
    """
    exact = np.linalg.solve(confusion.T, reported).astype(np.float64)
    if exact.min() >= 0.0:
        return exact
    shares: Floats = np.full(len(reported), 1.0 / len(reported))
    for _ in range(10_000):
        expected = shares @ confusion
        ratio = np.divide(reported, expected, out=np.zeros_like(reported), where=expected > 0.0)
        better = shares * (confusion @ ratio)
        if np.abs(better - shares).max() < 1e-12:
            break
        shares = better
    return shares


def _multinomial_covariance(shares: Floats) -> Floats:
    """Return the covariance of one multinomial draw, diag(p) - p p^T."""
    covariance: Floats = np.diag(shares) - np.outer(shares, shares)
    return covariance


def _check_rates(*rates: float) -> None:
    for rate in rates:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"a rate must lie between 0 and 1, not at {rate}")
