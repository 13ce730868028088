"""One annotator in one project: answers on gold, and pace."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import fsum

from concord.labels import LabelSchema, decoded
from concord.quality.competence import accuracy, class_prior, crowd_accuracy
from concord.quality.crowd import ROW_STRENGTH, own_accuracy
from concord.quality.estimate import Estimate
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.pace import count, percentile
from services.metrics.domain.unit import Annotation

ACCURACIES_MAX = 50_000

_accuracy = lru_cache(maxsize=ACCURACIES_MAX)(accuracy)
"""Most annotators have answered nothing new since they were last looked at, and a quantile is dear."""


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
    _by_class: dict[str, tuple[int, int]] | None = field(default=None, init=False, compare=False)
    _gold_correct: int | None = field(default=None, init=False, compare=False)
    _median_ms: int | None = field(default=None, init=False, compare=False)

    def worked(self, said: Annotation, before: Annotation | None) -> None:
        """Count an annotation, or its revision."""
        self._median_ms = None
        if before is None:
            self.annotations += 1
        elif before.active_ms:
            count(self.active_ms, before.active_ms, -1)
        if said.active_ms:
            count(self.active_ms, said.active_ms)

    def worked_not(self, said: Annotation) -> None:
        """Take an annotation out again."""
        self.annotations -= 1
        self._median_ms = None
        if said.active_ms:
            count(self.active_ms, said.active_ms, -1)

    def answered(self, gold: str, label: str, times: int = 1) -> None:
        """Count an answer to a gold unit, or take it out again."""
        self._by_class = self._gold_correct = None
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

    def gold_correct(self, schema: LabelSchema) -> int:
        """Return how many were answered as the gold says, within the tolerance of the schema, always the same one."""
        if self._gold_correct is None:
            right = (times for (gold, label), times in self.answers.items() if _says_same(schema, gold, label))
            self._gold_correct = sum(right)
        return self._gold_correct

    @property
    def active_ms_median(self) -> int:
        """Return the median time of an annotation; 0 where none was told."""
        if self._median_ms is None:
            self._median_ms = percentile(self.active_ms, 0.5)
        return self._median_ms

    def by_class(self, places: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """Return, by known class, how many gold units were answered right and how many at all.

        Args:
            places: the classes of the schema; an answer that is none of them any more is left out. They are taken
                to be the same at every call.
        """
        if self._by_class is None:
            found: dict[str, tuple[int, int]] = {}
            for (gold, label), times in self.answers.items():
                if gold in places and label in places:
                    right, units = found.get(gold, (0, 0))
                    found[gold] = (right + (times if gold == label else 0), units + times)
            self._by_class = found
        return self._by_class


@dataclass(frozen=True, slots=True)
class Competence:
    """What is concluded about an annotator in a project.

    Attributes:
        expected_accuracy: on the project's mix of classes, shrunk to the crowd's; None without classes.
    """

    annotator_id: str
    revision: int
    answered_at_us: int
    gold_units: int
    gold_correct: int
    accuracy: Estimate
    expected_accuracy: float | None
    annotations: int
    active_ms_median: int


def competences(
    standings: Mapping[str, Standing], schema: LabelSchema, only: Iterable[str] | None = None
) -> list[Competence]:
    """Return what is concluded of annotators, by id; the cost grows with the answers, not with classes squared.

    Args:
        standings: of all annotators of a project: what is known of the crowd is where each one starts from.
        schema: the project's.
        only: whom to return; all if None.
    """
    shown = sorted(standings if only is None else only)
    classes = classes_of(schema)
    if len(classes) < 2:
        return [_competence(annotator_id, standings[annotator_id], schema, None) for annotator_id in shown]
    places = {label: place for place, label in enumerate(classes)}
    units = dict.fromkeys(classes, 0)
    correct = 0
    for one in standings.values():
        for gold, (right, answered) in one.by_class(places).items():
            correct += right
            units[gold] += answered
    mix = dict(zip(classes, class_prior([units[one] for one in classes]), strict=True))
    crowd = crowd_accuracy(correct, sum(units.values()), len(classes))
    expected = {one: _expected(standings[one].by_class(places), mix, crowd) for one in shown}
    return [_competence(one, standings[one], schema, expected[one]) for one in shown]


def gold_answers(standing: Standing, classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (known class, given class, times) of the answers, by the classes' places in the schema's order."""
    places = {label: place for place, label in enumerate(classes)}
    return sorted(
        (places[gold], places[label], times)
        for (gold, label), times in standing.answers.items()
        if gold in places and label in places
    )


def _expected(by_class: Mapping[str, tuple[int, int]], mix: Mapping[str, float], crowd: float) -> float:
    """Return the probability that a random unit is labelled right, as consensus weighs the annotator: term by term.

    Of a class without an answer the annotator's own accuracy stands on the diagonal of the shrunk matrix
    (`crowd.Crowd.chance`), so only the classes that were answered differ from it.
    """
    correct, answered = (sum(counts) for counts in zip(*by_class.values(), strict=True)) if by_class else (0, 0)
    own = own_accuracy(correct, answered, crowd)
    # Exact, so that no order of classes, which is that in which answers came, tells two equals apart.
    differing = fsum(
        mix[gold] * ((right + ROW_STRENGTH * own) / (units + ROW_STRENGTH) - own)
        for gold, (right, units) in by_class.items()
    )
    return own + differing


def _says_same(schema: LabelSchema, gold: str, label: str) -> bool:
    return gold == label or schema.says_same(decoded(gold.encode()), decoded(label.encode()))


def _competence(annotator_id: str, standing: Standing, schema: LabelSchema, expected: float | None) -> Competence:
    gold_units, gold_correct = standing.gold_units, standing.gold_correct(schema)
    return Competence(
        annotator_id=annotator_id,
        revision=standing.revision,
        answered_at_us=standing.answered_at_us,
        gold_units=gold_units,
        gold_correct=gold_correct,
        accuracy=_accuracy(gold_correct, gold_units),
        expected_accuracy=expected,
        annotations=standing.annotations,
        active_ms_median=standing.active_ms_median,
    )
