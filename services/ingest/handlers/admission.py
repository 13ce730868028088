"""Admission: each unit is taken in once, by whichever door, in whichever of many processes, and every id is answered.

The order of the writes is what makes it so. It is noted which units arrive; a unit's content is stored under the
unit's own id; the content is claimed for the unit; the unit's record is inserted; the note is deleted. Whoever meets a
claim whose unit has no record yet admits that unit first, from what the claim says: so no claim waits for a process
that died, and two units of one content come to one answer, whoever asks. A note that stays is finished by the owner of
its place: so no content stays in the store that is nobody's.
"""

import contextlib
import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Backlogged
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.store.port import Document, StoreUnavailable
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.ids import place_of, slot_of_project
from services.ingest.announcements import SERVICE, unit_admitted, unit_duplicated
from services.ingest.domain.admission import UnitRefused, UnitWish
from services.ingest.domain.identity import (
    CLAIMS_MAX,
    Arrival,
    Claim,
    Place,
    Suggested,
    UnitState,
    differing,
    payload_key,
    stands_for,
)
from services.ingest.domain.project import ProjectState, Sampling
from services.ingest.domain.sampling import kept, quota_of, wanted
from services.ingest.domain.staffing import Caution, Staff
from services.ingest.handlers.checking import Candidate, Checking
from services.ingest.handlers.lots import Mine
from services.ingest.handlers.room import Room
from services.ingest.handlers.seats import Seats
from services.ingest.repository import UNIT, Repository

