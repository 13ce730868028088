"""What assign tells of labels: they come in, are revised, can come from nobody any more, or from nobody but these."""

from collections.abc import Sequence
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.record import Cause
from concord.chassis.projects import Project
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.metadata_pb2 import Metadata
from services.adjudicate.domain.ending import ended, stranded
from services.adjudicate.domain.passing import UNCLEAR_MIN, Code, passed_over
from services.adjudicate.domain.questions import Skip
from services.adjudicate.domain.rule import PassedOver
from services.adjudicate.domain.unit import Annotation, UnitState, annotated
from services.adjudicate.handlers.deciding import Batch, Deciding
from services.adjudicate.handlers.questions import Questions
from services.adjudicate.handlers.revising import revision

OF_UNITS = frozenset(
    {"annotation_submitted", "annotation_revised", "labelling_ended", "unit_stranded", "unit_passed_over"}
)
"""What is told of units; all else on the topic is others' business."""
UNCLEAR = "guideline_unclear"


class Annotations:
    """What becomes of units when labels come in.

    Args:
        deciding: how units are decided on.
        questions: what guidelines do not say.
    """

    def __init__(self, deciding: Deciding, questions: Questions) -> None:
        self.deciding = deciding
        self.questions = questions

    async def annotations(self, deliveries: Sequence[Delivery]) -> None:
        """Take labels in, and decide the rounds that they complete; of a late one, that somebody has a part."""
        batch, causes = Batch(), []
        unclear: list[AnnotationEvent] = []
        for delivery in deliveries:
            event = cast("AnnotationEvent", delivery.event)
            kind = event.WhichOneof("event")
            if kind in OF_UNITS:
                about = event.metadata
                project = self.deciding.projects.rows.get(about.project_id)
                project = project or await self.deciding.project(about.project_id)
                if (cause := self._cause(kind, event, about, project, delivery, batch)) is not None:
                    causes.append(cause)
                if kind == "unit_passed_over" and event.unit_passed_over.code == UNCLEAR:
                    unclear.append(event)
        outcomes = await self.deciding.apply(causes, batch)
        # The admission may have come between the look for it and the record that knows of none.
        unheard = {outcome.state.unit_id for outcome in outcomes if outcome.state is not None and outcome.state.unheard}
        await self.deciding.admit(sorted(unheard))
        if unclear:
            await self._note_unclear([event.unit_passed_over.unit_id for event in unclear])

    async def _note_unclear(self, unit_ids: Sequence[str]) -> None:
        """Note of units that several passed over, for what the guideline does not say of them, who did and why."""
        units = await self.deciding.repository.units(unit_ids)
        for unit in units.values():
            project = await self.deciding.project(unit.project_id)
            # All of them: what the first one said was not noted before there was a second.
            for label in unit.unclear if len(unit.unclear) >= UNCLEAR_MIN else ():
                skip = Skip(unit.unit_id, label.annotator_id, label.reason, label.at_us, label.guideline_version)
                await self.questions.skip(unit, project, skip)

    def _cause(
        self, kind: str, event: AnnotationEvent, about: Metadata, project: Project, delivery: Delivery, batch: Batch
    ) -> Cause[UnitState] | None:
        match kind:
            case "annotation_submitted":
                return self._annotation(event.annotation_submitted, about, project, delivery, batch)
            case "annotation_revised":
                return revision(self.deciding, event.annotation_revised, about, project, delivery, batch)
            case "labelling_ended":
                over = event.labelling_ended
                return self.deciding.cause(
                    over.unit_id,
                    about.event_id,
                    project,
                    batch,
                    lambda state, _weigh: ended(state, over.rework, over.referral, over.may_still_submit),
                )
            case "unit_stranded":
                left = event.unit_stranded
                return self.deciding.cause(
                    left.unit_id,
                    about.event_id,
                    project,
                    batch,
                    lambda state, weigh: stranded(state, left.rework, left.referral, batch.rule_of(project), weigh),
                )
        passed = event.unit_passed_over
        if passed.by_model:
            return None  # two copies of one program are no two people
        given = PassedOver(passed.annotator_id, passed.reason, about.occurred_at_us, passed.guideline_version)
        return self.deciding.cause(
            passed.unit_id,
            about.event_id,
            project,
            batch,
            lambda state, weigh: passed_over(
                state,
                passed.unit_id,
                project.project_id,
                given,
                cast("Code", passed.code),
                passed.rework,
                passed.referral,
                batch.rule_of(project),
                weigh,
            ),
            trace=delivery.trace,
        )

    def _annotation(
        self, submitted: AnnotationSubmitted, about: Metadata, project: Project, delivery: Delivery, batch: Batch
    ) -> Cause[UnitState]:
        version, unit_id = max(1, submitted.schema_version), submitted.unit_id
        project.must_know(version)
        annotation = Annotation(
            submitted.annotation_id,
            submitted.annotator_id,
            submitted.label.decode(),
            submitted.guideline_version,
            submitted.rework,
            submitted.flag,
            schema_version=version,
            model=submitted.by_model,
            referral=submitted.referral,
        )
        return self.deciding.cause(
            unit_id,
            about.event_id,
            project,
            batch,
            lambda state, weigh: annotated(
                state,
                unit_id,
                project.project_id,
                annotation,
                batch.rule_of(project),
                weigh,
                overlap_asked=submitted.overlap_wanted,
                late=submitted.late,
            ),
            trace=delivery.trace,
        )
