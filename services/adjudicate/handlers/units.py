"""Units as others tell of them: admitted, withdrawn, sent back with their lot, under a policy that has changed."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.contracts.v1.units_pb2 import UnitEvent
from services.adjudicate.announcements import SERVICE, gold_dropped
from services.adjudicate.domain.candidates import contradicted, dropped
from services.adjudicate.domain.ending import withdrawn
from services.adjudicate.domain.rule import Rule
from services.adjudicate.domain.unit import Admission, Judged, UnitState, Weigh, admitted, judged, reopened
from services.adjudicate.handlers.deciding import Batch, Deciding, rule_of
from services.adjudicate.repository import Repository, unit_key

RELABEL = "relabel"
LOT_REJECTED = "its lot was sent back"
AUDITED_OTHERWISE = "an auditor says otherwise"
REDECIDED_AT_ONCE = 200
"""Open units of a project that are decided on together when it was redefined; others are served in between."""


class Units:
    """What becomes of units when others speak of them.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding

    async def units(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of admitted and withdrawn units; lots are audit's."""
        batch, admissions, withdrawals = Batch(), [], []
        by_project: dict[str, list[tuple[UnitEvent, Delivery]]] = defaultdict(list)
        for delivery in deliveries:
            event = cast("UnitEvent", delivery.event)
            kind = event.WhichOneof("event")
            if kind == "unit_admitted":
                by_project[event.metadata.project_id].append((event, delivery))
            elif kind == "unit_erased":
                withdrawals.append(_withdrawal(event))
        for project_id, some in by_project.items():
            page = await self._listed(project_id, [event for event, _ in some])
            project = await self.deciding.project(project_id)
            rule = rule_of(project)
            admissions += [self._admission(event, delivery, project, rule, page, batch) for event, delivery in some]
        await self.deciding.apply([*await self.repository.keep_rows(admissions), *withdrawals], batch)
        # Of those that are here now, whose labels came first.
        for project_id, some in by_project.items():
            if unheard := self.repository.unheard_of(project_id):
                here = dict.fromkeys(event.unit_admitted.unit_id for event, _ in some)
                await self.deciding.admit([unit_id for unit_id in here if unit_id in unheard])

    async def hear_again(self, place: int) -> None:
        """Admit the units of a place whose admission came after something else, and through another process.

        Raises:
            Passing: not now; say it again.
        """
        await self.deciding.admit(self.repository.unheard(place))

    async def _listed(self, project_id: str, admissions: Sequence[UnitEvent]) -> str:
        """Note admitted units of a project on a page of its list, and return the page."""
        unit_ids = [event.unit_admitted.unit_id for event in admissions]
        return await self.repository.list_admitted(admissions[0].metadata.occurred_at_us, project_id, unit_ids)

    def _admission(
        self, event: UnitEvent, delivery: Delivery, project: Project, rule: Rule, page: str, batch: Batch
    ) -> Cause[UnitState]:
        unit_admitted, trace = event.unit_admitted, delivery.trace
        admission = Admission(
            unit_id=unit_admitted.unit_id,
            project_id=project.project_id,
            gold=unit_admitted.HasField("gold_label"),
            source_id=unit_admitted.source_id,
            page=page,
            traceparent=dict(trace).get("traceparent", b"").decode(),
            named=len(unit_admitted.named_annotators),
            text_characters=unit_admitted.content_length if unit_admitted.HasField("content_length") else None,
        )
        return self.deciding.cause(
            unit_admitted.unit_id,
            event.metadata.event_id,
            project,
            batch,
            lambda state, weigh: admitted(state, admission, rule, weigh),
            trace=trace,
            creates=True,
        )

    async def lots(self, deliveries: Sequence[Delivery]) -> None:
        """Open the units of a rejected lot again when they are to be labelled anew, and hear what auditors found wrong.

        A label that was chosen to be a known one does not stand then.
        """
        for delivery in deliveries:
            event = cast("LotEvent", delivery.event)
            if event.HasField("lot_rejected") and event.lot_rejected.on_reject == RELABEL:
                rejected, cause_id = event.lot_rejected, event.metadata.event_id
                causes = [_reopening(unit_id, cause_id, rejected.rework + 1) for unit_id in rejected.unit_ids]
                await self.deciding.apply(causes, Batch())
            elif (unit_id := _contradicted(event)) is not None:
                await self.deciding.apply([_contradiction(unit_id, event.metadata.event_id)], Batch())

    async def redefined(self, project: Project) -> None:
        """Decide a project's open units again by its policy of today, those of which labels have come in.

        The others are decided on with their first label. Said again, it changes nothing, and what was decided on by it
        is not read: whoever looks at a place again would ask the store for each of its open units.
        """
        unit_ids = self.repository.view(project.project_id).begun_before(project.revision)
        for start in range(0, len(unit_ids), REDECIDED_AT_ONCE):
            batch = Batch()
            judge = partial(_judged_again, project)
            some = unit_ids[start : start + REDECIDED_AT_ONCE]
            # A cause of each unit's own: ids of events follow from it.
            causes = [
                self.deciding.cause(unit_id, f"redefined/{project.revision}/{unit_id}", project, batch, judge)
                for unit_id in some
            ]
            await self.deciding.apply(causes, batch)


def _judged_again(project: Project, state: UnitState | None, weigh: Weigh) -> Judged | None:
    if state is None or state.policy_revision == project.revision:
        return None
    return judged(state, rule_of(project), weigh)


def _withdrawal(event: UnitEvent) -> Cause[UnitState]:
    unit_id, project_id = event.unit_erased.unit_id, event.metadata.project_id

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        del now_us
        return Decision(withdrawn(state, unit_id, project_id))

    return Cause(unit_key(unit_id), event.metadata.event_id, decide)


def _reopening(unit_id: str, cause_id: str, rework: int) -> Cause[UnitState]:
    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        return None if state is None else _dropping(cause_id, now_us, state, reopened(state, rework), LOT_REJECTED)

    return Cause(unit_key(unit_id), cause_id, decide)


def _contradicted(event: LotEvent) -> str | None:
    """Return the unit whose label an auditor, the first or a second one, has found wrong; None where none has."""
    for kind in ("unit_audited", "inspection_repeated"):
        if event.HasField(kind) and not getattr(event, kind).correct:
            return str(getattr(event, kind).unit_id)
    return None


def _contradiction(unit_id: str, cause_id: str) -> Cause[UnitState]:
    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = contradicted(state)
        return None if state is None or after is None else _dropping(cause_id, now_us, state, after, AUDITED_OTHERWISE)

    return Cause(unit_key(unit_id), cause_id, decide)


def _dropping(cause_id: str, now_us: int, before: UnitState, after: UnitState, reason: str) -> Decision[UnitState]:
    """Return what follows when a unit's label does not stand, also as a known one where it was chosen for that."""
    if before.gold != "chosen":
        return Decision(after)
    # Several units may have the one cause: each event's id is its own.
    announcer = Announcer(SERVICE, f"{cause_id}/{before.unit_id}", now_us)
    return Decision(dropped(after), [gold_dropped(announcer, after, reason)])
