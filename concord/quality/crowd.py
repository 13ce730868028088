"""What is known of the annotators of one project, and what the labels of one unit then come to.

The one seam between a project's evidence and a unit's consensus: `class_chances`. A better model of annotators or of
units takes its place here, and whoever asks it stays as they are.

The model is Dawid and Skene's with three things that real crowds ask for:

- **Who is known little is held to be average, twice over.** An annotator's accuracy is shrunk to the crowd's, and every
  row of their confusion matrix to that accuracy: what is seen on one class tells of the others.
- **Classes are not equally frequent**: `prevalence`.
- **Annotators err together.** What misleads one misleads the next, so n labels are worth fewer than n independent ones.
  With correlation rho between any two, the variance of their mean is (1 + (n - 1) rho) / n of one label's (Kish's
  design effect), and their log-likelihood ratio is divided by 1 + (n - 1) rho. `dependence.fitted` finds rho.

Nothing here is as large as the square of the classes: gold answers are kept where there are any, and confusion
matrices are read entry by entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, fsum, isfinite, log
from typing import Protocol

from concord.quality.competence import ASSUMED_UNITS

RESOLVED_WORTH = 0.4
"""What a resolved unit tells of whoever labelled it, beside a gold unit: its label is not known as gold's is, and its
labels are few. Chosen on fifteen public crowds; .3 and .5 come to the same within a tenth of a point."""
ACCURACY_STRENGTH = 20.0
"""Imagined gold units, answered as the crowd does on average, that an annotator's own accuracy starts from."""
ROW_STRENGTH = 10.0
"""Imagined gold units of each class, answered as the annotator's own accuracy says, that a row of their confusion
matrix starts from. Both were chosen on fifteen public crowds; half or double of either costs under half a point."""
HEARD_MAX = 20_000
"""Labels of an annotator, by class, that a crowd keeps what is known of ready for."""
PREVALENCE_UNITS_A_CLASS = 10.0
PREVALENCE_UNITS_MAX = 100.0
"""Imagined units, spread evenly over the classes, that a project's class shares start from: so many a class, and no
more than so many in all. No class is ever held to be impossible, and none to be sure because few units were seen."""


class GoldAnswers(Protocol):
    """One annotator's answers on units whose class is known; on those of which it is only likely, parts of answers."""

    @property
    def units(self) -> float:
        """How many there are."""
        ...

    @property
    def correct(self) -> float:
        """How many are right."""
        ...

    def classes(self) -> Iterable[int]:
        """Return the classes of the gold units that were answered; none where answers are not known by class."""
        ...

    def answered(self, gold: int) -> float | None:
        """Return how often a gold unit of this class was answered; None where answers are not known by class."""
        ...

    def reported(self, gold: int, reported: int) -> float:
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

    units: float
    correct: float
    cells: Mapping[tuple[int, int], float] = field(default_factory=dict)
    rows: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of_cells(cls, cells: Sequence[tuple[int, int, float]]) -> "SparseAnswers":
        """Return the answers of (gold class, reported class, times), each pair once."""
        rows: dict[int, float] = {}
        for gold, _, times in cells:
            rows[gold] = rows.get(gold, 0) + times
        correct = sum(times for gold, reported, times in cells if gold == reported)
        known = {(gold, reported): times for gold, reported, times in cells}
        return cls(sum(rows.values()), correct, known, rows)

    def classes(self) -> Iterable[int]:
        """Return the classes of the gold units that were answered; none where answers are not known by class."""
        return self.rows

    def answered(self, gold: int) -> float | None:
        """Return how often a gold unit of this class was answered; None where answers are not known by class."""
        return self.rows.get(gold, 0) if self.rows or not self.units else None

    def reported(self, gold: int, reported: int) -> float:
        """Return how often a gold unit of one class was answered by another, or by itself."""
        return self.cells.get((gold, reported), 0)


NOTHING_ANSWERED = SparseAnswers(0, 0)


