"""CSV (RFC 4180) as spreadsheets write it: a byte order mark, semicolons or tabs, CRLF, newlines within quotes.

Every cell is a text and stays as it stands: `007`, `NA` and `1.50` are what its writer wrote.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from concord.chassis.errors import ConcordError, FieldError, Invalid

RECORD_BYTES_MAX = 1_000_000
"""Of one record in any format, as of one line of JSON."""
COLUMNS_SHOWN_MAX = 20
DELIMITERS = ",;\t|"
NEWLINE = b"\n"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_CLOSING = re.compile(r'[^"]*+(?:""[^"]*+)*+"')
"""Up to the quote that ends a quoted cell; possessive, so that a hostile one is read once."""

csv.field_size_limit(RECORD_BYTES_MAX)


Record = tuple[int, dict[str, str] | ConcordError]
"""The line in which a record begins, and its cells by their columns' names, or why it has none."""


class CsvRecords:
    """Reads CSV as it comes, as records.

    A record that cannot be read is refused alone. A quote that is not closed within the bound of a record is taken to
    be a slip in its own line: that line is refused, and the next ones are read.

    Args:
        line: how many lines were read before, where a file is read on.
        header: its delimiter, and the names of its columns, then.

    Attributes:
        header: the names of the columns; empty until they have come.
    """

    def __init__(self, line: int = 0, header: Sequence[str] = ()) -> None:
        self.header: list[str] = list(header[1:])
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._overlong = False
        self._line = line
        self._record: list[str] = []
        self._record_bytes = 0
        self._open = False
        self._delimiter = header[0] if header else ""

    @property
    def pending(self) -> int:
        """Return the bytes of the record that is not whole yet."""
        return self._rest_bytes + sum(len(text.encode()) + 1 for text in self._record)

    @property
    def line(self) -> int:
        """Return how many lines were read before that record."""
        return self._line - len(self._record)

    @property
    def resumed(self) -> tuple[str, ...]:
        """Return what `header` is to be where the file is read on."""
        return (self._delimiter, *self.header) if self.header else ()

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """Yield the rows that are whole now.

        Raises:
            Invalid: the file has no header, or one without the columns that are needed.
        """
        first, *more = chunk.split(NEWLINE)
        self._keep(first)
        for part in more:
            yield from self._take(self._line_bytes())
            self._keep(part)

    def end(self) -> Iterator[Record]:
        """Yield what is left.

        Raises:
            Invalid: as `feed`.
        """
        if self._rest or self._overlong:
            yield from self._take(self._line_bytes())
        while self._record:
            yield from self._give_up_quote()
        if not self.header:
            raise refused("header", "is missing", "send the names of the columns in the first line")

    def _keep(self, part: bytes) -> None:
        """Keep a part of a line; of one that is too long nothing is kept."""
        self._rest_bytes += len(part)
        if self._rest_bytes > RECORD_BYTES_MAX:
            self._rest, self._overlong = [], True
        elif part:
            self._rest.append(part)

    def _line_bytes(self) -> bytes | None:
        line = None if self._overlong else b"".join(self._rest)
        self._rest, self._rest_bytes, self._overlong = [], 0, False
        return line

    def _take(self, line: bytes | None) -> Iterator[Record]:
        """Take in one line; None: it is too long to be one."""
        self._line += 1
        if self._line == 1 and line is not None:
            if line.startswith(_BYTE_ORDER_MARKS):
                raise refused("body", "is UTF-16", "save the file as CSV UTF-8")
            line = line.removeprefix(_UTF8_MARK)
        if line is None:
            yield from self._lost(f"is over {RECORD_BYTES_MAX} bytes", "send a shorter one")
            return
        try:
            text = line.decode()
        except UnicodeDecodeError as fault:
            yield from self._lost(f"is no UTF-8 at byte {fault.start + 1}", "save the file as CSV UTF-8")
            return
        yield from self._add(text)

    def _lost(self, problem: str, cure: str) -> Iterator[Record]:
        """Refuse the record that the line belongs to."""
        if not self.header:
            raise refused("header", problem, cure)
        yield self._line - len(self._record), refused("line", problem, cure)
        self._record, self._record_bytes, self._open = [], 0, False

    def _add(self, text: str) -> Iterator[Record]:
        """Add a line to the record, which may be whole by it."""
        if not self._delimiter:
            self._delimiter = _delimiter(text)
        if '"' in text or self._open:
            self._open = _ends_open(text, self._delimiter, self._open)
        self._record.append(text)
        self._record_bytes += len(text) + 1
        if not self._open:
            yield from self._whole()
        elif self._record_bytes > RECORD_BYTES_MAX:
            yield from self._give_up_quote()

    def _give_up_quote(self) -> Iterator[Record]:
        """Refuse the line with the quote that nothing closes, and read those after it for themselves."""
        lines, self._record, self._record_bytes, self._open = self._record, [], 0, False
        if not self.header:
            raise refused("header", "has a quote that is not closed", "close it")
        first = self._line - len(lines) + 1
        yield first, refused("line", "has a quote that is not closed", "close it, or double it within a cell")
        self._line = first
        for text in lines[1:]:
            self._line += 1
            yield from self._add(text)

    def _whole(self) -> Iterator[Record]:
        """Read the record that is whole."""
        lines, self._record, self._record_bytes = self._record, [], 0
        first = self._line - len(lines) + 1
        text = "\n".join(lines).removesuffix("\r")
        if not text:
            return
        try:
            (cells,) = csv.reader([text], delimiter=self._delimiter, strict=True)
        except (csv.Error, ValueError) as fault:
            if not self.header:
                raise refused("header", f"is no CSV ({fault})", "quote cells that hold quotes or delimiters") from fault
            yield first, refused("line", f"is no CSV ({fault})", "quote such a cell, and double quotes within it")
            return
        if not self.header:
            self._head(cells)
        elif len(cells) != len(self.header):
            problem = f"has {len(cells)} cells, and the header has {len(self.header)}"
            yield first, refused("line", problem, f"send one cell a column; the delimiter is {self._delimiter!r}")
        else:
            yield first, dict(zip(self.header, cells, strict=True))

    def _head(self, cells: list[str]) -> None:
        """Take in the names of the columns."""
        names = [cell.strip() for cell in cells]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise refused("header", f"has {listed([twice])} twice", "name each column once")
        self.header = names


