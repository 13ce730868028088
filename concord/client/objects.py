"""What is drawn on units that wait for a ruling, object by object, and labels composed of it."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from concord.client.asking import got, path_of
from concord.client.models import Json
from concord.client.steps import Flow
from concord.client.work import Side


class ObjectDrawing(Struct, frozen=True):
    """One way in which an object is drawn, and the sides on which it is drawn so, from 0."""

    region: Json
    sides: list[int]


class EscalatedObject(Struct, frozen=True):
    """What several labels draw of one object: `stands` is taken or dropped by quorum, or open."""

    object_id: str
    field: str
    kind: str
    stands: str
    region: Json
    annotations: int
    of: int
    drawn: list[ObjectDrawing]


class EscalatedObjects(Struct, frozen=True):
    """What is drawn on a unit that waits for a ruling."""

    unit_id: str
    sides: list[Side]
    objects: list[EscalatedObject]

    def composed(
        self,
        *,
        take: Collection[str] = (),
        drop: Collection[str] = (),
        corrected: Mapping[str, Json] | None = None,
        answers: Mapping[str, Json] | None = None,
    ) -> Json:
        """Return the label of what the quorum takes, but for what is said otherwise: for `rule`.

        Args:
            take: objects to be in it, by id, as what their drawings come to.
            drop: objects not to be in it.
            corrected: objects to be in it with a region of one's own.
            answers: of a form, those to its other fields.

        Raises:
            ValueError: an object is unknown or said twice, or one is open and nothing is said of it; or none is there.
        """
        own = dict(corrected or {})
        objects = [*take, *drop, *own]
        known = {object_.object_id for object_ in self.objects}
        if unknown := [name for name in objects if name not in known]:
            raise ValueError(f"there is no object {unknown[0]}; take one from `objects`")
        if len(objects) != len(set(objects)):
            raise ValueError("an object is named twice; take, drop or correct each once")
        if not self.objects:
            raise ValueError("nothing is drawn on the unit; rule it by a label")
        fields: dict[str, dict[str, list[Json]]] = {}
        for object_ in self.objects:
            if object_.stands == "open" and object_.object_id not in objects:
                raise ValueError(f"the object {object_.object_id} is open; take, drop or correct it")
            regions = fields.setdefault(object_.field, {object_.kind: []})[object_.kind]
            stands = object_.object_id in take or (object_.stands == "taken" and object_.object_id not in drop)
            if object_.object_id in own or stands:
                regions.append(own.get(object_.object_id, object_.region))
        if "" in fields:
            return fields[""]
        whole: dict[str, Any] = {**fields, **(answers or {})}
        return {"answers": whole}


def escalated_objects(unit_id: str) -> Flow[EscalatedObjects]:
    """Return what is drawn on a unit that waits for the caller's ruling, object by object."""
    return got(EscalatedObjects, "adjudicate", path_of("/v1/escalations/{id}/objects", id=unit_id))
