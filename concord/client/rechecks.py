"""What `audit` tells of rechecks."""

from msgspec import Struct

from concord.client.models import Interval


class Recheck(Struct, frozen=True):
    """Units that have left and were inspected once more after a drift or a rejection; how many are labelled otherwise.

    Of a rejection, `measure` is "radius", and `rejected_lot_id` and `annotator_ids` say of which and whose.
    """

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
    rejected_lot_id: str = ""
    annotator_ids: list[str] = []


class Rechecks(Struct, frozen=True):
    """A project's rechecks, the newest first."""

    rechecks: list[Recheck]