def refused(field: str, problem: str, cure: str) -> Invalid:
    """Return why a record, or a whole file, cannot be taken."""
    return Invalid(f"{field}: {problem}.", [FieldError(field, problem, cure)])


def listed(names: Iterable[str]) -> str:
    """Return names as a refusal shows them: no more, and no longer, than can be read."""
    shown = [repr(name[:60]) for name in names]
    more = len(shown) - COLUMNS_SHOWN_MAX
    return ", ".join(shown[:COLUMNS_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "") if shown else "none"


def _delimiter(header: str) -> str:
    """Return what stands between the names of a header: the delimiter that stands there most often outside quotes.

    >>> _delimiter('id;"a, b, c";text'), _delimiter("id")
    (';', ',')
    """
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def _ends_open(text: str, delimiter: str, is_open: bool) -> bool:
    """Return whether a quoted cell goes on after the end of a line.

    >>> _ends_open('1,"a', ",", False), _ends_open('b"",', ",", True), _ends_open('c",5" pipe', ",", True)
    (True, True, False)
    """
    at = 0
    while True:
        if is_open:
            closing = _CLOSING.match(text, at)
            if closing is None:
                return True
            is_open, at = False, closing.end() + 1
            if not text.startswith(delimiter, closing.end()):
                return False  # the end; or what the reader of the record will refuse
        if text.startswith('"', at):
            is_open, at = True, at + 1
            continue
        at = text.find(delimiter, at) + 1
        if at == 0:
            return False
