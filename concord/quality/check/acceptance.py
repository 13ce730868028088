"""Acceptance sampling under the function names of published test cases."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from concord.quality import acceptance as plans
from concord.quality import iso_2859
from concord.quality import operating_characteristic as oc


def _plain(values: Any) -> Any:
    return np.asarray(values).tolist()


def _oc_binomial(given: Mapping[str, Any]) -> Mapping[str, Any]:
    n, c, p, lot_size = given["n"], given["c"], given["p"], given.get("N")
    out = {"pa": oc.oc_binomial(n, c, p), "aoq": oc.average_outgoing_quality(n, c, p, lot_size)}
    if lot_size is not None:
        out["ati"] = oc.average_total_inspection(n, c, p, lot_size)
    return {key: _plain(value) for key, value in out.items()}


def _oc_hypergeometric(given: Mapping[str, Any]) -> Mapping[str, Any]:
    wrong = given["D"] if "D" in given else np.rint(np.asarray(given["p"]) * given["N"]).astype(int)
    return {"pa": _plain(oc.oc_hypergeometric(given["N"], wrong, given["n"], given["c"]))}


def _oc_poisson(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"pa": _plain(oc.oc_poisson(given["n"], given["c"], given["p"]))}


def _oc_double(given: Mapping[str, Any]) -> Mapping[str, Any]:
    c2 = given["c2"]
    plan = plans.DoublePlan(given["n1"], given["c1"], given.get("r1", c2 + 1), given["n2"], c2)
    p = np.asarray(given["p"], dtype=float)
    known, law = plans.oc_double(plan, p), plans.stopping_law(plan.bounds())
    out = {
        "pa_first": known.accept_first,
        "pa_second": known.accept_second,
        "pa": known.accept,
        "asn_no_curtail": known.mean_inspected_whole,
        "asn_curtail": known.mean_inspected_semicurtailed,
        "asn_full_curtail": law.mean_inspected(law.at_rate(p)),
    }
    return {key: _plain(value) for key, value in out.items()}


def _asn_single(given: Mapping[str, Any]) -> Mapping[str, Any]:
    law = plans.stopping_law(plans.SinglePlan(given["n"], given["c"]).bounds())
    points = law.at_rate(given["p"])
    return {"asn": _plain(law.mean_inspected(points)), "pa": _plain(law.accept_probability(points))}


def _guarantee(given: Mapping[str, Any]) -> plans.Guarantee:
    alpha = given["alpha"] if "alpha" in given else 1 - given["pa1"]
    beta = given["beta"] if "beta" in given else given["pa2"]
    return plans.Guarantee(given["p1"], alpha, given["p2"], beta, given.get("N"))


def _find_single_plan(given: Mapping[str, Any]) -> Mapping[str, Any]:
    guarantee = _guarantee(given)
    kinds: dict[str, plans.Distribution] = {
        "binomial": "binomial",
        "binom": "binomial",
        "hypergeometric": "hypergeometric",
        "hypergeom": "hypergeometric",
        "poisson": "poisson",
    }
    default = "binomial" if guarantee.lot_size is None else "hypergeometric"
    plan = plans.find_single_plan(guarantee, kinds[given.get("distribution", default)])
    return {"n": plan.sample_size, "c": plan.accept_max, "r": plan.accept_max + 1}


def _find_double_plan(given: Mapping[str, Any]) -> Mapping[str, Any]:
    plan = plans.find_double_plan(_guarantee(given))
    return {
        "n1": plan.first_size,
        "c1": plan.first_accept,
        "r1": plan.first_reject,
        "n2": plan.second_size,
        "c2": plan.accept_max,
    }


def _zero_acceptance_n(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"n": plans.zero_acceptance_size(given["confidence"], given["reliability"], given.get("N"))}


def _sprt_binomial(given: Mapping[str, Any]) -> Mapping[str, Any]:
    lines = plans.wald_lines(_guarantee({key: value for key, value in given.items() if key != "N"}))
    return {
        "k": lines.log_odds_ratio,
        "h1": lines.accept_intercept,
        "h2": lines.reject_intercept,
        "s": lines.slope,
        "min_accept_n": lines.accept_from,
        "min_reject_n": lines.reject_from,
        "asn_p1": lines.mean_inspected_aql,
        "asn_p2": lines.mean_inspected_ltpd,
    }


def _sprt_truncated(given: Mapping[str, Any]) -> Mapping[str, Any]:
    plan = plans.sequential_plan(_guarantee(given))
    (alpha, beta), (at_aql, at_ltpd) = plan.risks(), plan.mean_inspected()
    return {
        "n_max": plan.inspected_max,
        "c": plan.accept_max,
        "alpha": alpha,
        "beta": beta,
        "asn_p1": at_aql,
        "asn_p2": at_ltpd,
    }


def _iso2859_single(given: Mapping[str, Any]) -> Mapping[str, Any]:
    level = str(given.get("level", "II")).upper()
    if level in ("S1", "S2", "S3", "S4"):
        level = f"S-{level[1]}"
    plan = iso_2859.standard_plan(given["lot"], given["aql"], level, given.get("inspection", "normal"))
    return {
        "initial_letter": plan.lot_letter,
        "plan_letter": plan.plan_letter,
        "n": plan.sample_size,
        "ac": plan.accept_max,
        "re": plan.reject_min,
    }


def _oc_quality_at_pa(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"p": _plain(oc.quality_at_acceptance(given["n"], given["c"], given["pa"]))}


def _aoql(given: Mapping[str, Any]) -> Mapping[str, Any]:
    limit = oc.average_outgoing_quality_limit(given["n"], given["c"], given.get("N"))
    return {"aoql": limit.aoql, "at_p": limit.at_rate}


FUNCTIONS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "aoql": _aoql,
    "asn_single": _asn_single,
    "find_double_plan": _find_double_plan,
    "find_single_plan": _find_single_plan,
    "iso2859_single": _iso2859_single,
    "oc_binomial": _oc_binomial,
    "oc_double": _oc_double,
    "oc_hypergeometric": _oc_hypergeometric,
    "oc_poisson": _oc_poisson,
    "oc_quality_at_pa": _oc_quality_at_pa,
    "sprt_binomial": _sprt_binomial,
    "sprt_truncated": _sprt_truncated,
    "zero_acceptance_n": _zero_acceptance_n,
}
