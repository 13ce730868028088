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
    if (size := size_in(record.content())) is not None:
        return size
    cure = "send units as {'uri': ..., 'width': ..., 'height': ...}, or ask for jsonl or parquet"
    raise DoesNotFit(record.source_id, "Its content does not tell the image's width and height in pixels.", cure)


def size_in(content: Any) -> Size | None:
    """Return the size that a content tells; None where it tells none.

    >>> size_in({"uri": "a.png", "width": 640, "height": "400"}), size_in({"uri": "a.png", "width": 0, "height": 1})
    (Size(width=640, height=400), None)
    """
    sides: list[Any] = [content.get("width"), content.get("height")] if isinstance(content, dict) else [None, None]
    size = [int(entry) if isinstance(entry, str) and DIGITS.fullmatch(entry) else entry for entry in sides]
    return Size(*size) if all(_is_pixels(entry) for entry in size) else None


def uri_of(record: Record) -> str | None:
    """Return where a unit's content lies, if it lies elsewhere."""
    content = record.content()
    uri = content.get("uri") if isinstance(content, dict) else None
    return uri if isinstance(uri, str) else None


def _is_pixels(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= PIXELS_MAX
