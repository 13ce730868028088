"""Projects' revisions, as the journal holds them: every change of a project is a record of its own."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from concord.chassis.journal.record import JOURNAL, record_id
from concord.chassis.store.port import Store
from services.ingest.domain.project import ProjectState
from services.ingest.repository.repository import PROJECT

REVISIONS_READ = 10
"""Revisions of a project that are read at once, each with its whole definition."""


class Revision(NamedTuple):
    """A project as one of its changes left it, and when, microseconds since the epoch, UTC."""

    state: ProjectState
    at_us: int


class Revisions:
    """The revisions of all projects.

    Args:
        store: holds the journal.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def of(self, project: ProjectState, first: int, last: int) -> AsyncIterator[Revision]:
        """Yield a project's revisions from one to another, oldest first, as far as there are any.

        Its records are numbered as its revisions are.
        """
        key = PROJECT.key(project.client_id, project.project_id)
        for start in range(max(1, first), last + 1, REVISIONS_READ):
            numbers = range(start, min(start + REVISIONS_READ, last + 1))
            documents = await self.store.get(JOURNAL.name, [record_id(key, number) for number in numbers])
            for _, document in sorted(documents.items()):
                yield Revision(PROJECT.decode(document["state"]), document["at_us"])
            if len(documents) < len(numbers):
                return
