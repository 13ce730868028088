"""Events as the services before this one would tell them, for tests of one service alone."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from msgspec.structs import asdict

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.journal.announce import Announcer
from concord.contracts.codec import Headers
from concord.contracts.topics import ANNOTATIONS, LOTS, PROJECTS, QUALITY, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import (
    AnnotationEvent,
    AnnotationRevised,
    AnnotationSubmitted,
    LabellingEnded,
    UnitStranded,
)
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.contracts.v1.projects_pb2 import ProjectDefined, ProjectEvent, SchemaStep, Targets
from concord.contracts.v1.quality_pb2 import (
    CompetenceEstimated,
    CrowdMeasured,
    GoldAnswers,
    GoldDoubted,
    GoldSaid,
    GoldUnits,
    QualityEvent,
)
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from concord.contracts.v1.units_pb2 import (
    LotSealed,
    ReidentifiedKind,
    UnitAdmitted,
    UnitErased,
    UnitEvent,
    UnitReidentified,
)
from concord.labels import Json, encoded
from concord.labels.versions import Step
from services.ingest.announcements import policy
from services.ingest.domain.project import Overlap, Policy
from services.ingest.domain.project import Targets as DefaultTargets
from simulation.house import House

CLIENT = "k1"
PROJECT = "k1-p"
CLASSES = ["no", "yes"]


class Teller:
    """Publishes events of one project; each cause is said once unless it is said again on purpose.

    Args:
        broker: where.
        clock: when.
        client_id: whose project it is; its id is `<client_id>-p`.

    Attributes:
        traces: the trace that events of a key are of.
    """

    def __init__(self, broker: Broker, clock: Clock, client_id: str = CLIENT) -> None:
        self.broker = broker
        self.clock = clock
        self.client_id = client_id
        self.project_id = f"{client_id}-p"
        self.overlap_initial = Overlap().initial
        self.causes = 0
        self.traces: dict[str, Headers] = {}

    async def tell(self, topic: Topic, key: str, envelope: Message, cause: str = "", times: int = 1) -> None:
        """Publish an event, once or several times the same."""
        self.causes += 1
        cause = cause or f"{self.client_id} {self.causes}"
        announcer = Announcer("upstream", cause, self.clock.now_us(), self.traces.get(key, ()))
        record = announcer.event(topic, key, self.client_id, self.project_id, envelope)
        await self.broker.publish([record] * times)

    async def project(
        self,
        wished: Policy,
        classes: Sequence[str] = CLASSES,
        revision: int = 1,
        schema: Any = None,
        life: str = "open",
        guideline_version: int = 1,
        steps: Sequence[Step] = (),
        guideline: str = "Say yes or no.",
        targets: DefaultTargets = DefaultTargets(),  # noqa: B008 - it cannot change
    ) -> None:
        """Define the project, or define it anew; its labels are a choice where no schema is given.

        `steps`: those of all versions of the schema, which is then whole.
        """
        self.overlap_initial = wished.overlap.initial
        defined = ProjectDefined(
            name="p",
            revision=revision,
            label_schema=encoded(schema or {"kind": "choice", "classes": list(classes)}),
            guideline_version=guideline_version,
            guideline_text=guideline,
            policy=policy(wished),
            targets=Targets(**asdict(targets)),
            life=life,
            schema_version=steps[-1].version if steps else 1,
            schema_steps=[SchemaStep(**dataclasses.asdict(step)) for step in steps],
        )
        await self.tell(PROJECTS, self.project_id, ProjectEvent(project_defined=defined))

    async def unit(self, unit_id: str, gold: str | None = None, named: Sequence[str] = (), times: int = 1) -> None:
        """Admit a unit."""
        event = self._admission(unit_id, named, None if gold is None else encoded(gold))
        await self.tell(UNITS, unit_id, event, times=times)

    async def batch(self, unit_ids: Sequence[str], times: int = 1) -> None:
        """Admit units at once, as a request of many is told, each by a cause that follows from it."""
        announcers = [Announcer("upstream", f"batch {unit_id}", self.clock.now_us()) for unit_id in unit_ids]
        records = [
            announcer.event(UNITS, unit_id, self.client_id, self.project_id, self._admission(unit_id))
            for announcer, unit_id in zip(announcers, unit_ids, strict=True)
        ]
        await self.broker.publish(records * times)

    def _admission(self, unit_id: str, named: Sequence[str] = (), gold_label: bytes | None = None) -> UnitEvent:
        admitted = UnitAdmitted(
            unit_id=unit_id,
            source_id=f"source of {unit_id}",
            media_type="text/plain",
            named_annotators=named,
            gold_label=gold_label,
            guideline_version=1,
            overlap_initial=self.overlap_initial,
        )
        return UnitEvent(unit_admitted=admitted)

    async def lot(self, lot_id: str, unit_ids: Sequence[str]) -> None:
        """Seal a lot."""
        await self.tell(UNITS, lot_id, UnitEvent(lot_sealed=LotSealed(lot_id=lot_id, unit_ids=unit_ids)))

    async def erased(self, unit_id: str) -> None:
        """Withdraw a unit."""
        await self.tell(UNITS, unit_id, UnitEvent(unit_erased=UnitErased(unit_id=unit_id)))

    async def reidentified(self, unit_id: str) -> None:
        """Have somebody told who is behind a unit."""
        kinds = [ReidentifiedKind(kind="email", asked=2, told=1)]
        reidentified = UnitReidentified(
            unit_id=unit_id, asked_by="officer", reason="case 7", how="compared", kinds=kinds
        )
        await self.tell(UNITS, unit_id, UnitEvent(unit_reidentified=reidentified))

    async def annotation(self, unit_id: str, number: int, annotator_id: str, label: Json, **more: Any) -> None:
        """Submit an annotation."""
        times = more.pop("times", 1)
        submitted = AnnotationSubmitted(
            unit_id=unit_id,
            annotation_id=f"{unit_id}.{number}",
            annotator_id=annotator_id,
            label=encoded(label),
            guideline_version=1,
            **more,
        )
        await self.tell(ANNOTATIONS, unit_id, AnnotationEvent(annotation_submitted=submitted), times=times)

    async def revision(
        self, unit_id: str, number: int, annotator_id: str, label: Json, revision: int, **more: Any
    ) -> None:
        """Revise an annotation."""
        times = more.pop("times", 1)
        revised = AnnotationRevised(
            unit_id=unit_id,
            annotation_id=f"{unit_id}.{number}",
            annotator_id=annotator_id,
            label=encoded(label),
            guideline_version=1,
            revision=revision,
            **more,
        )
        await self.tell(ANNOTATIONS, unit_id, AnnotationEvent(annotation_revised=revised), times=times)

    async def labelling_ended(self, unit_id: str, *may_still_submit: str, rework: int = 0, referral: int = 0) -> None:
        """Say, as assign does of an escalated unit, that it is given to nobody any more."""
        labelling_ended = LabellingEnded(
            unit_id=unit_id, rework=rework, may_still_submit=may_still_submit, referral=referral
        )
        await self.tell(ANNOTATIONS, unit_id, AnnotationEvent(labelling_ended=labelling_ended))

    async def stranded(self, unit_id: str, rework: int = 0, referral: int = 0) -> None:
        """Say, as assign does, that nobody is left to label a unit."""
        unit_stranded = UnitStranded(unit_id=unit_id, rework=rework, reason="everybody_had_it", referral=referral)
        await self.tell(ANNOTATIONS, unit_id, AnnotationEvent(unit_stranded=unit_stranded))

    async def resolution(self, unit_id: str, **event: Message) -> None:
        """Tell a resolution event by its field's name."""
        await self.tell(RESOLUTIONS, unit_id, ResolutionEvent(**event))  # type: ignore[arg-type] # by name

    async def lots(self, lot_id: str, **event: Message) -> None:
        """Tell a lot event by its field's name."""
        await self.tell(LOTS, lot_id, LotEvent(**event))  # type: ignore[arg-type] # by name

    async def competence(self, annotator_id: str, confusion: Sequence[int], revision: int = 1, field: str = "") -> None:
        """Tell how an annotator does on gold of two classes, row by row."""
        answers = [(place // 2, place % 2, times) for place, times in enumerate(confusion) if times]
        await self.gold_answers(annotator_id, 2, answers, revision, field)

    async def gold_answers(
        self,
        annotator_id: str,
        classes: int,
        answers: Sequence[tuple[int, int, int]],
        revision: int = 1,
        field: str = "",
    ) -> None:
        """Tell how an annotator does on gold: (known class, given class, times)."""
        estimated = CompetenceEstimated(
            annotator_id=annotator_id,
            revision=revision,
            classes=classes,
            answers=[GoldAnswers(known=known, given=given, times=times) for known, given, times in answers],
            field=field,
        )
        await self.tell(QUALITY, annotator_id, QualityEvent(competence_estimated=estimated))

    async def gold_doubted(self, unit_id: str, known: Json, entry: Json, annotators: Sequence[str]) -> None:
        """Tell that these all say something else of a gold unit than is known."""
        doubted = GoldDoubted(
            unit_id=unit_id,
            known_label=encoded(known),
            said=[GoldSaid(label=encoded(entry), annotators=len(annotators))],
            good=len(annotators),
            disagreeing=len(annotators),
            share_low=0.55,
            annotators=annotators,
        )
        await self.tell(QUALITY, unit_id, QualityEvent(gold_doubted=doubted))

    async def gold_closed(self, unit_id: str, known: Json, since: int, annotators: Sequence[str] = ()) -> None:
        """Tell that nobody can say a gold unit's known label any more, since a version of the label schema."""
        doubted = GoldDoubted(unit_id=unit_id, known_label=encoded(known), annotators=annotators, closed_since=since)
        await self.tell(QUALITY, unit_id, QualityEvent(gold_doubted=doubted))

    async def crowd(
        self, dependence: float, gold_units: Sequence[int] = (), revision: int = 1, field: str = ""
    ) -> None:
        """Tell what gold says of the project: how far errors go together, and gold units by class."""
        units = [GoldUnits(known=known, units=units) for known, units in enumerate(gold_units) if units]
        measured = CrowdMeasured(
            revision=revision,
            classes=max(2, len(gold_units)),
            dependence=dependence,
            dependence_units=sum(gold_units),
            gold_units=units,
            gold_answers=2 * sum(gold_units),
            field=field,
        )
        await self.tell(QUALITY, self.project_id, QualityEvent(crowd_measured=measured))


class Upstream(Teller):
    """Tells events of one project in a house in memory."""

    def __init__(self, house: House) -> None:
        super().__init__(MemoryBroker(house.cluster, "upstream"), house.clock)
        self.house = house
