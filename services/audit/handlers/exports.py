"""Exports: what was accepted, handed over line by line."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.audit.announcements import SERVICE, lot_exported
from services.audit.domain.certificate import FileDigest
from services.audit.domain.lot import LotState
from services.audit.export import jsonl
from services.audit.handlers.means import Means
from services.audit.repository import LOT, lot_key


@dataclass(frozen=True, slots=True)
class Exports:
    """Hands accepted lots over."""

    means: Means

    async def told(self, lots: Sequence[LotState]) -> None:
        """Tell of lots, before they leave for the first time, that they have."""
        for lot in lots:
            if jsonl.FORMAT not in lot.exported:
                await self.means.journal.decide(LOT, await self._leaving(lot))

    async def lines(self, lots: Sequence[LotState]) -> AsyncIterator[bytes]:
        """Yield the lines of accepted lots, some at a time, so that no export is held in memory whole.

        What is erased meanwhile is left out from then on and breaks nothing off. A line that had left before is in the
        file still, and whoever verifies it against the withdrawals is told which.
        """
        for lot in lots:
            async for some in self._of(lot):
                yield b"".join(some)

    async def _of(self, lot: LotState) -> AsyncIterator[list[bytes]]:
        corrected = {lot.unit_ids[place] for place in lot.corrections}
        async for chunk, units in self.means.repository.in_chunks(lot.leaving):
            members = [units[unit_id] for unit_id in chunk if not units[unit_id].withdrawn]
            yield await asyncio.to_thread(jsonl.rows, lot.lot_id, members, corrected)

    async def _leaving(self, lot: LotState) -> Cause[LotState]:
        cause_id, trace = f"export/{lot.lot_id}/{jsonl.FORMAT}", trace_headers()
        rows, sha256 = len(lot.members), lot.export_sha256
        if lot.erased:
            left = FileDigest(lot.lot_id, jsonl.MEDIA_TYPE)
            async for some in self._of(lot):
                left.add(some)
            claim = left.claim()
            rows, sha256 = claim.rows, claim.sha256

        def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
            if state is None or jsonl.FORMAT in state.exported:
                return None
            after = msgspec.structs.replace(state, exported=(*state.exported, jsonl.FORMAT))
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [lot_exported(announcer, after, jsonl.FORMAT, sha256, rows)])

        return Cause(lot_key(lot.lot_id), cause_id, decide)
