"""Admission: each unit is taken in once, by whichever door, in whichever of many processes, and every id is answered.

The order of the writes is what makes it so. It is noted which units arrive; each content is claimed for its unit; the
unit is inserted, with its content; one record tells the others of all; the note is deleted. Whoever meets a claim whose
unit is not in takes that unit in first, from what the claim says and with the same content; whoever meets a unit that
is not told of has it told: so nothing waits for a process that died, and two units of one content come to one answer,
whoever asks. A note that stays is finished by the owner of its place: so no content stays that nobody was told of.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Backlogged
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.ids import place_of, slot_of_project
from concord.privacy import Beside
from services.ingest.domain.admission import UnitRefused, UnitWish
from services.ingest.domain.identity import (
    CLAIMS_MAX,
    Arrival,
    Claim,
    Place,
    Suggested,
    UnitState,
    stands_for,
)
from services.ingest.domain.project import ProjectState, Sampling
from services.ingest.domain.sampling import kept, quota_of, takes_all, wanted
from services.ingest.domain.staffing import Staff
from services.ingest.handlers.checking import Candidate, Checking
from services.ingest.handlers.lots import Mine
from services.ingest.handlers.outcome import Admission
from services.ingest.handlers.room import Room
from services.ingest.handlers.seats import Seats
from services.ingest.handlers.telling import Telling
from services.ingest.repository import Entering, Repository

LEFT_BEHIND_US = 60 * MICROSECONDS
"""After how long units that arrived and are not admitted are taken to be left behind: longer than any request."""

log = logging.getLogger(__name__)


class Admissions:
    """Takes units in.

    Args:
        repository: where facts are found.
        mine: which places are this process's own: it finishes what was left behind in these.
        annotators: who could label what is admitted.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
        beside: makes what finds personal data beside our own rules; None: nothing does.
    """

    def __init__(
        self,
        repository: Repository,
        mine: Mine,
        annotators: Table[AnnotatorRow],
        instruments: Instruments,
        clock: Clock,
        beside: Beside | None = None,
    ) -> None:
        self.repository = repository
        self.mine = mine
        self.annotators = annotators
        self.instruments = instruments
        self.clock = clock
        self.checking = Checking(repository, beside)
        self.seats = Seats(repository)
        self.room = Room(repository, clock)
        self.telling = Telling(repository)

    async def admit(
        self, project: ProjectState, wishes: Sequence[UnitWish], traces: Sequence[Headers] = ()
    ) -> Admission:
        """Take a batch of units in: each once, however often and through whichever door it comes.

        Args:
            project: whose.
            wishes: the units as they were sent.
            traces: the trace that each belongs to; without them all belong to what is being served.

        Raises:
            Backlogged: the broker has taken no events for too long; nothing was stored.
            ProjectNotOpen: the project is paused or closed by now; nothing was stored.
            StoreUnavailable, Unavailable: some may be in; the same units may be sent again.
        """
        if self.repository.journal.publisher.full:
            raise Backlogged("Too many events wait for the broker; nothing of these units was stored.")
        # A body may take minutes: what was changed since it began holds for what is left of it.
        project = self.repository.projects.get(project.project_id, project)
        project.must_be_open()
        result = Admission()
        traces = traces or [trace_headers()] * len(wishes)
        project, checked = await self.checking.checked(project, wishes, traces, result.refused, result.replaced)
        checked = await self._open_to(checked, result)
        offered, result.later = await self.room.offered(project, checked)
        candidates = await self._sampled(offered, project.definition.policy.sampling, result)
        if candidates:
            claims = await self.repository.arrivals.begin(
                [(candidate.claim, candidate.trace) for candidate in candidates]
            )
            candidates = [
                msgspec.structs.replace(candidate, claim=claim)
                for candidate, claim in zip(candidates, claims, strict=True)
            ]
            arrivals = list(dict.fromkeys(claim.unit.arrival for claim in claims))
            candidates, full = await self.room.entered(project, candidates)
            result.later = result.later if full is None else full
            await self._take(project, candidates, result)
            with contextlib.suppress(StoreUnavailable):
                # The units are in, and are acknowledged as that; who finds the arrival finds nothing left to do.
                await self.room.told(candidates, result.admitted())
                await self.repository.arrivals.finished(arrivals)
        result.cut()
        self._caution(project, candidates, result)
        self._count(result)
        if result.later is not None:
            self.instruments.counter("concord_ingest_units", "later").inc(len(wishes) - result.later)
        return result

    async def take_gold(self, project: ProjectState, candidate: Candidate) -> None:
        """Take in a gold unit that was made of a resolved one: once, however often it is told.

        Raises:
            StoreUnavailable: it may be in; it may be taken in again.
        """
        result = Admission()
        (claim,) = await self.repository.arrivals.begin([(candidate.claim, candidate.trace)])
        await self._take(project, [msgspec.structs.replace(candidate, claim=claim)], result)
        await self.repository.arrivals.finished([claim.unit.arrival])
        self._count(result)

    async def _take(self, project: ProjectState, candidates: Sequence[Candidate], result: Admission) -> None:
        """Take units in, and have the others told of them, and of those that they meet."""
        if candidates:
            await self.repository.note_subjects([candidate.claim.unit for candidate in candidates])
            met = await self._admit(project, candidates, result)
            traces = {candidate.claim.unit.unit_id: candidate.trace for candidate in candidates}
            own = {candidate.claim.unit.arrival for candidate in candidates}
            await self.telling.tell(project, met.values(), own, traces)

    async def finish_left_behind(self) -> None:
        """Have told of what processes that died, or callers that gave up, have left between a unit and its record.

        So that no content lies in the store that nobody was told of. What did not come in is not there: who sent it
        was not answered. It is done in the way in which it was begun, so it does not matter whether somebody is still
        at it.
        """
        mine = self.mine.open()
        for arrival in await self.repository.arrivals.left_behind(self.clock.now_us() - LEFT_BEHIND_US):
            if place_of(slot_of_project(arrival.project_id), self.repository.place_count) in mine:
                await self._finish(arrival)

    async def _finish(self, arrival: Arrival) -> None:
        project = await self.repository.project(arrival.project_id, client_id=None)
        known = await self.repository.shelf.claims(arrival.unit_ids)
        theirs = [claim for claim in known.values() if claim.unit.arrival == arrival.arrival_id]
        await self.telling.tell(project, theirs)
        await self.repository.shelf.destroy([claim.unit.unit_id for claim in known.values() if claim.unit.erased_at_us])
        await self.room.finished(arrival)
        await self.repository.arrivals.finished([arrival.arrival_id])
        log.info("finished %d units that %s had left behind", len(theirs), arrival.arrival_id)

    def _count(self, result: Admission) -> None:
        for status, count in Counter(place.status for place in result.places.values()).items():
            self.instruments.counter("concord_ingest_units", status).inc(count)
        self.instruments.counter("concord_ingest_units", "refused").inc(len(result.refused))
        for kind, count in result.replaced.items():
            self.instruments.counter("concord_ingest_personal_data", kind).inc(count)

    async def find(self, project: ProjectState, source_ids: Sequence[str]) -> list[Place]:
        """Say where units stand that a client sent, in the order of its ids."""
        unit_ids = self.repository.unit_ids(project.project_id, source_ids)
        known = await self.repository.shelf.units(sorted(set(unit_ids)))
        sampling = project.definition.policy.sampling
        return [
            _standing(known.get(unit_id) or UnitState(unit_id, project.project_id, source_id), sampling)
            for source_id, unit_id in zip(source_ids, unit_ids, strict=True)
        ]

    async def payload(self, unit_id: str) -> tuple[UnitState, Any] | None:
        """Return an admitted unit with its content; None when there is none, or its content was erased."""
        return await self.repository.shelf.payload(unit_id)

    async def suggestion(self, unit_id: str) -> Suggested | None:
        """Return what a model says of a unit, where annotators are shown it."""
        return await self.repository.shelf.suggestion(unit_id)

    def _caution(self, project: ProjectState, candidates: Sequence[Candidate], result: Admission) -> None:
        """Note who of those let in now asks for people who are not there."""
        asking = [each for each in candidates if each.claim.unit.skills or each.claim.unit.annotators]
        if not asking:
            return
        staff = Staff({name: row.skills for name, row in self.annotators.rows.items()})
        overlap = project.definition.policy.overlap.initial
        for candidate in asking:
            place = result.places.get(candidate.position)
            if place is not None and place.status == "admitted":
                result.cautions += [(candidate.position, found) for found in staff.cautions(candidate.unit, overlap)]

    async def _open_to(self, candidates: list[Candidate], result: Admission) -> list[Candidate]:
        """Refuse what is new and has a label that nobody can say any more; what was sent before is as it was."""
        if not (asked := sorted({candidate.unit.unit_id for candidate in candidates if candidate.closed is not None})):
            return candidates
        known = await self.repository.shelf.units(asked)
        for candidate in candidates:
            if candidate.closed is not None and candidate.unit.unit_id not in known:
                result.refused[candidate.position] = candidate.closed
        return [each for each in candidates if each.position not in result.refused]

    async def _sampled(self, candidates: Sequence[Candidate], sampling: Sampling, result: Admission) -> list[Candidate]:
        """Note what the sampling leaves out; what was let in under another sampling stays in."""
        if takes_all(sampling):
            return list(candidates)
        outside = {candidate.unit.unit_id for candidate in candidates if not wanted(candidate.unit, sampling)}
        bounded = [candidate.unit for candidate in candidates if quota_of(candidate.unit, sampling) is not None]
        asked = outside | {unit.unit_id for unit in bounded}
        known = (await self.repository.shelf.units(sorted(asked))).keys() if asked else set()
        fresh = [unit for unit in bounded if unit.unit_id not in known and unit.unit_id not in outside]
        left_out = (outside - known) | await self.seats.without(fresh, sampling)
        for candidate in candidates:
            if candidate.unit.unit_id in left_out:
                result.places[candidate.position] = Place("left_out", candidate.unit)
        return [each for each in candidates if each.unit.unit_id not in left_out]

    async def _admit(
        self, project: ProjectState, candidates: Sequence[Candidate], result: Admission
    ) -> dict[str, Claim]:
        """Find each content's owner, claim after claim, and admit the owners; the others are duplicates.

        Returns all units that were met on the way, by id, as they are stored now.
        """
        waiting, met = list(candidates), dict[str, Claim]()
        duplicates: list[tuple[Candidate, UnitState]] = []
        for number in range(1, CLAIMS_MAX + 1):
            holders, before = await self.repository.claim([candidate.claim for candidate in waiting], number)
            if project.definition.policy.dedupe == "id":
                holders = [candidate.claim for candidate in waiting]
            mine: list[Candidate] = []
            others: list[tuple[Candidate, Claim]] = []
            for candidate, holder in zip(waiting, holders, strict=True):
                if holder is candidate.claim or holder.unit.unit_id == candidate.claim.unit.unit_id:
                    mine.append(candidate)
                else:
                    others.append((candidate, holder))
            await self._take_in(project, mine, others, before, met, result)
            firsts = [(candidate, met[holder.unit.unit_id].unit) for candidate, holder in others]
            duplicates += [(candidate, first) for candidate, first in firsts if stands_for(first, candidate.unit)]
            waiting = [candidate for candidate, first in firsts if not stands_for(first, candidate.unit)]
            if not waiting:
                break
        for candidate in waiting:
            result.refused[candidate.position] = UnitRefused(
                "content",
                f"was sent under {CLAIMS_MAX} ids that were taken",
                "send new content under new ids only, or set policy.dedupe to 'id'",
            )
        await self._keep_duplicates(duplicates, met, result)
        return met

    async def _take_in(
        self,
        project: ProjectState,
        mine: Sequence[Candidate],
        others: Sequence[tuple[Candidate, Claim]],
        before: Collection[str],
        met: MutableMapping[str, Claim],
        result: Admission,
    ) -> None:
        """Take in the owners of contents, those too who own what others sent; note how they stand now.

        A unit that was sent before is read first: an insert that is tried on one that is in costs more.
        """
        sent_before = {holder.unit.unit_id for _, holder in others}
        if before:
            sent_before.update(unit_id for candidate in mine if (unit_id := candidate.claim.unit.unit_id) in before)
        met.update(await self.repository.shelf.claims(sorted(sent_before - met.keys())))
        now_us = self.clock.now_us()
        entering: dict[str, Entering] = {}
        # A content is the same whoever sent it, so that its owner is taken in with what a duplicate of it has.
        for candidate, claim in chain(((claimed, claimed.claim) for claimed in mine), others):
            unit_id = claim.unit.unit_id
            if unit_id not in met and unit_id not in entering:
                # A microsecond after the one before it: read from the store, they stand in the order of their events.
                admitted = _admitted(project, claim, now_us + len(entering))
                entering[unit_id] = Entering(admitted, candidate.content, candidate.originals)
        fresh = await self._enter(entering, met)
        for candidate in mine:
            unit_id = candidate.claim.unit.unit_id
            result.answer(candidate, met[unit_id].unit, admitted=unit_id in fresh)
            fresh.discard(unit_id)

    async def _enter(self, entering: Mapping[str, Entering], met: MutableMapping[str, Claim]) -> set[str]:
        """Insert units, note how they stand, and return those that were not there before."""
        if not entering:
            return set()
        there = await self.repository.shelf.enter(entering)
        met.update((unit_id, candidate.claim) for unit_id, candidate in entering.items())
        met.update(there)
        return entering.keys() - there.keys()

    async def _keep_duplicates(
        self,
        duplicates: Sequence[tuple[Candidate, UnitState]],
        met: MutableMapping[str, Claim],
        result: Admission,
    ) -> None:
        """Keep for each duplicate which unit stands for it, so that its id is answered the same from now on."""
        kept: list[Candidate] = []
        entering: dict[str, Entering] = {}
        for candidate, first in duplicates:
            if first.gold_mark == candidate.unit.gold_mark:
                kept.append(candidate)
                if candidate.unit.unit_id not in met:
                    entering.setdefault(candidate.unit.unit_id, Entering(_duplicate(candidate.unit, first)))
            else:
                problem = f"differs from that of {first.source_id!r}, which has the same content"
                result.refused[candidate.position] = UnitRefused("gold", problem, "send one known label a content")
        await self._enter(entering, met)
        for candidate in kept:
            result.answer(candidate, met[candidate.unit.unit_id].unit)


def _admitted(project: ProjectState, claim: Claim, now_us: int) -> Claim:
    version = project.guideline_version
    unit = msgspec.structs.replace(claim.unit, admitted_at_us=now_us, guideline_version=version)
    return msgspec.structs.replace(claim, unit=unit)


def _duplicate(unit: UnitState, first: UnitState) -> Claim:
    stood_for = {"duplicate_of": first.unit_id, "first_source_id": first.source_id}
    return Claim(msgspec.structs.replace(unit, **stood_for, counted_as=""))


def _standing(unit: UnitState, sampling: Sampling) -> Place:
    if unit.erased_at_us:
        return Place("erased", unit)
    if unit.duplicate_of:
        return Place("duplicate_of", unit)
    if unit.admitted_at_us:
        return Place("admitted", unit)
    return Place("unknown" if kept(unit.unit_id, sampling.rate, sampling.seed) else "left_out", unit)
