"""A Label Studio export with every kind of region gives the labels that Label Studio's own library reads of it.

`tests/data/label_studio/make.py` made both files, with the library.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from concord.chassis.errors import BadRequest, ConcordError
from concord.labels import schema_from
from services.ingest.domain.admission import Suggestion, UnitWish
from services.ingest.formats import Options, Row
from services.ingest.formats.label_studio import LabelStudioReader

FOLDER = Path(__file__).resolve().parents[4] / "data" / "label_studio"
EXPORT = (FOLDER / "export.json").read_bytes()
READ = json.loads((FOLDER / "read.json").read_text())
CLASSES = ["car", "bus"]


def rows(data: bytes, schema: dict[str, Any], cut: int = 100, **more: Any) -> list[Row]:
    reader = LabelStudioReader(Options(schema_from(schema), **more))
    found = [row for at in range(0, len(data), cut) for row in reader.feed(data[at : at + cut])]
    return found + list(reader.end())


def gold(schema: dict[str, Any]) -> list[Any]:
    kind = schema_from(schema)
    entries = [row.said for row in rows(EXPORT, schema, content=("text",))]
    assert all(isinstance(entry, UnitWish) for entry in entries), entries
    return [kind.canonical(entry.gold) for entry in entries if isinstance(entry, UnitWish)]


def coco(image: int, name: str) -> list[Any]:
    names = {category["id"]: category["name"] for category in READ["coco"]["categories"]}
    found = [annotation for annotation in READ["coco"]["annotations"] if annotation["image_id"] == image]
    wanted = [entry for entry in found if bool(entry["segmentation"]) == (name == "segmentation")]
    return [
        (names[entry["category_id"]], entry["segmentation"][0] if entry["segmentation"] else entry["bbox"])
        for entry in wanted
    ]


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"kind": "choice", "classes": ["no", "yes"]}, lambda task: task["class"]),
        ({"kind": "choices", "classes": ["no", "yes"]}, lambda task: [task["class"]]),
        ({"kind": "rating", "lowest": 1, "highest": 5}, lambda task: task["rating"][0]["rating"]),
        ({"kind": "number", "low": 0, "high": 99}, lambda task: task["number"][0]["number"]),
        ({"kind": "text"}, lambda task: task["note"]),
    ],
)
def test_labels_are_those_that_the_library_reads(schema: dict[str, Any], part: Any) -> None:
    assert gold(schema) == [part(task) for task in READ["json_min"]]


def test_spans_are_what_was_marked_in_code_points_also_beyond_the_basic_plane() -> None:
    for task, label in zip(READ["json_min"], gold({"kind": "spans", "classes": ["PER", "ORG"]}), strict=True):
        marked = [(task["text"][span["start"] : span["end"]], span["class"]) for span in label["spans"]]
        assert marked == [(entry["text"], entry["labels"][0]) for entry in task["ner"]]


def test_boxes_and_polygons_are_in_the_pixels_that_the_library_reckons() -> None:
    for image, label in enumerate(gold({"kind": "boxes", "classes": CLASSES})):
        ours = [(box["class"], box["left"], box["top"], box["right"], box["bottom"]) for box in label["boxes"]]
        theirs = [(name, x, y, x + width, y + height) for name, (x, y, width, height) in coco(image, "bbox")]
        for row, other in zip(sorted(ours), sorted(theirs), strict=True):
            assert row[0] == other[0]
            assert row[1:] == pytest.approx(other[1:])
    for image, label in enumerate(gold({"kind": "polygons", "classes": CLASSES})):
        (polygon,) = label["polygons"]
        ((drawn, flat),) = coco(image, "segmentation")
        assert polygon["class"] == drawn
        points = sorted(zip(flat[::2], flat[1::2], strict=True))
        for corner, expected in zip(sorted(map(tuple, polygon["points"])), points, strict=True):
            assert corner == pytest.approx(expected)


def test_the_kinds_that_are_not_read_are_told() -> None:
    first, _ = rows(EXPORT, {"kind": "boxes", "classes": CLASSES}, content=("image",), media_type="image/png")
    assert isinstance(first.said, UnitWish)
    assert (first.said.id, first.said.content) == (
        "1",
        {"uri": "https://example.org/1.png", "width": 640, "height": 320},
    )
    (caution,) = first.cautions
    for kind in ("brushlabels", "ellipselabels", "keypointlabels", "polygonlabels", "choices"):
        assert kind in caution.problem


def test_pictures_whose_size_no_region_tells_cannot_leave_as_coco_and_are_told_so() -> None:
    task = json.dumps([{"id": 1, "data": {"image": "https://example.org/1.png"}}]).encode()
    boxes = {"kind": "boxes", "classes": CLASSES}
    (row,) = rows(task, boxes, media_type="image/png")
    assert isinstance(row.said, UnitWish)
    assert row.said.content == {"uri": "https://example.org/1.png"}
    assert [(caution.field, "COCO" in caution.problem) for caution in row.cautions] == [("content", True)]
    (row,) = rows(task, {"kind": "choice", "classes": CLASSES}, media_type="image/png")
    assert row.cautions == ()
    odd = {"type": "rectanglelabels", "original_width": 0, "original_height": 10**400, "value": {}}
    unsized = json.dumps([{"id": 1, "data": {"image": "x"}, "predictions": [{"result": [odd]}]}]).encode()
    assert isinstance(rows(unsized, boxes, media_type="image/png")[0].said, ConcordError)


def test_a_form_takes_the_answers_of_the_controls_that_are_named_as_its_fields() -> None:
    fields = [
        {"name": "class", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {"name": "rating", "schema": {"kind": "rating", "lowest": 1, "highest": 5}},
        {"name": "rect", "schema": {"kind": "boxes", "classes": CLASSES}},
    ]
    for label in gold({"kind": "form", "fields": fields}):
        assert (label["answers"]["class"], label["answers"]["rating"]) == ("yes", 4)
        assert len(label["answers"]["rect"]["boxes"]) == 2


def test_a_taxonomys_path_is_its_label() -> None:
    nodes = [{"id": "animal"}, {"id": "dog", "parent": "animal"}, {"id": "car"}]
    annotations = [{"result": [result({"taxonomy": [["animal", "dog"]]}, "taxonomy")], "ground_truth": True}]
    (row,) = rows(task(annotations=annotations), {"kind": "taxonomy", "nodes": nodes})
    assert isinstance(row.said, UnitWish)
    assert row.said.gold == ["animal", "dog"]


def task(**more: Any) -> bytes:
    return json.dumps([{"id": 5, "data": {"text": "a"}, **more}]).encode()


def result(value: Any, kind: str = "choices", **more: Any) -> dict[str, Any]:
    return {"from_name": "c", "to_name": "t", "type": kind, "value": value, **more}


CHOICE = {"kind": "choice", "classes": ["no", "yes"]}


def test_predictions_are_suggestions_and_other_annotations_are_counted() -> None:
    annotations = [
        {"result": [result({"choices": ["no"]})], "ground_truth": False},
        {"result": [result({"choices": ["no"]})], "ground_truth": True, "updated_at": "2026-01-01"},
        {"result": [result({"choices": ["yes"]})], "ground_truth": True, "updated_at": "2026-02-01"},
        {
            "result": [result({"choices": ["no"]})],
            "ground_truth": True,
            "was_cancelled": True,
            "updated_at": "2026-03-01",
        },
    ]
    predictions = [
        {"result": [result({"choices": ["no"]})], "score": 0.75, "model_version": "m2", "created_at": "2026-02-01"},
        {"result": [result({"choices": ["yes"]})], "score": 0.5, "model_version": "m1", "created_at": "2026-01-01"},
    ]
    (row,) = rows(task(annotations=annotations, predictions=predictions), CHOICE)
    assert isinstance(row.said, UnitWish)
    assert (row.said.gold, row.said.suggestion) == ("yes", Suggestion("no", "m2", 0.75))
    assert [caution.field for caution in row.cautions] == ["annotations"]
    assert "4" in row.cautions[0].problem


def test_a_task_without_annotations_is_work() -> None:
    (row,) = rows(task(), CHOICE)
    assert row == Row(1, UnitWish("5", "a"))


@pytest.mark.parametrize(
    ("schema", "results", "field"),
    [
        (CHOICE, [result({"choices": ["no", "yes"]})], "choices"),
        (CHOICE, [result({"rle": []}, "brushlabels")], "annotations.result"),
        (CHOICE, [result({})], "annotations.result"),
        (CHOICE, [result(None)], "annotations.result"),
        (
            {"kind": "boxes", "classes": CLASSES},
            [result({"x": 1, "y": 1, "width": 1, "height": 1, "rectanglelabels": ["car"]}, "rectanglelabels")],
            "original_width",
        ),
        (
            {"kind": "boxes", "classes": CLASSES},
            [
                result(
                    {"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 5, "rectanglelabels": ["car"]},
                    "rectanglelabels",
                    original_width=9,
                    original_height=9,
                )
            ],
            "value.rotation",
        ),
    ],
)
def test_a_region_that_has_no_counterpart_is_refused_with_its_field(schema: Any, results: Any, field: str) -> None:
    (row,) = rows(task(annotations=[{"result": results, "ground_truth": True}]), schema)
    assert isinstance(row.said, ConcordError)
    assert row.said.errors[0].field == field
    assert row.said.errors[0].cure


@pytest.mark.parametrize("data", [b'[{"id": 1}]', b"[5]", b'[{"data": {"text": "x"}}]', b'[{"id": 1, "data": "x"}]'])
def test_what_is_no_task_is_refused_alone(data: bytes) -> None:
    (row,) = rows(data, CHOICE)
    assert isinstance(row.said, ConcordError)


def test_what_is_no_list_of_tasks_is_refused() -> None:
    with pytest.raises(BadRequest):
        rows(b'{"id": 1}', CHOICE)


def test_offsets_that_fit_neither_count_are_refused() -> None:
    spans = {"kind": "spans", "classes": ["x"]}
    value = {"start": 1, "end": 2, "text": "z", "labels": ["x"]}
    data = json.dumps(
        [
            {
                "id": 1,
                "data": {"text": "\U0001f600ab"},
                "annotations": [{"ground_truth": 1, "result": [result(value, "labels")]}],
            }
        ]
    ).encode()
    (row,) = rows(data, spans)
    assert isinstance(row.said, ConcordError)
    assert row.said.errors[0].field == "value.start"
