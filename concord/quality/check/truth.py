"""Truth inference under the names and shapes of the table of published cases."""

from collections.abc import Callable, Mapping
from typing import Any

from concord.quality.dawid_skene import dawid_skene
from concord.quality.responses import encode

TO_THE_LAST_DIGIT = 5e-15
"""Relative rise of the likelihood at which a run is compared with published digits: rounding error, no more."""


def check_dawid_skene(case: Mapping[str, Any]) -> dict[str, Any]:
    """Run maximum-likelihood Dawid-Skene on ``responses``, rows of (unit, annotator, label).

    Units, annotators and classes are reported in sorted order. Returns class_marginals (K),
    error_rates ({annotator: K x K}), log_likelihood, labels (most probable class of each unit),
    posterior_first5 (5 x K) and iterations, those of EM step by step, which is what was published.

    >>> check_dawid_skene({"responses": [[1, 1, "a"], [1, 2, "a"], [2, 1, "b"], [2, 2, "b"]]})["labels"]
    ['a', 'b']
    """
    rows = sorted(case["responses"], key=lambda row: (row[0], row[1]))
    responses, names = encode([(annotator, unit, label) for unit, annotator, label in rows])
    found = dawid_skene(responses, tolerance=case.get("tolerance", TO_THE_LAST_DIGIT), look_ahead=False)
    by_annotator = sorted(zip(names.annotators, found.confusions.tolist(), strict=True), key=lambda pair: pair[0])
    return {
        "class_marginals": found.prior.tolist(),
        "error_rates": {str(annotator): matrix for annotator, matrix in by_annotator},
        "log_likelihood": found.log_likelihood,
        "labels": [names.classes[k] for k in found.classes()],
        "posterior_first5": found.posteriors[:5].tolist(),
        "iterations": found.iterations,
    }


FUNCTIONS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {"dawid_skene": check_dawid_skene}
