"""Which of a unit's labels agreement is measured on: those that were asked for before any was looked at."""

from collections.abc import Sequence
from typing import TypeVar

Label = TypeVar("Label")


def first_asked(labels: Sequence[Label], overlap_initial: int) -> list[Label]:
    """Return the labels of one unit on which agreement does not depend on when asking stopped.

    Adaptive overlap asks on because the first labels disagreed. With all labels, units that disagree weigh more and
    end in agreement, and alpha comes out too high: .55 where as many labels of every unit give .49. The first
    `overlap_initial` labels were asked of every unit, whatever they said, so alpha of them is that of a fixed overlap.

    What is lost: the labels that were asked for later, and every unit with an initial overlap of 1, of which no pair
    was asked unseen. The interval is as wide as that of so many labels.

    Args:
        labels: of the unit's first round, in the order in which they came in.
        overlap_initial: how many were asked for at first.

    Returns:
        The first labels; none where there are not as many yet, for such a unit would tell of who is quick.

    >>> first_asked(["no", "yes", "yes"], 2), first_asked(["no"], 2)
    (['no', 'yes'], [])
    """
    if overlap_initial < 1:
        raise ValueError(f"a unit is asked of one annotator at least, not {overlap_initial}")
    return [*labels[:overlap_initial]] if len(labels) >= overlap_initial else []
