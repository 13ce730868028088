"""When one label prevails, kappa can be low although nearly everyone agrees: this says so in a sentence.

Feinstein & Cicchetti 1990, J. Clin. Epidemiol. 43:543, describe the paradox; Byrt, Bishop & Carlin 1993,
J. Clin. Epidemiol. 46:423, the index of prevalence.
"""

import numpy as np
from numpy.typing import ArrayLike

from concord.quality.gwet import ac_linearised
from concord.quality.label_counts import LabelCounts, as_label_counts
from concord.quality.linearised import PairAgreement

PREVALENCE_INDEX_MIN = 0.5
"""Under this imbalance a low kappa is taken at its word: of two labels the frequent one has 75 % or less."""

KAPPA_GAP_MIN = 0.15
"""AC1 must exceed kappa by this much before the reader is warned."""


def prevalence_index(counts: LabelCounts | ArrayLike) -> float | None:
    """How far the most frequent label is over its even share: 0 when all are equally frequent, 1 when alone.

        (K π_max - 1)/(K - 1), which of two labels is |π_1 - π_2|

    `counts` holds how often each unit got each label, shape (units, K), over the declared scale. None without
    a label, or when the scale has one label only.
    Source: Byrt, Bishop & Carlin 1993 for two labels; the form for K labels is its plain extension.

    >>> round(prevalence_index([[2, 0]] * 9 + [[0, 2]]), 3)
    0.8
    """
    table = as_label_counts(counts)
    size = len(table.labels)
    pairs = PairAgreement.of(table)
    if size < 2 or not pairs.units:
        return None
    return float((size * pairs.prevalence.max() - 1) / (size - 1))


def kappa_warning(counts: LabelCounts | ArrayLike) -> str:
    """Say in one sentence when prevalence makes kappa mislead; empty when it does not.

    Kappa misleads when one label prevails (`prevalence_index` of 0.5 or more) and Fleiss' kappa is not
    defined, or lies 0.15 or more under Gwet's AC1, which does not react to prevalence in this way.

    >>> print(kappa_warning([[2, 0]] * 118 + [[1, 1]] * 7))
    97 % of the labels are 0, so kappa (-0.03) misleads: annotators agree on 94 % of pairs and AC1 is 0.94.
    """
    table = as_label_counts(counts)
    pairs = PairAgreement.of(table)
    index = prevalence_index(table)
    if not pairs.pairable or (index is not None and index < PREVALENCE_INDEX_MIN):
        return ""
    frequent = int(np.argmax(pairs.prevalence))
    share, agreed = _percent(float(pairs.prevalence[frequent])), _percent(pairs.observed)
    opening = f"{share} of the labels are {table.labels[frequent]}"
    kappa = pairs.corrected(float(pairs.prevalence @ pairs.prevalence), None, "Fleiss' kappa").value
    if kappa is None:
        return f"{opening}, so kappa is not defined although annotators agree on {agreed} of pairs."
    ac1 = ac_linearised(table, "identity").value
    if ac1 is None or ac1 - kappa < KAPPA_GAP_MIN:
        return ""
    return f"{opening}, so kappa ({kappa:.2f}) misleads: annotators agree on {agreed} of pairs and AC1 is {ac1:.2f}."


def _percent(share: float) -> str:
    """Return a share as a percentage, with decimals only where rounding would say all or nothing."""
    whole = f"{100 * share:.0f} %"
    return f"{100 * share:.2f} %" if whole == "100 %" and share < 1 else whole
