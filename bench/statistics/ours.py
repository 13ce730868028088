"""The statistics of `concord.quality`, as the services call them."""

import itertools
import random
from collections.abc import Callable, Mapping

import numpy as np

from bench.statistics.measure import Work
from bench.statistics.workload import CLASSES, Workload
from concord.labels import schema_from
from concord.quality.agreement import fleiss_kappa
from concord.quality.dawid_skene import dawid_skene
from concord.quality.gwet import gwet_ac1
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import LabelCounts, counts_of_codes
from concord.quality.responses import Responses
from concord.quality.tally import AnnotationTally, LabelTally
from concord.quality.truth import UnitPosterior
from services.metrics.domain.report import report
from services.metrics.domain.standing import competences
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import label_row

WHO = "concord"
POSTERIOR_UPDATES = 50_000
TALLY_UNITS_MAX = 20_000
CROWD, CROWD_CLASSES, CROWD_GOLD_UNITS, CROWD_UNITS, CROWD_ACCURACY = 2_000, 50, 50, 30_000, 0.8


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


def metrics_turn(data: Workload) -> Work:
    """What metrics concludes in one turn upon CROWD annotators of CROWD_CLASSES classes, a hundredth with news."""
    del data
    return _turn(CROWD // 100)


def metrics_turn_of_all(data: Workload) -> Work:
    """The same where something was learnt of every annotator."""
    del data
    return _turn(CROWD)


def _turn(news: int) -> Work:
    """Return the work of a turn in which something was learnt of so many.

    What is expected of each is in it, which only who asks for the annotators has to wait for.
    """
    rng = random.Random(CROWD)
    labels = [f'"c{place:02d}"' for place in range(CROWD_CLASSES)]
    schema = schema_from({"kind": "choice", "classes": [label[1:-1] for label in labels]})
    sums = Sums()
    people = [f"w{number}" for number in range(CROWD)]
    for person in people:
        for _ in range(CROWD_GOLD_UNITS):
            gold = rng.choice(labels)
            sums.standing(person).answered(gold, gold if rng.random() < CROWD_ACCURACY else rng.choice(labels))
    for _ in range(CROWD_UNITS):
        given = rng.choice(labels)
        other = given if rng.random() < CROWD_ACCURACY else rng.choice(labels)
        sums.tally.add(label_row([given, other]))

    def call() -> float:
        for name in rng.sample(people, news):
            gold = rng.choice(labels)
            sums.standing(name).answered(gold, gold)
        found = competences(sums.standings, schema)
        entry = report("k1-p", sums, schema, 5, 1, None, found)
        assert entry.alpha.value is not None
        return sum(competence.expected_accuracy or 0.0 for competence in found) / len(found)

    call()
    return Work(WHO, call, note="value: the mean accuracy that is expected")


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
    "metrics_turn": metrics_turn,
    "metrics_turn_of_all": metrics_turn_of_all,
}
