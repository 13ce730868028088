"""Which gold may still be shown, and how much of it is left: known labels are used up, and grow old."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from services.assign.domain.refusals import NotOffered
from services.assign.domain.unit import UnitState

DAY_US = 86_400_000_000
DAYS_REMEMBERED = 7
"""For so many days, by UTC, it is remembered how often a gold unit was shown: what is left is reckoned by that pace."""


class GoldBounds(NamedTuple):
    """Which of a project's gold may be shown, now.

    Attributes:
        exposures_max: to how many annotators each; 0: to any number.
        since_us: when it must have come in at the earliest, microseconds since the epoch, UTC.
        guideline_version: under which version at the earliest.
    """

    exposures_max: int = 0
    since_us: int = 0
    guideline_version: int = 0


NO_BOUNDS = GoldBounds()


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What is known of a gold unit by which it is still to be shown, or not.

    Attributes:
        exposures: to how many annotators it was shown, where the project bounds that.
        by_day: how many of these on the last days, each by its number since the epoch.
        since_us, guideline_version: when it came in, and under which version.
    """

    exposures: int = 0
    by_day: tuple[tuple[int, int], ...] = ()
    since_us: int = 0
    guideline_version: int = 0


def spent(shown: Shown, bounds: GoldBounds) -> bool:
    """Return whether as many annotators have met it as may."""
    return bool(bounds.exposures_max) and shown.exposures >= bounds.exposures_max


def stale(shown: Shown, bounds: GoldBounds) -> bool:
    """Return whether its known label may be right no more: it is too old, or of an older guideline."""
    return shown.since_us < bounds.since_us or shown.guideline_version < bounds.guideline_version


def exposed(state: UnitState | None, exposures_max: int, now_us: int) -> UnitState:
    """Return a gold unit about to be shown to one more annotator.

    Raises:
        NotOffered: it is not there, or as many have met it as may.
    """
    if state is None or state.exposures >= exposures_max:
        raise NotOffered("The unit is not offered to you now.")
    today = now_us // DAY_US
    by_day = {day: count for day, count in state.shown_by_day if day > today - DAYS_REMEMBERED}
    by_day[today] = by_day.get(today, 0) + 1
    return msgspec.structs.replace(state, exposures=state.exposures + 1, shown_by_day=tuple(sorted(by_day.items())))


class GoldStock(NamedTuple):
    """How much gold of a project may still be shown.

    Attributes:
        units: gold that is not withdrawn, retired or in doubt.
        usable, spent, stale: of these; what is both is stale.
        showings_left: how often what is usable may still be shown; None: its project does not bound it.
        shown_a_day: how often gold was shown a day of late; None likewise.
        days_left: for how many days that lasts; None where that is not known.
        annotators_without: who asked of late, is given gold alone, and has met all that may be shown.
    """

    units: int
    usable: int
    spent: int
    stale: int
    showings_left: int | None = None
    shown_a_day: float | None = None
    days_left: float | None = None
    annotators_without: int = 0


def stock(gold: Iterable[Shown], bounds: GoldBounds, now_us: int) -> GoldStock:
    """Return how much of a project's gold may still be shown.

    >>> gold = [Shown(exposures=2), Shown(exposures=1, by_day=((0, 1),))]
    >>> found = stock(gold, GoldBounds(exposures_max=2), DAY_US // 2)
    >>> found.usable, found.spent, found.showings_left, found.shown_a_day, found.days_left
    (1, 1, 1, 1.0, 1.0)
    """
    known = list(gold)
    fresh = [shown for shown in known if not stale(shown, bounds)]
    usable = [shown for shown in fresh if not spent(shown, bounds)]
    counted = GoldStock(len(known), len(usable), len(fresh) - len(usable), len(known) - len(fresh))
    if not bounds.exposures_max:
        return counted
    left = sum(bounds.exposures_max - shown.exposures for shown in usable)
    a_day = _pace(known, now_us)
    return counted._replace(showings_left=left, shown_a_day=a_day, days_left=left / a_day if a_day else None)


def _pace(known: Sequence[Shown], now_us: int) -> float:
    """Return how often gold was shown a day, over the days since it first was, of those that are remembered."""
    today = now_us // DAY_US
    days = [(day, count) for shown in known for day, count in shown.by_day if day > today - DAYS_REMEMBERED]
    if not days:
        return 0.0
    return sum(count for _, count in days) / (today - min(day for day, _ in days) + 1)
