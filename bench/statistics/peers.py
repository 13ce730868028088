"""The packages that one would else take, each called as its documentation says. Runs in `.venv-peers` alone.

They are looked up by name: the environment in which this file is checked does not have them.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version

import numpy as np

from bench.statistics.measure import Work
from bench.statistics.workload import CLASSES, Workload


def crowd_kit_inference(data: Workload) -> Work:
    """Dawid-Skene of crowd-kit as it comes."""
    return _crowd_kit(data, {}, "as it comes: until a label's mean likelihood rises by less than 1e-5; value: accuracy")


def crowd_kit_converged(data: Workload) -> Work:
    """Dawid-Skene of crowd-kit, carried on for as long as ours is."""
    return _crowd_kit(data, {"n_iter": 1_000, "tol": 1e-10}, "carried on to our tolerance; value: accuracy")


def krippendorff_of_counts(data: Workload) -> Work:
    """Alpha of krippendorff from the units' counts of labels, made beforehand."""
    counts = _counts(data)
    alpha = import_module("krippendorff").alpha
    return Work(
        _who("krippendorff"),
        lambda: alpha(value_counts=counts, level_of_measurement="nominal"),
        note="from the counts of each unit; no interval",
    )


def krippendorff_of_table(data: Workload) -> Work:
    """Alpha of krippendorff from the table of labels."""
    table = data.labels.T.astype(np.float64)
    alpha = import_module("krippendorff").alpha
    return Work(
        _who("krippendorff"), lambda: alpha(reliability_data=table, level_of_measurement="nominal"), note="no interval"
    )


def irrcac_alpha(data: Workload) -> Work:
    """Alpha of irrCAC from its data frame."""
    return _irrcac(data, "krippendorff")


def irrcac_kappa(data: Workload) -> Work:
    """Fleiss' kappa of irrCAC from its data frame."""
    return _irrcac(data, "fleiss")


def irrcac_ac1(data: Workload) -> Work:
    """AC1 of irrCAC from its data frame."""
    return _irrcac(data, "gwet")


def statsmodels_of_counts(data: Workload) -> Work:
    """Fleiss' kappa of statsmodels from the units' counts of labels, made beforehand."""
    counts = _counts(data)
    kappa = import_module("statsmodels.stats.inter_rater").fleiss_kappa
    return Work(_who("statsmodels"), lambda: kappa(counts), note="from the counts of each unit; no interval")


def statsmodels_of_table(data: Workload) -> Work:
    """Fleiss' kappa of statsmodels from the table of labels."""
    rater = import_module("statsmodels.stats.inter_rater")
    return Work(
        _who("statsmodels"), lambda: rater.fleiss_kappa(rater.aggregate_raters(data.labels)[0]), note="no interval"
    )


def _crowd_kit(data: Workload, options: Mapping[str, float], note: str) -> Work:
    frame = import_module("pandas").DataFrame(
        {
            "task": np.repeat(np.arange(data.units), data.labels.shape[1]),
            "worker": data.annotators.ravel(),
            "label": data.labels.ravel(),
        }
    )
    aggregation = import_module("crowdkit.aggregation")

    def call() -> float:
        classes = aggregation.DawidSkene(**options).fit_predict(frame)
        return float((classes.sort_index().to_numpy() == data.truth).mean())

    return Work(_who("crowd-kit"), call, note=note)


def _irrcac(data: Workload, coefficient: str) -> Work:
    frame = import_module("pandas").DataFrame(data.labels)
    cac = import_module("irrCAC.raw").CAC

    def call() -> float:
        return float(getattr(cac(frame), coefficient)()["est"]["coefficient_value"])

    return Work(_who("irrCAC"), call, note="with its interval; rounded to 5 digits")


def _counts(data: Workload) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    cells = np.arange(data.units)[:, None] * CLASSES + data.labels
    return np.bincount(cells.ravel(), minlength=data.units * CLASSES).reshape(data.units, CLASSES)


def _who(distribution: str) -> str:
    return f"{distribution} {version(distribution)}"


WORKS: Mapping[str, Callable[[Workload], Work]] = {
    "crowd_kit_inference": crowd_kit_inference,
    "crowd_kit_converged": crowd_kit_converged,
    "krippendorff_of_counts": krippendorff_of_counts,
    "krippendorff_of_table": krippendorff_of_table,
    "irrcac_alpha": irrcac_alpha,
    "irrcac_kappa": irrcac_kappa,
    "irrcac_ac1": irrcac_ac1,
    "statsmodels_of_counts": statsmodels_of_counts,
    "statsmodels_of_table": statsmodels_of_table,
}
