"""Label Studio's JSON: a list of tasks, each with its annotations, and the labelling configuration beside it.

Boxes and polygons are in percent of the image, without rotation, with the image's own size; spans are in code points,
end not included, with the text that they cover. Ids of ours stand under `concord_`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec

from concord.exports.form import DoesNotFit, Form, Format
from concord.exports.record import Record, Said
from concord.exports.regions import Size, size_of, uri_of
from concord.exports.table import NOT_TOLD
from concord.labels import LabelSchema

NAME = "label-studio"
MEDIA_TYPE = "application/json"
FROM, TO = "label", "content"
IMAGES = ("boxes", "polygons")
_encode = msgspec.json.Encoder().encode

Results = list[dict[str, Any]]


class LabelStudioWriter:
    """Writes a list of tasks; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        if schema.kind not in _VALUES:
            raise DoesNotFit("format", f"Label Studio has no tag for {schema.kind} labels.", "ask for jsonl or parquet")
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form
        self._kind = schema.kind

    def begin(self) -> bytes:
        """Return the beginning of the list."""
        return b"["

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the tasks of some units."""
        parts = []
        for record in records:
            parts.append((b",\n" if self.rows else b"\n") + _encode(self._task(record)))
            self.rows += 1
        return b"".join(parts)

    def end(self) -> bytes:
        """Return the end of the list."""
        return b"\n]\n"

    def _task(self, record: Record) -> dict[str, Any]:
        data: dict[str, Any] = {"concord_unit_id": record.unit_id, "concord_source_id": record.source_id}
        if record.duplicate_of:
            data["concord_duplicate_of"] = record.duplicate_of
        if self._form.data:
            data["image" if self._kind in IMAGES else "text"] = _shown(record)
        return {"data": data, "annotations": self._annotations(record)}

    def _annotations(self, record: Record) -> list[dict[str, Any]]:
        if self._form.rows == "units":
            more = {"concord_method": record.method, "concord_confidence": record.confidence}
            return [self._annotation(record, record.label, more)]
        self.left_out[NOT_TOLD] += sum(not said.label for said in record.said)
        return [self._annotation(record, one.label, _who(one)) for one in record.said if one.label]

    def _annotation(self, record: Record, label: str, more: Mapping[str, Any]) -> dict[str, Any]:
        results = _VALUES[self._kind](msgspec.json.decode(label), record)
        for place, one in enumerate(results):
            one |= {"id": f"{record.unit_id}-{place}", "from_name": one.get("from_name", FROM), "to_name": TO}
        return {"result": results, "was_cancelled": False, "ground_truth": False, **more}


def _who(said: Said) -> dict[str, Any]:
    return {"concord_annotator": said.annotator, "concord_guideline_version": said.guideline_version}


def _shown(record: Record) -> Any:
    uri, text = uri_of(record), record.text()
    return uri if uri is not None else text if text is not None else record.content()


def _choices(value: Any, record: Record) -> Results:
    del record
    return [{"type": "choices", "value": {"choices": value if isinstance(value, list) else [value]}}]


def _rating(value: Any, record: Record) -> Results:
    del record
    return [{"type": "number", "value": {"number": value}}]


def _text(value: Any, record: Record) -> Results:
    del record
    return [{"type": "textarea", "value": {"text": [value]}}]


def _preference(value: Any, record: Record) -> Results:
    del record
    strength = {"type": "number", "from_name": "strength", "value": {"number": value["strength"]}}
    return [{"type": "choices", "value": {"choices": [value["prefer"]]}}, strength]


def _spans(value: Any, record: Record) -> Results:
    text = record.text()
    if text is None:
        raise DoesNotFit(record.source_id, "Its data is no text, so its spans cover nothing.", "ask for jsonl")
    return [
        {
            "type": "labels",
            "value": {
                "start": one["start"],
                "end": one["end"],
                "text": text[one["start"] : one["end"]],
                "labels": [one["class"]],
            },
        }
        for one in value["spans"]
    ]


def _boxes(value: Any, record: Record) -> Results:
    size = size_of(record)
    return [
        _on_image(
            "rectanglelabels",
            size,
            {
                "x": 100 * one["left"] / size.width,
                "y": 100 * one["top"] / size.height,
                "width": 100 * (one["right"] - one["left"]) / size.width,
                "height": 100 * (one["bottom"] - one["top"]) / size.height,
                "rotation": 0,
                "rectanglelabels": [one["class"]],
            },
        )
        for one in value["boxes"]
    ]


def _polygons(value: Any, record: Record) -> Results:
    size = size_of(record)
    return [
        _on_image(
            "polygonlabels",
            size,
            {
                "points": [[100 * x / size.width, 100 * y / size.height] for x, y in one["points"]],
                "closed": True,
                "polygonlabels": [one["class"]],
            },
        )
        for one in value["polygons"]
    ]


def _on_image(kind: str, size: Size, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "original_width": size.width,
        "original_height": size.height,
        "image_rotation": 0,
        "value": value,
    }


_VALUES: Mapping[str, Callable[[Any, Record], Results]] = {
    "choice": _choices,
    "choices": _choices,
    "rating": _rating,
    "number": _rating,
    "text": _text,
    "preference": _preference,
    "spans": _spans,
    "boxes": _boxes,
    "polygons": _polygons,
}


def configuration(schema: LabelSchema) -> str:
    """Return the labelling configuration that the tasks go with, XML.

    >>> from concord.labels import schema_from
    >>> configuration(schema_from({"kind": "choice", "classes": ["a", "b"]})).count("<Choice ")
    2
    """
    spec: dict[str, Any] = schema.spec()
    classes = spec.get("classes", ["a", "b", "tie"])
    if schema.kind in IMAGES:
        tag = "RectangleLabels" if schema.kind == "boxes" else "PolygonLabels"
        return _view(f'<Image name="{TO}" value="$image"/>', _tag(tag, "Label", classes))
    tags = {
        "spans": _tag("Labels", "Label", classes),
        "choice": _tag("Choices", "Choice", classes, ' choice="single"'),
        "choices": _tag("Choices", "Choice", classes, ' choice="multiple"'),
        "preference": _tag("Choices", "Choice", classes, ' choice="single"')
        + f'<Number name="strength" toName="{TO}"/>',
        "text": f'<TextArea name="{FROM}" toName="{TO}"/>',
    }
    return _view(f'<Text name="{TO}" value="$text"/>', tags.get(schema.kind, f'<Number name="{FROM}" toName="{TO}"/>'))


def _tag(tag: str, inner: str, classes: Sequence[str], more: str = "") -> str:
    values = "".join(f"<{inner} value={quoteattr(one)}/>" for one in classes)
    return f'<{tag} name="{FROM}" toName="{TO}"{more}>{values}</{tag}>'


def _view(*parts: str) -> str:
    return f"<View>{''.join(parts)}</View>\n"


def _needs_data(schema: LabelSchema) -> bool:
    return schema.kind in {"spans", *IMAGES}


FORMAT = Format(NAME, "json", MEDIA_TYPE, True, True, False, _needs_data, LabelStudioWriter)
