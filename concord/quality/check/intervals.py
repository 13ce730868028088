"""Cases about intervals: from a case's input to the values that it may expect."""

from collections.abc import Callable, Mapping
from typing import Any

from concord.quality import intervals

Input = Mapping[str, Any]
Output = Mapping[str, Any]


def binomial_ci(case: Input) -> Output:
    """Take k, n, confidence; give wilson_lo, wilson_hi, and so on for cp, jeffreys, agresti_coull and wald."""
    methods = {
        "wilson": intervals.wilson,
        "cp": intervals.clopper_pearson,
        "jeffreys": intervals.jeffreys,
        "agresti_coull": intervals.agresti_coull,
        "wald": intervals.wald,
    }
    found: dict[str, Any] = {}
    for name, method in methods.items():
        estimate = method(case["k"], case["n"], case.get("confidence", 0.95))
        found |= {f"{name}_lo": estimate.low, f"{name}_hi": estimate.high, "p": estimate.value}
    return found


def diff_ci_newcombe(case: Input) -> Output:
    """Take k1, n1, k2, n2, confidence; give diff, lo, hi."""
    estimate = intervals.newcombe_difference(
        case["k1"], case["n1"], case["k2"], case["n2"], case.get("confidence", 0.95)
    )
    return {"diff": estimate.value, "lo": estimate.low, "hi": estimate.high}


def cp_upper_one_sided(case: Input) -> Output:
    """Take k, n, confidence; give hi."""
    return {"hi": intervals.clopper_pearson_upper(case["k"], case["n"], case.get("confidence", 0.95)).high}


def cp_lower_one_sided(case: Input) -> Output:
    """Take k, n, confidence; give lo."""
    return {"lo": intervals.clopper_pearson_lower(case["k"], case["n"], case.get("confidence", 0.95)).low}


def hypergeometric_ci(case: Input) -> Output:
    """Take k, n, N, confidence; give count_lo, count_hi, lo, hi: in units of the lot and as a share of it."""
    count = intervals.lot_count(case["k"], case["n"], case["N"], case.get("confidence", 0.95))
    share = intervals.lot_proportion(case["k"], case["n"], case["N"], case.get("confidence", 0.95))
    return {"count_lo": count.low, "count_hi": count.high, "lo": share.low, "hi": share.high}


FUNCTIONS: dict[str, Callable[[Input], Output]] = {
    "binomial_ci": binomial_ci,
    "diff_ci_newcombe": diff_ci_newcombe,
    "cp_upper_one_sided": cp_upper_one_sided,
    "cp_lower_one_sided": cp_lower_one_sided,
    "hypergeometric_ci": hypergeometric_ci,
}
