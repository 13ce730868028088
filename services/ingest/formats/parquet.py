"""Parquet: one row a unit, read a few hundred rows at a time from a file on disk."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from os import SEEK_END
from pathlib import Path
from typing import Any

from concord.chassis.csv_records import refused
from concord.chassis.errors import ConcordError
from services.ingest.formats.rows import UNREADABLE, Columns, Options, Row

BATCH_ROWS = 200
MAGIC = b"PAR1"
"""What a file ends with, after the length of its footer in WORD_BYTES."""
WORD_BYTES = 4
FOOTER_BYTES_MAX = 5_000_000
"""Of what a file tells of its columns in each row group: read whole, it takes twenty times as much memory."""
GROUP_BYTES_MAX = 200_000_000
"""Of one row group, unpacked: so much may lie in memory at once."""


def rows(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a file.

    Raises:
        Invalid: it is no Parquet, lacks a column, or has a row group that is too large.
    """
    # Only who gets Parquet pays for the library: it is tens of megabytes and a second.
    import pyarrow  # noqa: PLC0415 - see above
    from pyarrow import parquet  # noqa: PLC0415 - see above

    cure = "send a file that `pyarrow.parquet.read_table` reads"
    if (size := _footer_bytes(path)) > FOOTER_BYTES_MAX:
        problem = f"has a footer of {size} bytes, and at most {FOOTER_BYTES_MAX} are taken"
        raise refused("body", problem, "write fewer columns, or larger row groups (row_group_size=10000)")
    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError, ValueError) as fault:
        raise refused("body", f"is no Parquet ({str(fault)[:100]})", cure) from fault
    with file:
        try:
            columns = Columns(file.schema_arrow.names, options)
            _bounded(file.metadata)
        except (pyarrow.ArrowException, OSError, ValueError) as fault:
            raise refused("body", f"is no Parquet ({str(fault)[:100]})", cure) from fault
        cautions = columns.cautions()
        number = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns.used):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, _said(columns, values), cautions)
                    cautions = ()
        except (pyarrow.ArrowException, OSError, *UNREADABLE) as fault:
            yield Row(number + 1, refused("body", f"cannot be read on ({str(fault)[:100]})", cure))


def _footer_bytes(path: Path) -> int:
    """Return how long a file's footer is by its own word, which stands before the last four bytes; 0 of no Parquet."""
    with path.open("rb") as file:
        length = file.seek(0, SEEK_END)
        if length < len(MAGIC) + WORD_BYTES:
            return 0
        file.seek(length - len(MAGIC) - WORD_BYTES)
        size = int.from_bytes(file.read(WORD_BYTES), "little")
        return size if size <= length and file.read() == MAGIC else 0


def _bounded(metadata: Any) -> None:
    """Refuse what is too large.

    By what a row group says of itself: asked for its columns one by one, the library ends the whole process where what
    a damaged file tells of a column does not fit (`parquet::ParquetException` out of `RowGroupMetaData.column`).
    """
    for group in range(metadata.num_row_groups):
        size = metadata.row_group(group).total_byte_size
        if size > GROUP_BYTES_MAX:
            problem = f"has {size} bytes, and at most {GROUP_BYTES_MAX} are taken"
            raise refused(f"row group {group + 1}", problem, "write smaller row groups (row_group_size=10000)")


def _said(columns: Columns, values: Mapping[str, Any]) -> Any:
    try:
        return columns.wish({name: _json(name, value) for name, value in values.items()})
    except ConcordError as refusal:
        return refusal


def _json(name: str, value: Any) -> Any:
    """Return a cell as JSON has it.

    Raises:
        Invalid: it holds bytes: an image, say.
    """
    if isinstance(value, dict):
        return {key: _json(name, part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json(name, part) for part in value]
    if isinstance(value, bytes):
        raise refused(name, "holds bytes", "send the address under which it lies, and its media type")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
