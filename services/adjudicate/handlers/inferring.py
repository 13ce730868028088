"""Runs of Dawid and Skene's model over all labels of a project: read, reckoned off the loop, and kept a while."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.labels import encoded
from concord.labels.form import answers_in
from services.adjudicate.domain.inference import UNITS_MAX, Gathering, Given, Inferred, TooMuch, check_all
from services.adjudicate.domain.unit import LABELLED, UnitState
from services.adjudicate.repository import Repository

RUNS_MAX = 8
"""Of this process, under way or done; the oldest that is done makes room."""
KEPT_SECONDS = 3_600.0
"""After its end a run is known for so long."""
KEPT_CELLS_MAX = 32_000_000
"""Numbers that the runs of this process hold together, 256 MB: the oldest makes room."""
READ_AT_ONCE = 100
"""Units that are taken down before others run: of forms with many fields, some ten milliseconds."""
Status = Literal["waits", "reads", "reckons", "done", "failed"]

log = logging.getLogger(__name__)


class NoClasses(ValueError):
    """The labels of a project have no classes, in no field."""

    field = "project_id"
    cure = "ask it of a project whose labels, or a field of them, have classes"


class TooManyRuns(RuntimeError):
    """As many runs as may be are under way."""

    field = "project_id"
    cure = "ask again when one of them is done"


class InferenceDoesNotExist(LookupError):
    """There is no such run, or it is forgotten, or its project went to another process."""

    field = "inference_id"
    cure = "ask for a new one by POST /v1/projects/{project_id}/inferences"


@dataclass(slots=True)
class Run:
    """One run.

    Attributes:
        rulings: what adjudicators ruled is taken as known.
        units_read: so far.
        reason: why it failed.
        fields: what was found, by field; all of it, once it is done.
        ended: on the clock's monotonic time; None while it is under way.
    """

    inference_id: str
    project_id: str
    started_at_us: int
    rulings: bool
    status: Status = "waits"
    units_read: int = 0
    reason: str = ""
    fields: dict[str, Inferred] = field(default_factory=dict)
    ended_at_us: int = 0
    ended: float | None = None

    @property
    def cells(self) -> int:
        """How many numbers it holds."""
        return sum(inferred.cells for inferred in self.fields.values())


class Inferring:
    """What all labels of a project say at once.

    A run is this process's, and in its memory alone: it is a question asked of the journal, and can be asked again.

    Args:
        repository: where units are found.
        clock: time.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def ask(self, project: Project, *, rulings: bool) -> Run:
        """Begin a run, or return the one like it of this project that is under way.

        Raises:
            NoClasses, TooManyRuns: see there.
        """
        if not classes_of(project):
            raise NoClasses(f"The labels of {project.project_id} have no classes.")
        for known in self.of_project(project.project_id):
            if known.ended is None and known.rulings == rulings:
                return known
        self._make_room()
        now_us = number = self.clock.now_us()
        while f"i{number:x}" in self._runs:  # a clock that was set back tells the same time once more
            number += 1
        run = Run(f"i{number:x}", project.project_id, now_us, rulings)
        self._runs[run.inference_id] = run
        task = asyncio.create_task(self._go(project, run), name=f"inference {run.inference_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def of_project(self, project_id: str) -> list[Run]:
        """Return the runs of a project that are known, oldest first."""
        self._forget()
        return [run for run in self._runs.values() if run.project_id == project_id]

    def find(self, project_id: str, inference_id: str) -> Run:
        """Return a run.

        Raises:
            InferenceDoesNotExist: see there.
        """
        found = next((run for run in self.of_project(project_id) if run.inference_id == inference_id), None)
        if found is None:
            raise InferenceDoesNotExist(f"There is no inference {inference_id[:120]!r} now.")
        return found

    async def stop(self) -> None:
        """End the runs that are under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget(self) -> None:
        now = self.clock.monotonic()
        for run in list(self._runs.values()):
            if run.ended is not None and now - run.ended > KEPT_SECONDS:
                del self._runs[run.inference_id]

    def _make_room(self) -> None:
        self._forget()
        if len(self._runs) < RUNS_MAX:
            return
        oldest = min(
            (run for run in self._runs.values() if run.ended is not None),
            key=lambda run: run.ended or 0.0,
            default=None,
        )
        if oldest is None:
            raise TooManyRuns(f"{RUNS_MAX} runs are under way here.")
        del self._runs[oldest.inference_id]

    async def _go(self, project: Project, run: Run) -> None:
        """Read and reckon, one run after the other: each may take some hundred megabytes."""
        try:
            async with self._turn:
                run.status = "reads"
                gathered = await self._read(project, run)
                run.status = "reckons"
                while gathered:
                    field, given = gathered.popitem()
                    found = await asyncio.to_thread(given.inferred, rulings=run.rulings)
                    if found is not None:
                        run.fields[field] = found
                run.fields = {name: run.fields[name] for name in classes_of(project) if name in run.fields}
                run.status = "done"
        except TooMuch as fault:
            run.status, run.reason = "failed", str(fault)
        except Exception as fault:  # the run is its asker's, and says so; what it stumbles over ends nothing else
            log.exception("inference %s failed", run.inference_id)
            run.status, run.reason = "failed", f"It could not be reckoned: {type(fault).__name__}."
        finally:
            run.ended, run.ended_at_us = self.clock.monotonic(), self.clock.now_us()
            self._lighten(run)

    def _lighten(self, newest: Run) -> None:
        """Forget the oldest runs that are done while all hold more than may be; the newest stays."""
        done = sorted((run for run in self._runs.values() if run.ended is not None), key=lambda run: run.ended or 0.0)
        cells = sum(run.cells for run in done)
        for run in done:
            if cells <= KEPT_CELLS_MAX or run is newest:
                return
            cells -= run.cells
            del self._runs[run.inference_id]

    async def _read(self, project: Project, run: Run) -> dict[str, Gathering]:
        found = {name: Gathering(name, classes) for name, classes in classes_of(project).items()}
        async for page in self.repository.units_of(project.project_id):
            for unit in page:
                run.units_read += 1
                if run.units_read > UNITS_MAX:
                    raise TooMuch(f"There are more than {UNITS_MAX:,} units, and so many are taken at once.")
                for name, given in _given(project, unit, found):
                    found[name].add(given)
                if run.units_read % READ_AT_ONCE == 0:
                    check_all(found.values())
                    await self.clock.sleep(0)
        return found


def classes_of(project: Project) -> dict[str, list[str]]:
    """Return the classes of each field that has any, as canonical JSON; of the whole label by the empty name."""
    if project.form is not None:
        fields = {asked.name: asked.classed for asked in project.form.fields}
    else:
        fields = {"": project.classed}
    return {
        name: [encoded(label).decode() for label in classed_schema.classes]
        for name, classed_schema in fields.items()
        if classed_schema is not None
    }


def _given(project: Project, unit: UnitState, fields: Mapping[str, object]) -> list[tuple[str, Given]]:
    """Return what is said of a unit in each field, as it reads now."""
    labels = [
        (annotation.annotator_id, project.read_text(annotation.label))
        for annotation in unit.counted()
        if annotation.label
    ]
    if not labels:
        return []
    decided = project.read_text(unit.label) if unit.status in LABELLED and unit.label else ""
    ruled = unit.status == "adjudicated"
    sure = 1.0 if ruled else unit.confidence
    if "" in fields:
        return [("", Given(unit.unit_id, tuple(labels), decided, sure, ruled))]
    answers = [(who, answers_in(label) or {}) for who, label in labels]
    right = (answers_in(decided) or {}) if decided else {}
    by_field = {standing.field: standing.confidence for standing in unit.fields}
    units = []
    for name in fields:
        given = tuple((who, answer[name]) for who, answer in answers if name in answer)
        if given:
            confidence = 1.0 if ruled else by_field.get(name, sure)
            units.append((name, Given(unit.unit_id, given, right.get(name, ""), confidence, ruled)))
    return units
