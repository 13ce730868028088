"""Ledgers as they are handed over: a lot's, from which its certificate can be made again, and a unit's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from concord.contracts.ids import client_of
from concord.exports.jsonl import line_of
from services.audit.domain.acceptance import Basis, Head
from services.audit.domain.ledger import LedgerBroken, check_head, check_lines, check_records
from services.audit.domain.lot import LotState
from services.audit.domain.replay import BASIS, UnitLine
from services.audit.domain.unit import UnitDoesNotExist, UnitState
from services.audit.handlers.means import Means
from services.audit.repository import unit_key


@dataclass(frozen=True, slots=True)
class Lineage:
    """A unit's ledger and whether it holds.

    Attributes:
        lot_id: the lot that it is in; empty for none yet.
        problem: which entry was changed or is missing, as a sentence; empty where everything holds.
    """

    unit: UnitState
    lot_id: str
    problem: str


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Hands ledgers over."""

    means: Means

    async def of_lot(self, lot: LotState) -> AsyncIterator[bytes]:
        """Yield the ledger of an accepted lot, some lines at a time."""
        yield await self.means.repository.document(lot.basis) + b"\n"
        async for chunk, units in self.means.repository.in_chunks(lot.members):
            yield b"".join(line_of(self._line(units[unit_id])) for unit_id in chunk)

    def _line(self, unit: UnitState) -> UnitLine:
        if unit.withdrawn:
            return UnitLine(unit.unit_id, unit.history, erased=True)
        return UnitLine(
            unit.unit_id,
            unit.history,
            salt=self.means.ledger.salt(unit.unit_id),
            source_id=unit.source_id,
            label=unit.label,
            said=tuple(evidence.label for evidence in unit.evidence),
            set_aside=tuple(evidence.label for evidence in unit.set_aside),
            audited="" if unit.inspection is None else unit.inspection.label,
            repeated="" if unit.repeat is None else unit.repeat.label,
        )

    async def of_unit(self, unit_id: str, client_id: str | None) -> Lineage:
        """Return a unit's ledger, held against the records of the store, against itself and against what was signed.

        Raises:
            UnitDoesNotExist: there is none, or it is another client's.
        """
        repository = self.means.repository
        records: dict[int, UnitState] = {}
        if client_of(unit_id) and client_id in (None, client_of(unit_id)):
            records = await repository.records(unit_key(unit_id))
            if not records:  # it may wait as a row, and has but the entry that it was let in
                records = dict(enumerate((await repository.units([unit_id])).values()))
        if not records:
            raise UnitDoesNotExist(f"There is no unit {unit_id}.")
        unit = records[max(records)]
        lot_id = (await repository.lots_of([unit_id])).get(unit_id, "")
        lots = await repository.lots([lot_id]) if lot_id else []
        try:
            check_records(unit_id, {number: state.history for number, state in records.items()})
            check_lines(unit_id, unit.history)
            self.means.ledger.check_values(unit)
            if lots and lots[0].basis:
                head = await self._signed_head(lots[0], unit_id)
                if head is not None:
                    check_head(unit_id, unit.history, head.entries, head.sha256)
        except LedgerBroken as fault:
            return Lineage(unit, lot_id, str(fault))
        return Lineage(unit, lot_id, "")

    async def _signed_head(self, lot: LotState, unit_id: str) -> Head | None:
        basis: Basis = BASIS.decode(await self.means.repository.document(lot.basis))
        members = basis.rules.lot.members
        return basis.heads[members.index(unit_id)] if unit_id in members else None
