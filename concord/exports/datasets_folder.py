"""A folder that Hugging Face `datasets` loads by its name: Parquet parts with the features in them, and a README.md.

The features are told and never guessed: a choice is a ClassLabel whose names stand in the schema's order and whose
values are their numbers, so that a class named "1" is never read as number 1. Ratings are numbers.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from concord.exports.form import Form, Format, never
from concord.exports.parquet import MEDIA_TYPE, ParquetWriter
from concord.exports.table import columns
from concord.labels import LabelSchema
from concord.labels.choice import Choice

NAME = "datasets"


class DatasetsWriter(ParquetWriter):
    """Writes one part; see `form.Writer`."""

    def __init__(self, form: Form, labels: LabelSchema) -> None:
        self._classes = (
            {text: place for place, text in enumerate(labels.classes)} if isinstance(labels, Choice) else None
        )
        self._labelled = [place for place, column in enumerate(columns(form)) if column.holds == "label"]
        super().__init__(form, labels)

    def schema_for(self, form: Form) -> Any:
        """Return the Arrow schema, with the features in its metadata as `datasets` reads them."""
        import pyarrow as pa  # noqa: PLC0415 - see `arrow`

        schema = super().schema_for(form)
        features = {field.name: _feature(pa, field.type) for field in schema}
        if self._classes is not None:
            for place in self._labelled:
                name = schema.field(place).name
                schema = schema.set(place, pa.field(name, pa.int64()))
                features[name] = {"names": list(self._classes), "_type": "ClassLabel"}
        # datasets 5.0.1 passes over the features of a column that is declared to hold no nulls.
        schema = pa.schema([field.with_nullable(True) for field in schema], schema.metadata)
        encoded = msgspec.json.encode({"info": {"features": features}})
        return schema.with_metadata({**schema.metadata, b"huggingface": encoded})

    def values_for(self, found: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
        """Return the values of each column, classes by their numbers."""
        values = super().values_for(found)
        if self._classes is not None:
            for place in self._labelled:
                values[place] = [self._classes[label] for label in values[place]]
        return values


def _feature(pa: Any, kind: Any) -> Any:
    """Return an Arrow type as `datasets` tells it."""
    if pa.types.is_list(kind):
        return {"feature": _feature(pa, kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(pa, field.type) for field in kind}
    names = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
    return {"dtype": names[kind], "_type": "Value"}


FORMAT = Format(NAME, "parquet", MEDIA_TYPE, True, False, True, never, DatasetsWriter, folder="data/")
