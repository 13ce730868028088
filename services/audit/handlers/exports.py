"""Exports: what was accepted, handed over some units at a time, in the form that is asked for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.exports import FORMATS, Form, Record, Writer, jsonl, writer_for
from concord.exports.jsonl import JsonlWriter
from concord.labels.versions import Versions
from services.audit.announcements import SERVICE, lot_exported
from services.audit.domain.certificate import FileDigest
from services.audit.domain.leaving import Codes, annotator_codes, leaving
from services.audit.domain.lot import LotState
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means
from services.audit.handlers.traces import export_span
from services.audit.repository import LOT, lot_key


def newest_schema(lots: Sequence[LotState]) -> int:
    """Return the version of the label schema in whose names lots leave together: the newest that one is certified in.

    So the same lots leave with the same labels for ever, whatever the schema comes to.
    """
    return max((lot.schema_version for lot in lots), default=1)


@dataclass(frozen=True, slots=True)
class Exports:
    """Hands accepted lots over."""

    means: Means

    async def told(self, lots: Sequence[LotState], name: str, project: Project) -> None:
        """Tell of lots, before they leave in a format for the first time, that they have."""
        for lot in lots:
            if name in lot.exported:
                continue
            async with export_span(self.means, lot, name):
                await self.means.journal.decide(LOT, await self._leaving(lot, name, project))

    async def begun(self, lots: Sequence[LotState], form: Form, project: Project, version: int) -> Writer:
        """Return the writer of a file of these lots, once it is known that it can be written to its end.

        Where a format cannot hold whatever fits its schema, all of it is written once to nowhere.

        Args:
            lots: of the file.
            form: what is asked for.
            project: whose.
            version: `newest_schema` of all lots that leave together.

        Raises:
            DoesNotFit: it cannot be; the field names the unit.
        """
        project.must_know(version)
        schema = project.at(version).schema
        writer = writer_for(form, schema)
        if FORMATS[form.format].holds_all:
            return writer
        async for _ in self.written(writer, lots, form, project, version):
            pass
        return writer_for(form, schema)

    async def written(
        self, writer: Writer, lots: Sequence[LotState], form: Form, project: Project, version: int
    ) -> AsyncIterator[bytes]:
        """Yield a file of accepted lots, some of it at a time, so that no export is held in memory whole.

        What is erased meanwhile is left out from then on and breaks nothing off. A line that had left before is in the
        file still, and whoever verifies it against the withdrawals is told which.
        """
        if piece := await asyncio.to_thread(writer.begin):
            yield piece
        async for some in self.records(lots, form, project, version):
            if piece := await asyncio.to_thread(writer.write, some):
                yield piece
        if piece := await asyncio.to_thread(writer.end):
            yield piece

    async def records(
        self, lots: Sequence[LotState], form: Form, project: Project, version: int
    ) -> AsyncIterator[list[Record]]:
        """Yield the units of accepted lots as they leave, a chunk at a time.

        Their labels are in the names of that version of the label schema; in the form that certificates claim in those
        of the version under which each lot was certified, for what was signed is never changed.
        """
        secret = self.means.sample_secret
        codes = annotator_codes(secret, project.project_id) if form.rows == "annotations" else None
        for lot in lots:
            corrected = {lot.unit_ids[place] for place in lot.corrections}
            names = project.at(lot.schema_version if form == jsonl.CERTIFIED else version)
            async for chunk, units in self.means.repository.in_chunks(lot.leaving):
                members = [units[unit_id] for unit_id in chunk if not units[unit_id].withdrawn]
                yield await self._chunk(lot.lot_id, members, corrected, names, form, codes)

    async def _chunk(
        self,
        lot_id: str,
        members: Sequence[UnitState],
        corrected: Collection[str],
        names: Versions,
        form: Form,
        codes: Codes | None,
    ) -> list[Record]:
        ids = [unit.unit_id for unit in members]
        data = await self.means.payloads.of(ids) if form.data else None
        found = await asyncio.to_thread(leaving, lot_id, members, corrected, names, codes, data)
        if not form.duplicates:
            return found
        others = await self.means.repository.duplicates(ids)
        with_others: list[Record] = []
        for record in found:
            with_others.append(record)
            with_others += [
                msgspec.structs.replace(record, unit_id=unit_id, source_id=source_id, duplicate_of=record.unit_id)
                for unit_id, source_id in others.get(record.unit_id, ())
            ]
        return with_others

    async def _leaving(self, lot: LotState, name: str, project: Project) -> Cause[LotState]:
        cause_id, trace = f"export/{lot.lot_id}/{name}", trace_headers()
        rows, sha256 = len(lot.leaving), ""
        if name == jsonl.NAME:
            sha256 = lot.export_sha256
            if lot.erased:
                rows, sha256 = await self._left(lot, project.at(lot.schema_version))

        def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
            if state is None or name in state.exported:
                return None
            after = msgspec.structs.replace(state, exported=(*state.exported, name))
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [lot_exported(announcer, after, name, sha256, rows)])

        return Cause(lot_key(lot.lot_id), cause_id, decide)

    async def _left(self, lot: LotState, names: Versions) -> tuple[int, str]:
        """Return the lines and digest of a lot's JSONL without what was erased since."""
        left, writer = FileDigest(lot.lot_id, jsonl.MEDIA_TYPE), JsonlWriter(jsonl.CERTIFIED, names.schema)
        corrected = {lot.unit_ids[place] for place in lot.corrections}
        async for chunk, units in self.means.repository.in_chunks(lot.leaving):
            members = [units[unit_id] for unit_id in chunk if not units[unit_id].withdrawn]
            left.add(await asyncio.to_thread(writer.lines, leaving(lot.lot_id, members, corrected, names)))
        claim = left.claim()
        return claim.rows, claim.sha256
