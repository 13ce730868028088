"""Units: sent in batches, as a stream, or as a file that goes on where the line broke; found and erased."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from concord.client.asking import got, path_of, query_of, sent
from concord.client.errors import Conflict, Refused
from concord.client.models import AdmittedUnit, Erased, FoundUnits, Import, Json, Report, Sealed, Unit
from concord.client.sources import FileSource, UnitSource, name_of
from concord.client.steps import Flow, Read, Sleep, Source

UnitLike = Unit | Mapping[str, Json]
OnReport = Callable[[Report], None]
OnImport = Callable[[Import], None]

NDJSON, OCTETS = "application/x-ndjson", "application/octet-stream"
BATCH_BYTES = 1 << 20
BATCH_UNITS = 1_000
"""Of a stream's requests: the next is read while none is held but this one."""
LISTED_MAX = 1_000
"""Refusals, cautions and units that a report over many requests lists one by one, as a service's own does."""
PART_BYTES = 4 << 20
PART_BYTES_MAX = 64 << 20
"""Of an import's requests; where a single record is longer than a part, the part grows up to this."""
FIND_UNITS_MAX = 500
RESUMABLE = ("units", "csv", "sagemaker")
"""Formats whose import goes on where it broke off; the others are sent whole."""
MEDIA_TYPES = {
    "units": NDJSON,
    "csv": "text/csv",
    "sagemaker": NDJSON,
    "label-studio": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "folder": "application/zip",
}


def admit(project_id: str, units: Sequence[UnitLike]) -> Flow[Report]:
    """Send units in one request; each has its own verdict, and one that is known is `repeated`.

    Args:
        project_id: where to.
        units: as many as fit in one request; see `send` for any number.
    """
    return sent(Report, "ingest", "POST", path_of("/v1/projects/{id}/units", id=project_id), list(units))


def send(project_id: str, units: Iterable[UnitLike], on_report: OnReport | None = None) -> Flow[Report]:
    """Send any number of units, a batch at a time, and return what became of all of them; lines count from the first.

    Where a project takes no more for now, the rest is sent when the service says, and given up as when it is away.

    Args:
        project_id: where to.
        units: are taken as they are needed, never all at once.
        on_report: is given what became of all so far, after each batch.
    """
    whole, before = Report(), 0
    for lines in _batches(units):
        sent_before = before
        while before < sent_before + len(lines):
            rest = b"".join(lines[before - sent_before :])
            path = path_of("/v1/projects/{id}/units", id=project_id)
            report = yield from sent(Report, "ingest", "POST", path, rest, media_type=NDJSON)
            later = report.retry_after_seconds
            if report.stopped is None or later is None:
                whole, before = _together(whole, report, before), sent_before + len(lines)
            else:
                taken = report.stopped.line - 1
                report = msgspec.structs.replace(report, stopped=None, retry_after_seconds=None)
                whole, before = _together(whole, report, before), before + taken
                yield Sleep(float(later))
        if on_report is not None:
            on_report(whole)
    return whole


def _batches(units: Iterable[UnitLike]) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for unit in units:
        lines.append(msgspec.json.encode(unit) + b"\n")
        size += len(lines[-1])
        if len(lines) == BATCH_UNITS or size >= BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _together(whole: Report, report: Report, before: int) -> Report:
    def moved(name: str) -> list[object]:
        new = [msgspec.structs.replace(entry, line=entry.line + before) for entry in getattr(report, name)]
        return [*getattr(whole, name), *new][:LISTED_MAX]

    counts = ("admitted", "repeated", "duplicate_of", "left_out", "refused_count", "caution_count")
    added = {name: getattr(whole, name) + getattr(report, name) for name in counts}
    taken = sum(added.values()) - added["refused_count"] - added["caution_count"]
    stopped = report.stopped and msgspec.structs.replace(report.stopped, line=report.stopped.line + before)
    return Report(
        **added,
        refused=moved("refused"),  # type: ignore[arg-type]  # of the kind that the report has under this name
        cautions=moved("cautions"),  # type: ignore[arg-type]  # the same
        units=[*whole.units, *report.units][:LISTED_MAX],
        # What is said of one request holds of all only where none was taken.
        problem="" if taken else report.problem or whole.problem,
        stopped=whole.stopped or stopped,
    )


