"""Exports in every format, and the manifests that tell what is in them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.http import AnyId, Whole, begun
from concord.exports import FORMATS, Form
from services.audit.domain.lot import LotState
from services.audit.domain.manifest import parts_of
from services.audit.door.means import (
    JSON,
    AnyIssue,
    ClientOrOperator,
    Door,
    accepted,
    as_file,
    attachment,
    door_of,
    issue_of,
)
from services.audit.handlers.exports import newest_schema

MEDIA_TYPES = tuple(dict.fromkeys(form.media_type for form in FORMATS.values()))


class NoSuchPart(LookupError):
    """The export has no part of this number."""


class InParts(ValueError):
    """The format comes in parts, and the export has several."""

    field = "part"

    def __init__(self, name: str, parts: int) -> None:
        super().__init__(f"In {name} this export has {parts} parts.")
        self.cure = f"ask for one after the other, part=0 to part={parts - 1}"


async def asked(
    name: Annotated[str, Query(alias="format", description=f"One of {', '.join(FORMATS)}.")] = "jsonl",
    rows: Annotated[
        Literal["units", "annotations"],
        Query(description="Resolved labels, one a unit, or every annotator's own under a code."),
    ] = "units",
    data: Annotated[bool, Query(description="Whether what was labelled goes with it.")] = False,
    duplicates: Annotated[
        bool, Query(description="Whether units that another of the same content stands for are told, too.")
    ] = False,
) -> Form:
    """Return the form that an export is asked for in."""
    return Form(name, rows, data, duplicates)


Asked = Annotated[Form, Depends(asked)]
Part = Annotated[Whole | None, Query(description="From 0; without it all parts are one file, where the format can.")]


async def lot_export(request: Request, lot_id: AnyId, caller: ClientOrOperator, form: Asked) -> Response:
    """Hand over an accepted lot, without what was erased since."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    return await _export(door, [lot], form, lot_id, lot.schema_version)


async def project_export(
    request: Request,
    project_id: AnyId,
    caller: ClientOrOperator,
    form: Asked,
    issue: AnyIssue = None,
    part: Part = None,
) -> Response:
    """Hand over the lots of one of a project's certificates, without what was erased since.

    `issue` is the certificate's: the same lots in the same order, whatever was accepted since. A transfer that broke
    off is taken up by `part`: see the manifest.
    """
    door = door_of(request)
    state, found = await issue_of(door, project_id, caller, issue)
    lots = await door.handlers.certificates.lots_of(state, found)
    stem = f"{project_id}-{found.number}"
    return await _export(door, _part(lots, form, part), form, stem, newest_schema(lots), part)


async def project_manifest(
    request: Request, project_id: AnyId, caller: ClientOrOperator, form: Asked, issue: AnyIssue = None
) -> Response:
    """Hand over the signed manifest of an export: its files with their digests, and what goes beside them.

    503 with `Retry-After` while it is being made: for that the whole export is read.
    """
    door = door_of(request)
    state, found = await issue_of(door, project_id, caller, issue)
    project = door.handlers.means.project(project_id)
    made = await door.handlers.manifests.of(project, state, found, form)
    return attachment(made, JSON, f"{project_id}-{found.number}.manifest.json")


def _part(lots: Sequence[LotState], form: Form, part: int | None) -> Sequence[LotState]:
    parts = parts_of(lots)
    if part is None:
        if form.format in FORMATS and not FORMATS[form.format].one_file and len(parts) > 1:
            raise InParts(form.format, len(parts))
        return lots
    if not 0 <= part < len(parts):
        raise NoSuchPart(f"The export has {len(parts)} parts, from 0; there is no part {part}.")
    return parts[part]


async def _export(
    door: Door, lots: Sequence[LotState], form: Form, stem: str, version: int, part: int | None = None
) -> Response:
    exports, project = door.handlers.exports, door.handlers.means.project(lots[0].project_id)
    writer = await exports.begun(lots, form, project, version)
    chosen = FORMATS[form.format]
    name = f"{stem}{'' if part is None else f'.part-{part:05d}'}.{chosen.suffix}"
    # A format's own beginning, and the first of what is read; so that nothing is told to have left that cannot.
    body = await begun(exports.written(writer, lots, form, project, version), ahead=2)
    await exports.told(lots, form.format, project)
    return StreamingResponse(body, media_type=chosen.media_type, headers=as_file(name))
