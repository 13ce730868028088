"""Routes of the roster: who annotates, what they are able to do, and whether they are at work."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta

from concord.chassis.csv_records import CsvRecords, Record
from concord.chassis.errors import BadRequest, ConcordError, FieldError, Forbidden, Invalid, UnsupportedMediaType
from concord.chassis.http import (
    Limit,
    allow_body,
    cursor_of,
    documented,
    json_answer,
    media_type,
    name_in,
    page_size,
    read_json,
)
from concord.chassis.identity import Caller, Role, require
from concord.contracts.names import NAME_CHARACTERS_MAX, NAME_PATTERN, NameRefused, name_from
from services.assign.domain.eligibility import AnnotatorKind, AtWork
from services.assign.domain.refusals import Refusal
from services.assign.domain.roster import Sought
from services.assign.door.desk import desk_of
from services.assign.door.roster_file import entry_of, known_columns
from services.assign.handlers import Entry
from services.assign.schemas import ANNOTATOR, AnnotatorBody, AnnotatorShown, Time, microseconds

CSV = "text/csv"
FILE_BYTES_MAX = 100_000_000
ROWS_MAX = 200_000
"""Annotators in one file."""
ROWS_AT_ONCE = 500
REFUSALS_LISTED_MAX = 1_000
SOUGHT_CHARACTERS_MAX = 128

Operator = Annotated[Caller, require(Role.OPERATOR)]
_NAME = {"minLength": 1, "maxLength": NAME_CHARACTERS_MAX, "pattern": NAME_PATTERN}
AnnotatorId = Annotated[str, Path(json_schema_extra=_NAME, description="A name, percent-encoded.")]
Text = Annotated[str, Query(max_length=SOUGHT_CHARACTERS_MAX)]


class StateBody(msgspec.Struct, forbid_unknown_fields=True):
    """In which state an annotator is to be, why, as they are told it, and until when, for a pause."""

    state: AtWork
    reason: Annotated[str, Meta(max_length=500)] = ""
    until: Time | None = None


class Roster(msgspec.Struct):
    """Some annotators, by name; `next` is the cursor of the rest, empty at the end.

    Where few of many are looked for a page may hold fewer than were asked for, or none, and still have a next one.
    """

    annotators: list[AnnotatorShown]
    next: str


class RowRefusal(msgspec.Struct):
    """Why a row was not taken: the line in which it begins, the column, and what to do."""

    line: int
    field: str
    problem: str
    cure: str


class RosterReport(msgspec.Struct, omit_defaults=True):
    """What became of a file: how many rows were new or changed, said what was known, or were refused.

    The first thousand refusals are listed. `stopped` says in which line the reading ended before its time; what was
    taken before stays, and the same file may be sent again.
    """

    changed: int
    unchanged: int
    refused: int
    refusals: list[RowRefusal]
    stopped: RowRefusal | None = None


STATE = msgspec.json.Decoder(StateBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/annotators", **documented(reply=Roster))(list_annotators)
    routes.post("/annotators", **documented(body=str, body_media_types=(CSV,), reply=RosterReport))(import_annotators)
    stated = documented(body=StateBody, reply=AnnotatorShown, refusals=(404, 409))
    routes.patch("/annotators/{annotator_id:path}", **stated)(change_state)
    defined = documented(body=AnnotatorBody, reply=AnnotatorShown, also=201, refusals=(409,))
    routes.put("/annotators/{annotator_id:path}", **defined)(define_annotator)
    shown = documented(reply=AnnotatorShown, refusals=(404, 422))
    routes.get("/annotators/{annotator_id:path}", **shown)(show_annotator)
    return routes


async def list_annotators(
    request: Request,
    caller: Operator,
    limit: Limit = None,
    cursor: str = "",
    state: AtWork | None = None,
    kind: AnnotatorKind | None = None,
    skill: Text = "",
    language: Text = "",
    vendor: Text = "",
    text: Annotated[str, Query(max_length=SOUGHT_CHARACTERS_MAX, description="In the name or the vendor's.")] = "",
) -> Response:
    """List annotators by name, all or those of whom everything holds that is said; `skill` is a credential, too.

    What was defined a moment ago at another process may be missing for a second.
    """
    _unbound(caller)
    desk = desk_of(request)
    sought = Sought(state, kind, skill, language, vendor, text)
    found, last = desk.handlers.annotators.page(sought, name_in(cursor), page_size(limit))
    now_us = desk.clock.now_us()
    return json_answer(
        Roster([AnnotatorShown.of(annotator, now_us) for annotator in found], cursor_of(last) if last else "")
    )


async def define_annotator(request: Request, annotator_id: AnnotatorId, caller: Operator) -> Response:
    """Say who an annotator is, or say it anew."""
    name = _named(annotator_id, caller)
    body = await read_json(request, ANNOTATOR)
    desk = desk_of(request)
    state, new = await desk.handlers.annotators.define(body.wanted(name), body.state)
    return json_answer(AnnotatorShown.of(state, desk.clock.now_us()), 201 if new else 200)


async def show_annotator(request: Request, annotator_id: AnnotatorId, caller: Operator) -> Response:
    """Show an annotator as last defined."""
    name, desk = _named(annotator_id, caller), desk_of(request)
    return json_answer(AnnotatorShown.of(await desk.handlers.annotators.defined(name), desk.clock.now_us()))


async def change_state(request: Request, annotator_id: AnnotatorId, caller: Operator) -> Response:
    """Have an annotator invited, qualifying, active, paused or retired; what they hold they may finish."""
    name, desk = _named(annotator_id, caller), desk_of(request)
    body = await read_json(request, STATE)
    until_us = None if body.until is None else microseconds(body.until, "until")
    state = await desk.handlers.annotators.put(name, body.state, body.reason, until_us)
    return json_answer(AnnotatorShown.of(state, desk.clock.now_us()))


async def import_annotators(request: Request, caller: Operator) -> Response:
    """Take annotators from CSV, row by row; what is wrong with one keeps no other from being taken.

    Columns: `annotator_id`, and any of `kind`, `skills`, `credentials`, `vendor`, `languages`, `state`. Several in one
    cell stand apart by `|`; a credential may say its end, as `law=2027-01-31T00:00:00Z`. A column that is not there
    leaves what it is about as it is.
    """
    _unbound(caller)
    if media_type(request) != CSV:
        raise UnsupportedMediaType(f"Send the file as `content-type: {CSV}`, in UTF-8.")
    allow_body(request, FILE_BYTES_MAX, gzip=True)
    taking = _Taking(request)
    records = CsvRecords()
    try:
        async for chunk in request.stream():
            await taking.take(records.feed(chunk), records)
        await taking.take(records.end(), records)
        await taking.flush()
    except ConcordError as fault:
        if not taking.rows:
            raise
        taking.stop(fault)
    return json_answer(taking.report)


class _Taking:
    """Takes a file's rows some at a time, and adds up what became of them."""

    def __init__(self, request: Request) -> None:
        self.report = RosterReport(0, 0, 0, [])
        self.rows = 0
        self._annotators = desk_of(request).handlers.annotators
        self._entries: dict[str, tuple[int, Entry]] = {}
        self._line = 0
        self._in_hand: int | None = None

    async def take(self, read: Iterator[Record], records: CsvRecords) -> None:
        """Take rows in."""
        for line, outcome in read:
            if not self.rows:
                known_columns(records.header)
            self.rows += 1
            self._line = line
            if self.rows > ROWS_MAX:
                await self.flush()
                error = FieldError("body", f"has over {ROWS_MAX} rows", "send the rest as a file of its own")
                raise BadRequest(f"The body {error.problem}.", [error])
            entry = outcome if isinstance(outcome, ConcordError) else entry_of(outcome)
            if isinstance(entry, ConcordError):
                self._refuse(line, entry.errors[0])
                continue
            if entry.annotator_id in self._entries or len(self._entries) == ROWS_AT_ONCE:
                await self.flush()
            self._entries[entry.annotator_id] = line, entry
            self._in_hand = self._in_hand or line

    async def flush(self) -> None:
        """Have done what is in hand."""
        some, self._entries = list(self._entries.values()), {}
        results = await self._annotators.enlist([entry for _, entry in some]) if some else []
        for (line, _), result in zip(some, results, strict=True):
            if isinstance(result, Refusal):
                self._refuse(line, FieldError(result.field, str(result), result.cure))
            elif isinstance(result, Exception):
                raise result
            elif result:
                self.report.changed += 1
            else:
                self.report.unchanged += 1
        self._in_hand = None

    def _refuse(self, line: int, error: FieldError) -> None:
        self.report.refused += 1
        if len(self.report.refusals) < REFUSALS_LISTED_MAX:
            self.report.refusals.append(RowRefusal(line, error.field, error.problem, error.cure))

    def stop(self, fault: ConcordError) -> None:
        """Note where the reading ended before its time: all before that line is done with."""
        error = fault.errors[0] if fault.errors else FieldError("body", fault.detail, "send the same file again")
        self.report.stopped = RowRefusal(self._in_hand or self._line, error.field, error.problem, error.cure)


def _unbound(caller: Caller) -> None:
    """Raise Forbidden where the operator is bound to a client; annotators work for all."""
    if caller.client_id is not None:
        raise Forbidden("Annotators work for every client, and this credential is bound to one; use one that is not.")


def _named(annotator_id: str, caller: Caller) -> str:
    """Return the annotator's name as it is kept.

    Raises:
        Forbidden: the operator is bound to a client; annotators work for all.
        Invalid: it is no name.
    """
    _unbound(caller)
    try:
        return name_from(annotator_id)
    except NameRefused as refused:
        error = FieldError("annotator_id", refused.problem, refused.cure)
        raise Invalid(f"annotator_id {refused.problem}.", [error]) from refused
