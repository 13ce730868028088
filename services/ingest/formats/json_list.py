"""A JSON list of any length, cut into its elements as it comes, without parsing them."""

import re
from collections.abc import Iterator

from concord.chassis.csv_records import RECORD_BYTES_MAX
from concord.chassis.errors import BadRequest, ConcordError, FieldError

_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
"""A closed string; or a quote that is not closed yet, a bracket, or a comma."""
_BLANK = b" \t\r\n"
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_COMMA, _QUOTE = b","[0], b'"'[0]


class ListSplitter:
    """Cuts `[a, b, c]` into the bytes of `a`, `b` and `c`, in flat memory; None stands for one that is too long."""

    def __init__(self) -> None:
        self._kept = b""
        self._looked = 0
        self._depth = 0
        self._begun = False
        self._ended = False
        self._overlong = False

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Yield the elements that are whole now.

        Raises:
            BadRequest: it is no list.
        """
        text = self._kept + chunk
        if not self._begun:
            text = text.lstrip(_BLANK)
            if not text:
                return
            if not text.startswith(b"["):
                raise no_list("is no JSON list", "send [ ... ], or one JSON object a line")
            self._begun, text = True, text[1:]
        if self._ended:
            self._kept = b""
            if text.strip(_BLANK):
                raise no_list("goes on after its list", "send one list")
            return
        yield from self._cut(text)

    def end(self) -> None:
        """Say that no more comes.

        Raises:
            BadRequest: the list is not closed.
        """
        if not self._ended:
            raise no_list("is a list that is not closed" if self._begun else "is empty", "send all of it")

    def _cut(self, text: bytes) -> Iterator[bytes | None]:
        start, at = 0, self._looked
        for found in _STRUCTURE.finditer(text, at):
            byte = text[found.start()]
            if byte == _QUOTE and found.end() - found.start() == 1:
                at = found.start()  # a string that goes on in the next chunk is looked at again
                break
            at = found.end()
            if byte in _OPENING:
                self._depth += 1
            elif byte in _CLOSING and self._depth:
                self._depth -= 1
            elif (byte == _COMMA or byte in _CLOSING) and not self._depth:
                yield from self._element(text[start : found.start()], last=byte in _CLOSING)
                start = at
                if self._ended:
                    break
        else:
            at = len(text)
        rest = text[start:]
        self._looked = at - start
        if len(rest) > RECORD_BYTES_MAX:
            # Of an element that is too long only is kept whether a string, and in it an escape, is open.
            escaped = (len(rest) - len(rest.rstrip(b"\\"))) % 2
            rest, self._overlong = rest[self._looked :][:1] + b"\\" * (escaped and self._looked < len(rest)), True
            self._looked = 0
        self._kept = rest if not self._ended else rest.lstrip(_BLANK)
        if self._ended and self._kept:
            raise no_list("goes on after its list", "send one list")

    def _element(self, text: bytes, *, last: bool) -> Iterator[bytes | None]:
        self._ended = last
        if self._overlong:
            self._overlong = False
            yield None
        elif text.strip(_BLANK) or not last:
            yield text


def no_list(problem: str, cure: str) -> ConcordError:
    """Return why a body is no list."""
    return BadRequest(f"The body {problem}.", [FieldError("body", problem, cure)])
