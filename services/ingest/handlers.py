"""Ingest's use cases."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.store.port import Document
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.names import NameRefused, name_from
from concord.labels import LabelFault, LabelSchema, SchemaFault, encoded, schema_from
from services.ingest.announcements import SERVICE, lot_sealed, project_defined, unit_admitted
from services.ingest.domain.admission import Place, UnitRefused, UnitState, UnitWish, canonical_content, checked
from services.ingest.domain.lot import LotState
from services.ingest.domain.project import Definition, Fault, ProjectRefused, ProjectState, defined
from services.ingest.domain.sampling import kept
from services.ingest.repository import LOT, PROJECT, UNIT, Repository, payload


@dataclass(slots=True)
class Admission:
    """What became of a batch of units: the places of those taken, the refusals by position in the batch."""

    places: list[Place] = field(default_factory=list)
    refused: list[tuple[int, UnitRefused]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A unit that passed its checks and is on its way in."""

    position: int
    wish: UnitWish
    unit_id: str
    fingerprint: str
    content: bytes
    gold: bytes | None


class Handlers:
    """One method a use case; each loads by the repository, asks the domain and appends to the journal."""

    def __init__(self, repository: Repository, journal: Journal, instruments: Instruments, clock: Clock) -> None:
        self.repository = repository
        self.journal = journal
        self.instruments = instruments
        self.clock = clock

    async def define_project(self, client_id: str, slug: str, definition: Definition) -> ProjectState:
        """Define a project or define it anew; saying the same again changes nothing.

        Raises:
            ProjectRefused: what is wrong with the definition.
        """
        try:
            spec = schema_from(definition.label_schema).spec()
        except SchemaFault as fault:
            path = f"label_schema{fault.path.removeprefix('$')}"
            raise ProjectRefused([Fault(path, fault.problem, fault.cure)]) from fault
        definition = Definition(
            spec, definition.name or slug, definition.guideline, definition.policy, definition.targets
        )
        project_id = f"{client_id}-{slug}"
        trace = trace_headers()

        def decide(state: ProjectState | None, now_us: int) -> Decision[ProjectState] | None:
            after = defined(state, client_id, project_id, definition)
            if after is None:
                return None
            announcer = Announcer(SERVICE, f"define/{project_id}/{after.revision}", now_us, trace)
            return Decision(after, [project_defined(announcer, after)])

        # Every call is a cause of its own, since A, B and A again are three definitions; `defined` knows repeats.
        said = hashlib.sha256(msgspec.json.encode(definition)).hexdigest()
        cause = Cause(PROJECT.key(client_id, project_id), f"define/{self.clock.now_us()}/{said}", decide)
        outcome = await self.journal.decide(PROJECT, cause)
        assert outcome.state is not None
        self.repository.projects[project_id] = outcome.state
        return outcome.state

    async def admit(self, project: ProjectState, wishes: Sequence[UnitWish], trace: Headers | None = None) -> Admission:
        """Take a batch of units in: each once, however often and through whichever door it comes."""
        trace = trace_headers() if trace is None else trace
        result = Admission()
        candidates = self._candidates(project, wishes, result)
        repeated = await self._keep_payloads(project, candidates)
        fresh = [one for one in candidates if repeated.get(one.position) is None]
        outcomes = await self.journal.apply(UNIT, [self._cause(project, one, trace) for one in fresh])
        open_lot = self.repository.open_lots[project.project_id]
        orphans: list[str] = []
        for one, outcome in zip(fresh, outcomes, strict=True):
            state = outcome.state
            assert state is not None
            if outcome.repeated and state.fingerprint != one.fingerprint:
                orphans.append(self._payload(project, one)["_id"])
                result.refused.append((one.position, _other_content(one.wish.id)))
                continue
            result.places.append(Place("repeated" if outcome.repeated else "admitted", one.wish.id, one.unit_id))
            if not outcome.repeated and not state.gold:
                open_lot.add(state.unit_id, state.admitted_at_us)
        if orphans:
            await self.repository.drop_payloads(orphans)
        for one in candidates:
            if (first := repeated.get(one.position)) is not None:
                result.places.append(Place("repeated", one.wish.id, first))
        for place in result.places:
            self.instruments.counter("concord_ingest_units", place.status).inc()
        self.instruments.counter("concord_ingest_units", "refused").inc(len(result.refused))
        await self.seal_due(project, project.definition.policy.lot.seal_after_seconds)
        return result

    async def seal_due(self, project: ProjectState, seal_after_seconds: float) -> int:
        """Cut every lot that is full or old enough; 0 seconds: all that is waiting. Return how many were cut."""
        open_lot = self.repository.open_lots[project.project_id]
        size = project.definition.policy.lot.size
        sealed = 0
        while members := open_lot.due(size, round(seal_after_seconds * MICROSECONDS), self.clock.now_us()):
            number = open_lot.next_number
            lot = LotState(self.repository.lot_id(project.project_id, number), project.project_id, number, members)
            outcome = await self.journal.decide(LOT, _sealing(project, lot))
            assert outcome.state is not None
            # When another process was faster, this lot is its lot, and ours are cut from what it left.
            open_lot.cut(outcome.state)
            sealed += not outcome.repeated
        return sealed

    async def seal_aged(self) -> None:
        """Cut the lots of all projects whose oldest unit has waited long enough."""
        for project_id, open_lot in list(self.repository.open_lots.items()):
            if len(open_lot) and (project := self.repository.projects.get(project_id)) is not None:
                await self.seal_due(project, project.definition.policy.lot.seal_after_seconds)

    def _candidates(self, project: ProjectState, wishes: Sequence[UnitWish], result: Admission) -> list[_Candidate]:
        """Check each wish; note refusals and what the sampling leaves out."""
        schema = schema_from(project.definition.label_schema)
        rate = project.definition.policy.sampling.rate
        candidates = []
        for position, sent in enumerate(wishes):
            try:
                wish = checked(_named(sent))
                content = canonical_content(wish.content)
                gold = None if wish.gold is None else _gold(schema, wish)
            except UnitRefused as refusal:
                result.refused.append((position, refusal))
                continue
            unit_id = self.repository.unit_id(project.project_id, wish.id)
            if not kept(unit_id, rate):
                result.places.append(Place("left_out", wish.id, unit_id))
                continue
            mark = self.repository.fingerprint(project.project_id, content)
            candidates.append(_Candidate(position, wish, unit_id, mark, content, gold))
        return candidates

    async def _keep_payloads(self, project: ProjectState, candidates: Sequence[_Candidate]) -> dict[int, str]:
        """Store the payloads; return, by position, the unit under which the same content was admitted before."""
        if not candidates:
            return {}
        payloads = [self._payload(project, one) for one in candidates]
        owners = await self.repository.keep_payloads(payloads)
        repeated = {}
        for one, stored in zip(candidates, payloads, strict=True):
            # Within the batch the first of the same content is its owner.
            owner = owners.setdefault(stored["_id"], one.unit_id)
            if owner != one.unit_id:
                repeated[one.position] = owner
        return repeated

    def _payload(self, project: ProjectState, one: _Candidate) -> Document:
        return payload(project.project_id, one.fingerprint, one.unit_id, one.wish.media_type, one.content)

    def _cause(self, project: ProjectState, one: _Candidate, trace: Headers) -> Cause[UnitState]:
        cause_id = f"admit/{one.unit_id}"

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
            if state is not None:
                return None
            after = UnitState(
                one.unit_id,
                project.project_id,
                one.wish.id,
                one.wish.media_type,
                one.fingerprint,
                now_us,
                one.gold is not None,
            )
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [unit_admitted(announcer, project, after, one.wish, one.gold)])

        return Cause(UNIT.key(project.client_id, one.unit_id), cause_id, decide, creates=True)


def _named(wish: UnitWish) -> UnitWish:
    """Return the wish with its annotators' names as they are kept."""
    names = []
    for place, sent in enumerate(wish.annotators):
        try:
            names.append(name_from(sent))
        except NameRefused as refused:
            raise UnitRefused(f"annotators[{place}]", refused.problem, refused.cure) from refused
    return msgspec.structs.replace(wish, annotators=tuple(names)) if names else wish


def _gold(schema: LabelSchema, wish: UnitWish) -> bytes:
    try:
        return encoded(schema.canonical(wish.gold))
    except LabelFault as fault:
        raise UnitRefused(f"gold{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault


def _other_content(source_id: str) -> UnitRefused:
    return UnitRefused("id", f"{source_id!r} was admitted with other content", "send new content under a new id")


def _sealing(project: ProjectState, lot: LotState) -> Cause[LotState]:
    cause_id = f"seal/{lot.lot_id}"
    trace = trace_headers()

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        if state is not None:
            return None
        return Decision(lot, [lot_sealed(Announcer(SERVICE, cause_id, now_us, trace), project, lot)])

    return Cause(LOT.key(project.client_id, lot.lot_id), cause_id, decide, creates=True)
