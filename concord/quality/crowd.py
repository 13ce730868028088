"""What is known of the annotators of one project, and what the labels of one unit then come to.

The one seam between a project's evidence and a unit's consensus: `class_chances`. A better model of annotators or of
units takes its place here, and whoever asks it stays as they are.

Nothing here is as large as the square of the classes: gold answers are kept where there are any, and the confusion
matrix that they make with a prior (`competence.crowd_prior`, `competence.confusion_matrix`) is read entry by entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log
from typing import Protocol

from concord.quality.competence import ASSUMED_UNITS, STRENGTH

PREVALENCE_UNITS = 10.0
"""Imagined units, spread evenly over the classes, that a project's class shares start from: enough that no class is
ever held to be impossible, few enough to give way to what a few dozen units show."""


class GoldAnswers(Protocol):
    """One annotator's answers on gold units."""

    @property
    def units(self) -> int:
        """How many there are."""
        ...

    @property
    def correct(self) -> int:
        """How many are right."""
        ...

    def classes(self) -> Iterable[int]:
        """Return the classes of the gold units that were answered; none where answers are not known by class."""
        ...

    def answered(self, gold: int) -> int | None:
        """Return how often a gold unit of this class was answered; None where answers are not known by class."""
        ...

    def reported(self, gold: int, reported: int) -> int:
        """Return how often a gold unit of one class was answered by another, or by itself."""
        ...


@dataclass(frozen=True, slots=True)
class SparseAnswers:
    """Gold answers of one annotator, kept only where there are any; without cells only how many were right.

    >>> answers = SparseAnswers.of_cells([(0, 0, 9), (0, 1, 1), (7, 7, 2)])
    >>> answers.units, answers.correct, answers.answered(0), answers.reported(0, 1), answers.answered(3)
    (12, 11, 10, 1, 0)
    >>> SparseAnswers(units=10, correct=8).answered(0) is None
    True
    """

    units: int
    correct: int
    cells: Mapping[tuple[int, int], int] = field(default_factory=dict)
    rows: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of_cells(cls, cells: Sequence[tuple[int, int, int]]) -> "SparseAnswers":
        """Return the answers of (gold class, reported class, times)."""
        rows: dict[int, int] = {}
        for gold, _, times in cells:
            rows[gold] = rows.get(gold, 0) + times
        correct = sum(times for gold, reported, times in cells if gold == reported)
        known = {(gold, reported): times for gold, reported, times in cells}
        return cls(sum(rows.values()), correct, known, rows)

    def classes(self) -> Iterable[int]:
        """Return the classes of the gold units that were answered; none where answers are not known by class."""
        return self.rows

    def answered(self, gold: int) -> int | None:
        """Return how often a gold unit of this class was answered; None where answers are not known by class."""
        return self.rows.get(gold, 0) if self.rows or not self.units else None

    def reported(self, gold: int, reported: int) -> int:
        """Return how often a gold unit of one class was answered by another, or by itself."""
        return self.cells.get((gold, reported), 0)


NOTHING_ANSWERED = SparseAnswers(0, 0)


