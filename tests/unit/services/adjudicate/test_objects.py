"""Spans, boxes and polygons are ruled object by object, and the ruling says which region came from which label."""

from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.labels import Json
from services.adjudicate.handlers import objects
from simulation.house import House
from tests.unit.services.adjudicate.running import Adjudicate, start, voting

BOXES = {"kind": "boxes", "classes": ["car", "van"]}
FORM = {
    "kind": "form",
    "fields": [
        {"name": "night", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {"name": "cars", "schema": BOXES},
    ],
}
UNIT = "k1-utb1"


def box(left: int, right: int, name: str = "car") -> dict[str, Json]:
    return {"left": float(left), "top": 0.0, "right": float(right), "bottom": 10.0, "class": name}


def boxes(*drawn: dict[str, Json]) -> dict[str, Json]:
    return {"boxes": list(drawn)}


SURE, SURE_OTHER = box(0, 10), box(0, 11)
OPEN = box(100, 110)
RARE = box(200, 210, "van")
# Three of four have the first object, two the second, one the third.
SAID = [boxes(SURE, OPEN), boxes(SURE, OPEN), boxes(SURE_OTHER, RARE), boxes()]


async def begun(schema: Any = BOXES, rows: list[Any] = SAID) -> Adjudicate:
    found = await start(House(), 2)
    await found.upstream.project(voting(4, 4), schema=schema)
    await found.upstream.unit(UNIT)
    for number, label in enumerate(rows):
        await found.upstream.annotation(UNIT, number, f"ann {number}", label)
    await found.upstream.labelling_ended(UNIT)
    await found.settle()
    return found


async def shown(found: Adjudicate, subject: str = "senior") -> Any:
    return await found.call("GET", f"/v1/escalations/{UNIT}/objects", subject=subject)


async def rule(found: Adjudicate, label: Json) -> Any:
    answer = await found.call("POST", f"/v1/escalations/{UNIT}/ruling", {"label": label, "reason": "As drawn."})
    assert answer.status == 200, answer.body
    await found.settle()
    (ruling,) = (event.adjudicated for event in found.events() if event.HasField("adjudicated"))
    return ruling


@pytest.mark.parametrize("at_once_bytes", [20_000, 1])
async def test_what_is_drawn_is_shown_object_by_object_with_its_support_and_nobodys_name(
    monkeypatch: pytest.MonkeyPatch, at_once_bytes: int
) -> None:
    monkeypatch.setattr(objects, "MERGED_AT_ONCE_BYTES", at_once_bytes)
    found = await begun()
    answer = await shown(found)
    assert answer.status == 200
    body = answer.json()
    assert b"ann " not in answer.body, "blind: no annotator's name"
    assert [(object_["stands"], object_["annotations"], object_["of"]) for object_ in body["objects"]] == [
        ("taken", 3, 4),
        ("open", 2, 4),
        ("dropped", 1, 4),
    ]
    first, second, third = body["objects"]
    assert (first["region"], second["region"], third["region"]) == (SURE, OPEN, RARE)
    assert [entry["region"] for entry in first["drawn"]] == [SURE, SURE_OTHER]
    for object_ in body["objects"]:
        for drawing in object_["drawn"]:
            assert drawing["sides"], "somebody drew it so"
            for side in drawing["sides"]:
                assert drawing["region"] in body["sides"][side]["label"]["boxes"], "the side that draws it so"
    assert len({entry["object_id"] for entry in body["objects"]}) == 3
    assert [entry["object_id"] for entry in (await shown(found, "other senior")).json()["objects"]] == [
        entry["object_id"] for entry in body["objects"]
    ]
    await found.stop()


async def test_only_who_may_rule_a_unit_is_shown_its_objects() -> None:
    found = await begun()
    assert (await shown(found, "ann 1")).status == 404, "who has a part in it"
    operator = await found.call("GET", f"/v1/escalations/{UNIT}/objects", role=Role.OPERATOR)
    assert operator.status == 403
    await rule(found, boxes(SURE))
    assert (await shown(found)).status == 409
    await found.stop()


async def test_a_ruling_says_which_region_came_from_which_label_and_what_was_dropped() -> None:
    found = await begun()
    body = await rule(found, boxes(SURE, box(101, 109, "van"), box(500, 510)))
    evidence = {annotation.annotation_id: place for place, annotation in enumerate(body.evidence)}
    places = [evidence[f"{UNIT}.{number}"] for number in range(4)]
    assert [(region.field, region.place, region.origin, sorted(region.evidence)) for region in body.regions] == [
        ("", 0, "drawn", places[:2]),
        ("", 1, "corrected", places[:2]),
        ("", 2, "added", []),
    ]
    assert body.regions_dropped == 1
    await found.stop()


async def test_in_a_form_only_its_drawn_fields_have_objects_and_a_field_that_was_left_out_drops_them() -> None:
    rows = [{"answers": {"night": "no", "cars": entry}} for entry in SAID]
    found = await begun(FORM, rows)
    objects_told = (await shown(found)).json()["objects"]
    assert [(entry["field"], entry["kind"], entry["stands"]) for entry in objects_told] == [
        ("cars", "boxes", "taken"),
        ("cars", "boxes", "open"),
        ("cars", "boxes", "dropped"),
    ]
    body = await rule(found, {"answers": {"night": "yes", "cars": boxes(SURE_OTHER)}})
    assert [(region.field, region.origin, list(region.evidence)) for region in body.regions] == [("cars", "drawn", [2])]
    assert body.regions_dropped == 2
    await found.stop()


async def test_labels_without_drawings_have_no_objects() -> None:
    choice = {"kind": "choice", "classes": ["no", "yes"]}
    found = await begun(choice, ["no", "yes", "no", "yes"])
    assert (await shown(found)).json()["objects"] == []
    body = await rule(found, "yes")
    assert (len(body.regions), body.regions_dropped) == (0, 0)
    await found.stop()
