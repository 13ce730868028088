"""One annotator in one project: answers on gold, and pace."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from concord.labels import LabelSchema, decoded, encoded
from concord.labels.form import answers_in, fields_of
from concord.labels.versions import Versions
from concord.quality.competence import accuracy, class_prior, crowd_accuracy
from concord.quality.crowd import ACCURACY_STRENGTH, ROW_STRENGTH
from concord.quality.estimate import Estimate
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.pace import count, percentile, place_of
from services.metrics.domain.unit import Annotation

T = TypeVar("T")


def _never(label: str) -> int:
    del label
    return 0


@dataclass(frozen=True, slots=True)
class Names:
    """How labels of earlier versions of a label schema are read.

    Attributes:
        text: returns a label, as canonical JSON, in the newest names.
        aside: gold labels that cannot be said any more, for their class was retired or split.
        closed_since: returns the version since which a label cannot be said, 0 where it can be; of the whole label.
        fields: the same by field, where labels have several.
    """

    text: Callable[[str], str]
    aside: frozenset[str] = frozenset()
    fields: Mapping[str, "Names"] = field(default_factory=dict)
    closed_since: Callable[[str], int] = field(default=_never, compare=False)

    def of_field(self, name: str) -> "Names":
        """Return how the answers to a field are read."""
        return self.fields.get(name, AS_GIVEN)


def names_of(versions: Versions | None) -> Names:
    """Return how labels of all versions of a schema are read."""
    if versions is None:
        return AS_GIVEN
    each = {asked.name: _names_in(versions, asked.name) for asked in fields_of(versions.schema)}
    found = each[""] if "" in each else Names(_remembering(versions.text), fields=each)
    return replace(found, closed_since=_remembering(versions.closed_since))


def _names_in(versions: Versions, field_name: str) -> Names:
    """Return how the answers to a field, or the labels of a plain kind, are read."""

    def text(answer: str) -> str:
        return encoded(versions.named_answer(field_name, decoded(answer.encode()))).decode() if answer else answer

    aside = frozenset(encoded(name).decode() for name in versions.closed(field_name))
    return Names(_remembering(text), aside)


def _remembering(reads: Callable[[str], T]) -> Callable[[str], T]:
    """Return what remembers how labels are read, but long ones, which are seldom given twice."""
    remembered = lru_cache(maxsize=READ_MAX)(reads)
    return lambda label: remembered(label) if len(label) <= READ_CHARACTERS_MAX else reads(label)


AS_GIVEN = Names(str)
"""Of a schema that has had one version."""

SCHEMA_WORDS = 1_000_000_000
"""More than is ever learnt of one annotator under one version of a label schema."""
READ_MAX, READ_CHARACTERS_MAX = 10_000, 400
ACCURACIES_MAX = 50_000
SAMENESSES_MAX, SCHEMAS_MAX = 20_000, 400
PAIRS_SHARED_MAX = 20_000
"""Pairs of short labels that all annotators' tallies share: those of eight projects of 50 classes. A pair of one's own
and its texts, as they are decoded anew with each answer, would take twice as much as being counted does."""

_accuracy = lru_cache(maxsize=ACCURACIES_MAX)(accuracy)
"""Most annotators have answered nothing new since they were last looked at, and a quantile is dear."""


@lru_cache(maxsize=PAIRS_SHARED_MAX)
def _shared(gold: str, label: str) -> tuple[str, str]:
    return gold, label


def pair_of(gold: str, label: str) -> tuple[str, str]:
    """Return two labels as they are counted: the same pair for all who said it, unless they are long."""
    return _shared(gold, label) if len(gold) + len(label) <= READ_CHARACTERS_MAX else (gold, label)


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
        names: how labels are read; see `read_by`.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    revision: int = 0
    answered_at_us: int = 0
    annotations: int = 0
    active_ms: Counter[int] = field(default_factory=Counter)
    fields: dict[str, "Standing"] = field(default_factory=dict)
    names: "Names" = field(default_factory=lambda: AS_GIVEN, compare=False)
    _said: "Counter[tuple[str, str]] | None" = field(default=None, init=False, compare=False)
    _by_class: "ByClass | None" = field(default=None, init=False, compare=False)
    _gold_correct: int | None = field(default=None, init=False, compare=False)
    _found: "dict[str, Competence]" = field(default_factory=dict, init=False, compare=False)

    def worked(self, active_ms: Sequence[int]) -> None:
        """Count annotations by the time that each took, zero where it was not told."""
        self.paced(Counter(map(place_of, active_ms)))

    def paced(self, active_ms: Mapping[int, int]) -> None:
        """Count annotations by the time that each took, to three digits; zero where it was not told."""
        self._found.clear()
        self.annotations += sum(active_ms.values())
        tally = self.active_ms
        for place, times in active_ms.items():
            if place:
                tally[place] = tally.get(place, 0) + times

    def revised(self, before_ms: int, active_ms: int) -> None:
        """Count the time that a revision took in place of what was told before."""
        self._found.clear()
        if before_ms:
            count(self.active_ms, before_ms, -1)
        if active_ms:
            count(self.active_ms, active_ms)

    def worked_not(self, annotation: Annotation) -> None:
        """Take an annotation out again."""
        self._found.clear()
        self.annotations -= 1
        if annotation.active_ms:
            count(self.active_ms, annotation.active_ms, -1)

    def answered(self, gold: str, label: str, times: int = 1) -> None:
        """Count an answer to a gold unit, or take it out again."""
        self._by_class = self._gold_correct = self._said = None
        self._found.clear()
        pair = pair_of(gold, label)
        self.answers[pair] += times
        if not self.answers[pair]:
            del self.answers[pair]
        known, given = answers_in(gold), answers_in(label)
        if known is None or given is None:
            return
        for name in known.keys() & given.keys():
            of_field = self.fields.get(name)
            if of_field is None:
                of_field = self.fields[name] = Standing(names=self.names.of_field(name))
            of_field.answered(known[name], given[name], times)
            if not of_field.answers:
                del self.fields[name]

    def learnt(self, at_us: int, words: int = 1) -> None:
        """Count what was learnt of the answers: a first answer, its revision, that its unit was withdrawn."""
        self._found.clear()
        self.revision += words
        self.answered_at_us = max(self.answered_at_us, at_us)

    def read_by(self, names: "Names") -> None:
        """Read labels otherwise from now on: the label schema has another version."""
        self.names = names
        self._by_class = self._gold_correct = self._said = None
        self._found.clear()
        for name, of_field in self.fields.items():
            of_field.read_by(names.of_field(name))

    @property
    def said(self) -> Mapping[tuple[str, str], int]:
        """Return the answers in the newest names, without those on gold whose class is offered no more."""
        if self.names is AS_GIVEN:
            return self.answers
        if self._said is None:
            self._said = Counter()
            for (gold, label), times in self.answers.items():
                known = self.names.text(gold)
                if known not in self.names.aside:
                    self._said[pair_of(known, self.names.text(label))] += times
        return self._said

    @property
    def gold_units(self) -> int:
        """Return how many gold units were answered."""
        return sum(self.said.values())

    def gold_correct(self, says_same: "SaysSame") -> int:
        """Return how many were answered as the gold says, by the sameness of the schema, always the same one."""
        if self._gold_correct is None:
            right = (times for (gold, label), times in self.said.items() if says_same(gold, label))
            self._gold_correct = sum(right)
        return self._gold_correct

    def concluded(self, annotator_id: str, says_same: "SaysSame", field_name: str = "") -> "tuple[Competence, bool]":
        """Return what is concluded of the annotator, and whether anything was learnt since that was last asked.

        Args:
            annotator_id: whose standing this is.
            says_same: of the labels, or of the field's answers.
            field_name: of labels that have several, on which gold counts; what they did is that of the whole label.
        """
        known = self._found.get(field_name)
        if known is not None:
            return known, False
        of_gold = self.fields.get(field_name, NOTHING) if field_name else self
        units, correct = of_gold.gold_units, of_gold.gold_correct(says_same)
        found = self._found[field_name] = Competence(
            annotator_id=annotator_id,
            revision=self.revision,
            answered_at_us=self.answered_at_us,
            gold_units=units,
            gold_correct=correct,
            accuracy=_accuracy(correct, units),
            expected_accuracy=None,
            annotations=self.annotations,
            active_ms_median=percentile(self.active_ms, 0.5),
        )
        return found, True

    def by_class(self, places: Mapping[str, int]) -> "ByClass":
        """Return, by the places of known classes, how many gold units were answered right and how many at all.

        Args:
            places: the classes of the schema; an answer that is none of them any more is left out. They are taken
                to be the same at every call.
        """
        if self._by_class is None:
            found: dict[int, tuple[int, int]] = {}
            for (gold, label), times in self.said.items():
                if gold in places and label in places:
                    right, units = found.get(places[gold], (0, 0))
                    found[places[gold]] = (right + (times if gold == label else 0), units + times)
            ordered = sorted(found.items())
            rows = [(place, right, units) for place, (right, units) in ordered]
            self._by_class = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
        return self._by_class


NOTHING = Standing()
"""Of somebody of whom nothing is known; never changed."""

ByClass = NDArray[np.int64]
"""Rows of a known class's place, how many of its gold units were answered right, and how many at all; by place."""

