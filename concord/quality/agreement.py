"""Agreement of annotators: where to start.

Two annotators meet in a table that crosses their labels (`contingency`); any number of annotators in how often
each unit got each label (`count_labels`, or `tally.LabelTally` for a stream). Every function returns
an `Estimate`; what the data do not define has no value but a reason. Here are the coefficients for nominal
labels and many annotators, and the names of all others.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concord.quality.cohen import cohen_errors, cohen_kappa, cohen_kappa_disagreement
from concord.quality.estimate import Estimate
from concord.quality.gwet import ONE_LABEL, gwet_ac1, gwet_ac2
from concord.quality.intraclass import intraclass_correlation
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import (
    LabelCounts,
    Ratings,
    as_label_counts,
    contingency,
    count_labels,
    counts_of_codes,
    counts_of_table,
    encode,
)
from concord.quality.linearised import Linearised, PairAgreement
from concord.quality.paradox import kappa_warning, prevalence_index
from concord.quality.unitizing import unitizing_alpha
from concord.quality.weights import Weights, agreement_weights

__all__ = [
    "cohen_errors",
    "cohen_kappa",
    "cohen_kappa_disagreement",
    "conger_kappa",
    "contingency",
    "count_labels",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "intraclass_correlation",
    "kappa_warning",
    "krippendorff_alpha",
    "percent_agreement",
    "prevalence_index",
    "randolph_kappa",
    "scott_pi",
    "unitizing_alpha",
]

Floats = NDArray[np.float64]


def percent_agreement(counts: LabelCounts | ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Share of pairs of annotators who gave the same label, averaged over units.

        pa = (1/n) Σ_u Σ_k c_uk (c_uk - 1) / (m_u (m_u - 1))

    `counts` holds how many annotators gave each label to each unit, shape (units, K); m_u is a unit's number
    of labels, and units with one are left out. Interval: Student's t over units, cut at 0 and 1. Not defined
    without a pair. Source: Fleiss 1971, Psych. Bull. 76:378.

    >>> round(percent_agreement([[2, 0], [1, 1], [0, 2], [0, 2]]).value, 2)
    0.75
    """
    table = as_label_counts(counts).pairable()
    estimate = PairAgreement.of(table).corrected(0.0, None, "percent agreement").estimate(confidence)
    if estimate.low is None:
        return estimate
    return Estimate(estimate.value, max(estimate.low, 0.0), estimate.high, estimate.units, estimate.method)


