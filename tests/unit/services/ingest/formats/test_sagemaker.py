"""SageMaker's augmented manifest, as its labelling jobs write it."""

import json
from typing import Any

import pytest

from concord.chassis.errors import ConcordError
from concord.labels import schema_from
from services.ingest.domain.admission import Suggestion, UnitWish
from services.ingest.formats import Options
from services.ingest.formats.sagemaker import SageMakerReader

CHOICE = schema_from({"kind": "choice", "classes": ["cat", "dog"]})
BOXES = schema_from({"kind": "boxes", "classes": ["cat", "dog"]})
# The forms of the AWS documentation, "Output data of a labeling job": image classification and bounding box.
CLASSIFIED = {
    "source-ref": "s3://bucket/a/1.png",
    "species": "1",
    "species-metadata": {
        "class-name": "dog",
        "confidence": 0.93,
        "type": "groundtruth/image-classification",
        "job-name": "labeling-job/species",
        "human-annotated": "no",
        "creation-date": "2026-10-18T22:18:13.527256",
    },
}
BOXED = {
    "source-ref": "s3://bucket/a/2.jpg",
    "box": {
        "annotations": [{"class_id": 0, "left": 111, "top": 134, "width": 61, "height": 128}],
        "image_size": [{"width": 500, "height": 400, "depth": 3}],
    },
    "box-metadata": {
        "class-map": {"0": "cat"},
        "objects": [{"confidence": 0.8}],
        "type": "groundtruth/object-detection",
    },
}


def read(options: Options, *records: Any) -> list[UnitWish | ConcordError]:
    reader = SageMakerReader(options)
    data = b"\n".join(json.dumps(record).encode() for record in records)
    return [row.said for row in [*reader.feed(data), *reader.end()]]


def test_an_image_is_shown_by_its_address_and_its_class_is_read_by_name() -> None:
    (gold,) = read(Options(CHOICE, gold="species"), CLASSIFIED)
    assert isinstance(gold, UnitWish)
    assert (gold.content, gold.media_type, gold.gold) == ({"uri": "s3://bucket/a/1.png"}, "image/png", "dog")
    (guess,) = read(Options(CHOICE, suggestion="species"), CLASSIFIED)
    assert isinstance(guess, UnitWish)
    assert guess.suggestion == Suggestion("dog", "labeling-job/species", 0.93)
    assert guess.id == gold.id, "a record has the same name in every manifest"


def test_boxes_are_read_by_their_edges() -> None:
    (entry,) = read(Options(BOXES, gold="box"), BOXED)
    assert isinstance(entry, UnitWish)
    assert entry.content == {"uri": "s3://bucket/a/2.jpg", "width": 500, "height": 400}, "as COCO wants to know"
    assert entry.gold == {"boxes": [{"left": 111, "top": 134, "right": 172, "bottom": 262, "class": "cat"}]}


def test_a_text_is_shown_as_it_is_and_an_attribute_may_name_it() -> None:
    (entry,) = read(Options(CHOICE, id="key"), {"source": "a text", "key": 7})
    assert isinstance(entry, UnitWish)
    assert (entry.id, entry.content, entry.media_type) == ("7", "a text", "")


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"image": "x"}, "source"),
        ({"source": "x", "key": None}, "key"),
        (BOXED | {"box-metadata": {}}, "box"),
        (5, "body"),
    ],
)
def test_what_is_missing_is_named(record: Any, field: str) -> None:
    (entry,) = read(Options(BOXES, id="key" if "key" in str(record) else "", gold="box"), record)
    assert isinstance(entry, ConcordError)
    assert entry.errors[0].field == field
    assert entry.errors[0].cure
