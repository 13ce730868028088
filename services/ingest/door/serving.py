"""What is done with the rows of a body, whichever route they came by."""

import asyncio
from collections.abc import AsyncIterator

from concord.chassis.errors import Conflict
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import ProjectNotOpen, ProjectState
from services.ingest.door.batches import Batch
from services.ingest.door.report import Report
from services.ingest.handlers import Admissions


async def serve(admissions: Admissions, project: ProjectState, batch: Batch, report: Report) -> None:
    """Admit a batch, and note in the report what became of it."""
    wishes = [(line, one) for line, one in zip(batch.lines, batch.said, strict=True) if isinstance(one, UnitWish)]
    admission = await admissions.admit(project, [wish for _, wish in wishes])
    report.read(batch)
    report.add([line for line, _ in wishes], admission)
    # Where every line is refused nothing else waits, and other callers want their turn.
    await asyncio.sleep(0)


async def serve_all(admissions: Admissions, project: ProjectState, rows: AsyncIterator[Batch], report: Report) -> None:
    """Admit the batches of a body; when no more may be taken, the report says from which line on.

    Raises:
        ProjectNotOpen: nothing was taken.
    """
    began = False
    async for batch in rows:
        try:
            await serve(admissions, project, batch, report)
        except ProjectNotOpen as fault:
            if not began:
                raise
            report.stop(batch.lines[0], Conflict(f"{fault}."))
            return
        began = True
