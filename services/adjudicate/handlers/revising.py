"""Labels that are revised: judged with their units, or told to be too late."""

from concord.chassis.consumer import Delivery
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.contracts.v1.annotations_pb2 import AnnotationRevised
from concord.contracts.v1.metadata_pb2 import Metadata
from services.adjudicate.announcements import SERVICE, revision_too_late
from services.adjudicate.domain.revising import TooLate, revised
from services.adjudicate.domain.unit import Annotation, Judged, UnitState, Weigh
from services.adjudicate.handlers.deciding import Batch, Deciding


def revision(
    deciding: Deciding, word: AnnotationRevised, about: Metadata, project: Project, delivery: Delivery, batch: Batch
) -> Cause[UnitState]:
    """Return the cause that judges a unit with a label revised, or tells that this came too late."""
    project.must_know(word.schema_version)
    annotation = Annotation(
        word.annotation_id,
        word.annotator_id,
        word.label.decode(),
        word.guideline_version,
        word.rework,
        word.flag,
        schema_version=max(1, word.schema_version),
        model=word.by_model,
        revision=word.revision,
        referral=word.referral,
    )
    late: TooLate | None = None

    def judge(state: UnitState | None, weigh: Weigh) -> Judged | None:
        nonlocal late
        found = revised(
            state,
            word.unit_id,
            project.project_id,
            annotation,
            batch.rule_of(project),
            weigh,
            overlap_asked=word.overlap_wanted,
        )
        late = found if isinstance(found, TooLate) else None
        return None if isinstance(found, TooLate) else found

    judging = deciding.cause(word.unit_id, about.event_id, project, batch, judge, trace=delivery.trace)

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        decision = judging.decide(state, now_us)
        if late is None or state is None:
            return decision
        announcer = Announcer(SERVICE, about.event_id, now_us, delivery.trace)
        return Decision(state, [revision_too_late(announcer, state, late)])

    return Cause(judging.key, judging.id, decide)
