"""A request's body as batches of rows, whatever its format: what is held in memory at a time is bounded."""

import asyncio
import hashlib
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fastapi import Request
from starlette.exceptions import HTTPException

from concord.chassis.errors import (
    BadRequest,
    ConcordError,
    FieldError,
    Invalid,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)
from concord.chassis.http import (
    BYTE_ORDER_MARK,
    Overlong,
    allow_body,
    decode,
    decode_line,
    media_type,
    read_lines,
    split,
)
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.staffing import Caution
from services.ingest.formats import LINES, Format, Options, Reader, Row, format_of
from services.ingest.schemas import EXPORT_ROW, UNIT, UNITS

IMPORT_BYTES_MAX = 2_000_000_000
SPOOL_BYTES_MAX = 200_000_000
"""Of a file that can only be read whole: it lies on disk while it is."""
SPOOLS_MAX, SPOOLS_PER_CLIENT_MAX = 4, 2
"""A file may take an hour to come: no client has all the places while it sends slowly."""
SPOOL_RETRY_SECONDS = 5
ADMIT_UNITS = 500
ADMIT_BYTES = 8_000_000
"""Units of a stream that are admitted together, and their bytes beyond which fewer are."""
_CHARSETS = ("", "utf-8", "utf8", "us-ascii", "ascii")


class Stopped(NamedTuple):
    """Why a body broke off, in the place of the row that did not come."""

    error: ConcordError


Said = UnitWish | ConcordError | Stopped | None


class Batch(NamedTuple):
    """Some rows that are served together.

    Attributes:
        lines: where each stands.
        said: the unit of each, or why it is none; None for an empty line.
        cautions: what of a row was not taken, by its line.
        alone: whether the request is of this one unit, and no list that happens to have one.
    """

    lines: Sequence[int]
    said: Sequence[Said]
    cautions: Sequence[tuple[int, Caution]] = ()
    alone: bool = False

    def before(self, line: int) -> "Batch":
        """Return the rows above a line."""
        end = next((place for place, line_number in enumerate(self.lines) if line_number >= line), len(self.lines))
        return Batch(self.lines[:end], self.said[:end], [caution for caution in self.cautions if caution[0] < line])


@dataclass(slots=True)
class Body:
    """A request's body, and what it comes to.

    Attributes:
        client_id: whose it is.
        hashed: whether a hash is kept of it.
        sha256: that hash, of what was read.
    """

    request: Request
    client_id: str | None
    hashed: bool = False
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        async for chunk in self.request.stream():
            if self.hashed:
                self.sha256.update(chunk)
            yield chunk

    async def whole(self) -> bytes:
        """Return all of it."""
        return b"".join([chunk async for chunk in self.stream()])


class Spools:
    """The files on disk that bodies are kept in while they are read; so many at a time, and no more."""

    def __init__(self) -> None:
        self._open = Counter[str | None]()

    @asynccontextmanager
    async def kept(self, body: Body) -> AsyncIterator[Path]:
        """Keep a body in a file while it is used.

        Raises:
            TooManyRequests: too many of its client's are being read.
            Unavailable: too many are.
        """
        if self._open[body.client_id] >= SPOOLS_PER_CLIENT_MAX:
            text = (
                f"{SPOOLS_PER_CLIENT_MAX} files of yours that are read whole are being read; send this one after them."
            )
            raise TooManyRequests(text, retry_after_seconds=SPOOL_RETRY_SECONDS)
        if self._open.total() >= SPOOLS_MAX:
            text = f"{SPOOLS_MAX} files that are read whole are being read; send this one in a moment."
            raise Unavailable(text, retry_after_seconds=SPOOL_RETRY_SECONDS)
        self._open[body.client_id] += 1
        try:
            with tempfile.NamedTemporaryFile(prefix="concord-", suffix=".import") as file:
                async for chunk in body.stream():
                    file.write(chunk)
                file.flush()
                yield Path(file.name)
        finally:
            self._open -= Counter([body.client_id])


def format_in(request: Request, named: str) -> Format | None:
    """Return the format that a request sends; None for plain units. How large its body may be is set by it.

    Raises:
        UnsupportedMediaType: neither a format nor plain units are sent so, or the text is not in UTF-8.
        Invalid: a format is named that there is none of, or that is sent otherwise.
    """
    kind = media_type(request)
    found = format_of(named, kind)
    if found is None and kind not in ("application/json", *LINES):
        text = f"The body is {kind[:100] or 'of no type'}; send application/json, {LINES[0]}, text/csv"
        raise UnsupportedMediaType(f"{text}, application/vnd.apache.parquet or application/zip.")
    charset = _charset(request)
    if charset not in _CHARSETS:
        raise UnsupportedMediaType(f"The body is in {charset[:40]!r}; send it in UTF-8.")
    if found is None and kind == "application/json":
        return None
    allow_body(request, SPOOL_BYTES_MAX if found and found.rows else IMPORT_BYTES_MAX, gzip=True)
    return found


def _charset(request: Request) -> str:
    parameters = request.headers.get("content-type", "").split(";")[1:]
    named = [parameter.split("=", 1) for parameter in parameters if "=" in parameter]
    return next((value.strip().strip('"').lower() for name, value in named if name.strip().lower() == "charset"), "")