LEFT_BEHIND_US = 60 * MICROSECONDS
"""After how long units that arrived and are not admitted are taken to be left behind: longer than any request."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Admission:
    """What became of a batch of units.

    Attributes:
        places, refused: by position in the batch; every position is in one of the two, up to `later`.
        cautions: of units that are in, with their positions.
        orphans: units whose stored content is nobody's: their ids stand for other content, for good, or are duplicates.
        later: the position from which on nothing was taken or answered, for the project has as many open units as it
            allows; None: all were.
    """

    places: dict[int, Place] = field(default_factory=dict)
    cautions: list[tuple[int, Caution]] = field(default_factory=list)
    refused: dict[int, UnitRefused] = field(default_factory=dict)
    orphans: list[UnitState] = field(default_factory=list)
    later: int | None = None

    def cut(self) -> None:
        """Say nothing of what comes later."""
        if (end := self.later) is not None:
            self.places = {position: place for position, place in self.places.items() if position < end}
            self.refused = {position: refusal for position, refusal in self.refused.items() if position < end}


class Admissions:
    """Takes units in.

    Args:
        repository: where facts are found.
        mine: which places are this process's own: it finishes what was left behind in these.
        annotators: who could label what is admitted.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self,
        repository: Repository,
        mine: Mine,
        annotators: Table[AnnotatorRow],
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.mine = mine
        self.annotators = annotators
        self.instruments = instruments
        self.clock = clock
        self.checking = Checking(repository, instruments)
        self.seats = Seats(repository)
        self.room = Room(repository, clock)

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
        checked = self.checking.candidates(project, wishes, traces, result.refused)
        offered, result.later = await self.room.offered(project, checked)
        candidates = await self._sampled(offered, project.definition.policy.sampling, result)
        if candidates:
            arrivals = await self.repository.begin([one.claim for one in candidates])
            candidates, full = await self.room.entered(project, candidates)
            result.later = result.later if full is None else full
            await self._take(project, candidates, result)
            with contextlib.suppress(StoreUnavailable):
                # The units are in, and are acknowledged as that; who finds the arrival finds nothing left to do.
                await self.room.told(candidates, _in(result))
                await self.repository.finished(arrivals)
        result.cut()
        self._caution(project, candidates, result)
        self._count(result)
        if result.later is not None:
            self.instruments.counter("concord_ingest_units", "later").inc(len(wishes) - result.later)
        return result

    async def take_gold(self, project: ProjectState, one: Candidate) -> None:
        """Take in a gold unit that was made of a resolved one: once, however often it is told.

        Raises:
            StoreUnavailable: it may be in; it may be taken in again.
        """
        result = Admission()
        arrivals = await self.repository.begin([one.claim])
        await self._take(project, [one], result)
        await self.repository.finished(arrivals)
        self._count(result)

    async def _take(self, project: ProjectState, candidates: Sequence[Candidate], result: Admission) -> None:
        """Store what units say, and admit them."""
        if candidates:
            await self.repository.keep_payloads([self._payload(one) for one in candidates])
            await self.repository.note_subjects([one.unit for one in candidates])
            await self._admit(project, candidates, result)
            await self.repository.drop_payloads(result.orphans)

    def _payload(self, one: Candidate) -> Document:
        """Return what is stored of a unit: its content, and a suggestion that annotators are shown."""
        suggested = one.claim.suggested
        shown = suggested is not None and not suggested.hidden
        suggestion = msgspec.json.encode(suggested) if shown else b""
        return self.repository.payload_document(one.unit, one.content, suggestion, one.originals)

    async def finish_left_behind(self) -> None:
        """Admit what processes that died, or callers that gave up, have left between a payload and its unit.

        So that no content lies in the store that is nobody's. It is done in the way in which it was begun, so it does
        not matter whether somebody is still at it.
        """
        mine = self.mine.open()
        for arrival in await self.repository.left_behind(self.clock.now_us() - LEFT_BEHIND_US):
            if place_of(slot_of_project(arrival.project_id), self.repository.place_count) in mine:
                await self._finish(arrival)

    async def _finish(self, arrival: Arrival) -> None:
        project = await self.repository.project(arrival.project_id, client_id=None)
        stored = await self.repository.stored_payloads([claim.unit for claim in arrival.claims])
        candidates = [
            Candidate(position, claim, b"", ())
            for position, claim in enumerate(arrival.claims)
            if payload_key(claim.unit) in stored
        ]
        result = Admission()
        if candidates:
            await self._admit(project, candidates, result)
            await self.repository.drop_payloads(result.orphans)
        await self.room.finished(arrival)
        await self.repository.finished([arrival.arrival_id])
        self._count(result)
        log.info("finished %d units that %s had left behind", len(candidates), arrival.arrival_id)

    def _count(self, result: Admission) -> None:
        for place in result.places.values():
            self.instruments.counter("concord_ingest_units", place.status).inc()
        self.instruments.counter("concord_ingest_units", "refused").inc(len(result.refused))

    async def find(self, project: ProjectState, source_ids: Sequence[str]) -> list[Place]:
        """Say where units stand that a client sent, in the order of its ids."""
        unit_ids = [self.repository.unit_id(project.project_id, source_id) for source_id in source_ids]
        known = await self.repository.units(sorted(set(unit_ids)))
        sampling = project.definition.policy.sampling
        return [
            _standing(known.get(unit_id) or UnitState(unit_id, project.project_id, source_id), sampling)
            for source_id, unit_id in zip(source_ids, unit_ids, strict=True)
        ]

    async def payload(self, unit_id: str) -> tuple[UnitState, Any] | None:
        """Return an admitted unit with its content; None when there is none, or its content was erased."""
        return await self.repository.payload(unit_id)

    async def suggestion(self, unit_id: str) -> Suggested | None:
        """Return what a model says of a unit, where annotators are shown it."""
        return await self.repository.suggestion(unit_id)

    def _caution(self, project: ProjectState, candidates: Sequence[Candidate], result: Admission) -> None:
        """Note who of those let in now asks for people who are not there."""
        staff = Staff({name: row.skills for name, row in self.annotators.rows.items()})
        overlap = project.definition.policy.overlap.initial
        for one in candidates:
            place = result.places.get(one.position)
            if place is not None and place.status == "admitted":
                result.cautions += [(one.position, found) for found in staff.cautions(one.unit, overlap)]

    async def _sampled(self, candidates: Sequence[Candidate], sampling: Sampling, result: Admission) -> list[Candidate]:
        """Note what the sampling leaves out; what was let in under another sampling stays in."""
        outside = {one.unit.unit_id for one in candidates if not wanted(one.unit, sampling)}
        bounded = [one.unit for one in candidates if quota_of(one.unit, sampling) is not None]
        asked = outside | {unit.unit_id for unit in bounded}
        known = (await self.repository.units(sorted(asked))).keys() if asked else set()
        fresh = [unit for unit in bounded if unit.unit_id not in known and unit.unit_id not in outside]
        left_out = (outside - known) | await self.seats.without(fresh, sampling)
        for one in candidates:
            if one.unit.unit_id in left_out:
                result.places[one.position] = Place("left_out", one.unit)
        return [one for one in candidates if one.unit.unit_id not in left_out]

    async def _admit(self, project: ProjectState, candidates: Sequence[Candidate], result: Admission) -> None:
        """Find each content's owner, claim after claim, and admit the owners; the others are duplicates."""
        waiting = list(candidates)
        duplicates: list[tuple[Candidate, UnitState]] = []
        for number in range(1, CLAIMS_MAX + 1):
            holders, before = await self.repository.claim([one.claim for one in waiting], number)
            if project.definition.policy.dedupe == "id":
                holders = [one.claim for one in waiting]
            pairs = list(zip(waiting, holders, strict=True))
            mine = [one for one, holder in pairs if holder.unit.unit_id == one.unit.unit_id]
            others = [(one, holder) for one, holder in pairs if holder.unit.unit_id != one.unit.unit_id]
            known = await self._apply(
                project, mine, {holder.unit.unit_id: holder for _, holder in others}, before, result
            )
            firsts = [(one, known[holder.unit.unit_id]) for one, holder in others]
            duplicates += [(one, first) for one, first in firsts if stands_for(first, one.unit)]
            waiting = [one for one, first in firsts if not stands_for(first, one.unit)]
            if not waiting:
                break
        for one in waiting:
            result.refused[one.position] = UnitRefused(
                "content",
                f"was sent under {CLAIMS_MAX} ids that were taken",
                "send new content under new ids only, or set policy.dedupe to 'id'",
            )
        await self._tell_duplicates(project, duplicates, result)

    async def _apply(
        self,
        project: ProjectState,
        mine: Sequence[Candidate],
        others: Mapping[str, Claim],
        before: Container[str],
        result: Admission,
    ) -> dict[str, UnitState]:
        """Admit the owners of contents; return by id how they, and those who own what others sent, stand now.

        The head of a unit that was sent before is read first. An insert that is tried on one that is admitted costs
        more, and would mark it as open again when it is in its lot.
        """
        known = await self.repository.units(sorted(others.keys() - {one.unit.unit_id for one in mine}))
        causes = [_admitting(project, one.claim, one.trace, one.unit.unit_id not in before) for one in mine]
        causes += [_admitting(project, claim, (), False) for unit_id, claim in others.items() if unit_id not in known]
        outcomes = await self.repository.journal.apply(UNIT, causes)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error  # the bounds of a unit's fields leave room for its event
            assert outcome.state is not None, "a unit that is claimed is admitted, or was"
            known[outcome.state.unit_id] = outcome.state
        for one, outcome in zip(mine, outcomes, strict=False):
            self._answer(one, known[one.unit.unit_id], result, admitted=not outcome.repeated)
        return known

    async def _tell_duplicates(
        self, project: ProjectState, duplicates: Sequence[tuple[Candidate, UnitState]], result: Admission
    ) -> None:
        """Record for each duplicate which unit stands for it, so that its id is answered the same from now on."""
        told = []
        for one, first in duplicates:
            if first.gold_mark == one.unit.gold_mark:
                told.append((one, first))
            else:
                problem = f"differs from that of {first.source_id!r}, which has the same content"
                result.refused[one.position] = UnitRefused("gold", problem, "send one known label a content")
        causes = [_duplicating(project, one, first) for one, first in told]
        for (one, _), outcome in zip(told, await self.repository.journal.apply(UNIT, causes), strict=True):
            assert outcome.state is not None, "a duplicate is recorded, or the unit was known before"
            self._answer(one, outcome.state, result)

    def _answer(self, one: Candidate, known: UnitState, result: Admission, *, admitted: bool = False) -> None:
        """Say what became of a unit that is known now: the same as what was sent, or other."""
        if known.fingerprint != one.unit.fingerprint or known.duplicate_of or known.erased_at_us:
            result.orphans.append(one.unit)
        if known.erased_at_us:
            cure = "send what is new under a new id; what was withdrawn does not come back"
            result.refused[one.position] = UnitRefused("id", "was withdrawn", cure)
        elif (other := differing(known, one.unit)) is not None:
            result.refused[one.position] = _said_otherwise(other, known)
        elif known.duplicate_of:
            result.places[one.position] = Place("duplicate_of", known)
        else:
            result.places[one.position] = Place("admitted" if admitted else "repeated", known)


