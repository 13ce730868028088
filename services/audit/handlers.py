"""Audit's use cases."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.consumer import Delivery, Poison
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.table import Table, Unknown
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.names import quoted
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitEvent
from concord.labels import Json, LabelFault, encoded
from services.audit.announcements import (
    SERVICE,
    lot_accepted,
    lot_exported,
    lot_rejected,
    sample_drawn,
    unit_audited,
)
from services.audit.domain import unit as unit_domain
from services.audit.domain.certificate import Signer, file_claim, lot_claim, statement
from services.audit.domain.lot import OPEN_TO_INSPECTION, LotState, Progress, accepted, drawn, progress, rejected
from services.audit.domain.sampling import inspection_order
from services.audit.domain.unit import Evidence, Inspection, UnitDoesNotExist, UnitState
from services.audit.domain.verdict import Plan, plan_for
from services.audit.export import jsonl
from services.audit.repository import LOT, UNIT, Repository, lot_key, unit_key


class LabelRefused(ValueError):
    """The auditor's label does not fit the project's schema."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


class Handlers:
    """One method a use case; each loads by the repository, asks the domain and appends to the journal."""

    def __init__(
        self,
        repository: Repository,
        journal: Journal,
        projects: Table[Project],
        signer: Signer,
        sample_secret: bytes,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.journal = journal
        self.projects = projects
        self.signer = signer
        self.sample_secret = sample_secret
        self.instruments = instruments
        self.clock = clock

    async def units(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of units and of the lots they are in."""
        units: list[Cause[UnitState]] = []
        lots: list[Cause[LotState]] = []
        for delivery in deliveries:
            event = cast("UnitEvent", delivery.event)
            if event.HasField("lot_sealed"):
                lots.append(_sealed(event))
            elif event.HasField("unit_admitted"):
                units.append(_admitted(event))
            elif event.HasField("unit_erased"):
                units.append(_withdrawn(event))
        for outcome in _good(await self.journal.apply(LOT, lots)):
            self.repository.seen_lot(outcome)
        touched = self._seen(_good(await self.journal.apply(UNIT, units)))
        touched |= {cause.key.rsplit("/", 1)[1] for cause in lots}
        await self._draw_ready(touched, deliveries[-1].trace)

    async def resolutions(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of resolved labels; a lot whose last one this was has its sample drawn."""
        causes = []
        for delivery in deliveries:
            event = cast("ResolutionEvent", delivery.event)
            if event.HasField("consensus_reached") or event.HasField("adjudicated"):
                causes.append(_resolved(event))
        touched = self._seen(_good(await self.journal.apply(UNIT, causes)))
        await self._draw_ready(touched, deliveries[-1].trace)

    async def resume(self) -> None:
        """After a start: go on with every lot from where its records end."""
        await self._draw_ready(set(self.repository.lots), ())
        for lot in self.repository.open_lots(None):
            await self._judge(lot.lot_id, ())

    async def inspect(self, auditor_id: str, unit_id: str, label: Json, reason: str) -> Outcome[UnitState]:
        """Take an auditor's own label of a unit, and judge its lot as far as verdicts reach.

        Raises:
            UnitDoesNotExist, InspectedOtherwise, LabelRefused: it cannot be taken.
        """
        lot = self.repository.lot_of(unit_id)
        if lot is None or lot.status not in OPEN_TO_INSPECTION or unit_id not in lot.sample:
            known = (await self.repository.units([unit_id])).get(unit_id)
            lot = self._already_judged(auditor_id, known, label, lot)
        project = await self._project(lot.project_id)
        try:
            canonical = encoded(project.schema.canonical(label)).decode()
        except LabelFault as fault:
            raise LabelRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        lot_id, rework, trace = lot.lot_id, lot.rework, trace_headers()
        inspection = Inspection(auditor_id, canonical, rework, reason)
        cause_id = f"inspect/{unit_id}/{rework}/{quoted(auditor_id)}/{canonical}"

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            after = unit_domain.inspected(state, inspection)
            return Decision(after, [unit_audited(Announcer(SERVICE, cause_id, now_us, trace), lot_id, after)])

        outcome = await self.journal.decide(UNIT, Cause(unit_key(unit_id), cause_id, decide))
        if not outcome.repeated and outcome.state is not None:
            result = "wrong" if outcome.state.wrong else "correct"
            self.instruments.counter("concord_audit_inspections", result).inc()
        await self._judge(lot_id, trace)
        return outcome

    async def export(self, lots: Sequence[LotState]) -> tuple[bytes, int]:
        """Return accepted lots as JSONL with the number of rows, and tell that they have left."""
        parts, count = [], 0
        for lot in lots:
            content, rows = jsonl.rows(lot, await self.repository.units(lot.unit_ids))
            parts.append(content)
            count += rows
            if jsonl.FORMAT not in lot.exported:
                outcome = await self.journal.decide(LOT, _exported(lot.lot_id, content, rows))
                if outcome.state is not None:
                    self.repository.seen_lot(outcome.state)
        return b"".join(parts), count

    async def project_certificate(self, project: Project) -> str:
        """Return one certificate over all accepted lots of a project, in one export file."""
        lots = self.repository.accepted(project.project_id)
        content, claims, count = [], [], 0
        for lot in lots:
            units = await self.repository.units(lot.unit_ids)
            part, rows = jsonl.rows(lot, units)
            content.append(part)
            count += rows
            claims.append(lot_claim(lot, units, project.schema))
        until_us = lots[-1].accepted_at_us if lots else 0
        name = f"{project.project_id}-{until_us}.jsonl"
        files = [file_claim(name, jsonl.MEDIA_TYPE, b"".join(content), count)]
        said = statement(project.client_id, project.project_id, self.clock.now_us(), claims, files)
        return self.signer.signed({**said, "export_until_us": until_us})

    def _already_judged(self, auditor_id: str, unit: UnitState | None, label: Json, lot: LotState | None) -> LotState:
        """Return the lot when this very verdict was taken before; otherwise there is nothing to inspect."""
        said = unit.inspection if unit is not None else None
        if lot is None or said is None or said.auditor_id != auditor_id or msgspec.json.decode(said.label) != label:
            raise UnitDoesNotExist("There is no such unit to inspect.")
        return msgspec.structs.replace(lot, rework=said.rework)

    def _seen(self, units: Iterable[UnitState]) -> set[str]:
        return {lot_id for unit in units if (lot_id := self.repository.seen_unit(unit)) is not None}

    async def _draw_ready(self, lot_ids: Iterable[str], trace: Headers) -> None:
        for lot_id in sorted(self.repository.drawable(lot_ids)):
            await self._draw(self.repository.lots[lot_id], trace)
        open_lots = sum(lot.status != "accepted" for lot in self.repository.lots.values())
        self.instruments.gauge("concord_audit_lots_open").set(open_lots)

    async def _draw(self, lot: LotState, trace: Headers) -> None:
        """Draw a lot's sample when every one of its units is there: the truth is read, the read model only hinted."""
        units = await self.repository.units(lot.unit_ids)
        if any(unit_id not in units or not units[unit_id].ready(lot.rework) for unit_id in lot.unit_ids):
            return
        counting = [unit_id for unit_id in lot.unit_ids if not units[unit_id].withdrawn]
        plan = await self._plan(lot.project_id, max(1, len(counting)))
        order = inspection_order(self.sample_secret, lot.lot_id, lot.rework, counting)
        cause_id = f"draw/{lot.lot_id}/{lot.rework}"

        def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
            after = drawn(state, plan, order[: plan.sample_size])
            if after is None or after.rework != lot.rework:
                return None
            return Decision(after, [sample_drawn(Announcer(SERVICE, cause_id, now_us, trace), after)])

        outcome = await self.journal.decide(LOT, Cause(lot_key(lot.lot_id), cause_id, decide))
        if outcome.state is not None:
            self.repository.seen_lot(outcome.state)
        if not counting:
            await self._judge(lot.lot_id, trace)

    async def _plan(self, project_id: str, lot_units: int) -> Plan:
        policy = (await self._project(project_id)).policy.audit
        # Finding a sequential plan takes tens of milliseconds once for each lot size: not on the event loop.
        return await asyncio.to_thread(
            plan_for,
            cast("Any", policy.plan),
            policy.fraction,
            policy.aql,
            policy.ltpd,
            policy.alpha,
            policy.beta,
            lot_units,
        )

    async def _judge(self, lot_id: str, trace: Headers) -> None:
        """Accept or reject the lot if its verdicts are enough."""
        lot = self.repository.lots[lot_id]
        if lot.status not in OPEN_TO_INSPECTION:
            return
        units = await self.repository.units(lot.unit_ids)
        found = progress(lot, units)
        if found.verdict == "continue":
            return
        project = await self._project(lot.project_id)
        if found.verdict == "accept":
            cause = self._acceptance(lot, found, units, project, trace)
        else:
            cause = _rejection(lot, found, project.policy.audit.on_reject, trace)
        outcome = await self.journal.decide(LOT, cause)
        assert outcome.state is not None
        self.repository.seen_lot(outcome.state)
        if not outcome.repeated:
            self.instruments.counter("concord_audit_lots", f"{found.verdict}ed").inc()
        # A small lot may have been inspected whole already.
        await self._judge(lot_id, trace)

    def _acceptance(
        self, lot: LotState, found: Progress, units: Mapping[str, UnitState], project: Project, trace: Headers
    ) -> Cause[LotState]:
        cause_id = f"accept/{lot.lot_id}/{lot.rework}"
        leaving = sum(not units[unit_id].withdrawn for unit_id in lot.unit_ids)

        def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
            if state is None or (state.status, state.rework) != (lot.status, lot.rework):
                return None  # another process was faster, and what was found is of an earlier time
            bare = accepted(state, found, units, "", now_us)
            content, rows = jsonl.rows(bare, units)
            files = [file_claim(f"{lot.lot_id}.jsonl", jsonl.MEDIA_TYPE, content, rows)]
            claims = [lot_claim(bare, units, project.schema)]
            said = statement(project.client_id, project.project_id, now_us, claims, files)
            after = msgspec.structs.replace(bare, certificate=self.signer.signed(said))
            return Decision(after, [lot_accepted(Announcer(SERVICE, cause_id, now_us, trace), after, leaving)])

        return Cause(lot_key(lot.lot_id), cause_id, decide)

    async def _project(self, project_id: str) -> Project:
        try:
            return await self.projects.get(project_id)
        except Unknown as fault:
            raise Poison(str(fault)) from fault


def _good(outcomes: Sequence[Outcome[Any]]) -> list[Any]:
    """Return the states; the first error is raised, for the consumer to find out which record is to blame."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return [outcome.state for outcome in outcomes if outcome.state is not None]


def _sealed(event: UnitEvent) -> Cause[LotState]:
    told = event.lot_sealed
    lot = LotState(told.lot_id, event.metadata.project_id, tuple(told.unit_ids))

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        del now_us
        return Decision(lot) if state is None else None

    return Cause(lot_key(told.lot_id), event.metadata.event_id, decide, creates=True)


def _admitted(event: UnitEvent) -> Cause[UnitState]:
    told, project_id = event.unit_admitted, event.metadata.project_id

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        del now_us
        gold = told.HasField("gold_label")
        return Decision(unit_domain.admitted(state, told.unit_id, project_id, told.source_id, gold))

    return Cause(unit_key(told.unit_id), event.metadata.event_id, decide, creates=True)


def _withdrawn(event: UnitEvent) -> Cause[UnitState]:
    unit_id, project_id = event.unit_erased.unit_id, event.metadata.project_id

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        del now_us
        return Decision(unit_domain.withdrawn(state, unit_id, project_id))

    return Cause(unit_key(unit_id), event.metadata.event_id, decide)


def _resolved(event: ResolutionEvent) -> Cause[UnitState]:
    told = event.consensus_reached if event.HasField("consensus_reached") else event.adjudicated
    by_person = event.HasField("adjudicated")
    evidence = [Evidence(one.annotator_id, one.label.decode(), one.guideline_version) for one in told.evidence]

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        del now_us
        after = unit_domain.resolved(
            state,
            told.unit_id,
            event.metadata.project_id,
            told.label.decode(),
            told.rework,
            "adjudicated" if by_person else event.consensus_reached.method,
            1.0 if by_person else event.consensus_reached.confidence,
            evidence,
            event.adjudicated.adjudicator_id,
            told.guideline_version,
        )
        return None if after is None else Decision(after)

    return Cause(unit_key(told.unit_id), event.metadata.event_id, decide)


def _rejection(lot: LotState, found: Progress, on_reject: str, trace: Headers) -> Cause[LotState]:
    cause_id = f"reject/{lot.lot_id}/{lot.rework}"

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        if state is None or state.status != "auditing":
            return None
        after = rejected(state, found, on_reject)
        return Decision(after, [lot_rejected(Announcer(SERVICE, cause_id, now_us, trace), state, after, on_reject)])

    return Cause(lot_key(lot.lot_id), cause_id, decide)


def _exported(lot_id: str, content: bytes, rows: int) -> Cause[LotState]:
    cause_id, trace = f"export/{lot_id}/{jsonl.FORMAT}", trace_headers()

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        if state is None:
            return None
        after = msgspec.structs.replace(state, exported=(*state.exported, jsonl.FORMAT))
        announcer = Announcer(SERVICE, cause_id, now_us, trace)
        return Decision(after, [lot_exported(announcer, after, jsonl.FORMAT, content, rows)])

    return Cause(lot_key(lot_id), cause_id, decide)
