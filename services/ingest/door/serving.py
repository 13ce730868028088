"""What every door does with the rows of a body, whichever route they came by."""

import asyncio
from collections.abc import AsyncIterator

from concord.chassis.errors import Conflict, FieldError, TooManyRequests
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import ProjectNotOpen, ProjectState
from services.ingest.door.batches import Batch
from services.ingest.door.report import Report
from services.ingest.handlers import Admissions

LATER_SECONDS = 10
"""What is told to whoever sent more than a project takes now: people settle units, and they take their time."""


class NoRoom(TooManyRequests):
    """The project has as many open units as it allows; some of what was sent may be in, as the report says.

    Attributes:
        line: from which on nothing was taken.
    """

    def __init__(self, project: ProjectState, line: int) -> None:
        bound = project.definition.policy.max_open_units
        cure = "send the same later, when units are settled; none is taken twice. Or raise policy.max_open_units"
        error = FieldError("policy.max_open_units", f"is {bound}, and so many units are open", cure)
        text = f"The project has as many open units as it allows ({bound}); from line {line} on none was taken."
        super().__init__(text, [error], retry_after_seconds=LATER_SECONDS)
        self.line = line


async def serve(admissions: Admissions, project: ProjectState, batch: Batch, report: Report) -> None:
    """Admit a batch, and note in the report what became of it.

    Raises:
        NoRoom: the project takes no more; what was taken before that is in the report.
    """
    wishes = [(line, wish) for line, wish in zip(batch.lines, batch.said, strict=True) if isinstance(wish, UnitWish)]
    admission = await admissions.admit(project, [wish for _, wish in wishes])
    full = None if admission.later is None else wishes[admission.later][0]
    report.read(batch if full is None else batch.before(full))
    report.add([line for line, _ in wishes], admission)
    # Where every line is refused nothing else waits, and other callers want their turn.
    await asyncio.sleep(0)
    if full is not None:
        raise NoRoom(admissions.repository.projects.get(project.project_id, project), full)


async def serve_all(admissions: Admissions, project: ProjectState, rows: AsyncIterator[Batch], report: Report) -> None:
    """Admit the batches of a body; when no more may be taken, the report says from which line on.

    Raises:
        ProjectNotOpen, NoRoom: nothing was taken, nor refused.
    """
    async for batch in rows:
        try:
            await serve(admissions, project, batch, report)
        except ProjectNotOpen as fault:
            if not report.lines:
                raise
            report.stop(batch.lines[0], Conflict(f"{fault}."))
            return
        except NoRoom as fault:
            if not report.lines:
                raise
            report.stop(fault.line, fault)
            return


async def once(batch: Batch) -> AsyncIterator[Batch]:
    """Yield a batch that is all there is."""
    yield batch