SaysSame = Callable[[str, str], bool]
"""Whether a label says what the gold says, both as canonical JSON."""


def sameness(schema: LabelSchema) -> SaysSame:
    """Return whether labels say the same within the tolerance of the schema; the same two are compared once."""
    return _sameness(cast("Any", schema))  # every schema is frozen, and so has a hash


@lru_cache(maxsize=SCHEMAS_MAX)
def _sameness(schema: Any) -> SaysSame:
    @lru_cache(maxsize=SAMENESSES_MAX)
    def says(gold: str, label: str) -> bool:
        return says_same(schema, gold, label)

    return says


def ranked(revision: int, schema_version: int) -> int:
    """Return a revision as it is told: under a later version of the label schema it outranks all before.

    >>> ranked(7, 1), ranked(7, 2) > ranked(900, 1)
    (7, True)
    """
    return revision + (schema_version - 1) * SCHEMA_WORDS


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


def competences(standings: Mapping[str, Standing], schema: LabelSchema, field_name: str = "") -> list[Competence]:
    """Return what is concluded of annotators, by id; the cost grows with the answers, not with classes squared.

    Args:
        standings: of all annotators of a project: what is known of the crowd is where each one starts from.
        schema: the project's, or that of the field.
        field_name: of labels that have several; their revision, and what they did, is that of the whole label.
    """
    says = sameness(schema)
    expected = expected_accuracies(in_field(standings, field_name) if field_name else standings, schema)
    return [
        replace(standings[name].concluded(name, says, field_name)[0], expected_accuracy=expected.get(name))
        for name in sorted(standings)
    ]


