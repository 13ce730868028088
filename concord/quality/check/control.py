"""Control charts under the function names of published test cases."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from concord.quality import control_chart as charts
from concord.quality import run_length

_EXACT_LIMITS = ("exact", "time", "vary", "transient")
_ASYMPTOTIC_LIMITS = ("asymptotic", "fix", "steady", "const")


def _one_based(index: int | None) -> int | None:
    return None if index is None else index + 1


def _cusum_arl_one_sided(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `arl` for shifts, `arl0` for decision intervals; both may be lists."""
    k, head, moved = given["k"], given.get("headstart", 0.0), given.get("shift", 0.0)
    heights = np.asarray(given["h"], dtype=float)
    lengths = [run_length.cusum_arl_one_sided(k, h, moved, head).tolist() for h in heights.ravel()]
    at_rest = [float(run_length.cusum_arl_one_sided(k, h, 0.0, head)) for h in heights.ravel()]
    listed = heights.ndim > 0
    return {"arl": lengths if listed else lengths[0], "arl0": at_rest if listed else at_rest[0]}


def _cusum_arl_two_sided(given: Mapping[str, Any]) -> Mapping[str, Any]:
    k, head, moved = given["k"], given.get("headstart", 0.0), given.get("shift", 0.0)
    heights = np.asarray(given["h"], dtype=float)
    lengths = [run_length.cusum_arl_two_sided(k, h, moved, head).tolist() for h in heights.ravel()]
    at_rest = [float(run_length.cusum_arl_two_sided(k, h, 0.0, head)) for h in heights.ravel()]
    listed = heights.ndim > 0
    return {"arl": lengths if listed else lengths[0], "arl0": at_rest if listed else at_rest[0]}


def _cusum_h_for_arl(given: Mapping[str, Any]) -> Mapping[str, Any]:
    sided = str(given.get("sided", given.get("sides", "two"))).lower()
    two_sided = bool(given.get("two_sided", sided.startswith(("two", "2"))))
    wanted = np.asarray(given["arl0"], dtype=float)
    found = [run_length.cusum_h_for_arl(given["k"], arl0, two_sided=two_sided) for arl0 in wanted.ravel()]
    return {"h": np.array(found).reshape(wanted.shape).tolist()}


def _cusum_tabular(given: Mapping[str, Any]) -> Mapping[str, Any]:
    chart = charts.Cusum(given["target"], given.get("sigma", 1.0), given["k"], given["h"], given.get("headstart", 0.0))
    trace = charts.cusum_trace(chart, given["x"])
    at = trace.at_signal
    return {
        "c_plus": (trace.upper * chart.sigma).tolist(),
        "c_minus": (trace.lower * chart.sigma).tolist(),
        "first_signal_index_1based": _one_based(trace.first_signal),
        "n_plus_at_signal": None if at is None else at.upper_run,
        "n_minus_at_signal": None if at is None else at.lower_run,
        "estimated_mean_after": None if at is None else chart.estimated_mean(at),
    }


def _bernoulli_cusum_reference(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return charts.bernoulli_reference(given["p0"], given["p1"])._asdict()


def _ewma_arl_two_sided(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one row a (lambda, L) pair where these are lists."""
    weights, widths = np.atleast_1d(given["lambda"]), np.atleast_1d(given["L"])
    moved = given.get("shift", 0.0)
    lengths = [
        run_length.ewma_arl_two_sided(float(weight), float(width), moved).tolist()
        for weight, width in zip(weights, widths, strict=True)
    ]
    return {"arl": lengths if isinstance(given["lambda"], list) else lengths[0]}


def _ewma_chart(given: Mapping[str, Any]) -> Mapping[str, Any]:
    limits = str(given.get("limits", "exact")).lower()
    if not limits.startswith(_EXACT_LIMITS + _ASYMPTOTIC_LIMITS):
        raise ValueError(f"limits {limits!r} are neither exact nor asymptotic")
    trace = charts.ewma_trace(
        given["x"],
        given["target"],
        given.get("sigma", 1.0),
        given["lambda"],
        given["L"],
        exact_limits=limits.startswith(_EXACT_LIMITS),
    )
    return {
        "z": trace.values.tolist(),
        "ucl": trace.upper_limits.tolist(),
        "lcl": trace.lower_limits.tolist(),
        "first_signal_index_1based": _one_based(trace.first_signal),
    }


def _ewma_l_for_arl(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"L": run_length.ewma_width_for_arl(given["lambda"], given["arl0"])}


def _shewhart_arl(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"arl": run_length.shewhart_arl(given["L"], given.get("shift", 0.0)).tolist()}


FUNCTIONS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "bernoulli_cusum_reference": _bernoulli_cusum_reference,
    "cusum_arl_one_sided": _cusum_arl_one_sided,
    "cusum_arl_two_sided": _cusum_arl_two_sided,
    "cusum_arl_two_sided_fir": _cusum_arl_two_sided,
    "cusum_h_for_arl": _cusum_h_for_arl,
    "cusum_tabular": _cusum_tabular,
    "ewma_arl_two_sided": _ewma_arl_two_sided,
    "ewma_chart": _ewma_chart,
    "ewma_l_for_arl": _ewma_l_for_arl,
    "shewhart_arl": _shewhart_arl,
}
