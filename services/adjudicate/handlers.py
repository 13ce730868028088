"""Adjudicate's use cases."""

from collections.abc import Sequence
from typing import cast

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
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.contracts.v1.units_pb2 import UnitEvent
from concord.labels import Json, LabelFault, encoded
from services.adjudicate.announcements import SERVICE, decision, ruling
from services.adjudicate.domain.competence import CompetenceState, newest
from services.adjudicate.domain.consensus import Leading, Method, Weights, leading
from services.adjudicate.domain.escalation import EscalationDoesNotExist, RulingRefused, has_part, ruled
from services.adjudicate.domain.unit import (
    Annotation,
    Judged,
    Rule,
    UnitState,
    Weigh,
    admitted,
    annotated,
    reopened,
    withdrawn,
)
from services.adjudicate.repository import COMPETENCE, UNIT, Repository, competence_key, unit_key


class Handlers:
    """One method a use case; each loads by the repository, asks the domain and appends to the journal."""

    def __init__(
        self, repository: Repository, journal: Journal, projects: Table[Project], instruments: Instruments, clock: Clock
    ) -> None:
        self.repository = repository
        self.journal = journal
        self.projects = projects
        self.instruments = instruments
        self.clock = clock
        self._verdicts: dict[str, str] = {}

    async def units(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of admitted and withdrawn units; lots are audit's."""
        causes = []
        for delivery in deliveries:
            event = cast("UnitEvent", delivery.event)
            if event.HasField("unit_admitted"):
                causes.append(await self._admission(event, delivery.trace))
            elif event.HasField("unit_erased"):
                causes.append(_withdrawal(event))
        await self._apply(causes)

    async def annotations(self, deliveries: Sequence[Delivery]) -> None:
        """Take labels in, and decide the rounds that they complete. A late label stays where it was submitted."""
        causes = []
        for delivery in deliveries:
            event = cast("AnnotationEvent", delivery.event)
            if event.HasField("annotation_submitted") and not event.annotation_submitted.late:
                causes.append(await self._annotation(event, delivery.trace))
        await self._apply(causes)

    async def lots(self, deliveries: Sequence[Delivery]) -> None:
        """Open the units of a rejected lot again when they are to be labelled anew."""
        for delivery in deliveries:
            event = cast("LotEvent", delivery.event)
            if event.HasField("lot_rejected") and event.lot_rejected.on_reject == "relabel":
                rejected = event.lot_rejected
                cause_id = event.metadata.event_id
                await self._apply([_reopening(unit_id, cause_id, rejected.rework + 1) for unit_id in rejected.unit_ids])

    async def quality(self, deliveries: Sequence[Delivery]) -> None:
        """Learn how well annotators do on gold."""
        causes = []
        for delivery in deliveries:
            event = cast("QualityEvent", delivery.event)
            if event.HasField("competence_estimated") and event.competence_estimated.classes:
                causes.append(_competence(event))
        for outcome in await self.journal.apply(COMPETENCE, causes):
            if outcome.state is not None:
                self.repository.learned(outcome.state)

    async def rule(self, adjudicator_id: str, unit_id: str, label: Json, reason: str) -> Outcome[UnitState]:
        """Settle an escalated unit by an adjudicator's word.

        Raises:
            EscalationDoesNotExist, NotEscalated, RulingRefused: it cannot be ruled so.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None or has_part(unit, adjudicator_id):
            raise EscalationDoesNotExist("There is no such escalation.")
        project = await self._project(unit.project_id)
        try:
            canonical = encoded(project.schema.canonical(label)).decode()
        except LabelFault as fault:
            raise RulingRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        cause_id = f"ruling/{unit_id}/{unit.rework}/{quoted(adjudicator_id)}/{canonical}"
        trace = trace_headers()

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            after = ruled(state, adjudicator_id, canonical, reason)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [ruling(announcer, after, project.guideline_version)])

        outcome = await self.journal.decide(UNIT, Cause(unit_key(unit_id), cause_id, decide))
        if not outcome.repeated:
            self.instruments.counter("concord_adjudicate_decisions", "ruled").inc()
        self._seen([outcome])
        return outcome

    async def _admission(self, event: UnitEvent, trace: Headers) -> Cause[UnitState]:
        told, cause_id = event.unit_admitted, event.metadata.event_id
        project = await self._project(event.metadata.project_id)
        traceparent = dict(trace).get("traceparent", b"").decode()

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            gold = told.HasField("gold_label")
            judged = admitted(
                state, told.unit_id, project.project_id, gold, rule_of(project), self._weigh(project), traceparent
            )
            return self._decision(judged, project, cause_id, now_us, trace)

        return Cause(unit_key(told.unit_id), cause_id, decide, creates=True)

    async def _annotation(self, event: AnnotationEvent, trace: Headers) -> Cause[UnitState]:
        told, cause_id = event.annotation_submitted, event.metadata.event_id
        project = await self._project(event.metadata.project_id)
        annotation = Annotation(
            told.annotation_id, told.annotator_id, told.label.decode(), told.guideline_version, told.rework, told.flag
        )

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            judged = annotated(
                state, told.unit_id, project.project_id, annotation, rule_of(project), self._weigh(project)
            )
            return self._decision(judged, project, cause_id, now_us, trace)

        return Cause(unit_key(told.unit_id), cause_id, decide)

    def _decision(
        self, judged: Judged, project: Project, cause_id: str, now_us: int, trace: Headers
    ) -> Decision[UnitState]:
        self._verdicts[cause_id] = judged.verdict
        announcer = Announcer(SERVICE, cause_id, now_us, trace)
        events = decision(announcer, judged, project.policy.consensus.method, project.guideline_version)
        return Decision(judged.state, events)

    def _weigh(self, project: Project) -> Weigh:
        def weigh(annotations: Sequence[Annotation]) -> Leading:
            labels = [(one.annotator_id, msgspec.json.decode(one.label)) for one in annotations]
            method = cast("Method", project.policy.consensus.method)
            return leading(project.schema, project.classed, labels, method, self.weights(project))

        return weigh

    def weights(self, project: Project) -> Weights | None:
        """Return what consensus in a project rests on; None where its labels have no classes."""
        if project.classed is None:
            return None
        assumed = project.policy.gold.pass_accuracy
        return self.repository.weights(project.project_id, len(project.classed.classes), assumed)

    async def _apply(self, causes: Sequence[Cause[UnitState]]) -> None:
        """Answer the causes; the first error is raised, for the consumer to find out which record is to blame."""
        outcomes = await self.journal.apply(UNIT, causes)
        self._seen(outcomes)
        for cause, outcome in zip(causes, outcomes, strict=True):
            verdict = self._verdicts.pop(cause.id, "recorded")
            if outcome.error is not None:
                raise outcome.error
            if verdict != "recorded" and not outcome.repeated:
                self.instruments.counter("concord_adjudicate_decisions", verdict).inc()
                if verdict != "overlap_requested" and outcome.state is not None:
                    annotations = self.instruments.histogram("concord_adjudicate_annotations_per_unit")
                    annotations.observe(outcome.state.decided_round)

    def _seen(self, outcomes: Sequence[Outcome[UnitState]]) -> None:
        for outcome in outcomes:
            if outcome.state is not None:
                self.repository.seen(outcome.state)
        self.instruments.gauge("concord_adjudicate_escalations_open").set(self.repository.escalations_open)

    async def _project(self, project_id: str) -> Project:
        try:
            return await self.projects.get(project_id)
        except Unknown as fault:
            raise Poison(str(fault)) from fault


def rule_of(project: Project) -> Rule:
    """Return when the project's units are settled."""
    policy = project.policy
    return Rule(policy.overlap.initial, policy.overlap.max, policy.consensus.confidence)


def _withdrawal(event: UnitEvent) -> Cause[UnitState]:
    unit_id, project_id = event.unit_erased.unit_id, event.metadata.project_id

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        del now_us
        return Decision(withdrawn(state, unit_id, project_id))

    return Cause(unit_key(unit_id), event.metadata.event_id, decide)


def _reopening(unit_id: str, cause_id: str, rework: int) -> Cause[UnitState]:
    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        del now_us
        return None if state is None else Decision(reopened(state, rework))

    return Cause(unit_key(unit_id), cause_id, decide)


def _competence(event: QualityEvent) -> Cause[CompetenceState]:
    told, metadata = event.competence_estimated, event.metadata
    answers = tuple((one.known, one.given, one.times) for one in told.answers)
    if outside := [one for one in answers if max(one[:2]) >= told.classes]:
        raise Poison(f"competence_estimated.answers: classes {outside[0][:2]} of {told.classes}")
    said = CompetenceState(metadata.project_id, told.annotator_id, told.revision, told.classes, answers)

    def decide(state: CompetenceState | None, now_us: int) -> Decision[CompetenceState] | None:
        del now_us
        after = newest(state, said)
        return None if after is None else Decision(after)

    key = competence_key(metadata.client_id, metadata.project_id, told.annotator_id)
    return Cause(key, metadata.event_id, decide)
