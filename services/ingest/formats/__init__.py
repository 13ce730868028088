"""The formats that units come in, one a file: each makes rows of a file, which are admitted as any other units.

| format | media types | read |
|---|---|---|
| csv | text/csv | as it comes |
| label-studio | application/json | as it comes |
| sagemaker | application/x-ndjson and its like | as it comes |
| parquet | application/vnd.apache.parquet | from a file on disk |
| folder | application/zip | from a file on disk |

Plain units, one JSON text or a line each, are no format: they are read by `services.ingest.api`.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from concord.chassis.csv_records import refused
from services.ingest.formats import folder, parquet
from services.ingest.formats.csv_text import CsvReader
from services.ingest.formats.label_studio import LabelStudioReader
from services.ingest.formats.rows import Options, Reader, Row
from services.ingest.formats.sagemaker import SageMakerReader

__all__ = ["FORMATS", "LINES", "Format", "Options", "Reader", "Row", "format_of", "refused"]

LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")


class Format(NamedTuple):
    """How a format is read.

    Attributes:
        media_types: under which it is sent.
        reader: reads it as it comes; None where it can be read from a whole file only.
        rows: reads it from a file on disk; None where it is read as it comes.
    """

    media_types: tuple[str, ...]
    reader: Callable[[Options], Reader] | None = None
    rows: Callable[[Path, Options], Iterator[Row]] | None = None


FORMATS: Final[Mapping[str, Format]] = {
    "csv": Format(("text/csv",), CsvReader),
    "label-studio": Format(("application/json",), LabelStudioReader),
    "sagemaker": Format(LINES, SageMakerReader),
    "parquet": Format(("application/vnd.apache.parquet", "application/x-parquet"), rows=parquet.rows),
    "folder": Format(("application/zip", "application/x-zip-compressed"), rows=folder.rows),
}
_BY_MEDIA_TYPE = {kind: name for name in ("csv", "parquet", "folder") for kind in FORMATS[name].media_types}


def format_of(named: str, media_type: str) -> Format | None:
    """Return the format that a request's parameter or media type names; None where it sends plain units.

    Raises:
        Invalid: there is no such format, or it is not sent under this media type.
    """
    name = named or _BY_MEDIA_TYPE.get(media_type, "")
    if not name or name == "units":
        return None
    if name not in FORMATS:
        raise refused("format", "is none that is read here", f"send one of units, {', '.join(FORMATS)}")
    found = FORMATS[name]
    if media_type not in found.media_types:
        problem = f"{name} is not sent as {media_type[:100] or 'nothing'}"
        raise refused("content-type", problem, f"send content-type: {found.media_types[0]}")
    return found
