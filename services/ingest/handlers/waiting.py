"""Waiting: what the intake topic brings beyond a project's bound waits in the store until units of it are settled."""

from collections.abc import Sequence
from typing import NamedTuple

from concord.chassis.broker.port import Incoming
from concord.chassis.clock import Clock
from concord.chassis.telemetry import Instruments
from concord.contracts.ids import place_of, slot_of_project
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import ProjectState
from services.ingest.handlers.lots import Mine
from services.ingest.handlers.room import Room
from services.ingest.repository import Repository, Waiter
from services.ingest.repository.waiting import key_of

WAITING_RECORDS_MAX = 5_000
"""Of one project; each is at most what a broker takes. What comes beyond that is a dead letter."""
PROJECTS_SHOWN_MAX = 200
"""Projects whose open units are shown as a series each."""


class Standing(NamedTuple):
    """How a project with a bound stands: its units that are open, and its records that wait."""

    open_units: int
    waiting_records: int


class WaitingRecords:
    """What waits, of all projects.

    Args:
        repository: where it waits.
        room: how much projects take.
        mine: which places are this process's own: it lets in what waits of these.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(self, repository: Repository, room: Room, mine: Mine, instruments: Instruments, clock: Clock) -> None:
        self.repository = repository
        self.room = room
        self.mine = mine
        self.instruments = instruments
        self.clock = clock
        self._shown: set[tuple[str, str]] = set()

    async def any(self, project: ProjectState) -> bool:
        """Return whether records of a project wait; who comes next then waits behind them."""
        if not project.definition.policy.max_open_units:
            return False
        return bool(await self.repository.waiters.count(project.project_id))

    async def wait(self, project: ProjectState, units: Sequence[tuple[Incoming, UnitWish]]) -> list[Incoming]:
        """Let records wait, each once however often it comes; return those for which there is no place.

        They are counted once more when they are in, as units are: the bound holds whoever lets others wait meanwhile.
        """
        waiters = [self._waiter(project.project_id, record, wish) for record, wish in units]
        new = await self.repository.waiters.keep(project.project_id, waiters, self.clock.now_us())
        over = await self.repository.waiters.count(project.project_id) - WAITING_RECORDS_MAX
        if over <= 0:
            return []
        back = set(new[-over:])
        await self.repository.waiters.forget(sorted(back))
        return [record for record, _ in units if key_of(record) in back]

    def _waiter(self, project_id: str, record: Incoming, wish: UnitWish) -> Waiter:
        subject = self.repository.subject_mark(project_id, wish.subject) if wish.subject else ""
        return Waiter(record, self.repository.unit_id(project_id, wish.id), subject)

    async def due(self, *, all_projects: bool = False) -> list[tuple[ProjectState, list[str]]]:
        """Return what waits of our projects, by key and the oldest first, as far as it may come in now.

        Of a project that is paused all goes on waiting; of one that is closed, or bounds nothing any more, all is due.

        Args:
            all_projects: look at projects without a bound, too, which may have had one.
        """
        ours = {
            project_state.project_id: project_state
            for project_state in self._ours()
            if all_projects or project_state.definition.policy.max_open_units
        }
        found = []
        waiting = await self.repository.waiters.keys(sorted(ours)) if ours else {}
        for project_id, keys in waiting.items():
            project = ours[project_id]
            if project.life == "paused":
                continue
            left = None if project.life == "closed" else await self.room.left(project)
            if due := keys[:left]:
                found.append((project, due))
        return found

    def _ours(self) -> list[ProjectState]:
        mine, places = self.mine.open(), self.repository.place_count
        projects = self.repository.projects.values()
        return [project for project in projects if place_of(slot_of_project(project.project_id), places) in mine]

    async def records(self, project: ProjectState, keys: Sequence[str]) -> list[Incoming]:
        """Return records that wait, in this order; those that do not any more are left out."""
        return await self.repository.waiters.records(project.project_id, keys)

    async def done(self, records: Sequence[Incoming]) -> None:
        """Let records wait no more: they were admitted, or set aside."""
        await self.repository.waiters.forget([key_of(record) for record in records])

    async def standing(self, project: ProjectState) -> Standing | None:
        """Return how a project stands; None where it bounds nothing."""
        if not project.definition.policy.max_open_units:
            return None
        open_units = await self.repository.open_units.count(project.project_id)
        return Standing(open_units, await self.repository.waiters.count(project.project_id))

    async def show(self) -> None:
        """Show how many units are open, and how many records wait, of our projects that have a bound."""
        bounded = [project_state for project_state in self._ours() if project_state.definition.policy.max_open_units]
        shown = set[tuple[str, str]]()
        for project in sorted(bounded, key=lambda entry: entry.project_id)[:PROJECTS_SHOWN_MAX]:
            labels = project.project_id, project.client_id
            standing = await self.standing(project)
            assert standing is not None, "it has a bound"
            self.instruments.gauge("concord_ingest_open_units", *labels).set(standing.open_units)
            self.instruments.gauge("concord_ingest_open_units_max", *labels).set(
                project.definition.policy.max_open_units
            )
            self.instruments.gauge("concord_ingest_waiting_records", *labels).set(standing.waiting_records)
            shown.add(labels)
        for labels in self._shown - shown:
            self.instruments.forget_all(*labels)
        self._shown = shown
