"""JSONL: one unit, or one annotation, a line. Without data and annotators it is the file that certificates claim."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from concord.exports.form import Form, Format, never
from concord.exports.record import Record
from concord.exports.table import columns, rows
from concord.labels import LabelSchema

NAME = "jsonl"
MEDIA_TYPE = "application/x-ndjson"
CERTIFIED = Form(NAME)
"""The form whose lines certificates claim."""

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = re.compile("|".join("\u0085\u2028\u2029").encode())


class JsonlWriter:
    """Writes lines of JSON; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        del schema
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form
        entries = columns(form)
        self._raw = [place for place, column in enumerate(entries) if column.holds in {"label", "json"}]
        self._row: Any = msgspec.defstruct("Row", [(column.name, Any) for column in entries], frozen=True)

    def begin(self) -> bytes:
        """Return nothing: the file begins with its first line."""
        return b""

    def lines(self, records: Sequence[Record]) -> list[bytes]:
        """Return the lines of some records, each with its end: the same bytes for ever."""
        raw, row, found = self._raw, self._row, []
        for values in rows(records, self._form, self.left_out):
            fields = list(values)
            for place in raw:
                fields[place] = msgspec.Raw(fields[place].encode())
            found.append(line_of(row(*fields)))
        self.rows += len(found)
        return found

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the lines of some records."""
        return b"".join(self.lines(records))

    def end(self) -> bytes:
        """Return nothing: the file ends with its last line."""
        return b""


def line_of(value: Any) -> bytes:
    r"""Return a value as one line of JSON for every reader, with its end.

    >>> line_of("one" + chr(0x2028) + "two")
    b'"one\\u2028two"\n'
    """
    return _LINE_ENDS.sub(_escaped, _encode(value)) + b"\n"


def _escaped(found: re.Match[bytes]) -> bytes:
    r"""Return \\uXXXX for a character at which some readers end a line; outside of strings JSON has none of them."""
    return f"\\u{ord(found.group().decode()):04x}".encode()


FORMAT = Format(NAME, "jsonl", MEDIA_TYPE, True, True, True, never, JsonlWriter)