def import_units(
    project_id: str, units: Iterable[UnitLike], name: str, *, on_progress: OnImport | None = None
) -> Flow[Import]:
    """Send units as an import of this name: begun again with the same units, it goes on where it stands.

    Raises:
        Changed: these are other units than those that it began with.
    """
    return (yield from _imported(project_id, {"name": name, "format": "units"}, UnitSource(units), on_progress))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a file mean what; what is empty is as the format has it.

    Attributes:
        id, content, gold, suggestion: the columns that hold them; several of content by comma.
        media_type: of the contents.
        base_uri: before each content that is a path.
    """

    id: str = ""
    content: str = ""
    gold: str = ""
    suggestion: str = ""
    media_type: str = ""
    base_uri: str = ""


PLAIN = Columns()


def import_file(
    project_id: str,
    path: Path | str,
    *,
    form: str = "units",
    name: str = "",
    columns: Columns = PLAIN,
    on_progress: OnImport | None = None,
) -> Flow[Import]:
    """Send a file as an import, in parts: broken off, the same call goes on where it stands; `.gz` is unpacked.

    Args:
        project_id: where to.
        path: of the file.
        form: units (a line of JSON each), csv or sagemaker; others go by `send_file`.
        name: of the import; without one it follows from the file's name, size and time.
        columns: which columns mean what.
        on_progress: is given the import as it stands after each part.

    Raises:
        Refused: a record is longer than any part may be, or the format cannot be read on.
    """
    path = Path(path)
    wish = {"name": name or name_of(path), "format": form, **asdict(columns)}
    with closing(FileSource(path)) as source:
        return (yield from _imported(project_id, wish, source, on_progress))


def _imported(project_id: str, wish: Mapping[str, str], source: Source, on_progress: OnImport | None) -> Flow[Import]:
    answer = {name: value for name, value in wish.items() if value}
    at = yield from sent(Import, "ingest", "POST", path_of("/v1/projects/{id}/imports", id=project_id), answer)
    path, size = path_of("/v1/imports/{id}", id=at.import_id), PART_BYTES
    while not at.complete:
        part = yield Read(source, at.offset, size)
        assert isinstance(part, tuple), "the driver answers a reading with what was read"
        body, ended = part
        query = query_of(offset=at.offset, complete=ended)
        try:
            after = yield from sent(Import, "ingest", "PATCH", path, body, query=query, media_type=OCTETS)
        except Conflict:
            # A part whose answer was lost was read all the same; it goes on from where that ended.
            after = yield from got(Import, "ingest", path)
            if after == at:
                raise
        if not after.complete and after.offset == at.offset and len(body) >= size:
            if size >= PART_BYTES_MAX:
                detail = f"Line {at.line + 1} is longer than {PART_BYTES_MAX} bytes"
                raise Refused(detail, status=413)
            size *= 2
        at = after
        if on_progress is not None:
            on_progress(at)
    return at


def send_file(project_id: str, path: Path | str, *, form: str, columns: Columns = PLAIN) -> Flow[Report]:
    """Send a file of any format whole, as it is read from disk: what an export of another tool wrote, for one.

    Args:
        project_id: where to.
        path: of the file.
        form: units, csv, sagemaker, label-studio, parquet or folder (a zip).
        columns: which columns mean what.
    """
    query, kind = query_of(format=form, **asdict(columns)), MEDIA_TYPES.get(form, OCTETS)
    to = path_of("/v1/projects/{id}/units", id=project_id)
    return sent(Report, "ingest", "POST", to, Path(path), query=query, media_type=kind)


def import_state(import_id: str) -> Flow[Import]:
    """Return how far an import was read, and what was refused of it."""
    return got(Import, "ingest", path_of("/v1/imports/{id}", id=import_id))


def find(project_id: str, ids: Sequence[str]) -> Flow[list[AdmittedUnit]]:
    """Return where units stand, by your own ids and in their order, however many."""
    found: list[AdmittedUnit] = []
    path = path_of("/v1/projects/{id}/units/find", id=project_id)
    for begin in range(0, len(ids), FIND_UNITS_MAX):
        body = {"ids": list(ids[begin : begin + FIND_UNITS_MAX])}
        found += (yield from sent(FoundUnits, "ingest", "POST", path, body)).units
    return found


def erase(project_id: str, reason: str, *, ids: Sequence[str] = (), subject: str = "") -> Flow[Erased]:
    """Withdraw units everywhere, by their ids (500 at most) or as those of a subject: what they say is destroyed."""
    body = {"reason": reason, "ids": list(ids), "subject": subject}
    return sent(Erased, "ingest", "POST", path_of("/v1/projects/{id}/erasures", id=project_id), body)


def seal(project_id: str) -> Flow[Sealed]:
    """Cut what waits into lots now, full or not: the import is complete."""
    return sent(Sealed, "ingest", "POST", path_of("/v1/projects/{id}/seal", id=project_id))
