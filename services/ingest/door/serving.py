"""What is done with the rows of a body, whichever route they came by."""

import asyncio

from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import ProjectState
from services.ingest.door.batches import Batch
from services.ingest.door.report import Report
from services.ingest.handlers import Admissions


async def serve(admissions: Admissions, project: ProjectState, batch: Batch, report: Report) -> None:
    """Admit a batch, and note in the report what became of it."""
    report.read(batch)
    wishes = [(line, one) for line, one in zip(batch.lines, batch.said, strict=True) if isinstance(one, UnitWish)]
    admission = await admissions.admit(project, [wish for _, wish in wishes])
    report.add([line for line, _ in wishes], admission)
    # Where every line is refused nothing else waits, and other callers want their turn.
    await asyncio.sleep(0)
