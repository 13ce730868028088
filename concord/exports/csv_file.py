"""CSV (RFC 4180), safe to open in a spreadsheet, and read back to the very values.

Every text stands in quotes and every number does not. A text that a spreadsheet could take for a formula, or that
begins with an apostrophe, gets an apostrophe before it: to read it back, take one away wherever a text begins with one
(`undefused`). A label that is a text or a class stands as it is, a number as a number, any other as its JSON; data of a
`text/` media type stands as the text, any other as its JSON. The file is read as text: pandas with `dtype=str,
keep_default_na=False`, so that "None", "NA" and "007" stay what they are.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from concord.exports.form import Form, Format, never
from concord.exports.record import Record
from concord.exports.table import columns, rows
from concord.labels import LabelSchema

NAME = "csv"
MEDIA_TYPE = "text/csv; charset=utf-8"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""What a cell may not begin with: OWASP's list for CSV injection, the full-width signs among them, and our own mark."""
MARK = "'"
LABELS_KEPT = 4_096
"""Labels whose cells are kept in memory: most projects have few."""
LABEL_CHARACTERS_KEPT_MAX = 400
"""What people draw or write is longer, and seldom the same twice: as many as are kept would fill nearly a gigabyte."""

Cell = str | float


def defused(text: str) -> str:
    """Return a text as its cell holds it.

    >>> defused("=1+1"), defused("'tis"), defused("plain")
    ("'=1+1", "''tis", 'plain')
    """
    return MARK + text if text.startswith(DANGEROUS) else text


def undefused(cell: str) -> str:
    """Return the text that a cell was made of.

    >>> undefused(defused("=1+1")), undefused(defused("'tis")), undefused("plain")
    ('=1+1', "'tis", 'plain')
    """
    return cell.removeprefix(MARK)


class CsvWriter:
    """Writes lines of CSV; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        del schema
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form
        self._columns = columns(form)
        self._cells = [_CELLS.get(column.holds) for column in self._columns]
        names = [column.name for column in self._columns]
        self._media_type = names.index("media_type") if form.data else -1

    def begin(self) -> bytes:
        """Return the line of names."""
        return _written([[column.name for column in self._columns]])

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the lines of some records."""
        found = rows(records, self._form, self.left_out)
        self.rows += len(found)
        return _written([self._line(values) for values in found])

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def _line(self, values: Sequence[Any]) -> list[Cell]:
        line = [value if cell is None else cell(value) for value, cell in zip(values, self._cells, strict=True)]
        if self._form.data:
            line[-1] = data_cell(values[-1], values[self._media_type])
        return line


def label_cell(label: str) -> Cell:
    """Return the cell of a label from its canonical JSON.

    >>> label_cell('"yes"'), label_cell("4"), label_cell('["a"]')
    ('yes', 4, '["a"]')
    """
    return _label_cell(label) if len(label) <= LABEL_CHARACTERS_KEPT_MAX else _label_cell.__wrapped__(label)


@lru_cache(maxsize=LABELS_KEPT)
def _label_cell(label: str) -> Cell:
    value = msgspec.json.decode(label)
    if isinstance(value, str):
        return defused(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else label


def data_cell(data: str, media_type: str) -> str:
    """Return the cell of data from its JSON."""
    value = msgspec.json.decode(data) if media_type.startswith("text/") else None
    return defused(value if isinstance(value, str) else data)


_CELLS: dict[str, Callable[[Any], Cell]] = {"text": defused, "label": label_cell}


def _written(lines: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(lines)
    return text.getvalue().encode()


FORMAT = Format(NAME, "csv", MEDIA_TYPE, True, True, True, never, CsvWriter)
