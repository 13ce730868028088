"""For what a lot is held, or an accepted one looked at again: units in doubt, some first, all where one is wrong."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Hold(NamedTuple):
    """For what a lot is held before it may be accepted; see `LotState` for the fields."""

    findings_seen: int = 0
    radius: tuple[int, ...] = ()
    first: int = 0
    held_for: tuple[str, ...] = ()
    at_us: int = 0


class ReReviewed(NamedTuple):
    """How far the units for which a lot is held are looked at.

    Attributes:
        units: all of them; inspected, errors: by now, and how many of these are wrong.
        left: which are still to be inspected before it may be accepted, in their order.
    """

    units: int
    inspected: int
    errors: int
    left: list[str]


def re_reviewed(units: Sequence[str], first: int, verdict_on: Callable[[str], bool | None]) -> ReReviewed:
    """Return how far the units for which a lot is held are looked at: the first few, and all once one is wrong.

    Args:
        units: `LotState.in_radius`.
        first: `LotState.radius_first`.
        verdict_on: as for `lot.progress`.

    >>> re_reviewed(["a", "b", "c"], 1, {"a": True}.get).left, re_reviewed(["a", "b", "c"], 1, {"a": False}.get).left
    ([], ['b', 'c'])
    """
    found = [(unit_id, verdict_on(unit_id)) for unit_id in units]
    errors = sum(right is False for _, right in found)
    inspected = sum(right is not None for _, right in found)
    wanted = found if errors else found[:first]
    return ReReviewed(len(units), inspected, errors, [unit_id for unit_id, right in wanted if right is None])
