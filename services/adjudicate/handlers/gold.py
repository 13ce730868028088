"""Gold in doubt: taken in as metrics finds it, shown to who may rule on it, and ruled."""

import heapq
from collections.abc import Sequence
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.errors import Poison
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.telemetry import trace_headers
from concord.contracts.ids import client_of
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.labels import Json, LabelFault, encoded, label_of
from services.adjudicate.announcements import SERVICE, gold_flagged, gold_ruled
from services.adjudicate.domain import gold
from services.adjudicate.domain.gold import GoldAnswer, GoldDoesNotExist, GoldRulingRefused, GoldState
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Deciding
from services.adjudicate.repository import Repository, gold_key

LOOKED_AT_MAX = 2_000
"""Gold units in doubt that are looked at to find those that somebody has no part in."""
APPEALS_LOOKED_AT_MAX = 100
"""Units with the oldest appeals that are looked at to find one that is not erased."""


class Gold:
    """Gold units whose known label is in doubt.

    Args:
        repository: where facts are found.
        deciding: finds projects.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding

    async def quality(self, deliveries: Sequence[Delivery]) -> None:
        """Flag what metrics finds in doubt: from here on it measures nobody, until it is ruled on."""
        events = [cast("QualityEvent", delivery.event) for delivery in deliveries]
        doubts = [_flagging(event) for event in events if event.HasField("gold_doubted")]
        for outcome in await self.repository.apply_gold(doubts) if doubts else ():
            if outcome.error is not None:
                raise outcome.error

    async def in_doubt(
        self, project_id: str, reviewer_id: str, units_max: int, after: str = ""
    ) -> tuple[list[GoldState], str]:
        """Return gold in doubt that somebody may rule on, by id; erased units are left out.

        Beside them the id after which there may be more; empty: there are none. So many may be looked at that are not
        theirs that few are found, or none.

        Raises:
            NotHere: the project's place is not this process's any more.
        """
        known = self.repository.view(project_id).gold
        names = [unit_id for unit_id in sorted(known) if unit_id > after][:LOOKED_AT_MAX]
        found: list[GoldState] = []
        for start in range(0, len(names), units_max):
            page = names[start : start + units_max]
            units = await self.repository.units(page)
            for name in page:
                state, unit = known.get(name), units.get(name)
                if state is None or unit is None or unit.status != "gold" or not gold.may_rule(state, reviewer_id):
                    continue
                found.append(state)
                if len(found) == units_max:
                    return found, name if name != names[-1] or len(names) == LOOKED_AT_MAX else ""
        return found, names[-1] if len(names) == LOOKED_AT_MAX else ""

    async def appeals_open_since(self) -> dict[str, int]:
        """Return by project since when its oldest appeal waits for a ruling, microseconds; of this process's places.

        Of units that were erased nobody can rule: they are passed over, of the oldest so many that are looked at.
        """
        waiting = [
            (since_us, state.unit_id, project_id)
            for project_id, view in self.repository.views
            for state in view.gold.values()
            if (since_us := gold.appeal_open_since(state)) is not None
        ]
        oldest = heapq.nsmallest(APPEALS_LOOKED_AT_MAX, waiting)
        units = await self.repository.units([unit_id for _, unit_id, _ in oldest])
        found: dict[str, int] = {}
        for since_us, unit_id, project_id in oldest:
            if unit_id in units and units[unit_id].status == "gold":
                found.setdefault(project_id, since_us)
        return found

    async def rule(
        self, reviewer_id: str, unit_id: str, outcome: gold.Outcome, label: Json, reason: str
    ) -> Outcome[GoldState]:
        """Rule on a gold unit in doubt.

        Args:
            reviewer_id: who rules.
            unit_id: on which.
            outcome: confirmed, corrected or retired.
            label: the right one, where it is corrected; else None.
            reason: why.

        Raises:
            GoldDoesNotExist, GoldIsRuled, GoldRulingRefused: it cannot be ruled so.
            Backlogged: the broker takes no events.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None or unit.status != "gold":
            raise GoldDoesNotExist("There is no such gold unit in doubt.")
        canonical = "" if label is None else await self._canonical(unit, label)
        known = (await self.repository.gold([unit_id])).get(unit_id)
        # What was ruled before nobody could say the label any more is another ruling.
        closed = f"{known.closed_since}/" if known is not None and known.closed_since else ""
        cause_id = f"gold-ruling/{closed}{unit_id}/{reviewer_id}/{outcome}/{canonical}"
        trace = trace_headers()

        def decide(state: GoldState | None, now_us: int) -> Decision[GoldState]:
            after = gold.ruled(state, reviewer_id, outcome, canonical, reason, now_us)
            return Decision(after, [gold_ruled(Announcer(SERVICE, cause_id, now_us, trace), after)])

        self.repository.refuse_backlog()
        (found,) = await self.repository.apply_gold([Cause(gold_key(unit_id), cause_id, decide)])
        if found.error is not None:
            raise found.error
        return found

    async def _canonical(self, unit: UnitState, label: Json) -> str:
        project = await self.deciding.project(unit.project_id)
        try:
            return encoded(label_of(project.offered(), label, unit.text_characters)).decode()
        except LabelFault as fault:
            raise GoldRulingRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault


def _flagging(event: QualityEvent) -> Cause[GoldState]:
    doubted, event_id = event.gold_doubted, event.metadata.event_id
    if client_of(doubted.unit_id) != event.metadata.client_id:
        raise Poison(f"unit {doubted.unit_id[:120]!r} is no unit of client {event.metadata.client_id!r}")
    found = GoldState(
        doubted.unit_id,
        event.metadata.project_id,
        doubted.known_label.decode(),
        said=tuple(GoldAnswer(gold_said.label.decode(), gold_said.annotators) for gold_said in doubted.said),
        good=doubted.good,
        disagreeing=doubted.disagreeing,
        share_low=doubted.share_low,
        closed_since=doubted.closed_since,
        annotators=tuple(doubted.annotators),
    )

    def decide(state: GoldState | None, now_us: int) -> Decision[GoldState] | None:
        after = gold.flagged(state, found, now_us)
        return None if after is None else Decision(after, [gold_flagged(Announcer(SERVICE, event_id, now_us), after)])

    return Cause(gold_key(doubted.unit_id), event_id, decide)
