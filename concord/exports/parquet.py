"""Parquet, in row groups of a bounded size: typed labels, the label schema in the file's metadata."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from concord.exports.arrow import columns_of, schema_of
from concord.exports.form import Form, Format, never
from concord.exports.record import Record
from concord.exports.table import rows
from concord.labels import LabelSchema

NAME = "parquet"
MEDIA_TYPE = "application/vnd.apache.parquet"
GROUP_ROWS = 20_000
GROUP_CHARACTERS_MAX = 16_000_000
"""Of labels and data in a row group: fewer rows go into it where they are large."""


class Drained:
    """Where pyarrow writes, and from where what it has written is taken."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        """Take a part."""
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        """Return what was written since this was asked last."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


class ParquetWriter:
    """Writes one Parquet file; see `form.Writer`."""

    def __init__(self, form: Form, labels: LabelSchema) -> None:
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self.labels = labels
        self.schema = self.schema_for(form)
        self._form = form
        self._waiting: list[tuple[Any, ...]] = []
        self._characters = 0
        self._sink = Drained()
        self._file: Any = None

    def schema_for(self, form: Form) -> Any:
        """Return the Arrow schema of the file."""
        return schema_of(form, self.labels)

    def values_for(self, found: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
        """Return the values of each column of some rows."""
        return columns_of(self._form, found)

    def begin(self) -> bytes:
        """Return the file's mark."""
        import pyarrow as pa  # noqa: PLC0415 - see `arrow`
        from pyarrow import parquet  # noqa: PLC0415 - see `arrow`

        self._file = parquet.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), self.schema, compression="zstd", write_statistics=True
        )
        return self._sink.taken()

    def write(self, records: Sequence[Record]) -> bytes:
        """Take in some records, and return a row group when there are enough."""
        found = rows(records, self._form, self.left_out)
        self.rows += len(found)
        self._waiting += found
        self._characters += sum(
            len(record.data) + len(record.label) + sum(len(s.label) for s in record.said) for record in records
        )
        if len(self._waiting) >= GROUP_ROWS or self._characters >= GROUP_CHARACTERS_MAX:
            self._group()
        return self._sink.taken()

    def end(self) -> bytes:
        """Return the last row group and the file's footer."""
        if self._waiting:
            self._group()
        self._file.close()
        return self._sink.taken()

    def _group(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 - see `arrow`

        values = self.values_for(self._waiting)
        arrays = [pa.array(each, field.type) for each, field in zip(values, self.schema, strict=True)]
        self._waiting, self._characters = [], 0
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        self._file.write_table(table, row_group_size=max(1, table.num_rows))


FORMAT = Format(NAME, "parquet", MEDIA_TYPE, True, True, True, never, ParquetWriter)
