"""Audit's aggregates, keys and read models; every query lives here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.contracts.ids import client_of
from services.audit.domain.lot import OPEN_TO_INSPECTION, LotDoesNotExist, LotState
from services.audit.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
LOT = Kind("lot", LotState)


class Repository:
    """Where audit's facts are found.

    Read models, rebuilt from the journal: the lots of each project, the lot of each unit, and for each lot the units
    it still waits for.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.lots: dict[str, LotState] = {}
        self._lots_of: dict[str, dict[str, None]] = defaultdict(dict)
        self._lot_of: dict[str, str] = {}
        self._waits_for: dict[str, set[str]] = {}
        self._resolved_in: dict[str, int] = {}

    async def rebuild(self) -> None:
        """Fill the read models."""
        async for _, lot in self.journal.rebuild(LOT):
            self.seen_lot(lot)
        async for _, unit in self.journal.rebuild(UNIT):
            self.seen_unit(unit)

    def seen_lot(self, lot: LotState) -> None:
        """Bring the read models up to a lot's state."""
        before = self.lots.get(lot.lot_id)
        self.lots[lot.lot_id] = lot
        if before is None:
            self._lots_of[lot.project_id][lot.lot_id] = None
            self._lot_of.update((unit_id, lot.lot_id) for unit_id in lot.unit_ids)
        if before is None or before.rework != lot.rework:
            self._waits_for[lot.lot_id] = {
                unit_id for unit_id in lot.unit_ids if self._resolved_in.get(unit_id, -1) < lot.rework
            }

    def seen_unit(self, unit: UnitState) -> str | None:
        """Bring the read models up to a unit's state; return its lot, if that is known."""
        lot_id = self._lot_of.get(unit.unit_id)
        if unit.ready(0):
            self._resolved_in[unit.unit_id] = unit.rework
            if lot_id is not None and unit.ready(self.lots[lot_id].rework):
                self._waits_for[lot_id].discard(unit.unit_id)
        return lot_id

    def drawable(self, lot_ids: Iterable[str]) -> list[str]:
        """Return which of these lots wait for nothing but their sample to be drawn."""
        return [
            lot_id
            for lot_id in lot_ids
            if self.lots[lot_id].status in ("sealed", "relabelling") and not self._waits_for[lot_id]
        ]

    def open_lots(self, project_id: str | None) -> list[LotState]:
        """Return the lots that are being inspected, of a project or of all, by id."""
        lot_ids = self.lots if project_id is None else self._lots_of[project_id]
        lots = [self.lots[lot_id] for lot_id in sorted(lot_ids)]
        return [lot for lot in lots if lot.status in OPEN_TO_INSPECTION]

    def lots_of(self, project_id: str) -> list[LotState]:
        """Return a project's lots, by id."""
        return [self.lots[lot_id] for lot_id in sorted(self._lots_of[project_id])]

    def accepted(self, project_id: str, until_us: int | None = None) -> list[LotState]:
        """Return a project's accepted lots in the order of their acceptance, up to and including a time."""
        lots = [lot for lot in self.lots_of(project_id) if lot.status == "accepted"]
        kept = [lot for lot in lots if until_us is None or lot.accepted_at_us <= until_us]
        return sorted(kept, key=lambda lot: (lot.accepted_at_us, lot.lot_id))

    def lot_of(self, unit_id: str) -> LotState | None:
        """Return the lot a unit is in."""
        lot_id = self._lot_of.get(unit_id)
        return None if lot_id is None else self.lots[lot_id]

    def lot(self, lot_id: str, client_id: str | None) -> LotState:
        """Return a lot; for a client only its own.

        Raises:
            LotDoesNotExist: none, or another client's.
        """
        lot = self.lots.get(lot_id)
        if lot is None or (client_id is not None and client_of(lot_id) != client_id):
            raise LotDoesNotExist(f"There is no lot {lot_id}.")
        return lot

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return these units, by id."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def lot_key(lot_id: str) -> str:
    """Return a lot's aggregate key."""
    return LOT.key(client_of(lot_id), lot_id)