def _admitting(project: ProjectState, claim: Claim, trace: Headers, new: bool) -> Cause[UnitState]:
    cause_id = f"admit/{claim.unit.unit_id}"

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        if state is not None:
            return None
        version = project.guideline_version
        after = msgspec.structs.replace(claim.unit, admitted_at_us=now_us, guideline_version=version)
        announcer = Announcer(SERVICE, cause_id, now_us, trace)
        return Decision(after, [unit_admitted(announcer, project, after, claim)])

    return Cause(UNIT.key(project.client_id, claim.unit.unit_id), cause_id, decide, creates=new)


def _duplicating(project: ProjectState, one: Candidate, first: UnitState) -> Cause[UnitState]:
    cause_id = f"duplicate/{one.unit.unit_id}"

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        if state is not None:
            return None
        stood_for = {"duplicate_of": first.unit_id, "first_source_id": first.source_id}
        after = msgspec.structs.replace(one.unit, **stood_for, counted_as="")
        announcer = Announcer(SERVICE, cause_id, now_us, one.trace)
        return Decision(after, [unit_duplicated(announcer, project, after)])

    return Cause(UNIT.key(project.client_id, one.unit.unit_id), cause_id, decide)


def _in(result: Admission) -> list[UnitState]:
    return [place.unit for place in result.places.values() if place.status in ("admitted", "repeated")]


def _standing(unit: UnitState, sampling: Sampling) -> Place:
    if unit.erased_at_us:
        return Place("erased", unit)
    if unit.duplicate_of:
        return Place("duplicate_of", unit)
    if unit.admitted_at_us:
        return Place("admitted", unit)
    return Place("unknown" if kept(unit.unit_id, sampling.rate, sampling.seed) else "left_out", unit)


def _said_otherwise(field: str, known: UnitState) -> UnitRefused:
    told = "is a duplicate" if known.duplicate_of else "was admitted"
    return UnitRefused(field, f"differs: {known.source_id!r} {told} with another", "send what is new under a new id")
