"""Labels as Arrow columns: every kind of label has a type of its own, so that no reader has to guess it.

pyarrow is imported when a Parquet file is first asked for: it takes a hundred megabytes that nothing else needs.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from concord.exports.form import Form
from concord.exports.table import Column, columns
from concord.labels import LabelSchema
from concord.labels import form as forms

LABELS_KEPT = 4_096
LABEL_CHARACTERS_KEPT_MAX = 400
"""What people draw or write is longer, and seldom the same twice: as many as are kept would fill gigabytes."""


def schema_of(form: Form, labels: LabelSchema) -> Any:
    """Return the Arrow schema of a table in this form; the label schema is in its metadata, as JSON."""
    import pyarrow as pa  # noqa: PLC0415 - see the module

    fields = [pa.field(column.name, _type(pa, column, labels), nullable=False) for column in columns(form)]
    return pa.schema(fields, {b"concord.label_schema": msgspec.json.encode(labels.spec())})


def columns_of(form: Form, rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the values of each column, labels as the values that they are and data as its text or its JSON."""
    found = []
    for column, values in zip(columns(form), zip(*rows, strict=True), strict=True):
        if column.holds == "label":
            found.append([value_of(label) for label in values])
        elif column.holds == "json":
            found.append([_text_of(data) for data in values])
        else:
            found.append(list(values))
    return found


def value_of(label: str) -> Any:
    """Return a label's value from its canonical JSON: regions as the bare list of them, a form as its answers.

    >>> value_of('{"spans":[{"class":"x","end":2,"start":0}]}')
    [{'class': 'x', 'end': 2, 'start': 0}]
    >>> value_of('{"answers":{"toxic":"yes","where":{"spans":[]}}}')
    {'toxic': 'yes', 'where': []}
    """
    return _value_of(label) if len(label) <= LABEL_CHARACTERS_KEPT_MAX else _value_of.__wrapped__(label)


@lru_cache(maxsize=LABELS_KEPT)
def _value_of(label: str) -> Any:
    value = msgspec.json.decode(label)
    if isinstance(value, dict) and value.keys() == {"answers"}:
        return {name: _bare(answer) for name, answer in value["answers"].items()}
    return _bare(value)


def _bare(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value


def _text_of(data: str) -> str:
    value = msgspec.json.decode(data)
    return value if isinstance(value, str) else data


def _type(pa: Any, column: Column, labels: LabelSchema) -> Any:
    if column.holds == "label":
        return label_type(pa, labels)
    return {"real": pa.float64(), "whole": pa.int64()}.get(column.holds, pa.string())


def label_type(pa: Any, labels: LabelSchema) -> Any:
    """Return the type of a label; `pa` is pyarrow."""
    if isinstance(labels, forms.Form):
        return pa.struct([(field.name, label_type(pa, field.schema)) for field in labels.fields])

    def region(**fields: Any) -> Any:
        return pa.list_(pa.struct([*((name, kind) for name, kind in fields.items()), ("class", pa.string())]))

    points = pa.list_(pa.list_(pa.float64()))
    real, whole, text = pa.float64(), pa.int64(), pa.string()
    types: Mapping[str, Any] = {
        "rating": whole,
        "number": real,
        "choices": pa.list_(text),
        "ranking": pa.list_(text),
        "preference": pa.struct([("prefer", text), ("strength", whole)]),
        "spans": region(start=whole, end=whole),
        "boxes": region(left=real, top=real, right=real, bottom=real),
        "polygons": region(points=points),
    }
    return types.get(labels.kind, text)
