"""One thing that was found, and how a kind of it is recognised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import re2


class Found(NamedTuple):
    """Personal data in a text.

    Attributes:
        start, end: where, in code points, the end not included.
        kind: what.
        value: itself without separators and case, so that two ways to write one are one.
    """

    start: int
    end: int
    kind: str
    value: str


Check = Callable[[str], tuple[int, str] | None]
"""A candidate to how many of its characters are one, and its value; None where it is none."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What may be of a kind, and what is.

    Attributes:
        kind: of which.
        candidates: finds what may be one; by re2, whose time is linear in the text whatever it holds.
        check: says whether a candidate is one.
        within_words: whether one may stand within letters and digits, as no number does.
        checks_max: candidates of one text that are checked; any more are taken for what they may be, so that text which
            is made of candidates costs no more than other text.
    """

    kind: str
    candidates: Any
    check: Check
    within_words: bool = False
    checks_max: int = 5_000

    def find(self, text: str) -> list[Found]:
        """Return all of them in a text."""
        found = []
        for number, match in enumerate(self.candidates.finditer(text)):
            start, end = match.span()
            if not self.within_words and start and text[start - 1].isalnum():
                continue
            taken = self.check(text[start:end]) if number < self.checks_max else (end - start, text[start:end])
            if taken is not None and (self.within_words or alone(text, start, start + taken[0])):
                found.append(Found(start, start + taken[0], self.kind, taken[1]))
        return found


def alone(text: str, start: int, end: int) -> bool:
    """Return whether no letter or digit of any script touches a part of a text.

    >>> alone("a 1234 b", 2, 6), alone("é1234", 1, 5)
    (True, False)
    """
    return not (start and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum())


def compiled(pattern: str) -> Any:
    """Return a pattern of re2."""
    return re2.compile(pattern)


def digits_of(text: str) -> str:
    """Return the digits of a text.

    >>> digits_of("+49 (0) 30-123")
    '49030123'
    """
    return "".join(character for character in text if "0" <= character <= "9")
