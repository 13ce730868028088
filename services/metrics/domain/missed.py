"""The gold that annotators got wrong, for those who are to be shown it."""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from services.metrics.domain.standing import SaysSame
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import judged_by, known_label

MISSED_BYTES_MAX = 100_000
"""Of the labels that are told of one annotator; of more the older ones are left out."""


class Missed(NamedTuple):
    """A gold unit that somebody got wrong: canonical JSON of both labels, and when they said theirs."""

    unit_id: str
    known: str
    given: str
    at_us: int


def missed_by(sums: Sums, annotators: Collection[str], says_same: SaysSame, units_max: int) -> dict[str, list[Missed]]:
    """Return, by annotator, the newest gold that they got wrong, newest first; all of a project's gold is looked at.

    Args:
        sums: the project's.
        annotators: of whom it is wanted.
        says_same: of the labels.
        units_max: how many of each at most; 0: nothing is wanted.
    """
    if not units_max or not annotators:
        return {}
    found: defaultdict[str, list[Missed]] = defaultdict(list)
    for unit_id, unit in sums.gold.items():
        known = sums.names.text(known_label(unit))
        if known in sums.names.aside:
            continue
        for annotation in unit.annotations.values():
            if (
                annotation.annotator_id in annotators
                and judged_by(unit, annotation)
                and not says_same(known, sums.names.text(annotation.label))
            ):
                found[annotation.annotator_id].append(Missed(unit_id, known, annotation.label, annotation.at_us))
    return {annotator_id: _newest(missed, units_max) for annotator_id, missed in found.items()}


def _newest(missed: list[Missed], units_max: int) -> list[Missed]:
    kept, size = [], 0
    for unit in sorted(missed, key=lambda each: (-each.at_us, each.unit_id))[:units_max]:
        size += len(unit.known.encode()) + len(unit.given.encode())
        if size > MISSED_BYTES_MAX:
            break
        kept.append(unit)
    return kept
