"""One annotator in one project: answers on gold, and pace."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from concord.labels import LabelSchema, decoded
from concord.labels.fields import Field
from concord.labels.form import answers_in
from concord.quality.competence import accuracy, class_prior, crowd_accuracy
from concord.quality.crowd import ACCURACY_STRENGTH, ROW_STRENGTH
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
        fields: the answers again by field, of labels that have several; only where both have one.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    revision: int = 0
    answered_at_us: int = 0
    annotations: int = 0
    active_ms: Counter[int] = field(default_factory=Counter)
    fields: dict[str, "Standing"] = field(default_factory=dict)
    _by_class: "ByClass | None" = field(default=None, init=False, compare=False)
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
        known, given = answers_in(gold), answers_in(label)
        if known is None or given is None:
            return
        for name in known.keys() & given.keys():
            of_field = self.fields.setdefault(name, Standing())
            of_field.answered(known[name], given[name], times)
            if not of_field.answers:
                del self.fields[name]

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
            right = (times for (gold, label), times in self.answers.items() if says_same(schema, gold, label))
            self._gold_correct = sum(right)
        return self._gold_correct

    @property
    def active_ms_median(self) -> int:
        """Return the median time of an annotation; 0 where none was told."""
        if self._median_ms is None:
            self._median_ms = percentile(self.active_ms, 0.5)
        return self._median_ms

    def by_class(self, places: Mapping[str, int]) -> "ByClass":
        """Return, by the places of known classes, how many gold units were answered right and how many at all.

        Args:
            places: the classes of the schema; an answer that is none of them any more is left out. They are taken
                to be the same at every call.
        """
        if self._by_class is None:
            found: dict[int, tuple[int, int]] = {}
            for (gold, label), times in self.answers.items():
                if gold in places and label in places:
                    right, units = found.get(places[gold], (0, 0))
                    found[places[gold]] = (right + (times if gold == label else 0), units + times)
            ordered = sorted(found)
            self._by_class = ordered, [found[one][0] for one in ordered], [found[one][1] for one in ordered]
        return self._by_class


NOTHING = Standing()
"""Of somebody of whom nothing is known; never changed."""

ByClass = tuple[list[int], list[int], list[int]]
"""Places of known classes in their order, and of each how many gold units were answered right, and how many at all."""


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
    tallies = {one: standing.by_class(places) for one, standing in standings.items()}
    everybody = _Answers.of(list(tallies.values()))
    units = np.bincount(everybody.gold, everybody.units, len(classes))
    mix = np.array(class_prior([round(one) for one in units.tolist()]))
    crowd = crowd_accuracy(int(everybody.right.sum()), int(everybody.units.sum()), len(classes))
    expected = _Answers.of([tallies[one] for one in shown]).expected(mix, crowd).tolist()
    return [_competence(one, standings[one], schema, value) for one, value in zip(shown, expected, strict=True)]


def competences_in(
    standings: Mapping[str, Standing], field: Field, only: Iterable[str] | None = None
) -> list[Competence]:
    """Return what is concluded of annotators in one field of labels that have several, as `competences` does.

    Their revision, and what they did, is that of the whole label.
    """
    of_field = {name: standing.fields.get(field.name, NOTHING) for name, standing in standings.items()}
    found = competences(of_field, field.schema, only)
    return [_of_whole(one, standings[one.annotator_id]) for one in found]


def _of_whole(found: Competence, standing: Standing) -> Competence:
    return replace(
        found,
        revision=standing.revision,
        answered_at_us=standing.answered_at_us,
        annotations=standing.annotations,
        active_ms_median=standing.active_ms_median,
    )


def gold_answers(standing: Standing, classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (known class, given class, times) of the answers, by the classes' places in the schema's order."""
    places = {label: place for place, label in enumerate(classes)}
    return sorted(
        (places[gold], places[label], times)
        for (gold, label), times in standing.answers.items()
        if gold in places and label in places
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers on gold of several annotators, one after another: a row for each class that one of them was shown.

    Attributes:
        gold: places of the known classes.
        right, units: gold units of that class answered right, and at all.
        rows: how many rows each annotator has.
    """

    gold: NDArray[np.int64]
    right: NDArray[np.float64]
    units: NDArray[np.float64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, tallies: Sequence[ByClass]) -> "_Answers":
        """Return these annotators' answers."""
        return cls(
            np.array([place for gold, _, _ in tallies for place in gold], dtype=np.int64),
            np.array([times for _, right, _ in tallies for times in right], dtype=np.float64),
            np.array([times for _, _, units in tallies for times in units], dtype=np.float64),
            np.array([len(gold) for gold, _, _ in tallies], dtype=np.int64),
        )

    def expected(self, mix: NDArray[np.float64], crowd: float) -> NDArray[np.float64]:
        """Return the probability that each labels a random unit right, as consensus weighs the annotator: term by term.

        Of a class without an answer the annotator's own accuracy stands on the diagonal of the shrunk matrix
        (`crowd.Crowd.chance`), so only the classes that were answered differ from it. They are summed in the schema's
        order, so that no order in which answers came tells two equals apart.
        """
        annotator = np.repeat(np.arange(len(self.rows)), self.rows)
        correct, answered = (np.bincount(annotator, one, len(self.rows)) for one in (self.right, self.units))
        own = (correct + ACCURACY_STRENGTH * crowd) / (answered + ACCURACY_STRENGTH)  # `crowd.own_accuracy`
        of_row = own[annotator]
        differing = mix[self.gold] * ((self.right + ROW_STRENGTH * of_row) / (self.units + ROW_STRENGTH) - of_row)
        return own + np.bincount(annotator, differing, len(self.rows))


def says_same(schema: LabelSchema, gold: str, label: str) -> bool:
    """Return whether a label, as canonical JSON, says what the gold says within the tolerance of the schema."""
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
