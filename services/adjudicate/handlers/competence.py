"""How well annotators do on gold, as metrics tells it."""

from collections.abc import Sequence
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.errors import Poison
from concord.chassis.journal.record import Cause, Decision
from concord.contracts.v1.quality_pb2 import QualityEvent
from services.adjudicate.domain.competence import CompetenceState, CrowdState, newest
from services.adjudicate.repository import Repository, competence_key, crowd_key


class Competences:
    """What is learnt of annotators.

    Args:
        repository: where it is kept.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def quality(self, deliveries: Sequence[Delivery]) -> None:
        """Learn how well annotators do on gold, each and all together."""
        events = [cast("QualityEvent", delivery.event) for delivery in deliveries]
        await self.repository.learn(
            [_competence(one) for one in events if one.HasField("competence_estimated")],
            [_crowd(one) for one in events if one.HasField("crowd_measured")],
        )


def _competence(event: QualityEvent) -> Cause[CompetenceState]:
    told, metadata = event.competence_estimated, event.metadata
    answers = tuple((one.known, one.given, one.times) for one in told.answers)
    if outside := [one for one in answers if max(one[:2]) >= told.classes]:
        raise Poison(f"competence_estimated.answers: classes {outside[0][:2]} of {told.classes}")
    said = CompetenceState(
        metadata.project_id, told.annotator_id, told.revision, answers, told.gold_units, told.gold_correct, told.field
    )

    def decide(state: CompetenceState | None, now_us: int) -> Decision[CompetenceState] | None:
        del now_us
        after = newest(state, said)
        return None if after is None else Decision(after)

    key = competence_key(metadata.client_id, metadata.project_id, told.annotator_id, told.field)
    return Cause(key, metadata.event_id, decide)


def _crowd(event: QualityEvent) -> Cause[CrowdState]:
    told, metadata = event.crowd_measured, event.metadata
    gold_units = tuple((one.known, one.units) for one in told.gold_units)
    if outside := [known for known, _ in gold_units if known >= told.classes]:
        raise Poison(f"crowd_measured.gold_units: class {outside[0]} of {told.classes}")
    if not 0.0 <= told.dependence <= 1.0:
        raise Poison(f"crowd_measured.dependence: {told.dependence} is not in 0 .. 1")
    said = CrowdState(
        metadata.project_id,
        told.revision,
        told.dependence,
        told.dependence_units,
        gold_units,
        told.gold_answers,
        told.field,
    )

    def decide(state: CrowdState | None, now_us: int) -> Decision[CrowdState] | None:
        del now_us
        after = newest(state, said)
        return None if after is None else Decision(after)

    return Cause(crowd_key(metadata.client_id, metadata.project_id, told.field), metadata.event_id, decide)
