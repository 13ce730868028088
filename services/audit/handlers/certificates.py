"""Certificates: a lot's, a project's issues, and what was erased after either."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from concord.chassis.errors import Unavailable
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.exports import jsonl
from concord.exports.jsonl import JsonlWriter
from concord.version import VERSION
from services.audit.domain.certificate import (
    FileClaim,
    claim_of_rows,
    project_claim,
    statement,
    summed_up,
    withdrawals,
    without_lines,
)
from services.audit.domain.corrections import CorrectedLine, corrections
from services.audit.domain.issue import Issue, IssuesState, issued, next_lots
from services.audit.domain.leaving import leaving
from services.audit.domain.lot import LotState
from services.audit.domain.signing import Json
from services.audit.domain.verification import DIGEST_BYTES
from services.audit.handlers.means import Means
from services.audit.handlers.series import Standing
from services.audit.repository import ISSUES, Repository, issues_key

LOTS_AT_ONCE = 50
ROUNDS_MAX = 5


class NothingWithdrawn(LookupError):
    """Nothing of what was certified was erased since."""


class NothingCorrected(LookupError):
    """Nothing of what was certified was found wrong since."""


class Overtaken(Unavailable):
    """Others issued certificates of this project faster, ROUNDS_MAX times."""


class _Certified:
    """The lines of a certified file, lot after lot, and which of them were erased since."""

    def __init__(self) -> None:
        self.rows = bytearray()
        self.left = bytearray()
        self.gone: dict[int, str] = {}
        self.at_us = 0

    def add(self, lot: LotState, rows: bytes, erased_before: int) -> None:
        """Take in a lot.

        Args:
            lot: as it is now.
            rows: digests of its lines as the lot was certified.
            erased_before: how many of its units were erased before this certificate.
        """
        before, since = lot.lines_erased()[:erased_before], lot.lines_erased(erased_before)
        certified = without_lines(rows, before)
        kept = sorted(set(range(len(rows) // DIGEST_BYTES)) - set(before))
        place_of = {line: place for place, line in enumerate(kept)}
        first = len(self.rows) // DIGEST_BYTES
        for line, withdrawal in zip(since, lot.erased[erased_before:], strict=True):
            self.gone[first + place_of[line] + 1] = rows[line * DIGEST_BYTES : (line + 1) * DIGEST_BYTES].hex()
            self.at_us = max(self.at_us, withdrawal.at_us)
        self.rows += certified
        self.left += without_lines(rows, [*before, *since])


@dataclass(frozen=True, slots=True)
class Certificates:
    """Issues certificates once, and hands over the same bytes for ever."""

    means: Means
    standing: Standing

    async def of_lot(self, lot: LotState) -> bytes:
        """Return the certificate of an accepted lot."""
        return await self.means.repository.document(lot.certificate)

    async def of_issue(self, issue: Issue) -> bytes:
        """Return the certificate of a project's issue."""
        return await self.means.repository.document(issue.certificate)

    async def newest(self, project: Project) -> tuple[IssuesState, Issue]:
        """Return the project's issue over all lots that are accepted by now; it is made if there is none yet.

        Raises:
            NothingToCertify: no lot is accepted.
            TooManyLots: more are than one certificate covers.
            Overtaken: others were faster; ask again.
        """
        repository = self.means.repository
        for _ in range(ROUNDS_MAX):
            state = await repository.issues(project.project_id)
            lot_ids = next_lots(state, await self._accepted_since(state))
            if lot_ids is None:
                return state, state.issues[-1]
            issue = await self._made(project, state, lot_ids)

            def decide(
                before: IssuesState | None,
                now_us: int,
                state: IssuesState = state,
                lot_ids: tuple[str, ...] = lot_ids,
                issue: Issue = issue,
            ) -> Decision[IssuesState] | None:
                del now_us
                after = issued(before, state, lot_ids, issue)
                return None if after is None else Decision(after)

            cause = Cause(issues_key(project.project_id), f"issue/{issue.number}/{issue.certificate}", decide)
            await self.means.journal.decide(ISSUES, cause)
        raise Overtaken(f"Project {project.project_id} is being issued certificates by others; ask again.")

    async def lots_of(self, state: IssuesState, issue: Issue) -> list[LotState]:
        """Return the lots that an issue covers, in its order."""
        lots = []
        for start in range(0, issue.lots, LOTS_AT_ONCE):
            lots += await self.means.repository.lots(state.lot_ids[start : min(start + LOTS_AT_ONCE, issue.lots)])
        return lots

    async def withdrawn_of_lot(self, lot: LotState) -> bytes:
        """Return what was erased of an accepted lot since its certificate, signed.

        Raises:
            NothingWithdrawn: nothing was.
        """
        return await self._withdrawals([lot], {}, lot.certificate, f"{lot.lot_id}.jsonl", lot.project_id)

    async def corrected_of_lot(self, lot: LotState) -> bytes:
        """Return what was found wrong of an accepted lot since its certificate, with the auditors' labels, signed.

        Units that were erased since are not in it: nothing of them is told any more.

        Raises:
            NothingCorrected: nothing was, or all of that is erased.
        """
        found = frozenset(lot.unit_ids[correction.place] for correction in lot.corrected_since)
        wrong = [unit_id for unit_id in lot.leaving if unit_id in found]
        project = self.means.project(lot.project_id)
        names, rows = project.at(lot.schema_version), await self.means.repository.document(lot.rows_sha256)
        line_of = {unit_id: line for line, unit_id in enumerate(lot.members)}
        writer, lines = JsonlWriter(jsonl.CERTIFIED, names.schema), list[CorrectedLine]()
        async for chunk, units in self.means.repository.in_chunks(wrong):
            there = [units[unit_id] for unit_id in chunk if not units[unit_id].withdrawn]
            written = await asyncio.to_thread(writer.lines, leaving(lot.lot_id, there, found, names))
            for unit, row in zip(there, written, strict=True):
                line = line_of[unit.unit_id]
                digest = rows[line * DIGEST_BYTES : (line + 1) * DIGEST_BYTES].hex()
                lines.append(CorrectedLine(line + 1, unit.unit_id, digest, row))
        if not lines:
            raise NothingCorrected("Nothing of what was certified was found wrong since.")
        at_us = max(correction.at_us for correction in lot.corrected_since)
        document = corrections(project.client_id, lot.project_id, lot.lot_id, at_us, lot.certificate, lines)
        return await asyncio.to_thread(self.means.signer.signed, document)

    async def withdrawn_of_issue(self, state: IssuesState, issue: Issue) -> bytes:
        """Return what was erased of a project since one of its certificates, signed.

        Raises:
            NothingWithdrawn: nothing was.
        """
        lots, name = await self.lots_of(state, issue), file_name(state.project_id, issue.number)
        return await self._withdrawals(lots, issue.erased, issue.certificate, name, state.project_id)

    async def _accepted_since(self, state: IssuesState) -> list[LotState]:
        repository, known = self.means.repository, set(state.lot_ids)
        open_ids = {lot.state.lot_id for lot in repository.open_lots(state.project_id)}
        left = [
            lot_id
            for lot_id in await repository.lot_ids(state.project_id)
            if lot_id not in known and lot_id not in open_ids
        ]
        found: list[LotState] = []
        for start in range(0, len(left), LOTS_AT_ONCE):
            lots = await repository.lots(left[start : start + LOTS_AT_ONCE])
            found += [lot for lot in lots if lot.status == "accepted"]
        return found

    async def _made(self, project: Project, state: IssuesState, lot_ids: Sequence[str]) -> Issue:
        repository, at_us, number = self.means.repository, self.means.clock.now_us(), len(state.issues) + 1
        rows, claims, erased = bytearray(), [], {}
        for start in range(0, len(lot_ids), LOTS_AT_ONCE):
            for lot in await repository.lots(lot_ids[start : start + LOTS_AT_ONCE]):
                if lot.erased:
                    erased[lot.lot_id] = len(lot.erased)
                claims.append(await _summed_up(repository, lot))
                digests = await repository.document(lot.rows_sha256)
                rows += await asyncio.to_thread(without_lines, digests, lot.lines_erased())
        name = file_name(project.project_id, number)
        file = await asyncio.to_thread(claim_of_rows, name, jsonl.MEDIA_TYPE, rows)
        together = project_claim((await self.standing.now(project.project_id)).pool)
        document = statement(project.client_id, project.project_id, at_us, claims, [file], together, VERSION)
        signed = await asyncio.to_thread(self.means.signer.signed, {**document, "issue": number})
        return Issue(number, len(lot_ids), at_us, await repository.keep(signed), erased)

    async def _withdrawals(
        self, lots: Sequence[LotState], erased_before: Mapping[str, int], certificate: str, name: str, project_id: str
    ) -> bytes:
        if not any(len(lot.erased) > erased_before.get(lot.lot_id, 0) for lot in lots):
            raise NothingWithdrawn("Nothing of what was certified was erased since.")
        project, found = self.means.project(project_id), _Certified()
        for lot in lots:
            rows = await self.means.repository.document(lot.rows_sha256)
            await asyncio.to_thread(found.add, lot, rows, erased_before.get(lot.lot_id, 0))
        file: FileClaim = await asyncio.to_thread(claim_of_rows, name, jsonl.MEDIA_TYPE, found.left)
        document = withdrawals(project.client_id, project_id, found.at_us, certificate, found.gone, file)
        return await asyncio.to_thread(self.means.signer.signed, document)


def file_name(project_id: str, number: int) -> str:
    """Return the name of the export that goes with a project's certificate."""
    return f"{project_id}-{number}.jsonl"


async def _summed_up(repository: Repository, lot: LotState) -> Json:
    certificate = await repository.document(lot.certificate)
    document: Json = msgspec.json.decode(certificate)
    return summed_up(document["lots"][0], lot.certificate, len(lot.erased))
