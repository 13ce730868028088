"""Surveys of places: all units walked through, beside what closed ones added; and what they say of each project.

A walk costs some microseconds a unit, others get to run every WALKED_MAX units, and the next one waits for
20 times as long as the last one took: it takes a twentieth of the time at most, however many units are open.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.places.by_place import NotHere
from concord.chassis.places.owner import Owner
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Telemetry
from concord.contracts.ids import place_of, slot_of_project
from concord.labels import LabelSchema
from concord.labels.form import answers_in
from concord.labels.preference import Preference
from concord.labels.ranking import Ranking
from services.metrics.announcements import drift_detected
from services.metrics.domain import bias, drift
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.anchoring import Anchored, GoldArms, bend, followed
from services.metrics.domain.bias import Contrast, GoldAnswers, Groups, contrasts
from services.metrics.domain.drift import Drifted, measures_of
from services.metrics.domain.pairs import Apart, Disagreed, Pair, Pairs, apart, most_evidence, pairs_of
from services.metrics.domain.position import Favoured, favoured
from services.metrics.domain.sliced import Sliced, sliced
from services.metrics.domain.standing import names_of, sameness
from services.metrics.domain.survey import BETWEEN, Aspect, Reading, Survey, Text
from services.metrics.domain.targets import TargetStanding, held
from services.metrics.domain.unit import Unit
from services.metrics.domain.worked import Worked
from services.metrics.measure import Measure
from services.metrics.repository import Repository, Rows
from services.metrics.telemetry import INSTRUMENTS

SURVEY_SECONDS = 60.0
WALKED_MAX = 1_000
STEPS_MAX = 20
"""So many pairs or comparisons are reckoned between which nobody else gets to run."""
PAUSE = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A survey of a place.

    Attributes:
        rows: what was walked through.
        version: of the rows, when the walk began.
        at_us: when that was.
        again: on the clock's monotonic time; before it no other walk is begun.
        surveys: by project, as counted: each is to be read by its project's label schema (`Surveys.of`).
        read: those that were, each with the version of the schema.
    """

    rows: Rows
    version: int
    at_us: int
    again: float
    surveys: Mapping[str, Survey]
    read: dict[str, tuple[int, Survey]] = field(default_factory=dict)


