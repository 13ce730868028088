"""Retraining: what somebody who failed got wrong is shown to them, and they may appeal it, before they try again."""

from collections.abc import Sequence
from typing import cast

import msgspec

from concord.chassis.consumer import Delivery
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from services.adjudicate.announcements import SERVICE, retraining_finished
from services.adjudicate.domain import gold, retraining
from services.adjudicate.domain.gold import GoldState
from services.adjudicate.domain.retraining import Missed, NothingToRetrain, RetrainingState
from services.adjudicate.repository import RETRAINING, Repository, gold_key, retraining_key


class Retraining:
    """What people are to look at before they try again.

    Args:
        repository: where facts are found.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def annotations(self, deliveries: Sequence[Delivery]) -> None:
        """Hear who is to look at what they missed."""
        events = [cast("AnnotationEvent", delivery.event) for delivery in deliveries]
        causes = [_beginning(event) for event in events if event.HasField("retraining_begun")]
        for outcome in await self.repository.journal.apply(RETRAINING, causes) if causes else ():
            if outcome.error is not None:
                raise outcome.error

    async def of(self, project_id: str, annotator_id: str) -> tuple[RetrainingState, dict[str, GoldState]]:
        """Return what somebody is to look at, and what was said of these units since; erased ones are left out.

        Raises:
            NothingToRetrain: there is nothing.
        """
        state = await self.repository.retraining(project_id, annotator_id)
        if state is None or state.finished:
            raise NothingToRetrain("There is nothing that you are to look at in this project.")
        unit_ids = [missed.unit_id for missed in state.missed]
        units = await self.repository.units(unit_ids)
        left = tuple(
            missed for missed in state.missed if missed.unit_id in units and units[missed.unit_id].status == "gold"
        )
        return msgspec.structs.replace(state, missed=left), await self.repository.gold(unit_ids)

    async def appeals(self, project_id: str, annotator_id: str) -> list[GoldState]:
        """Return the gold units of which somebody has said that they were right, as they are now; newest first.

        Of what they were shown after their newest attempts, whether they have looked at all of it since or not; erased
        units are left out.
        """
        state = await self.repository.retraining(project_id, annotator_id)
        if state is None:
            return []
        unit_ids = state.shown()
        known, units = await self.repository.gold(unit_ids), await self.repository.units(unit_ids)
        return [
            known[unit_id]
            for unit_id in unit_ids
            if unit_id in known
            and known[unit_id].appeal_of(annotator_id) is not None
            and unit_id in units
            and units[unit_id].status == "gold"
        ]

    async def appeal(self, project_id: str, annotator_id: str, unit_id: str, reason: str) -> GoldState:
        """Let somebody say that they were right on a unit that they are shown; a person rules on it.

        Raises:
            NothingToRetrain: they are not shown it.
            GoldIsRuled, GoldRulingRefused: it cannot be appealed, or not so.
            Backlogged: the broker takes no events.
        """
        state = await self.repository.retraining(project_id, annotator_id)
        missed = None if state is None else state.missed_unit(unit_id)
        if missed is None:
            raise NothingToRetrain("There is no such unit that you are to look at in this project.")
        fresh = GoldState(unit_id, project_id, missed.known)

        def decide(before: GoldState | None, now_us: int) -> Decision[GoldState] | None:
            after = gold.appealed(before, fresh, annotator_id, reason, now_us)
            return None if after == before else Decision(after)

        self.repository.refuse_backlog()
        cause_id = f"appeal/{unit_id}/{annotator_id}"
        (outcome,) = await self.repository.apply_gold([Cause(gold_key(unit_id), cause_id, decide)])
        if outcome.error is not None:
            raise outcome.error
        assert outcome.state is not None, "an appeal leaves a state"
        return outcome.state

    async def finish(self, project_id: str, annotator_id: str, attempt: int) -> None:
        """Take down that somebody has looked at all of it: they may try again.

        Raises:
            NothingToRetrain: there is nothing, or of another attempt.
            NoAttemptLeft: it was their last.
            Backlogged: the broker takes no events.
        """
        cause_id, trace = f"retrained/{project_id}/{annotator_id}/{attempt}", trace_headers()

        def decide(state: RetrainingState | None, now_us: int) -> Decision[RetrainingState]:
            after = retraining.finished(state, attempt)
            return Decision(after, [retraining_finished(Announcer(SERVICE, cause_id, now_us, trace), after)])

        self.repository.refuse_backlog()
        key = retraining_key(project_id, annotator_id)
        (outcome,) = await self.repository.journal.apply(RETRAINING, [Cause(key, cause_id, decide)])
        if outcome.error is not None:
            raise outcome.error


def _beginning(event: AnnotationEvent) -> Cause[RetrainingState]:
    begun, project_id = event.retraining_begun, event.metadata.project_id
    missed = tuple(
        Missed(missed_gold.unit_id, missed_gold.known_label.decode(), missed_gold.given_label.decode())
        for missed_gold in begun.missed
    )
    found = RetrainingState(project_id, begun.annotator_id, begun.attempt, missed, last=begun.last)

    def decide(state: RetrainingState | None, now_us: int) -> Decision[RetrainingState] | None:
        del now_us
        after = retraining.begun(state, found)
        return None if after is None else Decision(after)

    return Cause(retraining_key(project_id, begun.annotator_id), event.metadata.event_id, decide)
