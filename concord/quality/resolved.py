"""What resolved units tell of the people who labelled them.

A unit that is resolved is of a likely class, and what its annotators said of it is evidence of how they err, as an
answer on gold is. Two things would make it worth less than nothing, and are kept out:

- **Nobody is judged by their own label.** How likely each class is for an annotator is reckoned from what the *others*
  said: else whoever is followed would look right because they were followed.
- **Easy units alone are no sample.** What a person ruled counts beside what the annotators settled among themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import NamedTuple

from concord.quality.crowd import Crowd, Heard, SparseAnswers, chances_of, heard_of, log_prevalence

CHANCE_MIN = 0.01
"""A class that is less likely is not kept."""


class ResolvedUnit(NamedTuple):
    """A resolved unit: (annotator, class) of its labels, one an annotator, and what a person ruled, if one did."""

    answers: Sequence[tuple[str, int]]
    ruled: int | None = None


class Learnt(NamedTuple):
    """How often an annotator gave a label to units of a class, as far as it is likely that they were of it."""

    annotator_id: str
    true: int
    reported: int
    times: float


def learnt_of(units: Iterable[ResolvedUnit], crowd: Crowd, seen: Mapping[int, int]) -> list[Learnt]:
    """Return what these units tell of their annotators, by annotator and classes: the same in whatever order they come.

    For the label l_i of one annotator and each class k: P(k | all l_j, j != i), or 1 for what was ruled. A unit of one
    label that nobody ruled tells nothing.

    Args:
        units: resolved units.
        crowd: what was known of the annotators before.
        seen: how many units of the project are known to be of each class; see `crowd.prevalence`.

    Source: the cavity distribution of expectation propagation, Minka, UAI 2001, over Dawid and Skene's E step.

    >>> said = [ResolvedUnit([("ann", 1), ("bob", 1), ("cyd", 0)])]
    >>> for one in learnt_of(said, Crowd(2, 0.9, {}), {}): print(one.annotator_id, one.true, round(one.times, 2))
    ann 0 0.5
    ann 1 0.5
    bob 0 0.5
    bob 1 0.5
    cyd 0 0.01
    cyd 1 0.99
    """
    parts: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    log_shares = log_prevalence(seen, crowd.classes)
    for unit in units:
        answers = sorted(unit.answers)
        heard = heard_of(answers, crowd) if unit.ruled is None else []
        for place, (annotator_id, reported) in enumerate(answers):
            for k, chance in _likely(unit, [*heard[:place], *heard[place + 1 :]], crowd, log_shares):
                parts[annotator_id, k, reported].append(chance)
    # Exact sums: those of floats hang on their order, and the order of units must not matter.
    return [Learnt(*key, fsum(parts[key])) for key in sorted(parts)]


def _likely(
    unit: ResolvedUnit, others: Sequence[Heard], crowd: Crowd, log_shares: Sequence[float]
) -> list[tuple[int, float]]:
    """Return the classes that a unit is likely to be of, by what an annotator's others said, each with its chance."""
    if unit.ruled is not None:
        return [(unit.ruled, 1.0)]
    if not others:
        return []
    return [(k, chance) for k, chance in enumerate(chances_of(others, crowd, log_shares)) if chance >= CHANCE_MIN]


def added(parts: Iterable[Sequence[Learnt]]) -> dict[str, SparseAnswers]:
    """Return by annotator what parts come to together, whatever their order.

    >>> added([[Learnt("ann", 0, 0, 0.5)], [Learnt("ann", 0, 0, 1.0), Learnt("bob", 0, 1, 0.25)]])["ann"].units
    1.5
    """
    sums: dict[str, dict[tuple[int, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        for learnt in part:
            sums[learnt.annotator_id][learnt.true, learnt.reported].append(learnt.times)
    return {
        annotator_id: SparseAnswers.of_cells([(*pair, fsum(times)) for pair, times in sorted(cells.items())])
        for annotator_id, cells in sorted(sums.items())
    }
