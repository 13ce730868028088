"""How much of a project one annotator may do: what is counted on their desk, and what room is left under its caps."""

from collections.abc import Iterable, Sequence

import msgspec

DAY_US = 86_400_000_000
NO_ROOM, ANY_ROOM = 0, 10**9


class Caps(msgspec.Struct, frozen=True):
    """What a project allows each annotator; 0: as much as there is.

    Attributes:
        units_per_day: units that are given to them in a day, UTC.
        ms_per_day: active time in a day, milliseconds, after which nothing more is given: what is held may be finished.
        units: units in all, which is how a share of a project is kept.
    """

    units_per_day: int = 0
    ms_per_day: int = 0
    units: int = 0

    def __bool__(self) -> bool:
        return bool(self.units_per_day or self.ms_per_day or self.units)


NO_CAPS = Caps()


class Spent(msgspec.Struct, frozen=True):
    """A place whose lease ended with a label, or ran out: when it was taken, and the active time."""

    at_us: int
    active_ms: int = 0


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was counted on a desk since its project has caps.

    Attributes:
        day: of the counts of a day, in days since the epoch.
        day_units, day_ms: what was taken on that day and has ended, and its active time.
        units: in all.
    """

    day: int = 0
    day_units: int = 0
    day_ms: int = 0
    units: int = 0


class Reached(msgspec.Struct, frozen=True):
    """A cap that is reached: which, and when there is room again, microseconds since the epoch, UTC; None: never."""

    cap: str
    until_us: int | None


def counted(count: Count, spent: Iterable[Spent], now_us: int) -> Count:
    """Return the count with what has ended since; what was taken on an earlier day is of no day any more."""
    today = now_us // DAY_US
    day_units, day_ms = (count.day_units, count.day_ms) if count.day == today else (0, 0)
    units = count.units
    for spending in spent:
        units += 1
        if spending.at_us // DAY_US == today:
            day_units, day_ms = day_units + 1, day_ms + spending.active_ms
    return Count(today, day_units, day_ms, units)


def room(count: Count, held_at_us: Sequence[int], caps: Caps, now_us: int) -> int:
    """Return how many units more may be given out now.

    Args:
        count: with all that has ended, as `counted` has it.
        held_at_us: when each place was taken that is still held: it counts to its day.
        caps: what the project allows.
        now_us: the time.

    >>> room(Count(0, 3, 0, 9), [5, 6], Caps(units_per_day=10), 7), room(Count(0, 3, 60_000, 9), [], Caps(0, 60_000), 7)
    (5, 0)
    """
    today = now_us // DAY_US
    left = ANY_ROOM
    if caps.units_per_day:
        left = min(left, caps.units_per_day - count.day_units - sum(at // DAY_US == today for at in held_at_us))
    if caps.units:
        left = min(left, caps.units - count.units - len(held_at_us))
    if caps.ms_per_day and count.day_ms >= caps.ms_per_day:
        left = NO_ROOM
    return max(NO_ROOM, left)


def reached(count: Count, held_at_us: Sequence[int], caps: Caps, now_us: int) -> Reached | None:
    """Return the cap that leaves no room; the one that never will again first."""
    tomorrow_us = (now_us // DAY_US + 1) * DAY_US
    for name, until_us in (("units", None), ("ms_per_day", tomorrow_us), ("units_per_day", tomorrow_us)):
        alone = Caps(**{name: getattr(caps, name)})
        if alone and room(count, held_at_us, alone, now_us) == NO_ROOM:
            return Reached(name, until_us)
    return None
