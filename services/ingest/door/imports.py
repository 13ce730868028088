"""An import's body: read on from where the last one ended, and noted again and again how far it was read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from concord.chassis.errors import ConcordError
from services.ingest.domain.imports import CHECKPOINT_LINES, Import, Line, Progress
from services.ingest.domain.project import ProjectState
from services.ingest.door.batches import ADMIT_UNITS, Body, batch_of, unit_in
from services.ingest.door.report import LISTED_MAX, Report
from services.ingest.door.serving import NoRoom, serve
from services.ingest.formats import Options, Row
from services.ingest.formats.csv_text import CsvReader
from services.ingest.formats.lines import Line as TextLine
from services.ingest.formats.lines import Lines
from services.ingest.formats.rows import Reader
from services.ingest.formats.sagemaker import SageMakerReader
from services.ingest.handlers import Handlers
from services.ingest.schemas import Refusal


class Resumable(Reader, Protocol):
    """Reads a file that can be read on from the end of any record.

    Attributes:
        pending: bytes of the record that is not whole yet.
        line: how many lines were read before it.
        header: what a reader that goes on is to be told.
    """

    @property
    def pending(self) -> int: ...  # noqa: D102 - told above

    @property
    def line(self) -> int: ...  # noqa: D102 - told above

    @property
    def header(self) -> tuple[str, ...]: ...  # noqa: D102 - told above


class UnitLines:
    """Units, a line of JSON each."""

    header: tuple[str, ...] = ()

    def __init__(self, line: int) -> None:
        self._lines = Lines(line)

    @property
    def pending(self) -> int:
        """Return the bytes of the line that is not whole yet."""
        return self._lines.pending

    @property
    def line(self) -> int:
        """Return how many lines were read before it."""
        return self._lines.line

    def feed(self, chunk: bytes) -> Iterator[Row]:
        """Yield the units that are whole now."""
        return _units(self._lines.feed(chunk))

    def end(self) -> Iterator[Row]:
        """Yield what is left."""
        return _units(self._lines.end())


def _units(lines: Iterator[TextLine]) -> Iterator[Row]:
    for number, line in lines:
        wish = line if isinstance(line, ConcordError) else unit_in(line)
        if wish is not None:
            yield Row(number, wish)


def reader_of(found: Import, options: Options) -> Resumable:
    """Return what reads an import on from where it stands."""
    progress = found.progress
    if found.wish.format == "csv":
        return CsvReader(options, progress.line, progress.header)
    if found.wish.format == "sagemaker":
        return SageMakerReader(options, progress.line)
    return UnitLines(progress.line)


class Reading:
    """Reads one request's part of an import.

    Args:
        handlers: take units in, and note how far.
        project: whose.
        found: the import as it stands.
        options: how it is read.
    """

    def __init__(self, handlers: Handlers, project: ProjectState, found: Import, options: Options) -> None:
        self.handlers, self.project, self.found = handlers, project, found
        self.reader = reader_of(found, options)
        self.report = Report()
        self._rows: list[Row] = []
        self._offset = found.progress.offset

    async def read(self, body: Body, *, complete: bool) -> None:
        """Read a body; where it breaks off, what came is served and noted all the same.

        Args:
            body: the file from the import's offset on.
            complete: whether the file ends with it; if not, a record that it cuts is to be sent again, whole.

        Raises:
            Conflict: another request reads the same import.
            NoRoom: the project takes no more for now; what was taken is counted, and its lines are read again.
            ConcordError, HTTPException, ClientDisconnect: it broke off, or cannot be read.
        """
        try:
            try:
                await self._read(body)
            except (HTTPException, ClientDisconnect):
                await self._serve()
                await self._note(complete=False)
                raise
            if complete:
                await self._take(self.reader.end())
            await self._serve()
        except NoRoom:
            await self._count()
            raise
        await self._note(complete=complete)

    async def _read(self, body: Body) -> None:
        async for chunk in body.stream():
            await self._take(self.reader.feed(chunk))
            self._offset += len(chunk)
            if self.reader.line - self.found.progress.line >= CHECKPOINT_LINES:
                await self._serve()
                await self._note(complete=False)

    async def _count(self) -> None:
        """Note which units came in since the last note, and no line more: when these are read again they are known."""
        before = self.found.progress
        if admitted := self.report.counts["admitted"]:
            after = msgspec.structs.replace(
                before, number=before.number + 1, admitted=before.admitted + admitted, refused=(), cautions=()
            )
            await self.handlers.imports.note(self.found, after)

    async def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._rows.append(row)
            if len(self._rows) == ADMIT_UNITS:
                await self._serve()

    async def _serve(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            await serve(self.handlers.admissions, self.project, batch_of(rows), self.report)

    async def _note(self, *, complete: bool) -> None:
        """Note how far was read, with what became of it since the last note."""
        before, report = self.found.progress, self.report
        counts = {name: getattr(before, name) + count for name, count in report.counts.items()}
        after = Progress(
            number=before.number + 1,
            offset=self._offset - (0 if complete else self.reader.pending),
            line=self.reader.line,
            header=self.reader.header,
            **counts,
            refused_count=before.refused_count + report.refused_count,
            caution_count=before.caution_count + report.caution_count,
            refused=_more(report.refused, LISTED_MAX - len(before.refused)),
            cautions=_more(report.cautions, LISTED_MAX - len(before.cautions)),
            complete=complete,
        )
        await self.handlers.imports.note(self.found, after)
        whole = msgspec.structs.replace(
            after, refused=before.refused + after.refused, cautions=before.cautions + after.cautions
        )
        self.found = msgspec.structs.replace(self.found, progress=whole)
        self.report = Report()


def _more(refusals: Sequence[Refusal], room: int) -> tuple[Line, ...]:
    return tuple(
        Line(refusal.line, refusal.field, refusal.problem, refusal.cure) for refusal in refusals[: max(0, room)]
    )
