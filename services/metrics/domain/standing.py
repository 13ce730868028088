"""One annotator in one project: answers on gold, and pace."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from concord.quality.competence import (
    ConfusionCounts,
    accuracy,
    class_prior,
    confusion_matrix,
    crowd_prior,
    expected_accuracy,
)
from concord.quality.estimate import Estimate
from services.metrics.domain.pace import count, percentile
from services.metrics.domain.unit import Annotation

CONFUSION_CLASSES_MAX = 100
"""Beyond so many classes a confusion matrix is mostly zeros and no event should carry it."""


@dataclass(slots=True)
class Standing:
    """What adds up about an annotator.

    Attributes:
        answers: how often a gold unit of a known label (first) was given a label (second), as canonical JSON.
        revision: counts what was ever learnt of the answers; it only grows, so a later estimate outranks an earlier.
        answered_at_us: event time of the newest of it.
        annotations: all, gold and late ones among them.
        active_ms: tally of the time each took, where it was told.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    revision: int = 0
    answered_at_us: int = 0
    annotations: int = 0
    active_ms: Counter[int] = field(default_factory=Counter)

    def worked(self, said: Annotation, before: Annotation | None) -> None:
        """Count an annotation, or its revision."""
        if before is None:
            self.annotations += 1
        elif before.active_ms:
            count(self.active_ms, before.active_ms, -1)
        if said.active_ms:
            count(self.active_ms, said.active_ms)

    def worked_not(self, said: Annotation) -> None:
        """Take an annotation out again."""
        self.annotations -= 1
        if said.active_ms:
            count(self.active_ms, said.active_ms, -1)

    def answered(self, gold: str, label: str, times: int = 1) -> None:
        """Count an answer to a gold unit, or take it out again."""
        self.answers[gold, label] += times
        if not self.answers[gold, label]:
            del self.answers[gold, label]

    def learnt(self, at_us: int, words: int = 1) -> None:
        """Count what was learnt of the answers: a first answer, its revision, that its unit was withdrawn."""
        self.revision += words
        self.answered_at_us = max(self.answered_at_us, at_us)

    @property
    def gold_units(self) -> int:
        """Return how many gold units were answered."""
        return sum(self.answers.values())

    @property
    def gold_correct(self) -> int:
        """Return how many were answered as the gold says."""
        return sum(times for (gold, label), times in self.answers.items() if gold == label)


@dataclass(frozen=True, slots=True)
class Competence:
    """What is concluded about an annotator in a project.

    Attributes:
        expected_accuracy: on the project's mix of classes, shrunk to the crowd's; None without classes.
        confusion: counts on gold, row by row, in the order of the classes; empty without classes.
    """

    annotator_id: str
    revision: int
    answered_at_us: int
    gold_units: int
    gold_correct: int
    accuracy: Estimate
    expected_accuracy: float | None
    confusion: tuple[int, ...]
    annotations: int
    active_ms_median: int


def competences(
    standings: Mapping[str, Standing], classes: Sequence[str], only: Iterable[str] | None = None
) -> list[Competence]:
    """Return what is concluded of annotators, by id.

    Args:
        standings: of all annotators of a project: what is known of the crowd is where each one starts from.
        classes: canonical JSON of the schema's classes in its order; empty where the kind has none.
        only: whom to return; all if None.
    """
    shown = sorted(standings if only is None else only)
    if not 2 <= len(classes) <= CONFUSION_CLASSES_MAX:
        return [_competence(annotator_id, standings[annotator_id], None, None, None) for annotator_id in shown]
    counts = {annotator_id: confusion_counts(one, classes) for annotator_id, one in standings.items()}
    crowd = ConfusionCounts.total(counts.values(), len(classes))
    prior, mix = crowd_prior(crowd), class_prior([sum(row) for row in crowd.counts])
    return [
        _competence(annotator_id, standings[annotator_id], counts[annotator_id], prior, mix) for annotator_id in shown
    ]


def confusion_counts(standing: Standing, classes: Sequence[str]) -> ConfusionCounts:
    """Return the answers as a matrix over the classes; a label that is no class of the schema any more is left out."""
    places = {label: place for place, label in enumerate(classes)}
    rows = [[0] * len(classes) for _ in classes]
    for (gold, label), times in standing.answers.items():
        if gold in places and label in places:
            rows[places[gold]][places[label]] += times
    return ConfusionCounts(tuple(map(tuple, rows)))


def _competence(
    annotator_id: str,
    standing: Standing,
    counts: ConfusionCounts | None,
    prior: Sequence[Sequence[float]] | None,
    mix: Sequence[float] | None,
) -> Competence:
    expected = None
    if counts is not None and prior is not None and mix is not None:
        expected = expected_accuracy(confusion_matrix(counts, prior), mix)
    gold_units, gold_correct = standing.gold_units, standing.gold_correct
    return Competence(
        annotator_id=annotator_id,
        revision=standing.revision,
        answered_at_us=standing.answered_at_us,
        gold_units=gold_units,
        gold_correct=gold_correct,
        accuracy=accuracy(gold_correct, gold_units),
        expected_accuracy=expected,
        confusion=() if counts is None else tuple(times for row in counts.counts for times in row),
        annotations=standing.annotations,
        active_ms_median=percentile(standing.active_ms, 0.5),
    )
