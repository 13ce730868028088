"""Cases about agreement: from a case's input to the values that it may expect."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from concord.quality.agreement import conger_linearised, fleiss_linearised, uniform_linearised
from concord.quality.agreement import fleiss_kappa as fleiss
from concord.quality.agreement import percent_agreement as percent
from concord.quality.agreement import randolph_kappa as randolph
from concord.quality.agreement import scott_pi as scott
from concord.quality.cohen import cohen_errors, cohen_kappa_disagreement
from concord.quality.cohen import cohen_kappa as cohen
from concord.quality.gwet import ac_linearised
from concord.quality.intraclass import FORMS, intraclass_correlation
from concord.quality.krippendorff import alpha_linearised, krippendorff_alpha
from concord.quality.label_counts import (
    contingency,
    count_labels,
    counts_of_codes,
    counts_of_table,
    encode,
)
from concord.quality.linearised import PairAgreement
from concord.quality.weights import Weights, agreement_weights

Input = Mapping[str, Any]
Output = Mapping[str, Any]


def fleiss_kappa(case: Input) -> Output:
    """Take counts; give kappa, percent_agreement."""
    return {"kappa": fleiss(case["counts"]).value, "percent_agreement": percent(case["counts"]).value}


def randolph_kappa(case: Input) -> Output:
    """Take counts; give fleiss, randolph."""
    return {"fleiss": fleiss(case["counts"]).value, "randolph": randolph(case["counts"]).value}


def alpha(case: Input) -> Output:
    """Take ratings_by_annotator or ratings_by_item; give nominal, ordinal, interval, ratio."""
    counts = count_labels(_by_unit(case), case.get("categories"))
    return {
        distance: krippendorff_alpha(counts, distance).value for distance in ("nominal", "ordinal", "interval", "ratio")
    }


def cohen_kappa(case: Input) -> Output:
    """Take table, or a and b with optional categories; give kappa (unweighted), po, linear, quadratic."""
    table = _table(case)
    kappa = cohen(table).value
    return {
        "kappa": kappa,
        "unweighted": kappa,
        "po": _observed(table),
        "linear": cohen(table, "linear").value,
        "quadratic": cohen(table, "quadratic").value,
    }


def cohen_kappa_ci(case: Input) -> Output:
    """Take table, weights_linear (scores); give kappa, ase, lo, hi, ase0, z, and weighted kappa_w, ase_w, ..."""
    table, confidence = _table(case), case.get("confidence", 0.95)
    found: dict[str, Any] = {}
    plain: tuple[Weights, list[float] | None, str] = ("identity", None, "")
    linear: tuple[Weights, list[float] | None, str] = ("linear", case.get("weights_linear"), "_w")
    for weights, scores, suffix in (plain, linear):
        kappa = cohen(table, weights, scores=scores, confidence=confidence)
        if kappa.value is None:
            return {"kappa": None, "kappa_w": None}
        errors = cohen_errors(table, weights, scores=scores)
        found |= {
            f"kappa{suffix}": kappa.value,
            f"ase{suffix}": errors.standard_error,
            f"lo{suffix}": kappa.low,
            f"hi{suffix}": kappa.high,
            f"ase0{suffix}": errors.standard_error_null,
            f"z{suffix}": kappa.value / errors.standard_error_null if errors.standard_error_null else None,
        }
    return found


def cohen_kappa_weighted(case: Input) -> Output:
    """Take table, disagreement_weights; give kappa_w."""
    return {"kappa_w": cohen_kappa_disagreement(_table(case), case["disagreement_weights"]).value}


def scott_pi(case: Input) -> Output:
    """Take table, or a and b; give observed, pi, S, kappa, alpha."""
    table = _table(case)
    counts = counts_of_table(table)
    return {
        "observed": _observed(table),
        "pi": scott(table).value,
        "S": randolph(counts).value,
        "kappa": cohen(table).value,
        "alpha": krippendorff_alpha(counts).value,
    }


def gwet_ac1(case: Input) -> Output:
    """Take table, or a and b; give po, kappa, ac1, scott_pi."""
    table = _table(case)
    return {
        "po": _observed(table),
        "kappa": cohen(table).value,
        "ac1": ac_linearised(counts_of_table(table), "identity").value,
        "scott_pi": scott(table).value,
    }


def gwet_ac1_ac2_multi(case: Input) -> Output:
    """Take ratings_by_item; give gwet, fleiss, krippendorff, conger, bp with _ci and _se, and pa, by weights."""
    return {weights: _many(case, weights) for weights in ("identity", "linear", "quadratic", "ordinal")}


def icc(case: Input) -> Output:
    """Take ratings_by_item; give ICC1, ICC2, ICC3, ICC1k, ICC2k, ICC3k, each with _ci."""
    labels = np.array(_by_unit(case), dtype=float)
    estimates = {form: intraclass_correlation(labels, form) for form in FORMS}
    found: dict[str, Any] = {form: e.value for form, e in estimates.items()}
    return found | {f"{form}_ci": [e.low, e.high] for form, e in estimates.items()}


def _many(case: Input, weights: Weights) -> Output:
    codes, labels = encode(_by_unit(case), case.get("categories"))
    counts = counts_of_codes(codes, labels)
    w = agreement_weights(weights, labels)
    place = {label: k for k, label in enumerate(labels)}
    coefficients = {
        "gwet": ac_linearised(counts, weights),
        "fleiss": fleiss_linearised(counts, weights),
        "krippendorff": alpha_linearised(counts, lambda a, b: 1 - w[place[a], place[b]]),
        "conger": conger_linearised(codes, labels, weights),
        "bp": uniform_linearised(counts, weights),
    }
    found: dict[str, Any] = {"pa": PairAgreement.of(counts, w).corrected(0.0, None, "").value}
    for name, coefficient in coefficients.items():
        estimate = coefficient.estimate(case.get("confidence", 0.95))
        found[name] = estimate.value
        found[f"{name}_se"] = coefficient.standard_error
        found[f"{name}_ci"] = [estimate.low, estimate.high]
    return found


def _by_unit(case: Input) -> list[list[Any]]:
    """Return the labels with a row per unit, whichever way the case has them."""
    if "ratings_by_item" in case:
        return list(case["ratings_by_item"])
    return [list(unit) for unit in zip(*case["ratings_by_annotator"], strict=True)]


def _table(case: Input) -> Any:
    """Return the table that crosses two annotators' labels."""
    if "table" in case:
        return case["table"]
    return contingency(case["a"], case["b"], case.get("categories"))[0]


def _observed(table: ArrayLike) -> float | None:
    return percent(counts_of_table(table)).value


FUNCTIONS: dict[str, Callable[[Input], Output]] = {
    "fleiss_kappa": fleiss_kappa,
    "randolph_kappa": randolph_kappa,
    "krippendorff_alpha": alpha,
    "cohen_kappa": cohen_kappa,
    "cohen_kappa_ci": cohen_kappa_ci,
    "cohen_kappa_weighted": cohen_kappa_weighted,
    "scott_pi": scott_pi,
    "gwet_ac1": gwet_ac1,
    "gwet_ac1_ac2_multi": gwet_ac1_ac2_multi,
    "icc": icc,
}
