"""Formats of one record a line."""

from collections.abc import Iterator

from concord.chassis.csv_records import RECORD_BYTES_MAX, refused
from concord.chassis.errors import ConcordError

NEWLINE = b"\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Line = tuple[int, bytes | ConcordError]
"""The number of a line from 1, and what it holds, or why that was not kept."""


class Lines:
    """Cuts a file into lines as it comes, in flat memory; empty ones are passed over, and counted.

    Args:
        line: how many lines were read before, where a file is read on.

    Attributes:
        pending: bytes of the line that is not whole yet.
    """

    def __init__(self, line: int = 0) -> None:
        self.pending = 0
        self._rest = b""
        self._overlong = False
        self._line = line

    @property
    def line(self) -> int:
        """Return how many whole lines were read."""
        return self._line

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that are whole now."""
        *whole, rest = (self._rest + chunk).split(NEWLINE)
        self.pending = len(rest) + (0 if whole else self.pending - len(self._rest))
        self._rest = b""
        for line in whole:
            yield from self._one(line)
        self._rest, self._overlong = (b"", True) if self._overlong or len(rest) > RECORD_BYTES_MAX else (rest, False)

    def end(self) -> Iterator[Line]:
        """Yield what is left."""
        if self._rest or self._overlong:
            yield from self._one(self._rest)

    def _one(self, line: bytes) -> Iterator[Line]:
        self._line += 1
        overlong, self._overlong = self._overlong or len(line) > RECORD_BYTES_MAX, False
        if overlong:
            yield self._line, refused("line", f"is over {RECORD_BYTES_MAX} bytes", "send a shorter one")
        elif text := (line.removeprefix(_BYTE_ORDER_MARK) if self._line == 1 else line).strip():
            yield self._line, text
