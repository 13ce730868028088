"""One gauge by project: of the projects in which it is most, for a vendor may have thousands."""

from collections.abc import Mapping

from concord.chassis.telemetry.instruments import Instruments
from concord.contracts.ids import client_of

PROJECTS_SHOWN_MAX = 400
"""Projects of a process that have a series of their own in a gauge."""
OF_PROJECT = ("project", "client")
"""The labels of such a gauge."""


class ByProject:
    """A gauge with a series for each project in which there is something, and none for any other.

    Where nothing may go unheard a gauge of all, without a project, is told beside it: what it has more is what is in
    projects beyond the bound.

    Args:
        instruments: the table that has it.
        name: of the gauge, whose labels are `OF_PROJECT`.
    """

    def __init__(self, instruments: Instruments, name: str) -> None:
        self._instruments = instruments
        self._name = name
        self._shown: set[tuple[str, str]] = set()

    def tell(self, found: Mapping[str, float]) -> None:
        """Show this of these projects, of those in which it is most, and of no other any more."""
        most = sorted(found, key=lambda project_id: (-found[project_id], project_id))[:PROJECTS_SHOWN_MAX]
        shown = {(project_id, client_of(project_id)) for project_id in most}
        for labels in shown:
            self._instruments.gauge(self._name, *labels).set(found[labels[0]])
        for gone in self._shown - shown:
            self._instruments.forget(self._name, *gone)
        self._shown = shown
