"""How accepted labels leave: one format a file; pure. Records in, bytes out, some at a time.

A `Form` says what is wanted: which format, resolved labels or every annotator's, with or without data, with or without
the units that another stands for. `writer_for` refuses what does not fit a project's labels with the reason, and
returns the writer of one file.

| format | a row or entry is | fits | needs data |
|---|---|---|---|
| jsonl | a line of JSON; the form that certificates claim | everything | no |
| csv | a line, RFC 4180, formulas defused | everything | no |
| parquet | a row, the label as its own type | everything | no |
| datasets | the same for Hugging Face `datasets`, classes as ClassLabel | everything | no |
| label-studio | a task with its annotations | all but ranking | spans, boxes, polygons |
| coco | an image with its boxes or polygons | boxes, polygons | yes: width and height |
| conll | a document of tokens, IOB2 | spans | yes: the text |
| preference-pairs | a prompt with the chosen and the rejected answer | preference | yes: both answers |
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from concord.exports import coco, conll, csv_file, datasets_folder, jsonl, label_studio, parquet, preference_pairs
from concord.exports.form import DoesNotFit, Form, Format, Rows, Writer
from concord.exports.record import Record, RecordedLabel
from concord.labels import LabelSchema

__all__ = ["FORMATS", "DoesNotFit", "Form", "Format", "Record", "RecordedLabel", "Rows", "Writer", "writer_for"]

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            jsonl.FORMAT,
            csv_file.FORMAT,
            parquet.FORMAT,
            datasets_folder.FORMAT,
            label_studio.FORMAT,
            coco.FORMAT,
            conll.FORMAT,
            preference_pairs.FORMAT,
        )
    }
)
"""Every format by its name; a new one is one file and one line here."""


def writer_for(form: Form, schema: LabelSchema) -> Writer:
    """Return the writer of one file.

    Args:
        form: what is wanted.
        schema: of the project's labels.

    Raises:
        DoesNotFit: the format cannot say what these labels say, or not in this form; the reason is a sentence.
    """
    chosen = FORMATS.get(form.format)
    if chosen is None:
        raise DoesNotFit("format", f"There is no format {form.format!r}.", f"ask for one of {', '.join(FORMATS)}")
    if form.rows == "annotations" and not chosen.per_annotation:
        raise DoesNotFit("rows", f"{form.format} holds one label a unit.", "ask for rows=units")
    if chosen.needs_data(schema) and not form.data:
        raise DoesNotFit("data", f"{form.format} cannot be written of {schema.kind} without data.", "ask for data=true")
    return chosen.writer(form, schema)