@dataclass(frozen=True)
class Crowd:
    """The annotators of one project.

    Attributes:
        classes: how many there are.
        assumed_accuracy: what a crowd without any gold is held to be right in, worth ASSUMED_UNITS answers.
        answers: gold answers by annotator; who is not in it counts as an average one.
        dependence: rho, how far two annotators' errors on one unit go together, in 0 .. 1; 0 for not at all.
        learnt: answers on resolved units by annotator, each worth RESOLVED_WORTH of one on gold. What the crowd is
            right in on average is said by gold alone: a crowd that agrees is not the better for it.
        accuracy: what the crowd is right in on average: where a newcomer starts from.
    """

    classes: int
    assumed_accuracy: float
    answers: Mapping[str, GoldAnswers]
    dependence: float = 0.0
    learnt: Mapping[str, GoldAnswers] = field(default_factory=dict)
    accuracy: float = field(init=False)
    _heard: "dict[tuple[str, int], Heard]" = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Pool what is known of all."""
        if self.classes < 2:
            raise ValueError("with one class there is nothing to confuse")
        if not isfinite(self.assumed_accuracy):
            raise ValueError(f"an accuracy is a share, not {self.assumed_accuracy}")
        if not 0.0 <= self.dependence <= 1.0:
            raise ValueError(f"a correlation of errors lies in 0 .. 1, not at {self.dependence}")
        units = sum(answer.units for answer in self.answers.values())
        correct = sum(answer.correct for answer in self.answers.values())
        object.__setattr__(self, "accuracy", pooled_accuracy(correct, units, self.assumed_accuracy))

    @property
    def gold_units(self) -> int:
        """Return how many gold answers all of this rests on."""
        return round(sum(answer.units for answer in self.answers.values()))

    @property
    def gold_share(self) -> float | None:
        """Return how much of what is known of annotators is from gold, and not from resolved units; None of nothing."""
        learnt = RESOLVED_WORTH * fsum(gold_answers.units for gold_answers in self.learnt.values())
        return self.gold_units / (self.gold_units + learnt) if self.gold_units or learnt else None

    def own_accuracy(self, annotator_id: str) -> float:
        """Return what an annotator is right in: their answers, shrunk to the crowd's average."""
        gold, learnt = self._answers_of(annotator_id)
        correct, units = gold.correct + RESOLVED_WORTH * learnt.correct, gold.units + RESOLVED_WORTH * learnt.units
        return own_accuracy(correct, units, self.accuracy)

    def chance(self, annotator_id: str, true: int, reported: int) -> float:
        """Return P(reported | true) of one annotator; never 0.

        (n_kl + s q_kl) / (n_k + s), s = ROW_STRENGTH, where q_kl is the own accuracy q on the diagonal and
        (1 - q) / (K - 1) off it, and n counts gold answers and RESOLVED_WORTH of those on resolved units. Where only
        the number of right answers is known, q_kl.
        """
        return exp(self.heard(annotator_id, reported).log_chance(true))

    def heard(self, annotator_id: str, reported: int) -> "Heard":
        """Return one label with what is known of whose it is; kept, for the same people label unit after unit."""
        found = self._heard.get((annotator_id, reported))
        if found is None:
            if len(self._heard) >= HEARD_MAX:
                self._heard.clear()
            found = self._heard[annotator_id, reported] = self._reckoned(annotator_id, reported)
        return found

    def _reckoned(self, annotator_id: str, reported: int) -> "Heard":
        gold, learnt = self._answers_of(annotator_id)
        own = self.own_accuracy(annotator_id)
        wrong = (1.0 - own) / (self.classes - 1)
        logs = {}
        for true in {*gold.classes(), *learnt.classes()}:
            imagined = own if true == reported else wrong
            answered = (gold.answered(true) or 0) + RESOLVED_WORTH * (learnt.answered(true) or 0)
            weighed = gold.reported(true, reported) + RESOLVED_WORTH * learnt.reported(true, reported)
            logs[true] = (
                log((weighed + ROW_STRENGTH * imagined) / (answered + ROW_STRENGTH)) if answered else log(imagined)
            )
        logs.setdefault(reported, log(own))
        return Heard(logs, log(wrong))

    def _answers_of(self, annotator_id: str) -> tuple[GoldAnswers, GoldAnswers]:
        return self.answers.get(annotator_id, NOTHING_ANSWERED), self.learnt.get(annotator_id, NOTHING_ANSWERED)


@dataclass(frozen=True, slots=True)
class Heard:
    """One label of one annotator: its log chance under the classes that matter, and under any other.

    Attributes:
        logs: by true class, where something is known of the annotator, and under the label itself.
        wrong: under every other class.
    """

    logs: Mapping[int, float]
    wrong: float

    def log_chance(self, true: int) -> float:
        """Return log P(this label | true); see `Crowd.chance`."""
        return self.logs.get(true, self.wrong)


def pooled_accuracy(correct: float, units: float, assumed_accuracy: float) -> float:
    """Return what a crowd is right in: its answers, and ASSUMED_UNITS imagined ones.

    >>> pooled_accuracy(8, 10, assumed_accuracy=0.9)
    0.85
    """
    return (correct + assumed_accuracy * ASSUMED_UNITS) / (units + ASSUMED_UNITS)


