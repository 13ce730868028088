"""Drawn objects of any label: of spans, boxes and polygons, also where they are fields of a form."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from concord.labels.canonical_json import encoded
from concord.labels.drawn import DRAWN_KINDS, DrawnObject, Origin
from concord.labels.form import answers_of, fields_of
from concord.labels.schema import Json, LabelSchema

if TYPE_CHECKING:
    from concord.labels.regions import RegionSchema

ID_DIGEST_BYTES = 8


class FieldObject(NamedTuple):
    """An object in a field, empty where labels have one; its id stays as long as the same people draw it so."""

    field: str
    kind: str
    object_id: str
    of: int
    """How many labels answer the field."""
    drawn: DrawnObject


class FieldOrigin(NamedTuple):
    """Where a region of a field comes from: the region's place in it, and its origin."""

    field: str
    place: int
    origin: Origin


class Lineage(NamedTuple):
    """Where the regions of a composed label come from, and how many objects of the others are not in it."""

    regions: tuple[FieldOrigin, ...]
    dropped: int


def has_regions(schema: LabelSchema) -> bool:
    """Return whether something is drawn in labels of the schema.

    >>> from concord.labels import schema_from
    >>> has_regions(schema_from({"kind": "boxes", "classes": ["car"]})), has_regions(schema_from({"kind": "text"}))
    (True, False)
    """
    return any(field.schema.kind in DRAWN_KINDS for field in fields_of(schema))


def objects_of(schema: LabelSchema, labels: Sequence[Json]) -> list[FieldObject]:
    """Return what canonical labels draw, object by object, in the order of the fields.

    The places of the labels are those in `labels`, whatever field.

    >>> from concord.labels import schema_from
    >>> boxes = {"name": "cars", "schema": {"kind": "spans", "classes": ["car"]}, "required": False}
    >>> schema = schema_from({"kind": "form", "fields": [boxes]})
    >>> car = {"answers": {"cars": {"spans": [{"start": 0, "end": 9, "class": "car"}]}}}
    >>> [(one.field, one.of, one.drawn.labels) for one in objects_of(schema, [{"answers": {}}, car])]
    [('cars', 1, (1,))]
    """
    found = []
    for name, kind, places, answers in _drawn_fields(schema, labels):
        for object_ in kind.objects(answers):
            drawn = object_._replace(
                labels=tuple(places[each] for each in object_.labels),
                drawn=tuple((region, tuple(places[each] for each in by)) for region, by in object_.drawn),
            )
            found.append(FieldObject(name, kind.kind, _id_of(name, drawn), len(places), drawn))
    return found


def lineage_of(schema: LabelSchema, label: Json, labels: Sequence[Json]) -> Lineage:
    """Return where each drawn region of a label comes from, that somebody composed in sight of others.

    >>> from concord.labels import schema_from
    >>> schema = schema_from({"kind": "spans", "classes": ["car"]})
    >>> car = {"spans": [{"start": 0, "end": 9, "class": "car"}]}
    >>> lineage_of(schema, {"spans": []}, [car, car]).dropped
    1
    """
    composed = answers_of(schema, label)
    regions: list[FieldOrigin] = []
    dropped = 0
    for name, kind, places, answers in _drawn_fields(schema, labels):
        if name not in composed:
            dropped += len(kind.objects(answers))
            continue
        found = kind.traced(composed[name], answers)
        dropped += found.dropped
        for place, entry in enumerate(found.regions):
            origin = entry._replace(labels=tuple(places[each] for each in entry.labels))
            regions.append(FieldOrigin(name, place, origin))
    return Lineage(tuple(regions), dropped)


def _drawn_fields(
    schema: LabelSchema, labels: Sequence[Json]
) -> Iterator[tuple[str, "RegionSchema", list[int], list[Json]]]:
    """Yield the fields that are drawn, with the answers to them and the places of the labels that give these."""
    entries = [answers_of(schema, label) for label in labels]
    for field in fields_of(schema):
        if field.schema.kind in DRAWN_KINDS:
            schema_of_regions = cast("RegionSchema", field.schema)
            places = [place for place, answers in enumerate(entries) if field.name in answers]
            yield field.name, schema_of_regions, places, [entries[place][field.name] for place in places]


def _id_of(field: str, drawn_object: DrawnObject) -> str:
    digest = hashlib.blake2b(encoded(field), digest_size=ID_DIGEST_BYTES)
    for region, places in drawn_object.drawn:
        digest.update(encoded({"region": region, "labels": [*places]}))
    return digest.hexdigest()
