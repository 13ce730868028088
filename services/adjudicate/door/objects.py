"""The route that shows what is drawn on an escalated unit, object by object."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response

from concord.chassis.http import AnyId, documented, json_answer
from concord.chassis.identity import Caller, Role, require
from concord.labels.objects import FieldObject
from services.adjudicate.domain.escalation import EscalationDoesNotExist
from services.adjudicate.domain.objects import sides_of
from services.adjudicate.door.means import door_of, sides_with_places
from services.adjudicate.schemas import Side

Adjudicator = Annotated[Caller, require(Role.ADJUDICATOR)]
Json = Any
Stands = Literal["taken", "dropped", "open"]
STANDS: dict[bool | None, Stands] = {True: "taken", False: "dropped", None: "open"}


class ObjectDrawing(msgspec.Struct, frozen=True):
    """One way in which an object is drawn, with its class, and the sides on which it is drawn so, from 0."""

    region: Json
    sides: list[int]


class EscalatedObject(msgspec.Struct, frozen=True):
    """What several labels draw of one object.

    Attributes:
        object_id: the same as long as it is drawn the same.
        field: of which field; empty where labels have one.
        kind: spans, boxes or polygons.
        stands: `taken` or `dropped` where the quorum is for it or against it; `open` where it is for neither, or for
            none of its classes.
        region: what its drawings come to, in a ruled label's form.
        annotations: labels that have it, `of` those that answer its field.
        drawn: its different drawings.
    """

    object_id: str
    field: str
    kind: str
    stands: Stands
    region: Json
    annotations: int
    of: int
    drawn: list[ObjectDrawing]


class EscalatedObjects(msgspec.Struct, frozen=True):
    """What is drawn on a unit that waits for a ruling: none where nothing is drawn in its project.

    Attributes:
        sides: as the escalation has them, in an order of this answer's own: that to which `ObjectDrawing.sides` refers.
        objects: field after field, by place.
    """

    unit_id: str
    sides: list[Side]
    objects: list[EscalatedObject]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    documents = documented(reply=EscalatedObjects, refusals=(404, 409))
    routes.get("/escalations/{unit_id}/objects", **documents)(list_objects)
    return routes


async def list_objects(request: Request, unit_id: AnyId, caller: Adjudicator) -> Response:
    """Show what is drawn on a unit, object by object, and which of them the quorum is for; nobody is named."""
    door = door_of(request)
    if not caller.may_touch(unit_id):
        raise EscalationDoesNotExist("There is no such escalation.")
    unit, project, given, found = await door.handlers.objects.of(unit_id, caller.subject)
    sides, side_of = sides_with_places(door, project, unit)
    of_label = {place: side_of[given.places[place]] for place in range(len(given.places))}
    return json_answer(EscalatedObjects(unit_id, sides, [_object(disputed, of_label) for disputed in found]))


def _object(disputed: FieldObject, side_of: dict[int, int]) -> EscalatedObject:
    drawn = [ObjectDrawing(region, sides_of(places, side_of)) for region, places in disputed.drawn.drawn]
    stands = STANDS[disputed.drawn.stands]
    return EscalatedObject(
        disputed.object_id,
        disputed.field,
        disputed.kind,
        stands,
        disputed.drawn.region,
        len(disputed.drawn.labels),
        disputed.of,
        drawn,
    )