@dataclass(frozen=True)
class Crowd:
    """The annotators of one project.

    Attributes:
        classes: how many there are.
        assumed_accuracy: what a crowd without any gold is held to be right in.
        answers: gold answers by annotator; who is not in it counts as an average one.
        accuracy: what the crowd is right in on average: where a newcomer starts from, as `competence.crowd_prior` says.
    """

    classes: int
    assumed_accuracy: float
    answers: Mapping[str, GoldAnswers]
    accuracy: float = field(init=False)

    def __post_init__(self) -> None:
        """Pool what is known of all."""
        if self.classes < 2:
            raise ValueError("with one class there is nothing to confuse")
        if not isfinite(self.assumed_accuracy):
            raise ValueError(f"an accuracy is a share, not {self.assumed_accuracy}")
        units = sum(one.units for one in self.answers.values())
        correct = sum(one.correct for one in self.answers.values())
        pooled = (correct + self.assumed_accuracy * ASSUMED_UNITS) / (units + ASSUMED_UNITS)
        object.__setattr__(self, "accuracy", pooled)

    @property
    def gold_units(self) -> int:
        """Return how many gold answers all of this rests on."""
        return sum(one.units for one in self.answers.values())

    def chance(self, annotator_id: str, true: int, reported: int) -> float:
        """Return P(reported | true) of one annotator: their gold answers, shrunk to the crowd's average; never 0.

        Where an annotator's answers are known by class, this is an entry of `competence.confusion_matrix` under
        `competence.crowd_prior`; where only their number is known, errors are spread evenly over the other classes.
        """
        answers = self.answers.get(annotator_id, NOTHING_ANSWERED)
        right = self.accuracy if true == reported else (1.0 - self.accuracy) / (self.classes - 1)
        answered = answers.answered(true)
        if answered is not None:
            return (answers.reported(true, reported) + STRENGTH * right) / (answered + STRENGTH)
        own = (answers.correct + STRENGTH * self.accuracy) / (answers.units + STRENGTH)
        return own if true == reported else (1.0 - own) / (self.classes - 1)


def prevalence(settled: Mapping[int, int], classes: int) -> tuple[float, ...]:
    """Return the share of each class among a project's units, as estimated from those that were settled.

    (n_k + c / K) / (n + c) with c = PREVALENCE_UNITS imagined units: equal shares at first.
    Units that are settled are somewhat more often of a frequent class than all are; who counts what a person ruled
    and what waits for a ruling among them, too, keeps that small.

    Args:
        settled: how many units were settled as each class.
        classes: how many classes there are.

    Source: the posterior mean under a Dirichlet prior, Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, 3.4.

    >>> [round(one, 4) for one in prevalence({0: 90}, 2)]
    [0.95, 0.05]
    """
    total = sum(settled.values()) + PREVALENCE_UNITS
    imagined = PREVALENCE_UNITS / classes
    return tuple([(settled.get(k, 0) + imagined) / total for k in range(classes)])


def class_chances(labels: Sequence[tuple[str, int]], crowd: Crowd, settled: Mapping[int, int]) -> tuple[float, ...]:
    """Return P(class | labels) of one unit for each class, in O(n K) at most.

    P(k | l_1 .. l_n) is proportional to prevalence_k * prod_i P_i(l_i | k): annotators err independently given the
    true class. Classes that nobody named and nobody was asked for on gold are equally likely but for their
    prevalence, and are reckoned once.

    Args:
        labels: (annotator, class), one an annotator.
        crowd: what is known of the annotators.
        settled: how many units of the project were settled as each class; see `prevalence`.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equation 2.5; as `truth.posterior`, with the class
    shares estimated instead of held equal.

    >>> [round(one, 3) for one in class_chances([("ann", 1), ("bob", 1)], Crowd(2, 0.9, {}), {0: 970, 1: 30})]
    [0.256, 0.744]
    """
    marked = {reported for _, reported in labels}
    for annotator_id, _ in labels:
        marked.update(crowd.answers.get(annotator_id, NOTHING_ANSWERED).classes())
    unmarked = next((k for k in range(crowd.classes) if k not in marked), None)
    common = _log_likelihood(labels, crowd, unmarked) if unmarked is not None else 0.0
    weights = [
        log(share) + (_log_likelihood(labels, crowd, k) if k in marked else common)
        for k, share in enumerate(prevalence(settled, crowd.classes))
    ]
    top = max(weights)
    scaled = [exp(weight - top) for weight in weights]
    total = sum(scaled)
    return tuple([one / total for one in scaled])


def _log_likelihood(labels: Sequence[tuple[str, int]], crowd: Crowd, true: int) -> float:
    return sum(log(crowd.chance(annotator_id, true, reported)) for annotator_id, reported in labels)
