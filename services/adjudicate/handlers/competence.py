"""How well annotators do on gold, as metrics tells it."""

from collections.abc import Sequence
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.errors import Poison
from concord.chassis.journal.record import Cause, Decision
from concord.contracts.v1.quality_pb2 import QualityEvent
from services.adjudicate.domain.competence import CompetenceState, newest
from services.adjudicate.repository import Repository, competence_key


class Competences:
    """What is learnt of annotators.

    Args:
        repository: where it is kept.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def quality(self, deliveries: Sequence[Delivery]) -> None:
        """Learn how well annotators do on gold."""
        events = [cast("QualityEvent", delivery.event) for delivery in deliveries]
        await self.repository.learn([_competence(one) for one in events if one.HasField("competence_estimated")])


def _competence(event: QualityEvent) -> Cause[CompetenceState]:
    told, metadata = event.competence_estimated, event.metadata
    answers = tuple((one.known, one.given, one.times) for one in told.answers)
    if outside := [one for one in answers if max(one[:2]) >= told.classes]:
        raise Poison(f"competence_estimated.answers: classes {outside[0][:2]} of {told.classes}")
    said = CompetenceState(
        metadata.project_id, told.annotator_id, told.revision, answers, told.gold_units, told.gold_correct
    )

    def decide(state: CompetenceState | None, now_us: int) -> Decision[CompetenceState] | None:
        del now_us
        after = newest(state, said)
        return None if after is None else Decision(after)

    key = competence_key(metadata.client_id, metadata.project_id, told.annotator_id)
    return Cause(key, metadata.event_id, decide)
