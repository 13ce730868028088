"""The label of one unit from several annotators: majority, and the posterior under known annotators.

Classes are numbered 0 .. K-1. A confusion matrix has one row per true class and one column per reported
class, ``confusion[true][reported] = P(reported | true)``: every row sums to one.

What must be learnt from the labels of many units at once is in `dawid_skene` and `mace`; confusion matrices
learnt from gold units are in `competence`.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from typing import Generic, TypeVar

Confusion = Sequence[Sequence[float]]
L = TypeVar("L", bound=Hashable)


class ImpossibleEvidenceError(ValueError):
    """Every class has probability zero under the given prior and confusion matrices."""

    def __init__(self) -> None:
        super().__init__(
            "no class can have produced these labels: a confusion matrix holds a zero where a label was "
            "given; estimate confusion matrices with a prior, so that none of their entries is zero"
        )


@dataclass(frozen=True, slots=True)
class Vote(Generic[L]):
    """Result of a majority vote on one unit.

    Attributes:
        leaders: the labels with most votes, in order of first appearance; two or more of them are a tie.
        votes: number of votes of each label.
    """

    leaders: tuple[L, ...]
    votes: dict[L, int]

    @property
    def label(self) -> L | None:
        """Return the winner, or None on a tie: a tie is never settled silently."""
        return self.leaders[0] if len(self.leaders) == 1 else None

    @property
    def tied(self) -> bool:
        """Return whether two or more labels share the lead."""
        return len(self.leaders) > 1

    @property
    def margin(self) -> float:
        """Return the lead of the first over the second label as a share of all votes; 0 on a tie."""
        first, second = [*sorted(self.votes.values(), reverse=True), 0][:2]
        return (first - second) / sum(self.votes.values())


def majority(labels: Iterable[L]) -> Vote[L]:
    """Return the plurality vote over one unit's labels, in O(n).

    The winner is argmax over labels l of n_l, the number of votes for l. One element is one vote: where an
    annotator labelled the unit twice, give that annotator's last label only (`latest_labels`).

    Raises:
        ValueError: there is no label, so there is nothing to vote on.

    Source: de Condorcet 1785; as the baseline of truth inference, Sheng, Provost, Ipeirotis, KDD 2008.

    >>> majority(["yes", "no", "yes"]).label
    'yes'
    >>> majority(["yes", "no"]).leaders
    ('yes', 'no')
    """
    votes = Counter(labels)
    if not votes:
        raise ValueError("a vote needs at least one label")
    most = max(votes.values())
    return Vote(tuple(label for label, count in votes.items() if count == most), dict(votes))


def latest_labels(labels: Iterable[tuple[Hashable, L]]) -> tuple[L, ...]:
    """Return one label per annotator from (annotator, label) pairs in order of time: the last one.

    This is the rule for repeated labels in a vote: a person has one voice, and a later label revises an
    earlier one.

    >>> latest_labels([("ann", "no"), ("bob", "yes"), ("ann", "yes")])
    ('yes', 'yes')
    """
    return tuple(dict(labels).values())


@dataclass(frozen=True, slots=True)
class UnitPosterior:
    """Belief about one unit's class that takes in one label at a time.

    `posterior`, one label after the other: the order of labels does not matter, and a belief can be kept and
    continued. Weights are kept as logarithms, so no number of labels underflows.

    Attributes:
        log_weights: log P(class, labels so far) of each class, the exact joint probability.

    >>> careful = ((0.9, 0.1), (0.2, 0.8))
    >>> belief = UnitPosterior.from_prior((0.5, 0.5)).after(careful, 0).after(careful, 0)
    >>> [round(p, 4) for p in belief.probabilities()]
    [0.9529, 0.0471]
    """

    log_weights: tuple[float, ...]

    @classmethod
    def from_prior(cls, prior: Sequence[float]) -> "UnitPosterior":
        """Return the belief before any label; `prior` holds the K class probabilities."""
        return cls(tuple([log(p) if p > 0.0 else -inf for p in prior]))

    def after(self, confusion: Confusion, label: int) -> "UnitPosterior":
        """Return the belief after one more label.

        log w_k += log confusion[k][label], for every class k; O(K).

        Raises:
            IndexError: the label is not a column of the confusion matrix.
        """
        if label < 0:
            raise IndexError(f"class {label} is below 0")
        return UnitPosterior(
            tuple(
                [
                    weight + log(row[label]) if row[label] > 0.0 else -inf
                    for weight, row in zip(self.log_weights, confusion, strict=True)
                ]
            )
        )

    def probabilities(self) -> tuple[float, ...]:
        """Return P(class | labels so far) of each class.

        Raises:
            ImpossibleEvidenceError: no class is possible.
        """
        top = max(self.log_weights)
        if top == -inf:
            raise ImpossibleEvidenceError
        weights = [exp(weight - top) for weight in self.log_weights]
        total = sum(weights)
        return tuple([weight / total for weight in weights])


def posterior(labels: Sequence[tuple[Confusion, int]], prior: Sequence[float]) -> tuple[float, ...]:
    """Return P(class | labels) of one unit, given each annotator's confusion matrix, in O(n K).

    P(k | l_1 .. l_n) is proportional to prior_k * prod_i confusion_i[k][l_i]: annotators err independently
    given the true class. A repeated label of one annotator would be counted as independent evidence, which it
    is not: give each annotator's last label only.

    Args:
        labels: (confusion matrix K x K of the annotator, index of the label given) for each label.
        prior: K class probabilities.

    Raises:
        ImpossibleEvidenceError: no class is possible.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equation 2.5.

    >>> good, poor = ((0.9, 0.1), (0.1, 0.9)), ((0.6, 0.4), (0.4, 0.6))
    >>> [round(p, 4) for p in posterior([(good, 0), (poor, 1), (poor, 1)], prior=(0.5, 0.5))]
    [0.8, 0.2]
    """
    belief = UnitPosterior.from_prior(prior)
    for confusion, label in labels:
        belief = belief.after(confusion, label)
    return belief.probabilities()
