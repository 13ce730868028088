"""Adjudicate's HTTP door."""

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import json_answer, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import visible
from concord.labels import Json
from services.adjudicate.domain.escalation import EscalationDoesNotExist, NotEscalated, RulingRefused, has_part
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers import Handlers
from services.adjudicate.schemas import (
    RULING,
    RULINGS,
    AnnotatorWeight,
    Escalation,
    Escalations,
    ProjectWeights,
    Resolution,
    RuledUnit,
    RuledUnits,
    Side,
)
from services.adjudicate.settings import AdjudicateSettings

STATUSES: dict[type[Exception], int] = {EscalationDoesNotExist: 404, NotEscalated: 409, RulingRefused: 422}
RULINGS_MAX = 100
LOOKED_AT_MAX = 2_000
"""Escalations that are looked at to find those a caller has no part in."""

Adjudicator = Annotated[Caller, require(Role.ADJUDICATOR)]
Operator = Annotated[Caller, require(Role.OPERATOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach: the use cases, the settings of payload links, and chance for the order of sides."""

    handlers: Handlers
    settings: AdjudicateSettings
    generator: random.Random


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/escalations")(list_escalations)
    routes.post("/escalations/{unit_id}/ruling")(rule_one)
    routes.post("/rulings")(rule_many)
    routes.get("/projects/{project_id}/resolutions")(stream_resolutions)
    routes.get("/projects/{project_id}/competence")(show_competence)
    return routes


def _door(request: Request) -> Door:
    return cast("Door", request.app.state.service)


async def list_escalations(
    request: Request, caller: Adjudicator, project_id: str | None = None, limit: int | None = None
) -> Response:
    """List what the caller may rule, most to be gained first: units they annotated are left out."""
    door = _door(request)
    repository = door.handlers.repository
    if project_id is not None:
        visible(door.handlers.projects, project_id, caller)
    wanted = page_size(limit)
    unit_ids = list(islice(repository.escalated(project_id), LOOKED_AT_MAX))
    found: list[Escalation] = []
    for start in range(0, len(unit_ids), wanted):
        page = unit_ids[start : start + wanted]
        units = await repository.units(page)
        for unit_id in page:
            unit = units[unit_id]
            if unit.status == "escalated" and not has_part(unit, caller.subject) and len(found) < wanted:
                found.append(_escalation(door, unit))
        if len(found) == wanted:
            break
    return json_answer(Escalations(found))


async def rule_one(request: Request, unit_id: str, caller: Adjudicator) -> Response:
    """Rule one unit; the ruling is binding."""
    ruling = await read_json(request, RULING)
    outcome = await _door(request).handlers.rule(caller.subject, unit_id, ruling.label, ruling.reason)
    assert outcome.state is not None
    status = "repeated" if outcome.repeated else "ruled"
    return json_answer(RuledUnit(unit_id, status, label=_label(outcome.state.label)))


async def rule_many(request: Request, caller: Adjudicator) -> Response:
    """Rule a batch of units; each has its own result, and none keeps another from being ruled."""
    body = await read_json(request, RULINGS)
    if len(body.rulings) > RULINGS_MAX:
        cure = f"send at most {RULINGS_MAX} at once"
        raise Invalid("Too many rulings at once.", [FieldError("rulings", f"holds {len(body.rulings)}", cure)])
    results = []
    for ruling in body.rulings:
        try:
            outcome = await _door(request).handlers.rule(caller.subject, ruling.unit_id, ruling.label, ruling.reason)
        except (EscalationDoesNotExist, NotEscalated, RulingRefused) as refusal:
            results.append(
                RuledUnit(ruling.unit_id, "refused", field=refusal.field, problem=str(refusal), cure=refusal.cure)
            )
        else:
            results.append(RuledUnit(ruling.unit_id, "repeated" if outcome.repeated else "ruled", label=ruling.label))
    return json_answer(RuledUnits(results))


async def stream_resolutions(request: Request, project_id: str, caller: ClientOrOperator) -> Response:
    """Stream where every unit of a project stands, one JSON object a line; gold units are left out."""
    door = _door(request)
    visible(door.handlers.projects, project_id, caller)

    async def lines() -> AsyncIterator[bytes]:
        async for page in door.handlers.repository.units_of(project_id):
            yield b"".join(msgspec.json.encode(_resolution(unit)) + b"\n" for unit in page if unit.status != "gold")

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def show_competence(request: Request, project_id: str, caller: Operator) -> Response:
    """Show by which confusion matrices the labels of a project are weighed."""
    door = _door(request)
    project = visible(door.handlers.projects, project_id, caller)
    weights = door.handlers.weights(project)
    if weights is None:
        return json_answer(ProjectWeights(0, []))
    annotators = [
        AnnotatorWeight(
            one.annotator_id,
            one.gold_units,
            [list(row) for row in weights.confusion(one.annotator_id)],
        )
        for one in door.handlers.repository.competence(project_id)
    ]
    return json_answer(ProjectWeights(weights.gold_units, annotators))


def _label(text: str) -> Json:
    return cast("Json", msgspec.json.decode(text)) if text else None


def _resolution(unit: UnitState) -> Resolution:
    settled = unit.status in ("consensus", "adjudicated")
    return Resolution(
        unit.unit_id,
        unit.status,
        _label(unit.label) if settled else None,
        unit.confidence,
        _label(unit.leading_label),
        len(unit.counted()),
        unit.rework,
    )


def _escalation(door: Door, unit: UnitState) -> Escalation:
    project = door.handlers.projects.rows[unit.project_id]
    counts = Counter(one.label for one in unit.counted())
    flags: dict[str, list[str]] = defaultdict(list)
    for one in unit.counted():
        if one.flag:
            flags[one.label].append(one.flag)
    sides = [Side(_label(label), count, flags[label]) for label, count in counts.items()]
    door.generator.shuffle(sides)
    links = door.settings.payload_links
    until_us = door.handlers.clock.now_us() + links.seconds * MICROSECONDS
    return Escalation(
        unit_id=unit.unit_id,
        project_id=unit.project_id,
        payload_url=payload_link(links.secret.key(), links.ingest_url, unit.unit_id, until_us),
        reason=unit.escalated_for,
        confidence=unit.confidence,
        leading_label=_label(unit.leading_label),
        sides=sides,
        label_schema=project.schema.spec(),
        guideline=project.guideline_text,
        guideline_version=project.guideline_version,
        rework=unit.rework,
    )
