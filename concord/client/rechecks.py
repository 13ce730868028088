"""What `audit` tells of rechecks."""

from msgspec import Struct

from concord.client.models import Interval


class Recheck(Struct, frozen=True):
    """Units that have left and were inspected once more after a drift, and how many have another label now."""

    lot_id: str
    status: str
    measure: str
    category: str
    since: str
    raised_at: str
    wanted: int
    among: int
    units: int
    inspected: int
    changed: int
    changed_unit_ids: list[str]
    changed_rate: Interval | None


class Rechecks(Struct, frozen=True):
    """A project's rechecks, the newest first."""

    rechecks: list[Recheck]
