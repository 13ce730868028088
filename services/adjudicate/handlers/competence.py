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
            [_competence(event) for event in events if event.HasField("competence_estimated")],
            [_crowd(event) for event in events if event.HasField("crowd_measured")],
        )


def _competence(event: QualityEvent) -> Cause[CompetenceState]:
    estimated, metadata = event.competence_estimated, event.metadata
    answers = tuple((answer.known, answer.given, answer.times) for answer in estimated.answers)
    if outside := [answer for answer in answers if max(answer[:2]) >= estimated.classes]:
        raise Poison(f"competence_estimated.answers: classes {outside[0][:2]} of {estimated.classes}")
    competence = CompetenceState(
        metadata.project_id,
        estimated.annotator_id,
        estimated.revision,
        answers,
        estimated.gold_units,
        estimated.gold_correct,
        estimated.field,
    )

    def decide(state: CompetenceState | None, now_us: int) -> Decision[CompetenceState] | None:
        del now_us
        after = newest(state, competence)
        return None if after is None else Decision(after)

    key = competence_key(metadata.client_id, metadata.project_id, estimated.annotator_id, estimated.field)
    return Cause(key, metadata.event_id, decide)


def _crowd(event: QualityEvent) -> Cause[CrowdState]:
    measured, metadata = event.crowd_measured, event.metadata
    gold_units = tuple((gold_unit.known, gold_unit.units) for gold_unit in measured.gold_units)
    if outside := [known for known, _ in gold_units if known >= measured.classes]:
        raise Poison(f"crowd_measured.gold_units: class {outside[0]} of {measured.classes}")
    if not 0.0 <= measured.dependence <= 1.0:
        raise Poison(f"crowd_measured.dependence: {measured.dependence} is not in 0 .. 1")
    crowd = CrowdState(
        metadata.project_id,
        measured.revision,
        measured.dependence,
        measured.dependence_units,
        gold_units,
        measured.gold_answers,
        measured.field,
    )

    def decide(state: CrowdState | None, now_us: int) -> Decision[CrowdState] | None:
        del now_us
        after = newest(state, crowd)
        return None if after is None else Decision(after)

    return Cause(crowd_key(metadata.client_id, metadata.project_id, measured.field), metadata.event_id, decide)