def in_field(standings: Mapping[str, Standing], field_name: str) -> dict[str, Standing]:
    """Return the annotators' standings in one field."""
    return {annotator_id: standing.fields.get(field_name, NOTHING) for annotator_id, standing in standings.items()}


def expected_accuracies(standings: Mapping[str, Standing], schema: LabelSchema) -> dict[str, float]:
    """Return the probability that each labels a random unit of the project right; nothing without classes.

    It changes for all with every answer of any, so it is reckoned when it is asked for, and at once for all.
    """
    classes = classes_of(schema)
    if len(classes) < 2 or not standings:
        return {}
    places = {label: place for place, label in enumerate(classes)}
    everybody = _Answers.of([standing.by_class(places) for standing in standings.values()])
    units = np.bincount(everybody.gold, everybody.units, len(classes))
    mix = np.array(class_prior([round(count_of) for count_of in units.tolist()]))
    crowd = crowd_accuracy(int(everybody.right.sum()), int(everybody.units.sum()), len(classes))
    return dict(zip(standings, everybody.expected(mix, crowd).tolist(), strict=True))


def gold_answers(standing: Standing, classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (known class, given class, times) of the answers, by the classes' places in the schema's order."""
    places = {label: place for place, label in enumerate(classes)}
    return sorted(
        (places[gold], places[label], times)
        for (gold, label), times in standing.said.items()
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
        whole = np.concatenate([np.empty((0, 3), dtype=np.int64), *tallies])
        gold, right, units = whole[:, 0], whole[:, 1].astype(np.float64), whole[:, 2].astype(np.float64)
        return cls(gold, right, units, np.array([len(tally) for tally in tallies], dtype=np.int64))

    def expected(self, mix: NDArray[np.float64], crowd: float) -> NDArray[np.float64]:
        """Return the probability that each labels a random unit right, as consensus weighs the annotator: term by term.

        Of a class without an answer the annotator's own accuracy stands on the diagonal of the shrunk matrix
        (`crowd.Crowd.chance`), so only the classes that were answered differ from it. They are summed in the schema's
        order, so that no order in which answers came tells two equals apart.
        """
        annotator = np.repeat(np.arange(len(self.rows)), self.rows)
        correct, answered = (np.bincount(annotator, array, len(self.rows)) for array in (self.right, self.units))
        own = (correct + ACCURACY_STRENGTH * crowd) / (answered + ACCURACY_STRENGTH)  # `crowd.own_accuracy`
        of_row = own[annotator]
        differing = mix[self.gold] * ((self.right + ROW_STRENGTH * of_row) / (self.units + ROW_STRENGTH) - of_row)
        return own + np.bincount(annotator, differing, len(self.rows))


def says_same(schema: LabelSchema, gold: str, label: str) -> bool:
    """Return whether a label, as canonical JSON, says what the gold says within the tolerance of the schema."""
    return gold == label or schema.says_same(decoded(gold.encode()), decoded(label.encode()))
