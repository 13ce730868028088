"""Label Studio's JSON: a list of tasks, each with its annotations, and the labelling configuration beside it.

Boxes and polygons are in percent of the image, without rotation, with the image's own size; spans are in code points,
end not included, with the text that they cover. Ids of ours stand under `concord_`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import msgspec

from concord.exports.form import DoesNotFit, Form, Format
from concord.exports.record import Record, RecordedLabel
from concord.exports.regions import Size, size_of, uri_of
from concord.exports.table import NOT_TOLD
from concord.labels import LabelSchema
from concord.labels import form as forms
from concord.labels.taxonomy import Taxonomy

NAME = "label-studio"
MEDIA_TYPE = "application/json"
FROM, TO = "label", "content"
IMAGES = ("boxes", "polygons")
STRENGTH = "_strength"
"""What the name of a preference's strength ends in."""
_encode = msgspec.json.Encoder().encode

Results = list[dict[str, Any]]


class LabelStudioWriter:
    """Writes a list of tasks; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        self._parts = _parts(schema)
        for part in self._parts.values():
            if part.kind not in _VALUES:
                problem = f"Label Studio has no tag for {part.kind} labels."
                raise DoesNotFit("format", problem, "ask for jsonl or parquet")
        if _on_images(schema) and any(label_schema.kind == "spans" for label_schema in self._parts.values()):
            raise DoesNotFit("format", "Its labels are of an image and of a text at once.", "ask for jsonl or parquet")
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form
        self._schema = schema

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
            data["image" if _on_images(self._schema) else "text"] = _shown(record)
        return {"data": data, "annotations": self._annotations(record)}

    def _annotations(self, record: Record) -> list[dict[str, Any]]:
        if self._form.rows == "units":
            more = {"concord_method": record.method, "concord_confidence": record.confidence}
            return [self._annotation(record, record.label, more)]
        self.left_out[NOT_TOLD] += sum(not entry.label for entry in record.said)
        return [self._annotation(record, entry.label, _who(entry)) for entry in record.said if entry.label]

    def _annotation(self, record: Record, label: str, more: Mapping[str, Any]) -> dict[str, Any]:
        value = msgspec.json.decode(label)
        answers = value["answers"] if self._schema.kind == "form" else {FROM: value}
        results: Results = []
        for name, answer in answers.items():
            for entry in _VALUES[self._parts[name].kind](answer, record, self._parts[name]):
                task = {
                    "id": f"{record.unit_id}-{len(results)}",
                    "from_name": name + entry.pop("more", ""),
                    "to_name": TO,
                }
                results.append(task | entry)
        return {"result": results, "was_cancelled": False, "ground_truth": False, **more}


def _who(entry: RecordedLabel) -> dict[str, Any]:
    return {"concord_annotator": entry.annotator, "concord_guideline_version": entry.guideline_version}


def _shown(record: Record) -> Any:
    uri, text = uri_of(record), record.text()
    return uri if uri is not None else text if text is not None else record.content()


def _choices(value: Any, record: Record, schema: LabelSchema) -> Results:
    del record, schema
    return [{"type": "choices", "value": {"choices": value if isinstance(value, list) else [value]}}]


def _rating(value: Any, record: Record, schema: LabelSchema) -> Results:
    del record, schema
    return [{"type": "number", "value": {"number": value}}]


def _text(value: Any, record: Record, schema: LabelSchema) -> Results:
    del record, schema
    return [{"type": "textarea", "value": {"text": [value]}}]


def _preference(value: Any, record: Record, schema: LabelSchema) -> Results:
    del record, schema
    strength = {"type": "number", "more": STRENGTH, "value": {"number": value["strength"]}}
    return [{"type": "choices", "value": {"choices": [value["prefer"]]}}, strength]


def _taxonomy(value: Any, record: Record, schema: LabelSchema) -> Results:
    del record
    return [{"type": "taxonomy", "value": {"taxonomy": [list(_path(cast("Taxonomy", schema), value))]}}]


def _path(schema: Taxonomy, node_id: str) -> list[str]:
    """Return the ids from the top of a taxonomy to a node."""
    parents = {node.id: node.parent for node in schema.nodes}
    path = [node_id]
    while (parent := parents[path[0]]) is not None:
        path.insert(0, parent)
    return path


def _spans(value: Any, record: Record, schema: LabelSchema) -> Results:
    del schema
    text = record.text()
    if text is None:
        raise DoesNotFit(record.source_id, "Its data is no text, so its spans cover nothing.", "ask for jsonl")
    return [
        {
            "type": "labels",
            "value": {
                "start": span["start"],
                "end": span["end"],
                "text": text[span["start"] : span["end"]],
                "labels": [span["class"]],
            },
        }
        for span in value["spans"]
    ]


def _boxes(value: Any, record: Record, schema: LabelSchema) -> Results:
    del schema
    size = size_of(record)
    return [
        _on_image(
            "rectanglelabels",
            size,
            {
                "x": 100 * box["left"] / size.width,
                "y": 100 * box["top"] / size.height,
                "width": 100 * (box["right"] - box["left"]) / size.width,
                "height": 100 * (box["bottom"] - box["top"]) / size.height,
                "rotation": 0,
                "rectanglelabels": [box["class"]],
            },
        )
        for box in value["boxes"]
    ]


def _polygons(value: Any, record: Record, schema: LabelSchema) -> Results:
    del schema
    size = size_of(record)
    return [
        _on_image(
            "polygonlabels",
            size,
            {
                "points": [[100 * x / size.width, 100 * y / size.height] for x, y in polygon["points"]],
                "closed": True,
                "polygonlabels": [polygon["class"]],
            },
        )
        for polygon in value["polygons"]
    ]


def _on_image(kind: str, size: Size, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "original_width": size.width,
        "original_height": size.height,
        "image_rotation": 0,
        "value": value,
    }


_VALUES: Mapping[str, Callable[[Any, Record, LabelSchema], Results]] = {
    "choice": _choices,
    "choices": _choices,
    "rating": _rating,
    "number": _rating,
    "text": _text,
    "preference": _preference,
    "taxonomy": _taxonomy,
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
    content = f'<Image name="{TO}" value="$image"/>' if _on_images(schema) else f'<Text name="{TO}" value="$text"/>'
    tags = "".join(_tag(name, label_schema) for name, label_schema in _parts(schema).items())
    return f"<View>{content}{tags}</View>\n"


def _tag(name: str, schema: LabelSchema) -> str:
    where = f"name={quoteattr(name)} toName={quoteattr(TO)}"
    if isinstance(schema, Taxonomy):
        return f"<Taxonomy {where}>{_branches(schema, None)}</Taxonomy>"
    if schema.kind == "text":
        return f"<TextArea {where}/>"
    if schema.kind not in _TAGS:
        return f"<Number {where}/>"
    spec: dict[str, Any] = schema.spec()
    tag, inner, more = _TAGS[schema.kind]
    values = "".join(
        f"<{inner} value={quoteattr(class_name)}/>" for class_name in spec.get("classes", ["a", "b", "tie"])
    )
    strength = f"<Number name={quoteattr(name + STRENGTH)} toName={quoteattr(TO)}/>"
    return f"<{tag} {where}{more}>{values}</{tag}>" + (strength if schema.kind == "preference" else "")


def _branches(schema: Taxonomy, parent: str | None) -> str:
    under = [node.id for node in schema.nodes if node.parent == parent]
    return "".join(f"<Choice value={quoteattr(name)}>{_branches(schema, name)}</Choice>" for name in under)


_TAGS = {
    "spans": ("Labels", "Label", ""),
    "boxes": ("RectangleLabels", "Label", ""),
    "polygons": ("PolygonLabels", "Label", ""),
    "choice": ("Choices", "Choice", ' choice="single"'),
    "choices": ("Choices", "Choice", ' choice="multiple"'),
    "preference": ("Choices", "Choice", ' choice="single"'),
}
"""Of a kind of label: its tag, the tag of a class, and what else stands in it."""


def _parts(schema: LabelSchema) -> dict[str, LabelSchema]:
    """Return the schema of each control, by its name: the fields of a form, or the one that there is."""
    return {field.name: field.schema for field in schema.fields} if isinstance(schema, forms.Form) else {FROM: schema}


def _on_images(schema: LabelSchema) -> bool:
    return any(part.kind in IMAGES for part in _parts(schema).values())


def _needs_data(schema: LabelSchema) -> bool:
    return any(part.kind in {"spans", *IMAGES} for part in _parts(schema).values())


FORMAT = Format(NAME, "json", MEDIA_TYPE, True, True, False, _needs_data, LabelStudioWriter)