def scott_pi(table: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Agreement of two annotators beyond chance, where both are taken to use the labels equally often.

        π = (po - pe)/(1 - pe),  pe = Σ_k ((p_k. + p_.k)/2)²

    `table` crosses the two annotators' labels, shape (K, K). It is Fleiss' kappa of two annotators, and takes
    its interval from there. Source: Scott 1955, Public Opinion Quarterly 19:321.

    >>> round(scott_pi([[46, 6, 0], [0, 32, 0], [0, 6, 10]]).value, 4)
    0.7995
    """
    return _named(fleiss_linearised(counts_of_table(table), "identity"), "Scott's pi").estimate(confidence)


def fleiss_kappa(counts: LabelCounts | ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Agreement of many annotators beyond chance, whoever they are.

        κ = (pa - pe)/(1 - pe),  pe = Σ_k π_k²

    `counts` holds how many annotators gave each label to each unit, shape (units, K). pa is
    `percent_agreement` and π_k the mean share of label k over units. Units may differ in how many labels they
    have (Gwet's extension; the published formula where all have the same number). Interval: linearised
    variance over units, Student's t with units - 1 degrees of freedom. Not defined without a pair, or when
    only one label was ever given. Source: Fleiss 1971, Psych. Bull. 76:378; variance: Gwet 2008, Br. J. Math.
    Stat. Psych. 61:29, since the one of Fleiss 1971 holds under no agreement only.

    >>> round(fleiss_kappa([[6, 1, 0], [0, 7, 0]]).value, 4)
    0.7083
    """
    return fleiss_linearised(counts, "identity").estimate(confidence)


def randolph_kappa(counts: LabelCounts | ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Agreement beyond chance when every label is equally likely: κ = (pa - 1/K)/(1 - 1/K).

    Free-marginal kappa, of two annotators also Bennett's S. K is the number of columns of `counts`, shape
    (units, K), so declare the whole scale. Not defined without a pair, or with K = 1.
    Source: Bennett, Alpert & Goldstein 1954; Brennan & Prediger 1981, Educ. Psych. Meas. 41:687; Randolph 2005.

    >>> round(randolph_kappa([[6, 1, 0], [0, 7, 0]]).value, 4)
    0.7857
    """
    return uniform_linearised(counts, "identity").estimate(confidence)


def conger_kappa(
    labels_by_unit: Ratings,
    weights: Weights | ArrayLike = "identity",
    *,
    scale: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Agreement of many known annotators beyond what each one's own habits would give by chance.

        κ = (pa - pe)/(1 - pe),  pe = Σ_kl w_kl (p̄_k p̄_l - s²_kl / A)

    `labels_by_unit` has a row per unit and a column per annotator; None and NaN are missing. p̄_k is the mean
    over the A annotators of their share of label k, s²_kl the covariance. `scale` declares all possible labels in
    their order, by which weights go; without it the labels seen are taken, sorted. For two annotators without gaps it
    is Cohen's kappa. Interval as in `fleiss_kappa`. Not defined with fewer than two annotators or without
    variation. Source: Conger 1980, Psych. Bull. 88:322; variance: Gwet 2014, ch. 6.

    >>> round(conger_kappa([["a", "a"], ["a", "b"], ["b", "b"], ["b", "b"]]).value, 4)
    0.5
    """
    codes, labels = encode(labels_by_unit, scale)
    return conger_linearised(codes, labels, weights).estimate(confidence)


def fleiss_linearised(counts: LabelCounts | ArrayLike, weights: Weights | ArrayLike) -> Linearised:
    """Return Fleiss' kappa, or its weighted form, with its standard error over units.

    >>> fleiss_linearised([[2, 0], [0, 2], [2, 0]], "identity").value
    1.0
    """
    table = as_label_counts(counts)
    w = _unless_identity(weights, table.labels)
    pairs = PairAgreement.of(table, w)
    agreeing = pairs.prevalence if w is None else (w @ pairs.prevalence + pairs.prevalence @ w) / 2
    expected = float(pairs.prevalence @ agreeing)
    return pairs.corrected(expected, pairs.shares @ agreeing, "Fleiss' kappa")


def uniform_linearised(counts: LabelCounts | ArrayLike, weights: Weights | ArrayLike) -> Linearised:
    """Return Randolph's kappa (Brennan-Prediger), or its weighted form, with its standard error over units.

    >>> uniform_linearised([[2, 0], [0, 2], [2, 0]], "identity").value
    1.0
    """
    table = as_label_counts(counts)
    size, method = len(table.labels), "Randolph's kappa"
    if size < 2:
        return Linearised(None, None, 0, 0, method, ONE_LABEL)
    w = _unless_identity(weights, table.labels)
    expected = (size if w is None else float(w.sum())) / size**2
    return PairAgreement.of(table, w).corrected(expected, None, method)


def conger_linearised(codes: NDArray[np.int64], labels: Sequence[Hashable], weights: Weights | ArrayLike) -> Linearised:
    """Return Conger's kappa with its standard error, from label indices of shape (units, annotators).

    >>> conger_linearised(np.array([[0, 0], [1, 1], [1, 1]]), ("a", "b"), "identity").value
    1.0
    """
    method = "Conger's kappa"
    codes = codes[(codes >= 0).any(axis=1)][:, (codes >= 0).any(axis=0)]
    units, annotators = codes.shape
    if annotators < 2:
        return Linearised(None, None, 0, 0, method, "fewer than two annotators gave labels")
    w = agreement_weights(weights, labels)
    given = codes >= 0
    chose = (codes[:, :, None] == np.arange(len(labels))).astype(np.float64)
    habits = chose.sum(axis=0) / given.sum(axis=0)[:, None]
    mean = habits.mean(axis=0)
    covariance = (habits.T @ habits - annotators * np.outer(mean, mean)) / (annotators - 1)
    expected = float((w * (np.outer(mean, mean) - covariance / annotators)).sum())
    # What a unit's labels move each annotator's habits by, met with the habits of all the others.
    rarity = units / given.sum(axis=0)
    moved = chose - (given - 1 / rarity)[:, :, None] * habits
    others = annotators * mean - habits
    by_unit = np.einsum("ual,kl,ak,a->u", moved, w, others, rarity, optimize=True)
    by_unit /= annotators * (annotators - 1)
    return PairAgreement.of(counts_of_codes(codes, labels), w).corrected(expected, by_unit, method)


def _unless_identity(weights: Weights | ArrayLike, labels: Sequence[Hashable]) -> Floats | None:
    """Return the weights' matrix, but None for identity, which needs none however many labels there are."""
    identity = isinstance(weights, str) and weights == "identity"
    return None if identity else agreement_weights(weights, labels)


def _named(found: Linearised, method: str) -> Linearised:
    return Linearised(found.value, found.standard_error, found.units, found.degrees, method, found.reason)
