"""Rules of conduct: what comes of labels that are given too fast, and of units that are skipped again and again."""

from collections.abc import Iterator
from typing import Literal

import msgspec

LAST_MAX = 50
FLOOR_SECONDS_MAX = 3_600
BREAK_SECONDS_MAX = 86_400


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When somebody labels too fast, and what comes of it; without a floor there is no such rule.

    Attributes:
        floor_seconds: a label that took less active time is hasty; 0: no such floor.
        floor_share: likewise, as a share of a median of active times; of two floors the higher one holds. 0: none.
        floor_of: whose median: of all who label the project, or their own.
        hasty: so many hasty labels of the last `last` are too many.
        then: "note": it is told. "confirm": a hasty label is taken only with a second yes, until there are fewer.
            "break": nothing new for a while. "pause": nothing new until a lead lets them go on.
        break_seconds: how long a break is.
    """

    floor_seconds: float = 0.0
    floor_share: float = 0.0
    floor_of: Literal["project", "own"] = "project"
    hasty: int = 4
    last: int = 5
    then: Literal["note", "confirm", "break", "pause"] = "note"
    break_seconds: int = 300

    @property
    def asked(self) -> bool:
        """Whether there is a rule."""
        return self.floor_seconds > 0 or self.floor_share > 0


class Skips(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When somebody skips too much, and what comes of it; skips for which the unit or the guideline is to blame apart.

    Attributes:
        in_a_row: so many skips in a row are too many; 0: any number may be.
        share: so large a share of the last `last` units is too much; 0: any may be.
        then, break_seconds: see Pace.
    """

    in_a_row: int = 0
    share: float = 0.0
    last: int = 20
    then: Literal["note", "break", "pause"] = "note"
    break_seconds: int = 300

    @property
    def asked(self) -> bool:
        """Whether there is a rule."""
        return self.in_a_row > 0 or self.share > 0


Range = tuple[str, float, float, float]


def ranges(pace: Pace, skips: Skips) -> Iterator[Range]:
    """Yield every number of these rules, by field, with the lowest and the highest that it may be."""
    yield "policy.pace.floor_seconds", pace.floor_seconds, 0, FLOOR_SECONDS_MAX
    yield "policy.pace.floor_share", pace.floor_share, 0, 1
    yield "policy.pace.last", pace.last, 1, LAST_MAX
    yield "policy.pace.hasty", pace.hasty, 1, max(1, min(pace.last, LAST_MAX))
    yield "policy.pace.break_seconds", pace.break_seconds, 1, BREAK_SECONDS_MAX
    yield "policy.skips.in_a_row", skips.in_a_row, 0, LAST_MAX
    yield "policy.skips.share", skips.share, 0, 1
    yield "policy.skips.last", skips.last, 1, LAST_MAX
    yield "policy.skips.break_seconds", skips.break_seconds, 1, BREAK_SECONDS_MAX
