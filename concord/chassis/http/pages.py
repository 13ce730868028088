"""Pages: an opaque cursor and a bound, so that no list is ever sent whole."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BeforeValidator, Field

from concord.chassis.errors import FieldError, Invalid

PAGE_DEFAULT = 50
PAGE_MAX = 500
PAGE_BYTES_MAX = 2_000_000
"""Of what a page lists. With one that is larger still it is less than a process takes of another's answer
(`peers.FETCHED_BYTES_MAX`)."""
WHOLE_MAX = 10**18
_CURSOR_CHARACTERS_MAX = 1_024

T = TypeVar("T")
_DIGITS = re.compile(r"-?[0-9]{1,19}")


def digits(text: object) -> object:
    """Return what a number's parameter says, if it is written as one; pydantic alone would take `22.0` for 22.

    Raises:
        ValueError: it is not.
    """
    if isinstance(text, str) and not _DIGITS.fullmatch(text):
        raise ValueError("is no whole number of at most 19 digits")
    return text


Whole = Annotated[int, Field(ge=-WHOLE_MAX, le=WHOLE_MAX), BeforeValidator(digits)]
"""A whole number in a query."""
Limit = Annotated[
    Annotated[int, Field(ge=1, le=PAGE_MAX), BeforeValidator(digits)] | None,
    Query(description=f"How many to send: {PAGE_DEFAULT} unless said, {PAGE_MAX} at most; fewer where they are large."),
]
"""`limit` of a list's route; see `page_size`."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, and where it goes on.

    Attributes:
        items: at most as many as were asked for.
        next: the cursor of the rest; None at the end.
    """

    items: Sequence[T]
    next: str | None


def cursor_of(*position: str | int) -> str:
    """Return a cursor for a position: opaque to callers, safe in an address.

    >>> position_of(cursor_of("lot-7", 3))
    ('lot-7', 3)
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_of(cursor: str) -> tuple[str | int, ...]:
    """Return the position in a cursor. Nothing in it is to be trusted: a caller can make one up.

    Raises:
        Invalid: it is none of ours.
    """
    try:
        cursor = cursor[:_CURSOR_CHARACTERS_MAX]
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=tuple[str | int, ...])
    except (ValueError, binascii.Error, msgspec.DecodeError) as fault:
        raise not_ours() from fault


def name_in(cursor: str) -> str:
    """Return the name in a cursor that `cursor_of(name)` made; empty for none.

    Raises:
        Invalid: it is none of those.
    """
    if not cursor:
        return ""
    position = position_of(cursor)
    if len(position) != 1 or not isinstance(position[0], str):
        raise not_ours()
    return position[0]


def fitting(items: Sequence[T]) -> Sequence[T]:
    """Return as many of the first items as a page holds by what they take as JSON, one at least.

    A unit is listed with its guideline, and that may be 400 kB: fewer are sent than were asked for, and the list goes
    on after them.

    >>> [len(fitting(["x" * 900_000] * count)) for count in (1, 2, 3)]
    [1, 2, 2]
    """
    left = PAGE_BYTES_MAX
    for count, item in enumerate(items):
        left -= len(msgspec.json.encode(item))
        if left < 0 < count:
            return items[:count]
    return items


def not_ours() -> Invalid:
    """Return why a cursor is refused that no page of this list gave."""
    error = FieldError("cursor", "is none that we gave", "take `next` of the page before, or leave it out")
    return Invalid(f"The cursor {error.problem}.", [error])


def page_size(asked: int | None) -> int:
    """Return how many to send: 50 unless asked, 1 to 500.

    Raises:
        Invalid: fewer or more were asked for.
    """
    if asked is None:
        return PAGE_DEFAULT
    if not 1 <= asked <= PAGE_MAX:
        raise Invalid(f"limit is {asked}.", [FieldError("limit", f"is {asked}", f"send 1 to {PAGE_MAX}")])
    return asked
