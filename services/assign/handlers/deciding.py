"""What the use cases share: names of requests, projects by id, and errors that nobody expects."""

from collections.abc import Iterator, Sequence

from concord.chassis.journal.record import Outcome
from concord.chassis.projects import Project
from concord.chassis.table import Table, Unknown
from concord.contracts.ids import place_of, slot_of_project
from concord.labels import encoded
from services.assign.domain.refusals import ProjectUnknown
from services.assign.domain.unit import UnitState

OFFERS_BYTES_MAX = 1_500_000
"""Of the units that are given out at once. With one more, and with what is held from under an older label schema, it is
less than a process takes of another's answer (`peers.FETCHED_BYTES_MAX`)."""
OFFER_BYTES = 1_000
"""Of a unit that is given out, beside its label schema and the order in which that is to be shown."""
ASKED_FOR_MAX = 50
"""Requests that may wait at once for projects that are not known: whoever asks for what never was stops nobody else."""


class Requests:
    """Names requests: each name once, in all lives of the service.

    Args:
        writer: this life's name.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._count = 0

    def next(self) -> str:
        """Return the next request's name."""
        self._count += 1
        return f"{self._writer}/{self._count}"


class Projects:
    """The projects as ingest defined them.

    Args:
        table: kept up to date from the projects topic.
    """

    def __init__(self, table: Table[Project]) -> None:
        self._table = table
        self._asked_for = 0
        self._schemas: dict[str, tuple[int, bytes]] = {}

    def known(self, project_id: str) -> Project:
        """Return the project without waiting for one that may be on its way.

        Raises:
            ProjectUnknown: see there.
        """
        project = self.find(project_id)
        if project is None:
            raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
        return project

    def label_schema(self, project: Project) -> bytes:
        """Return what is offered of a project's newest label schema as JSON; it is worded once a revision."""
        known = self._schemas.get(project.project_id)
        if known is None or known[0] != project.revision:
            known = (project.revision, encoded(project.offered().spec()))
            self._schemas[project.project_id] = known
        return known[1]

    def units_shown(self, project: Project, wished: int) -> int:
        """Return how many units of those wished for are given out at once, one at least: each shows its schema."""
        return min(wished, max(1, OFFERS_BYTES_MAX // (2 * len(self.label_schema(project)) + OFFER_BYTES)))

    def closed(self) -> list[Project]:
        """Return the projects that are closed."""
        return [project for project in self._table.rows.values() if project.life == "closed"]

    def find(self, project_id: str) -> Project | None:
        """Return the project, or None."""
        return self._table.rows.get(project_id)

    def by_place(self, count: int) -> Iterator[tuple[int, Project]]:
        """Yield every project with the place in which it lies, of so many."""
        return (
            (place_of(slot_of_project(project.project_id), count), project) for project in self._table.rows.values()
        )

    async def awaited(self, project_id: str) -> Project:
        """Return the project of a unit, waiting a little for it.

        Raises:
            ProjectUnknown: see there.
        """
        try:
            return await self._table.get(project_id)
        except Unknown as fault:
            raise ProjectUnknown(f"There is no project {project_id[:120]!r}.") from fault

    async def asked_for(self, project_id: str) -> Project:
        """Return the project that a person asks for, waiting a little for one that was defined this moment.

        Raises:
            ProjectUnknown: see there.
            TableBehind, BrokerUnavailable: whether there is one is not known now.
        """
        if (project := self.find(project_id)) is not None or self._asked_for >= ASKED_FOR_MAX:
            return project or self.known(project_id)
        self._asked_for += 1
        try:
            return await self.awaited(project_id)
        finally:
            self._asked_for -= 1


def raise_errors(outcomes: Sequence[Outcome[UnitState]], but: type[Exception] | tuple[()] = ()) -> None:
    """Raise the first error that is not of the kind that was to be expected."""
    for outcome in outcomes:
        if outcome.error is not None and not isinstance(outcome.error, but):
            raise outcome.error