class Surveys:
    """Surveys, and what they say.

    Args:
        repository: the rows.
        owner: knows which places are served.
        projects: their schemas.
        annotators: their vendors and languages.
        measure: tells and shows what is found.
        telemetry: where it is shown how long a walk took.
    """

    def __init__(
        self,
        repository: Repository,
        owner: Owner,
        projects: Table[Project],
        annotators: Table[AnnotatorRow],
        measure: Measure,
        telemetry: Telemetry,
    ) -> None:
        self.repository = repository
        self.owner = owner
        self.projects = projects
        self.annotators = annotators
        self.measure = measure
        self.clock = measure.clock
        self._own = telemetry.instruments(INSTRUMENTS)
        self._known: dict[int, Surveyed] = {}
        self._walking: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def drop(self, place: int, rows: Rows) -> None:
        """Know no more of a place that is lost."""
        del rows
        self._known.pop(place, None)

    async def turn(self) -> None:
        """Look for drift wherever anything has changed; called every SURVEY_SECONDS."""
        for place in sorted(self.owner.open()):
            rows = self.repository.places.get(place)
            if rows is None:
                continue
            found = await self._surveyed(place, rows)
            for project_id in sorted(found.surveys.keys() & self.projects.rows.keys()):
                project = self.projects.rows[project_id]
                survey = await self._read(project, found)
                drifts = await self._drifts(project, survey)
                if self.repository.places.get(place) is rows:
                    self._tell_of_drift(project, rows, drifts)
                    self.measure.series.show_positions(project, _favoured(project, survey))

    async def of(self, project: Project) -> tuple[Survey, int]:
        """Return a project's survey, and of which moment it is.

        Raises:
            NotHere: its place is another process's, or is being counted.
        """
        place = place_of(slot_of_project(project.project_id), self.owner.places)
        rows = self.repository.rows_of(project.project_id)
        if rows is None:
            raise NotHere(project.project_id)
        found = await self._surveyed(place, rows)
        if self.repository.rows_of(project.project_id) is not rows:
            raise NotHere(project.project_id)
        return await self._read(project, found), found.at_us

    async def _read(self, project: Project, found: Surveyed) -> Survey:
        """Return a project's survey, each label as it reads now."""
        counted, versions = found.surveys.get(project.project_id) or Survey(), project.versions
        if versions is None or versions.as_given:
            return counted
        known = found.read.get(project.project_id)
        if known is not None and known[0] == versions.present:
            return known[1]
        names = names_of(versions)
        texts = Reading(versions.field_name, lambda name: names.of_field(name).text if name else names.text)
        for read in counted.reading(texts):
            found.read[project.project_id] = versions.present, read
            await self.clock.sleep(0)
        return found.read[project.project_id][1]

    async def pairs(self, project: Project) -> tuple[list[Pairs], int]:
        """Return how far pairs of annotators agree, by field, and of which moment that is."""
        survey, at_us = await self.of(project)
        found = []
        for name, schema in schemas_of(project).items():
            aspect = survey.aspects.get(name)
            tables = (aspect or Aspect()).pairs
            pairs: list[Pair] = []
            for pair in pairs_of(tables, schema, most_evidence(tables)) if classes_of(schema) else ():
                pairs.append(pair)
                if len(pairs) % STEPS_MAX == 0:
                    await self.clock.sleep(0)
            found.append(Pairs(name, pairs, len(tables.tables), tables.share))
        return found, at_us

    async def sliced(self, project: Project) -> tuple[dict[str, list[Sliced]], int]:
        """Return agreement in parts of the project, by field, and of which moment that is."""
        survey, at_us = await self.of(project)
        groups, found = self._groups(), dict[str, list[Sliced]]()
        for name, schema in schemas_of(project).items():
            found[name] = []
            for part in sliced(schema, survey.aspects.get(name) or Aspect(), groups):
                found[name].append(part)
                await self.clock.sleep(0)
        return found, at_us

    async def disagreed(self, project: Project, field_name: str, first: str, second: str) -> tuple[Disagreed, int]:
        """Return the units whose labels say that two annotators disagree, and of which moment that is.

        Those of closed units are counted alone: what was said of each of them is in its lineage, at audit.
        """
        survey, at_us = await self.of(project)
        place = place_of(slot_of_project(project.project_id), self.owner.places)
        rows = self.repository.rows_of(project.project_id)
        if rows is None:
            raise NotHere(project.project_id)
        key = BETWEEN.join(sorted((first, second)))
        table = (survey.aspects.get(field_name) or Aspect()).pairs.tables.get(key, {})
        found: list[Apart] = []
        read = names_of(project.versions).text
        async with self._walking[place]:
            for walked, (unit_id, unit) in enumerate(rows.open.walk(), start=1):
                if unit.project_id == project.project_id:
                    found += apart(unit_id, unit, field_name, first, second, read)
                if walked % WALKED_MAX == 0:
                    await self.clock.sleep(0)
        both = sum(table.values())
        return Disagreed(both, sum(units for (label, other), units in table.items() if label != other), found), at_us

    async def worked(self, project: Project) -> tuple[Worked, int]:
        """Return the active time of a project's annotators by day, and of which moment that is."""
        place = place_of(slot_of_project(project.project_id), self.owner.places)
        rows = self.repository.rows_of(project.project_id)
        if rows is None:
            raise NotHere(project.project_id)
        async with self._walking[place]:
            at_us = self.clock.now_us()
            with rows.walked():
                closed = rows.closed_sums.get(project.project_id)
                found = Worked({} if closed is None else {who: pace.days for who, pace in closed.paces.items()})
                for walked, (_, unit) in enumerate(rows.open.walk(), start=1):
                    if unit.project_id == project.project_id:
                        found.add(unit)
                    if walked % WALKED_MAX == 0:
                        await self.clock.sleep(0)
        return found, at_us

    async def drifts(self, project: Project) -> tuple[list[Drifted], int]:
        """Return what has moved, and of which moment that is."""
        survey, at_us = await self.of(project)
        return await self._drifts(project, survey), at_us

    async def _drifts(self, project: Project, survey: Survey) -> list[Drifted]:
        found = []
        for measure in measures_of(survey, schemas_of(project)):
            found.append(measure)
            await self.clock.sleep(0)
        return drift.tested(found)

    async def contrasts(self, project: Project) -> tuple[list[Contrast], int]:
        """Return how groups and slices are labelled beside the rest, and of which moment that is."""
        survey, at_us = await self.of(project)
        several: list[Contrast] = []
        groups = self._groups()
        for name, schema in schemas_of(project).items():
            gold, _ = await self._gold(project, name)
            aspect = survey.aspects.get(name) or Aspect()
            for contrast in contrasts(name, classes_of(schema), aspect, gold, groups):
                several.append(contrast)
                if len(several) % STEPS_MAX == 0:
                    await self.clock.sleep(0)
        return bias.tested(several), at_us

    async def anchored(self, project: Project) -> tuple[list[Anchored], int]:
        """Return how far suggestions bend labels, by field, and of which moment that is."""
        survey, at_us = await self.of(project)
        found = []
        for name in schemas_of(project):
            _, arms = await self._gold(project, name)
            whole, by_label = followed((survey.aspects.get(name) or Aspect()).suggested)
            found.append(Anchored(name, whole, by_label, bend(arms.errors), bend(arms.misled)))
        return found, at_us

    async def favoured(self, project: Project) -> tuple[list[Favoured], int]:
        """Return how far what stood first is favoured, by field, and of which moment that is."""
        survey, at_us = await self.of(project)
        return _favoured(project, survey), at_us

    async def _gold(self, project: Project, field_name: str) -> tuple[GoldAnswers, GoldArms]:
        rows = self.repository.rows_of(project.project_id)
        sums = None if rows is None else rows.sums.get(project.project_id)
        says = sameness(schemas_of(project)[field_name])
        gold, arms = GoldAnswers(), GoldArms()

        def answer(label: str) -> str:
            read = project.read_text(label)
            return (answers_in(read) or {}).get(field_name, "") if field_name else read

        for number, unit in enumerate([] if sums is None else list(sums.gold.values()), start=1):
            gold.add(unit, says, answer)
            arms.add(unit, says, answer)
            if number % WALKED_MAX == 0:
                await self.clock.sleep(0)
        return gold, arms

    def _groups(self) -> Groups:
        people = self.annotators.rows.values()
        return {
            "kind": {person.annotator_id: (person.kind,) for person in people if person.kind},
            "vendor": {person.annotator_id: (person.vendor,) for person in people if person.vendor},
            "language": {person.annotator_id: person.languages for person in people if person.languages},
        }

    def _tell_of_drift(self, project: Project, rows: Rows, found: Sequence[Drifted]) -> None:
        project_id, now_us = project.project_id, self.clock.now_us()
        standings = rows.told.get(project_id, {})
        for measured in found:
            about = f"drift/{measured.measure}"
            before = standings.get(about, TargetStanding())
            after = held(before, now_us, self.measure.held_us, is_turning=measured.is_found != before.breached)
            if after != before:
                rows.tell(project_id, about, after)
            if after.breached and not before.breached:
                self.measure.say(project_id, about, drift_detected(project_id, measured, now_us))
        standings = rows.told.get(project_id, {})
        on = {each.measure for each in found if standings.get(f"drift/{each.measure}", TargetStanding()).breached}
        self.measure.series.show_drifts(project, found, on)

    async def _surveyed(self, place: int, rows: Rows) -> Surveyed:
        async with self._walking[place]:
            known = self._known.get(place)
            if known is not None and known.rows is rows and self._still(known):
                return known
            found = self._known[place] = await self._walk(rows)
            return found

    def _still(self, known: Surveyed) -> bool:
        return known.version == known.rows.version or self.clock.monotonic() < known.again

    async def _walk(self, rows: Rows) -> Surveyed:
        begun, at_us, version = self.clock.monotonic(), self.clock.now_us(), rows.version
        projects = self.projects.rows.items()
        texts = {
            project_id: names_of(project.versions).text
            for project_id, project in projects
            if project.versions is not None
        }
        surveys = await walked_through(rows, lambda: self.clock.sleep(0), lambda project_id: texts.get(project_id, str))
        now = self.clock.monotonic()
        self._own.histogram("concord_metrics_survey_seconds").observe(now - begun)
        return Surveyed(rows, version, at_us, now + PAUSE * (now - begun), surveys)