async def batches(body: Body, found: Format | None, options: Options, spools: Spools) -> AsyncGenerator[Batch, None]:
    """Yield a body's rows, some at a time.

    A body that breaks off after its first row ends with the reason: what was admitted before is not to be forgotten.

    Raises:
        ConcordError, HTTPException: it broke off before, or cannot be read at all.
    """
    if found is None:
        source = _from_lines(body) if media_type(body.request) in LINES else _from_json(await body.whole())
    elif found.reader is not None:
        source = from_reader(body, found.reader(options))
    else:
        source = _from_file(body, found, options, spools)
    line, began = 0, False
    try:
        async for batch in source:
            yield batch
            began, line = True, (batch.lines[-1] if batch.lines else line)
    except (HTTPException, ConcordError) as fault:
        cause = fault if isinstance(fault, ConcordError) else fault.__cause__
        if not began or not isinstance(cause, ConcordError):
            raise
        yield Batch([line + 1], [Stopped(cause)])


async def _from_json(text: bytes) -> AsyncIterator[Batch]:
    """Yield the units of a JSON body; in an array an unreadable one is its refusal.

    Raises:
        BadRequest, Invalid: the body is no JSON, or no unit.
    """
    if not text.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        yield Batch([1], [decode(UNIT, text)], alone=True)
        return
    units = split(UNITS, text)
    for start in range(0, len(units), ADMIT_UNITS):
        some = units[start : start + ADMIT_UNITS]
        yield Batch(range(start + 1, start + 1 + len(some)), [unit_in(bytes(raw)) for raw in some])


async def _from_lines(body: Body) -> AsyncIterator[Batch]:
    """Yield the lines' units; an unreadable line is its refusal, and an empty one is passed over."""
    first_line, size = 1, 0
    parsed: list[Said] = []
    try:
        async for lines in read_lines(body):
            for line in lines:
                parsed.append(_overlong(line) if isinstance(line, Overlong) else unit_in(line))
                size += 0 if isinstance(line, Overlong) else len(line)
                if len(parsed) == ADMIT_UNITS or size > ADMIT_BYTES:
                    yield Batch(range(first_line, first_line + len(parsed)), parsed)
                    first_line, parsed, size = first_line + len(parsed), [], 0
    except HTTPException:
        if parsed:
            yield Batch(range(first_line, first_line + len(parsed)), parsed)
        raise
    if parsed:
        yield Batch(range(first_line, first_line + len(parsed)), parsed)


async def from_reader(body: Body, reader: Reader) -> AsyncIterator[Batch]:
    """Yield the rows of a format that is read as it comes."""
    rows: list[Row] = []
    size = 0
    try:
        async for chunk in body.stream():
            size += len(chunk)
            for row in reader.feed(chunk):
                rows.append(row)
                if len(rows) == ADMIT_UNITS:
                    yield batch_of(rows)
                    rows = []
            if size > ADMIT_BYTES and rows:
                yield batch_of(rows)
                rows, size = [], 0
        for row in reader.end():
            rows.append(row)
    except (HTTPException, ConcordError):
        if rows:
            yield batch_of(rows)
        raise
    for start in range(0, len(rows), ADMIT_UNITS):
        yield batch_of(rows[start : start + ADMIT_UNITS])


async def _from_file(body: Body, found: Format, options: Options, spools: Spools) -> AsyncIterator[Batch]:
    """Yield the rows of a format that is read from a file; reading is off the event loop."""
    assert found.rows is not None, "a format is read as it comes, or from a file"
    async with spools.kept(body) as path:
        rows = found.rows(path, options)
        while some := await asyncio.to_thread(_next_of, rows):
            yield batch_of(some)


def _next_of(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, ADMIT_UNITS))


def batch_of(rows: Iterable[Row]) -> Batch:
    """Return rows as they are served."""
    rows = list(rows)
    cautions = [(row.line, caution) for row in rows for caution in row.cautions]
    return Batch([row.line for row in rows], [row.said for row in rows], cautions)


def unit_in(line: bytes) -> UnitWish | ConcordError | None:
    """Return the unit that a line of JSON is, or why it is none; None for an empty one."""
    if not line.strip():
        return None
    try:
        return decode_line(UNIT, line)
    except (BadRequest, Invalid) as refusal:
        return _exported(line) or refusal


def _exported(line: bytes) -> ConcordError | None:
    """Return what is to be said of a row of one of our exports, which tells a label and no content."""
    try:
        row = decode_line(EXPORT_ROW, line)
    except (BadRequest, Invalid):
        return None
    problem = "is a row of an export: it has a label and no content"
    cure = f"send {{'id': {row.source_id[:40]!r}, 'content': ...}}, and its label as 'gold' if it is to measure people"
    return Invalid(f"The line {problem}.", [FieldError("body", problem, cure)])


def _overlong(line: Overlong) -> ConcordError:
    problem, cure = f"is over {line.bytes_max} bytes", "send a shorter line, or {'uri': ...}"
    return Invalid(f"The line {problem}.", [FieldError("body", problem, cure)])
