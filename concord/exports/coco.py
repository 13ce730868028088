"""COCO, for object detection and instance segmentation: one image a unit, its boxes or polygons in pixels.

Ids begin at 1: pycocotools takes an annotation 0 for a miss. Every annotation has `iscrowd` and `area`, without which
its `evaluate` fails. With every annotator's labels an annotation names its annotator in a field of its own; an image is
never repeated.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from concord.exports.form import DoesNotFit, Form, Format, always
from concord.exports.record import Record
from concord.exports.regions import size_of, uri_of
from concord.exports.table import NOT_TOLD
from concord.labels import LabelSchema

NAME = "coco"
MEDIA_TYPE = "application/json"
_encode = msgspec.json.Encoder().encode


class CocoWriter:
    """Writes one file; see `form.Writer`. The images, some 200 bytes each, are kept until the end."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        if schema.kind not in {"boxes", "polygons"}:
            raise DoesNotFit("format", f"COCO holds boxes and polygons, no {schema.kind} labels.", "ask for parquet")
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form
        self._kind = schema.kind
        classes: Any = schema.spec()["classes"]
        self._categories = {name: number for number, name in enumerate(classes, start=1)}
        self._images: list[bytes] = []
        self._names: set[str] = set()

    def begin(self) -> bytes:
        """Return the categories and the beginning of the annotations."""
        categories = [{"id": number, "name": name, "supercategory": ""} for name, number in self._categories.items()]
        info = {"description": "Exported by Concord; one image a unit.", "version": "1"}
        return b'{"info":' + _encode(info) + b',"licenses":[],"categories":' + _encode(categories) + b',"annotations":['

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the annotations of some units."""
        parts = []
        for record in records:
            self._images.append(_encode(self._image(record)))
            for annotation in self._annotations(record):
                parts.append((b",\n" if self.rows else b"\n") + _encode(annotation))
                self.rows += 1
        return b"".join(parts)

    def end(self) -> bytes:
        """Return the images and the end of the file."""
        return b'\n],"images":[\n' + b",\n".join(self._images) + b"\n]}\n"

    def _image(self, record: Record) -> dict[str, Any]:
        size, uri = size_of(record), uri_of(record)
        name = uri if uri is not None and uri not in self._names else record.source_id
        self._names.add(name)
        image = {
            "id": len(self._images) + 1,
            "file_name": name,
            "width": size.width,
            "height": size.height,
            "concord_unit_id": record.unit_id,
            "concord_source_id": record.source_id,
        }
        return image | ({} if uri is None else {"coco_url": uri})

    def _annotations(self, record: Record) -> Iterator[dict[str, Any]]:
        number = self.rows + 1
        if self._form.rows == "units":
            labels: list[tuple[str, dict[str, Any]]] = [(record.label, {"concord_confidence": record.confidence})]
        else:
            self.left_out[NOT_TOLD] += sum(not entry.label for entry in record.said)
            labels = [(entry.label, {"concord_annotator": entry.annotator}) for entry in record.said if entry.label]
        for label, more in labels:
            for entry in msgspec.json.decode(label)[self._kind]:
                shape = _box(entry) if self._kind == "boxes" else _polygon(entry)
                category = self._categories[entry["class"]]
                yield (
                    {"id": number, "image_id": len(self._images), "category_id": category, "iscrowd": 0} | shape | more
                )
                number += 1


def _box(entry: Any) -> dict[str, Any]:
    left, top, right, bottom = entry["left"], entry["top"], entry["right"], entry["bottom"]
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
    }


def _polygon(entry: Any) -> dict[str, Any]:
    points = entry["points"]
    across, down = [x for x, _ in points], [y for _, y in points]
    left, top = min(across), min(down)
    return {
        "bbox": [left, top, max(across) - left, max(down) - top],
        "area": area_of(points),
        "segmentation": [[number for point in points for number in point]],
    }


def area_of(points: Sequence[Sequence[float]]) -> float:
    """Return the area within an outline, by the shoelace formula.

    >>> area_of([[0, 0], [4, 0], [4, 3]])
    6.0
    """
    after = [*points[1:], points[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, after, strict=True))) / 2


FORMAT = Format(NAME, "json", MEDIA_TYPE, True, False, False, always, CocoWriter)
