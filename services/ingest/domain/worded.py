"""Labels that come with units: read in today's names, also where they are sent in those of an earlier version.

Whoever sends a unit again sends what they sent before, and a class may have been renamed, merged, split or retired
meanwhile. The unit is the same by what was said; what is new is taken in as what it says now.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from concord.labels import Json, LabelFault, encoded, label_of, schema_from
from concord.labels.versions import Versions
from services.ingest.domain.admission import UnitRefused
from services.ingest.domain.project import ProjectState
from services.ingest.domain.schema_versions import versions_of

VERSIONS_READ_MAX = 20
"""Of the newest so many a label is read that does not fit today's."""


class Worded(NamedTuple):
    """A label that came with a unit.

    Attributes:
        given: as it was sent, canonical JSON.
        today: as it reads in the names of the newest version.
        closed: why no new unit is taken with it: its class is offered no more, and none stands for it. None: any is.
    """

    given: bytes
    today: bytes
    closed: UnitRefused | None = None


class Wordings:
    """Reads the labels that come with a project's units.

    Args:
        project: whose label schema it is.
    """

    def __init__(self, project: ProjectState) -> None:
        self.schema = schema_from(project.definition.label_schema)
        self._project = project
        self._versions: Versions | None = None

    def read(self, field: str, value: Any, text_characters: int | None) -> Worded:
        """Return what a label says.

        Args:
            field: of the unit, in which it came.
            value: as it was sent.
            text_characters: code points of the unit's text; None where it is no text or lies elsewhere.

        Raises:
            UnitRefused: it is no label of this project under any version that is read.
        """
        try:
            label = encoded(label_of(self.schema, value, text_characters))
        except LabelFault as fault:
            refused = UnitRefused(f"{field}{fault.path.removeprefix('$')}", fault.problem, fault.cure)
            given = next(self._given(value, text_characters), None)
            if given is None:
                raise refused from fault
            return self._today(given, refused)
        return Worded(label, label)

    def _given(self, value: Any, text_characters: int | None) -> Iterator[Json]:
        """Yield what a label is under earlier versions, the newest first."""
        if not self._project.schema_steps:
            return
        versions = self._versions = self._versions or versions_of(self._project)
        for version in range(versions.present - 1, max(0, versions.present - 1 - VERSIONS_READ_MAX), -1):
            try:
                yield label_of(versions.offered(version), value, text_characters)
            except LabelFault:
                continue

    def _today(self, given: Json, refused: UnitRefused) -> Worded:
        assert self._versions is not None, "an earlier version was read"
        text, now = encoded(given), self._versions.weighed(given)
        try:
            if now is not None and self.schema.canonical(now) == now:
                return Worded(text, encoded(now))
        except LabelFault:
            pass
        return Worded(text, text, refused)
