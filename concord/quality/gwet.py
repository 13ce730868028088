"""Gwet's AC1 and AC2: agreement whose chance correction does not collapse when one label prevails."""

from numpy.typing import ArrayLike

from concord.quality.estimate import Estimate
from concord.quality.label_counts import LabelCounts, as_label_counts
from concord.quality.linearised import Linearised, PairAgreement
from concord.quality.weights import Weights, agreement_weights

ONE_LABEL = "the scale has one label only; declare the scale that annotators could choose from"


def gwet_ac1(counts: LabelCounts | ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Agreement beyond chance, where chance is guessing on units that are hard to label.

        AC1 = (pa - pe)/(1 - pe),  pe = Σ_k π_k (1 - π_k) / (K - 1)

    `counts` holds how many annotators gave each label to each unit, shape (units, K), over the whole declared
    scale: an unused label changes K and so the value. Units may have any number of labels; those with one
    count for π only. Not defined without a pair, or with K = 1. Interval: linearised variance over units,
    Student's t with units - 1 degrees of freedom.
    Source: Gwet 2008, Br. J. Math. Stat. Psych. 61:29; Gwet 2014, Handbook of Inter-Rater Reliability, ch. 5.

    >>> round(gwet_ac1([[2, 0]] * 118 + [[1, 1]] * 7).value, 4)
    0.9408
    """
    return ac_linearised(counts, "identity").estimate(confidence)


def gwet_ac2(
    counts: LabelCounts | ArrayLike, weights: Weights | ArrayLike = "quadratic", *, confidence: float = 0.95
) -> Estimate:
    """AC1 with part credit for near labels.

        AC2 = (pa - pe)/(1 - pe),  pe = (Σ_kl w_kl) Σ_k π_k (1 - π_k) / (K (K - 1))

    `weights` as in `weights.agreement_weights`, by the labels' own values where they are numbers. The rest is
    as in `gwet_ac1`.

    >>> round(gwet_ac2([[3, 0, 0], [1, 2, 0], [0, 2, 1], [0, 0, 3]], "linear").value, 4)
    0.625
    """
    return ac_linearised(counts, weights).estimate(confidence)


def ac_linearised(counts: LabelCounts | ArrayLike, weights: Weights | ArrayLike) -> Linearised:
    """Return AC1 (identity weights) or AC2 with its standard error; see `gwet_ac1` and `gwet_ac2`.

    >>> ac_linearised([[2, 0], [2, 0], [0, 2]], "identity").standard_error
    0.0
    """
    table = as_label_counts(counts)
    identity = isinstance(weights, str) and weights == "identity"
    method = "Gwet's AC1" if identity else f"Gwet's AC2, {weights if isinstance(weights, str) else 'given'} weights"
    size = len(table.labels)
    if size < 2:
        return Linearised(None, None, 0, 0, method, ONE_LABEL)
    w = None if identity else agreement_weights(weights, table.labels)
    pairs = PairAgreement.of(table, w)
    scale = (size if w is None else float(w.sum())) / (size * (size - 1))
    expected = scale * float(pairs.prevalence @ (1 - pairs.prevalence))
    return pairs.corrected(expected, scale * (pairs.shares @ (1 - pairs.prevalence)), method)
