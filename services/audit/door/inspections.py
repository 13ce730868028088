"""Work for auditors, and their verdicts."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from fastapi import Request, Response

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import ConcordError
from concord.chassis.http import Limit, decode, decode_each, fitting, json_answer, page_size, read_split
from concord.chassis.identity import Caller
from concord.chassis.payload_links import payload_link
from concord.chassis.places.gather import merged
from concord.chassis.projects import Project, visible
from concord.contracts.ids import slot_of
from services.audit.domain.unit import InspectedOtherwise, LabelledAnew, UnitDoesNotExist
from services.audit.door.means import Auditor, Door, door_of
from services.audit.handlers import LabelRefused, Listed
from services.audit.handlers.inspection import HELD_BACK_MAX
from services.audit.schemas import (
    INSPECTIONS,
    NAMED_UNIT,
    TAKEN_VERDICTS,
    UNIT_VERDICT,
    VERDICTS,
    HeldBack,
    Inspections,
    InspectionWork,
    TakenVerdict,
    TakenVerdicts,
    UnitVerdict,
    VerdictsSplit,
)

LATE = "The lot was judged before this came: it is kept as late, and does not count."


class _Sent(NamedTuple):
    """A verdict as it was sent, and what was read of it."""

    text: bytes
    read: UnitVerdict | ConcordError

    @property
    def slot(self) -> int | None:
        return None if isinstance(self.read, ConcordError) else slot_of(self.read.unit_id)


async def list_inspections(
    request: Request, caller: Auditor, project_id: str | None = None, limit: Limit = None
) -> Response:
    """List units for the caller to inspect, in the order of the samples: none that the caller had a part in.

    What is listed is what the plans still need and a few more; where an error is found, more come.
    """
    door, wanted = door_of(request), page_size(limit)
    if project_id is not None:
        visible(door.handlers.means.projects, project_id, caller)
    others = await door.gather.pages(request) if project_id is None else []
    found = await door.handlers.inspecting.listed(caller.subject, caller.client_id, project_id, wanted)
    known = door.handlers.means.projects.rows
    work = [
        _work(door, listed, known[listed.lot.project_id]) for listed in found.listed if listed.lot.project_id in known
    ]
    own = Inspections([*fitting(work)], [HeldBack(lot.lot_id, lot.project_id) for lot in found.held_back])
    pages = [own, *map(INSPECTIONS.decode, others)]
    whole = merged([page.inspections for page in pages], lambda inspection_work: inspection_work.lot_id, wanted)
    return json_answer(
        Inspections(
            [*fitting(whole)],
            merged([page.held_back for page in pages], lambda held_back: held_back.lot_id, HELD_BACK_MAX),
        )
    )


async def inspect_many(request: Request, caller: Auditor) -> Response:
    """Take a batch of verdicts; each has its own result, and none keeps another from being taken."""
    door, sent = door_of(request), (await read_split(request, VERDICTS)).verdicts
    verdicts = decode_each(UNIT_VERDICT, sent, "verdicts")
    items = [_Sent(bytes(text), verdict) for text, verdict in zip(sent, verdicts, strict=True)]

    async def serve(some: Sequence[_Sent]) -> list[TakenVerdict]:
        return [await _take(door, caller, item) for item in some]

    def written(some: Sequence[_Sent]) -> bytes:
        return msgspec.json.encode(VerdictsSplit([msgspec.Raw(reply.text) for reply in some]))

    results = await door.gather.split(
        request, items, lambda item: item.slot, serve, written, lambda body: TAKEN_VERDICTS.decode(body).results
    )
    return json_answer(TakenVerdicts(results))


async def _take(door: Door, caller: Caller, sent: _Sent) -> TakenVerdict:
    unit = sent.read
    if isinstance(unit, ConcordError):
        return _unread(sent.text, unit)
    inspecting = door.handlers.inspecting
    try:
        took = await inspecting.inspect(caller.subject, caller.client_id, unit.unit_id, unit.label, unit.reason)
    except (UnitDoesNotExist, InspectedOtherwise, LabelledAnew, LabelRefused) as refusal:
        return TakenVerdict(unit.unit_id, "refused", field=refusal.field, problem=str(refusal), cure=refusal.cure)
    return TakenVerdict(unit.unit_id, took, problem=LATE if took == "late" else "")


def _unread(sent: bytes, refusal: ConcordError) -> TakenVerdict:
    """Return the result of a verdict that could not be read, under its unit's id where that can."""
    try:
        unit_id = decode(NAMED_UNIT, sent).unit_id
    except ConcordError:
        unit_id = ""
    error = refusal.errors[0]
    return TakenVerdict(unit_id, "refused", field=error.field, problem=error.problem, cure=error.cure)


def _work(door: Door, listed: Listed, project: Project) -> InspectionWork:
    links = door.settings.payload_links
    until_us = door.handlers.means.clock.now_us() + links.seconds * MICROSECONDS
    return InspectionWork(
        unit_id=listed.unit_id,
        lot_id=listed.lot.lot_id,
        project_id=listed.lot.project_id,
        payload_url=payload_link(links.keys[0], links.ingest_url, listed.unit_id, until_us),
        label_schema=project.offered(listed.schema_version).spec(),
        guideline=project.guideline_text,
        guideline_version=project.guideline_version,
        schema_version=listed.schema_version,
    )