def _as_given(project_id: str) -> Text:
    del project_id
    return str


async def walked_through(
    rows: Rows, breathe: Callable[[], Awaitable[None]], read: Callable[[str], Text] = _as_given
) -> dict[str, Survey]:
    """Return what the closed and the open units of a place add up to, by project; `read`: how its labels read now."""
    surveys: defaultdict[str, Survey] = defaultdict(Survey)
    with rows.walked():
        for project_id, closed in sorted(rows.closed_sums.items()):
            for _ in surveys[project_id].merging(closed.survey):
                await breathe()
        walk = rows.open.walk()
        while walked := [unit for _, unit in islice(walk, WALKED_MAX)]:
            by_project: defaultdict[str, list[Unit]] = defaultdict(list)
            for unit in walked:
                by_project[unit.project_id].append(unit)
            for project_id, units in by_project.items():
                surveys[project_id].add(units, read(project_id))
            await breathe()
    return dict(surveys)


def _favoured(project: Project, survey: Survey) -> list[Favoured]:
    """Return how far what stood first is favoured in each field in which something is chosen in an order."""
    ordered = (name for name, schema in schemas_of(project).items() if isinstance(schema, Preference | Ranking))
    return [favoured(name, survey.aspects.get(name) or Aspect()) for name in ordered]


def schemas_of(project: Project) -> dict[str, LabelSchema]:
    """Return the schema of each field, or of the whole label by the empty name."""
    return (
        {asked.name: asked.schema for asked in project.form.fields}
        if project.form is not None
        else {"": project.schema}
    )
