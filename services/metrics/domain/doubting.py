"""Gold units whose known label most of a project's good annotators disagree with."""

from collections import Counter
from dataclasses import dataclass

from concord.quality.gold_doubt import ANSWERS_MIN, Doubt, GoldAnswer, doubt, is_good
from services.metrics.domain.standing import SaysSame
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import Unit, known_label

SAID_MAX = 8
"""Labels that are told of a gold unit in doubt, most often said first."""
SAID_BYTES_MAX = 100_000
"""Of them together: whoever rules sees the unit itself, and some thousand of them may wait for that."""
LOOKED_AT_ONCE = 2_000
"""Answers to gold that are looked at before others run: some 5 ms."""
ANNOTATORS_MAX = 1_000
"""Of those who answered it, whom the event names."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """A gold unit in doubt.

    Attributes:
        known: canonical JSON of the known label.
        said: what good annotators say, canonical JSON, and how many; most often said first.
        annotators: whoever answered it.
        at_us: event time of the newest answer; of what cannot be said any more, of the unit's admission.
        closed_since: the version of the label schema since which the known label cannot be said; 0: it can be.
    """

    unit_id: str
    known: str
    found: Doubt
    said: tuple[tuple[str, int], ...]
    annotators: tuple[str, ...]
    at_us: int
    closed_since: int = 0


def worth_a_look(sums: Sums) -> list[str]:
    """Return the gold units on which enough was said that they may be in doubt; of those ruled on none is.

    And those whose known label cannot be said any more, whoever answered them, and whatever was ruled before.
    """
    closed_since = sums.names.closed_since
    return [
        unit_id
        for unit_id, unit in sums.gold.items()
        if (not unit.gold_revision and len(unit.annotations) >= ANSWERS_MIN) or closed_since(known_label(unit))
    ]


def closed(unit_id: str, unit: Unit, sums: Sums) -> Doubted | None:
    """Return a gold unit whose known label cannot be said any more; None where it can be."""
    label = known_label(unit)
    since = sums.names.closed_since(label) if label else 0
    if not since:
        return None
    annotators = sorted({annotation.annotator_id for annotation in unit.annotations.values()})
    nobody = doubt((), 0.0)
    return Doubted(
        unit_id, sums.names.text(label), nobody, (), tuple(annotators[:ANNOTATORS_MAX]), unit.admitted_at_us, since
    )


def doubted(unit_id: str, unit: Unit, sums: Sums, says_same: SaysSame, bar: float) -> Doubted | None:
    """Return what good annotators say against a gold unit's known label; None where that is not enough.

    Models are no witnesses: a bound on a share takes voices that err apart, and copies of a program do not.

    Args:
        unit_id: whose id it is.
        unit: the gold unit.
        sums: its project's.
        says_same: of the labels.
        bar: accuracy on gold that the project asks of its annotators.
    """
    text = sums.names.text
    known = text(known_label(unit))
    if not known or unit.gold_revision or known in sums.names.aside:
        return None
    # One voice an annotator: of several assignments the one that was answered last speaks.
    said_of_it = sorted(unit.annotations.values(), key=lambda annotation: (annotation.at_us, annotation.label))
    last = {annotation.annotator_id: annotation for annotation in said_of_it if not annotation.model}
    of_it = Counter(annotation.annotator_id for annotation in unit.annotations.values())
    right_of_it = Counter(
        annotation.annotator_id for annotation in unit.annotations.values() if says_same(known, text(annotation.label))
    )
    answers = {}
    for annotator_id, annotation in last.items():
        standing = sums.standing(annotator_id)
        right = standing.gold_correct(says_same) - right_of_it[annotator_id]
        units = standing.gold_units - of_it[annotator_id]
        answers[annotator_id] = GoldAnswer(not says_same(known, text(annotation.label)), right, units)
    found = doubt(answers.values(), bar)
    if not found.is_found:
        return None
    good = [good_id for good_id in last if is_good(answers[good_id], bar)]
    counts = Counter(text(last[good_id].label) for good_id in good)
    said_often = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    at_us = max(each.at_us for each in last.values())
    answered = sorted({entry.annotator_id for entry in said_of_it})
    return Doubted(unit_id, known, found, _fitting(said_often), tuple(answered[:ANNOTATORS_MAX]), at_us)


def _fitting(labels: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    kept, size = [], 0
    for label, times in labels[:SAID_MAX]:
        size += len(label.encode())
        if size > SAID_BYTES_MAX:
            break
        kept.append((label, times))
    return tuple(kept)


class Looking:
    """The gold units of one project that are to be looked at, some answers at a time."""

    def __init__(self) -> None:
        self._due: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._due)

    def begin(self, sums: Sums) -> None:
        """Look at all of them, for something was learnt of gold; what was not come to yet comes first."""
        waiting = set(self._due)
        self._due[:0] = [unit_id for unit_id in worth_a_look(sums) if unit_id not in waiting]

    def look(self, sums: Sums, says_same: SaysSame, bar: float) -> list[Doubted]:
        """Return what is in doubt among the next of them, after LOOKED_AT_ONCE answers the rest is left."""
        found, answers = [], 0
        while self._due and answers < LOOKED_AT_ONCE:
            unit_id = self._due.pop()
            if (unit := sums.gold.get(unit_id)) is not None:
                answers += 1 + len(unit.annotations)
                found.append(closed(unit_id, unit, sums) or doubted(unit_id, unit, sums, says_same, bar))
        return [doubted_gold for doubted_gold in found if doubted_gold is not None]
