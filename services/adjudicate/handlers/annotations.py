"""What assign tells of labels: they come in, are revised, can come from nobody any more, or from nobody but these."""

from collections.abc import Sequence
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.record import Cause
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from services.adjudicate.domain.passing import UNCLEAR_MIN, Code, passed_over
from services.adjudicate.domain.questions import Skip
from services.adjudicate.domain.rule import PassedOver
from services.adjudicate.domain.unit import Annotation, UnitState, annotated, ended, stranded
from services.adjudicate.handlers.deciding import Batch, Deciding, rule_of
from services.adjudicate.handlers.questions import Questions
from services.adjudicate.handlers.revising import revision


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
        for delivery in deliveries:
            cause = await self._cause(cast("AnnotationEvent", delivery.event), delivery, batch)
            if cause is not None:
                causes.append(cause)
        outcomes = await self.deciding.apply(causes, batch)
        # The admission may have come between the look for it and the record that knows of none.
        unheard = {outcome.state.unit_id for outcome in outcomes if outcome.state is not None and outcome.state.unheard}
        await self.deciding.admit(sorted(unheard))
        await self._note_unclear([cast("AnnotationEvent", heard.event) for heard in deliveries])

    async def _note_unclear(self, events: Sequence[AnnotationEvent]) -> None:
        """Note of units that several passed over, for what the guideline does not say of them, who did and why."""
        rows = [event for event in events if event.unit_passed_over.code == "guideline_unclear"]
        units = await self.deciding.repository.units([row.unit_passed_over.unit_id for row in rows]) if rows else {}
        for unit in units.values():
            project = await self.deciding.project(unit.project_id)
            # All of them: what the first one said was not noted before there was a second.
            for label in unit.unclear if len(unit.unclear) >= UNCLEAR_MIN else ():
                skip = Skip(unit.unit_id, label.annotator_id, label.reason, label.at_us, label.guideline_version)
                await self.questions.skip(unit, project, skip)

    async def _cause(self, event: AnnotationEvent, delivery: Delivery, batch: Batch) -> Cause[UnitState] | None:
        match event.WhichOneof("event"):
            case "annotation_submitted":
                return await self._annotation(event, delivery, batch)
            case "annotation_revised":
                return await revision(self.deciding, event, delivery, batch)
            case "labelling_ended":
                over = event.labelling_ended
                project = await self.deciding.project(event.metadata.project_id)
                return self.deciding.cause(
                    over.unit_id,
                    event.metadata.event_id,
                    project,
                    batch,
                    lambda state, _weigh: ended(state, over.rework, over.may_still_submit),
                )
            case "unit_stranded":
                left = event.unit_stranded
                project = await self.deciding.project(event.metadata.project_id)
                return self.deciding.cause(
                    left.unit_id,
                    event.metadata.event_id,
                    project,
                    batch,
                    lambda state, weigh: stranded(state, left.rework, rule_of(project), weigh),
                )
            case "unit_passed_over" if (
                not event.unit_passed_over.by_model
            ):  # two copies of one program are no two people
                passed = event.unit_passed_over
                project = await self.deciding.project(event.metadata.project_id)
                return self.deciding.cause(
                    passed.unit_id,
                    event.metadata.event_id,
                    project,
                    batch,
                    lambda state, weigh: passed_over(
                        state,
                        passed.unit_id,
                        project.project_id,
                        PassedOver(
                            passed.annotator_id,
                            passed.reason,
                            event.metadata.occurred_at_us,
                            passed.guideline_version,
                        ),
                        cast("Code", passed.code),
                        passed.rework,
                        rule_of(project),
                        weigh,
                    ),
                    trace=delivery.trace,
                )
            case _:
                return None

    async def _annotation(self, event: AnnotationEvent, delivery: Delivery, batch: Batch) -> Cause[UnitState]:
        submitted = event.annotation_submitted
        project = await self.deciding.project(event.metadata.project_id)
        project.must_know(submitted.schema_version)
        annotation = Annotation(
            submitted.annotation_id,
            submitted.annotator_id,
            submitted.label.decode(),
            submitted.guideline_version,
            submitted.rework,
            submitted.flag,
            schema_version=max(1, submitted.schema_version),
            model=submitted.by_model,
        )
        return self.deciding.cause(
            submitted.unit_id,
            event.metadata.event_id,
            project,
            batch,
            lambda state, weigh: annotated(
                state,
                submitted.unit_id,
                project.project_id,
                annotation,
                rule_of(project),
                weigh,
                overlap_asked=submitted.overlap_wanted,
                late=submitted.late,
            ),
            trace=delivery.trace,
        )
