"""What images tell of themselves: their size and where they lie."""

import re
from typing import Any, NamedTuple

from concord.exports.form import DoesNotFit
from concord.exports.record import Record

PIXELS_MAX = 1_000_000
DIGITS = re.compile("[0-9]{1,7}")


class Size(NamedTuple):
    """Of an image, in pixels."""

    width: int
    height: int


def size_of(record: Record) -> Size:
    """Return the size of a unit's image, as its content tells it: in numbers, or in digits, as a CSV has them.

    Raises:
        DoesNotFit: it does not.
    """
    content = record.content()
    sides: list[Any] = [content.get("width"), content.get("height")] if isinstance(content, dict) else [None, None]
    size = [int(entry) if isinstance(entry, str) and DIGITS.fullmatch(entry) else entry for entry in sides]
    if all(_is_pixels(entry) for entry in size):
        return Size(*size)
    cure = "send units as {'uri': ..., 'width': ..., 'height': ...}, or ask for jsonl or parquet"
    raise DoesNotFit(record.source_id, "Its content does not tell the image's width and height in pixels.", cure)


def uri_of(record: Record) -> str | None:
    """Return where a unit's content lies, if it lies elsewhere."""
    content = record.content()
    uri = content.get("uri") if isinstance(content, dict) else None
    return uri if isinstance(uri, str) else None


def _is_pixels(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= PIXELS_MAX