def own_accuracy(correct: float, units: float, crowd: float) -> float:
    """Return what one annotator is right in: (correct + s crowd) / (units + s), s = ACCURACY_STRENGTH.

    Source: shrinkage to the pooled rate as in Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, section 5.1.

    >>> own_accuracy(correct=20, units=20, crowd=0.8)
    0.9
    """
    return (correct + ACCURACY_STRENGTH * crowd) / (units + ACCURACY_STRENGTH)


def prevalence(seen: Mapping[int, int], classes: int) -> tuple[float, ...]:
    """Return the share of each class among a project's units, as estimated from those whose class is known.

    (n_k + c / K) / (n + c) with c imagined units: PREVALENCE_UNITS_A_CLASS for each of the K classes, and no more than
    PREVALENCE_UNITS_MAX. Equal shares at first.

    Args:
        seen: how many units of each class were seen: hidden gold drawn at random, units that were settled.
        classes: how many classes there are.

    Source: the posterior mean under a Dirichlet prior, Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, 3.4.

    >>> [round(one, 4) for one in prevalence({0: 80}, 2)]
    [0.9, 0.1]
    """
    imagined = min(PREVALENCE_UNITS_A_CLASS, PREVALENCE_UNITS_MAX / classes)
    total = sum(seen.values()) + imagined * classes
    return tuple([(seen.get(k, 0) + imagined) / total for k in range(classes)])


def class_chances(labels: Sequence[tuple[str, int]], crowd: Crowd, seen: Mapping[int, int]) -> tuple[float, ...]:
    """Return P(class | labels) of one unit for each class, in O(n K) at most, whatever the order of the labels.

    P(k | l_1 .. l_n) is proportional to prevalence_k * (prod_i P_i(l_i | k)) ** (1 / (1 + (n - 1) rho)).
    Classes that nobody named and nobody was asked for on gold are equally likely but for their prevalence, and are
    reckoned once.

    Args:
        labels: (annotator, class), one an annotator.
        crowd: what is known of the annotators, and how far they err together.
        seen: how many units of the project are known to be of each class; see `prevalence`.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equation 2.5, with estimated shares; the exponent is
    the reciprocal of Kish's design effect, Survey Sampling, 1965, section 5.4.

    >>> [round(one, 3) for one in class_chances([("ann", 1), ("bob", 1)], Crowd(2, 0.9, {}), {0: 970, 1: 30})]
    [0.232, 0.768]
    >>> [round(one, 3) for one in class_chances([("ann", 1), ("bob", 1)], Crowd(2, 0.9, {}, 0.5), {})]
    [0.051, 0.949]
    """
    return chances_of(heard_of(labels, crowd), crowd, log_prevalence(seen, crowd.classes))


def heard_of(labels: Iterable[tuple[str, int]], crowd: Crowd) -> list["Heard"]:
    """Return labels, (annotator, class), with what is known of whose they are, in an order that is always the same."""
    # Sums of floats hang on their order; the order of labels must not.
    return [crowd.heard(annotator_id, reported) for annotator_id, reported in sorted(labels)]


def log_prevalence(seen: Mapping[int, int], classes: int) -> list[float]:
    """Return the logarithm of each class's share; see `prevalence`."""
    return [log(share) for share in prevalence(seen, classes)]


def chances_of(heard: Sequence["Heard"], crowd: Crowd, log_shares: Sequence[float]) -> tuple[float, ...]:
    """Return what `class_chances` does, for who asks of many units and looks up once what they have in common.

    Args:
        heard: the labels, as `heard_of` has them, or some of these in their order.
        crowd: what is known of the annotators.
        log_shares: as `log_prevalence` has them.
    """
    marked = set[int]().union(*[entry.logs for entry in heard])
    unmarked = next((k for k in range(crowd.classes) if k not in marked), None)
    worth = 1.0 / (1.0 + max(0, len(heard) - 1) * crowd.dependence)
    common = worth * _log_likelihood(heard, unmarked) if unmarked is not None else 0.0
    weights = [
        share + (worth * _log_likelihood(heard, k) if k in marked else common) for k, share in enumerate(log_shares)
    ]
    top = max(weights)
    scaled = [exp(weight - top) for weight in weights]
    total = sum(scaled)
    return tuple([value / total for value in scaled])


def _log_likelihood(heard: Sequence[Heard], true: int) -> float:
    return sum([entry.logs.get(true, entry.wrong) for entry in heard])
