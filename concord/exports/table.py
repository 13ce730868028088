"""Rows and columns, for the formats that are tables: jsonl, csv, parquet and datasets."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from concord.exports.form import Form
from concord.exports.record import Record

NOT_TOLD = "label_not_told"
"""Annotations whose label was too large to be told with its resolution."""


class Column(NamedTuple):
    """A column: its name, and whether it holds a text, a label or other JSON as text, or a number."""

    name: str
    holds: Literal["text", "label", "json", "real", "whole"]


UNIT = (Column("unit_id", "text"), Column("source_id", "text"))
UNITS = (
    *UNIT,
    Column("label", "label"),
    Column("method", "text"),
    Column("confidence", "real"),
    Column("annotations", "whole"),
    Column("guideline_version", "whole"),
    Column("schema_version", "whole"),
    Column("lot_id", "text"),
)
ANNOTATIONS = (
    *UNIT,
    Column("annotator", "text"),
    Column("label", "label"),
    Column("guideline_version", "whole"),
    Column("schema_version", "whole"),
    Column("resolved_label", "label"),
    Column("lot_id", "text"),
)
DUPLICATE = Column("duplicate_of", "text")
DATA = (Column("media_type", "text"), Column("data", "json"))


def columns(form: Form) -> tuple[Column, ...]:
    """Return the columns of a table in this form, in their order."""
    duplicate = (DUPLICATE,) if form.duplicates else ()
    return (*(UNITS if form.rows == "units" else ANNOTATIONS), *duplicate, *(DATA if form.data else ()))


def rows(records: Sequence[Record], form: Form, left_out: Counter[str]) -> list[tuple[Any, ...]]:
    """Return the rows of some records, each in the order of the columns; labels and data are JSON, as text.

    Args:
        records: in their order.
        form: what is wanted.
        left_out: counts annotations that were not told.
    """
    if form.rows == "units":
        return [
            (record.unit_id, record.source_id, record.label, record.method, record.confidence, record.annotations,
             record.guideline_version, record.schema_version, record.lot_id, *_more(record, form))
            for record in records
        ]  # fmt: skip
    found: list[tuple[Any, ...]] = []
    for record in records:
        more = _more(record, form)
        for label in record.said:
            if not label.label:
                left_out[NOT_TOLD] += 1
                continue
            found.append(
                (record.unit_id, record.source_id, label.annotator, label.label, label.guideline_version,
                 label.schema_version, record.label, record.lot_id, *more)
            )  # fmt: skip
    return found


def _more(record: Record, form: Form) -> tuple[str, ...]:
    duplicate = (record.duplicate_of,) if form.duplicates else ()
    return (*duplicate, record.media_type, record.data.decode()) if form.data else duplicate
