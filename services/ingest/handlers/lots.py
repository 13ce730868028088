"""Lots: what was admitted is cut into what is accepted or rejected together, by the owner of the project's place.

The owner hears of every unit on the units topic, whichever process admitted it, and reads what it may have missed from
the open markers. Should two take themselves for the owner, one loses at each insert.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.consumer import Delivery
from concord.chassis.errors import Unavailable
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from concord.contracts.ids import place_of, slot_of_project
from concord.contracts.v1.units_pb2 import UnitEvent
from services.ingest.announcements import SERVICE, lot_sealed
from services.ingest.domain.lot import LotState, OpenLot
from services.ingest.domain.project import ProjectState
from services.ingest.repository import LOT, Repository
from services.ingest.repository.arrivals import ARRIVAL_UNITS_MAX

HEARING_SECONDS_MAX = 2.0
"""How long units that are acknowledged are waited for to come by the topic; then they are read from the store."""
HEARING_PAUSE_SECONDS = 0.02
LOTS_REMEMBERED = 4
"""Of a project, sealed last, and so many more as one arrival may fill: the next lot is held against those."""


class Mine(Protocol):
    """The process's table of places."""

    def open(self) -> Collection[int]:
        """Return the places that this process serves."""
        ...


class Lots:
    """The lots of all projects.

    Args:
        repository: where facts are found.
        mine: which places are this process's own.
        clock: time.
    """

    def __init__(self, repository: Repository, mine: Mine, clock: Clock) -> None:
        self.repository = repository
        self.mine = mine
        self.clock = clock

    async def heard(self, deliveries: Sequence[Delivery]) -> None:
        """Let admitted units wait for their lots, and cut those that are full."""
        touched: dict[str, OpenLot | None] = {}
        erased: list[str] = []
        for delivery in deliveries:
            event = delivery.event
            assert isinstance(event, UnitEvent), "the units topic carries its own message"
            metadata, kind = event.metadata, event.WhichOneof("event")
            project_id = metadata.project_id
            if kind == "unit_admitted":
                admitted = event.unit_admitted
                if admitted.HasField("gold_label"):
                    continue
                if project_id not in touched:
                    touched[project_id] = self.repository.open_lot(project_id)
                if (open_lot := touched[project_id]) is not None:
                    # What tells of units follows from the arrival that they came in.
                    open_lot.add(
                        admitted.unit_id, metadata.occurred_at_us, admitted.guideline_version, metadata.causation_id
                    )
            elif kind == "lot_sealed":
                self.repository.hear_lot(project_id, event.lot_sealed.lot_id, event.lot_sealed.unit_ids)
            elif kind == "unit_erased":
                self.repository.leave_out(project_id, [event.unit_erased.unit_id])
                erased.append(event.unit_erased.unit_id)
        await self.repository.open_units.settle(erased)
        # Whoever erased them has done it, or died before: nothing of them stays.
        await self.repository.shelf.destroy(erased)
        for project_id in touched:
            if (project := self.repository.projects.get(project_id)) is not None:
                await self.seal_due(project)

    async def seal_all(self, project: ProjectState) -> int:
        """Cut all that was admitted and is in no lot, by whichever process; return how many lots were cut.

        Raises:
            Unavailable: the project's place has just gone to another process.
        """
        unheard = await self.repository.not_heard_of(project.project_id)
        deadline = self.clock.monotonic() + HEARING_SECONDS_MAX
        while unheard and self.clock.monotonic() < deadline:
            await self.clock.sleep(HEARING_PAUSE_SECONDS)
            unheard &= await self.repository.not_heard_of(project.project_id)
        if unheard:
            self.repository.hear_units((await self.repository.shelf.units(sorted(unheard))).values())
        if self.repository.open_lot(project.project_id) is None:
            raise Unavailable("The project is being taken over by another process; send the same request again.")
        return await self.seal_due(project, 0)

    async def count(self, project: ProjectState) -> int:
        """Return how many lots of a project were cut so far, by whichever process."""
        return await self.repository.first_free_number(project.project_id) - 1

    async def seal_due(self, project: ProjectState, seal_after_seconds: float | None = None) -> int:
        """Cut every lot that is full or old enough; return how many were cut; none where the place is not ours.

        Args:
            project: whose.
            seal_after_seconds: age of the oldest unit at which a lot is cut although it is not full; 0: all that is
                waiting; None: as the project's policy has it.
        """
        open_lot = self.repository.open_lot(project.project_id)
        if open_lot is None:
            return 0
        policy = project.definition.policy.lot
        after_us = round(
            (policy.seal_after_seconds if seal_after_seconds is None else seal_after_seconds) * MICROSECONDS
        )
        sealed = 0
        while wanted := open_lot.due(policy.size, after_us, self.clock.now_us()):
            if not open_lot.next_number:
                open_lot.next_number = await self.repository.first_free_number(project.project_id)
                continue
            number = open_lot.next_number
            elsewhere = await self.repository.lot_places.claim(project.project_id, number, wanted)
            if elsewhere:
                # Other units may take their place; or what is left is not due yet.
                open_lot.drop(elsewhere)
                self.repository.leave_out(project.project_id, elsewhere)
                continue
            lot_id = self.repository.lot_id(project.project_id, number)
            lot = LotState(lot_id, project.project_id, number, tuple(wanted))
            outcome = await self.repository.journal.decide(LOT, _sealing(project, lot))
            assert outcome.state is not None
            # When another process was faster, this lot is its lot, and ours are cut from what it left. Said here too,
            # for a head that was in memory is no news to the journal, and the place may have been dropped meanwhile.
            open_lot.cut(outcome.state)
            sealed += not outcome.repeated
            self._forget_before(project, number)
        return sealed

    def _forget_before(self, project: ProjectState, number: int) -> None:
        """Have a lot that was sealed a while ago read again if anybody asks for it: each has the ids of its units."""
        remembered = LOTS_REMEMBERED + ARRIVAL_UNITS_MAX // project.definition.policy.lot.size
        if (earlier := number - remembered) > 0:
            lot_id = self.repository.lot_id(project.project_id, earlier)
            self.repository.journal.forget([LOT.key(project.client_id, lot_id)])

    async def seal_aged(self) -> None:
        """Cut the lots of our projects whose oldest unit has waited long enough."""
        mine = self.mine.open()
        for project_id, open_lot in self.repository.waiting():
            place = place_of(slot_of_project(project_id), self.repository.place_count)
            if len(open_lot) and place in mine and (project := self.repository.projects.get(project_id)) is not None:
                # Nothing more comes into a closed project: its last lot waits for nobody.
                await self.seal_due(project, 0 if project.life == "closed" else None)


def _sealing(project: ProjectState, lot: LotState) -> Cause[LotState]:
    cause_id = f"seal/{lot.lot_id}"
    trace = trace_headers()

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        if state is not None:
            return None
        return Decision(lot, [lot_sealed(Announcer(SERVICE, cause_id, now_us, trace), project, lot)])

    return Cause(LOT.key(project.client_id, lot.lot_id), cause_id, decide, creates=True)
