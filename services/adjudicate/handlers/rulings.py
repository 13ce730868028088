"""Rulings: an adjudicator's binding word on an escalated unit."""

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.telemetry import trace_headers
from concord.labels import Json, LabelFault, encoded, label_of
from concord.review import has_part
from services.adjudicate.announcements import SERVICE, ruling
from services.adjudicate.domain.escalation import EscalationDoesNotExist, RulingRefused, ruled
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Batch, Deciding
from services.adjudicate.repository import Repository, unit_key


class Rulings:
    """What adjudicators say.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding

    async def rule(self, adjudicator_id: str, unit_id: str, label: Json, reason: str) -> Outcome[UnitState]:
        """Settle an escalated unit by an adjudicator's word.

        Raises:
            EscalationDoesNotExist, NotEscalated, RulingRefused: it cannot be ruled so.
            Backlogged: the broker takes no events.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None or has_part(unit.annotators, adjudicator_id):
            raise EscalationDoesNotExist("There is no such escalation.")
        project = await self.deciding.project(unit.project_id)
        try:
            canonical = encoded(label_of(project.schema, label, unit.text_characters)).decode()
        except LabelFault as fault:
            raise RulingRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        cause_id = f"ruling/{unit_id}/{unit.rework}/{adjudicator_id}/{canonical}"
        trace = trace_headers()

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            after = msgspec.structs.replace(ruled(state, adjudicator_id, canonical, reason), decided_at_us=now_us)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [ruling(announcer, after, project.guideline_version)])

        self.repository.refuse_backlog()
        batch = Batch()
        batch.verdicts[cause_id] = "ruled"
        (outcome,) = await self.deciding.apply([Cause(unit_key(unit_id), cause_id, decide)], batch)
        return outcome
