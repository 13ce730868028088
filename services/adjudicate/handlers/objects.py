"""Spans, boxes and polygons of escalated units, object by object: for whoever rules, and in what was ruled."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from concord.chassis.projects import Project
from concord.labels import Json
from concord.labels.objects import FieldObject, has_regions, objects_of
from concord.review import has_part
from services.adjudicate.domain.consensus import MERGED_AT_ONCE_BYTES
from services.adjudicate.domain.escalation import (
    EscalationDoesNotExist,
    NotEscalated,
    may_rule,
)
from services.adjudicate.domain.objects import Given, Regions, traced
from services.adjudicate.domain.repeats import as_listed, may_repeat
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Deciding
from services.adjudicate.repository import Repository

T = TypeVar("T")
AT_ONCE = 1
"""Units of which regions are matched at the same time: it may take seconds, and a process has other work, too."""


class Objects:
    """What was drawn on units.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding
        self._room = asyncio.Semaphore(AT_ONCE)

    async def of(self, unit_id: str, adjudicator_id: str) -> tuple[UnitState, Project, Given, list[FieldObject]]:
        """Return a unit that this adjudicator may rule, its labels, and the objects that are drawn in them.

        Raises:
            EscalationDoesNotExist, NotEscalated: it is not theirs to rule.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None or has_part(unit.annotators, adjudicator_id):
            raise EscalationDoesNotExist("There is no such escalation.")
        if not (may_rule(unit, adjudicator_id) or may_repeat(unit, adjudicator_id)):
            raise NotEscalated("The unit waits for no ruling.")
        project = await self.deciding.project(unit.project_id)
        given = given_of(unit, project)
        if not has_regions(project.schema):
            return as_listed(unit), project, given, []
        found = await self._matched(unit, lambda: objects_of(project.schema, given.labels))
        return as_listed(unit), project, given, found

    async def traced(self, unit: UnitState, project: Project, label: str) -> Regions | None:
        """Return where the regions of a ruled label, as canonical JSON, come from; None where labels have none."""
        if not has_regions(project.schema):
            return None
        read, given = project.weighed(msgspec.json.decode(label)), given_of(unit, project)
        return await self._matched(unit, lambda: traced(project.schema, read, given))

    async def _matched(self, unit: UnitState, match: Callable[[], T]) -> T:
        if sum(len(annotation.label) for annotation in unit.counted()) <= MERGED_AT_ONCE_BYTES:
            return match()
        async with self._room:
            return await asyncio.to_thread(match)


def given_of(unit: UnitState, project: Project) -> Given:
    """Return the labels of a unit as they read today; those that say one of several things are none."""
    voices = [
        (place, annotation.label)
        for place, annotation in enumerate(unit.counted())
        if annotation.label and project.says(annotation.label)
    ]
    labels: list[Json] = [project.weighed(msgspec.json.decode(label)) for _, label in voices]
    return Given(tuple(place for place, _ in voices), tuple(labels))
