"""The statistics of `concord.quality`, as the services call them."""

import itertools
from collections.abc import Callable, Mapping

import numpy as np

from bench.statistics.measure import Work
from bench.statistics.workload import CLASSES, Workload
from concord.quality.agreement import fleiss_kappa
from concord.quality.dawid_skene import dawid_skene
from concord.quality.gwet import gwet_ac1
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import LabelCounts, counts_of_codes
from concord.quality.responses import Responses
from concord.quality.tally import AnnotationTally, LabelTally
from concord.quality.truth import UnitPosterior

WHO = "concord"
POSTERIOR_UPDATES = 50_000
TALLY_UNITS_MAX = 20_000


def inference(data: Workload) -> Work:
    """Dawid-Skene by EM from index arrays, until the likelihood rises no more."""
    per_unit = data.labels.shape[1]
    units = np.repeat(np.arange(data.units, dtype=np.int32), per_unit)
    annotators, labels = data.annotators.ravel(), data.labels.ravel()

    def call() -> float:
        responses = Responses(units, annotators, labels, data.units, data.annotator_count, CLASSES)
        found = dawid_skene(responses)
        return float((found.classes() == data.truth).mean())

    return Work(WHO, call, note="until the likelihood rises by less than 1e-10 of itself; value: accuracy")


def alpha_of_table(data: Workload) -> Work:
    """Krippendorff's alpha from the table of labels, counting included, with its jackknife interval."""
    return Work(WHO, lambda: krippendorff_alpha(_counted(data)).value, note="with its jackknife interval")


def alpha_of_tally(data: Workload) -> Work:
    """Krippendorff's alpha from a tally kept beforehand, with its jackknife interval."""
    tally = LabelTally.of(_counted(data))
    return Work(WHO, lambda: krippendorff_alpha(tally.label_counts()).value, note="with its jackknife interval")


def kappa_of_table(data: Workload) -> Work:
    """Fleiss' kappa from the table of labels, counting included, with its interval."""
    return Work(WHO, lambda: fleiss_kappa(_counted(data)).value, note="with its interval")


def kappa_of_tally(data: Workload) -> Work:
    """Fleiss' kappa from a tally kept beforehand, with its interval."""
    tally = LabelTally.of(_counted(data))
    return Work(WHO, lambda: fleiss_kappa(tally.label_counts()).value, note="with its interval")


def ac1_of_table(data: Workload) -> Work:
    """Gwet's AC1 from the table of labels, counting included, with its interval."""
    return Work(WHO, lambda: gwet_ac1(_counted(data)).value, note="with its interval")


def posterior_update(data: Workload) -> Work:
    """One more label of an annotator with a known confusion matrix, and the probabilities that follow."""
    del data
    confusion = tuple(tuple(0.8 if k == j else 0.05 for j in range(CLASSES)) for k in range(CLASSES))
    start = UnitPosterior.from_prior([1 / CLASSES] * CLASSES)

    def call() -> float:
        belief, probability = start, 0.0
        for number in range(POSTERIOR_UPDATES):
            belief = (start if number % 5 == 0 else belief).after(confusion, number % CLASSES)
            probability = belief.probabilities()[0]
        return probability

    return Work(WHO, call, operations=POSTERIOR_UPDATES, note="value: the last probability")


def tally_update(data: Workload) -> Work:
    """One annotation into open units, label tally and pair tally; a replay is told from a new one."""
    units = range(min(data.units, TALLY_UNITS_MAX))
    arriving = [
        (f"u{unit}", f"u{unit}.{place}", f"a{data.annotators[unit, place]}", int(data.labels[unit, place]))
        for place, unit in itertools.product(range(data.labels.shape[1]), units)
    ]

    def call() -> None:
        tally = AnnotationTally()
        for unit, assignment, annotator, label in arriving:
            tally.put(unit, assignment, annotator, label)

    return Work(WHO, call, operations=len(arriving), note="open units, label tally and pair tally")


def _counted(data: Workload) -> LabelCounts:
    return counts_of_codes(data.labels.astype(np.int64), range(CLASSES))


WORKS: Mapping[str, Callable[[Workload], Work]] = {
    "dawid_skene": inference,
    "alpha_of_tally": alpha_of_tally,
    "kappa_of_tally": kappa_of_tally,
    "alpha_of_table": alpha_of_table,
    "kappa_of_table": kappa_of_table,
    "ac1_of_table": ac1_of_table,
    "posterior_update": posterior_update,
    "tally_update": tally_update,
}
