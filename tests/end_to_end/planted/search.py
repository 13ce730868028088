"""Looking for many values at once in much data, in every form that one may take on its way."""

import base64
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import numpy as np

WINDOW = 8
"""Bytes of each form that are looked for first; a shorter form is not looked for."""
CHUNK_BYTES = 8 << 20
_TABLE_BITS = 22
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BETWEEN = b"\x00" * WINDOW
_COMPACT_CHARACTERS_MIN = 9


class Form(NamedTuple):
    """How a value may stand somewhere.

    Attributes:
        value: which, as it was planted.
        how: in which encoding.
        encoded: its bytes.
        alone: whether no digit may touch it where it begins or ends with one: it is no part of a longer number.
    """

    value: str
    how: str
    encoded: bytes
    alone: bool


class Hit(NamedTuple):
    """A value that stands somewhere: where, which, and how."""

    place: str
    value: str
    how: str


def forms(value: str) -> Iterator[Form]:
    """Yield all forms of a value that are told apart from each other.

    >>> sorted(form.how for form in forms("ada@example.org"))
    ['base64', 'base64', 'base64', 'hex', 'percent', 'text', 'utf-16']
    """
    text = value.encode()
    seen = set()
    for how, encoded, alone in (
        ("text", text, True),
        ("small", value.lower().encode(), True),
        ("compact", _compact(value).encode(), True),
        ("json", json.dumps(value)[1:-1].encode(), True),
        ("escaped", repr(text)[2:-1].encode(), True),
        ("percent", quote(value, safe="").encode(), False),
        ("percent", quote_plus(value).encode(), False),
        ("utf-16", value.encode("utf-16-le"), False),
        ("hex", text.hex().encode(), False),
        *(("base64", encoded, False) for encoded in _base64(text)),
    ):
        if len(encoded) >= WINDOW and encoded not in seen:
            seen.add(encoded)
            yield Form(value, how, encoded, alone)


def _compact(value: str) -> str:
    """Return a number of many digits, or what is nearly one, without its separators; nothing of anything else."""
    compact = "".join(character for character in value if character.isalnum())
    digits = sum(character.isdigit() for character in compact)
    return compact if len(compact) >= _COMPACT_CHARACTERS_MIN and digits * 2 > len(compact) else ""


def _base64(text: bytes) -> Iterator[bytes]:
    """Yield what stands in base64 wherever the text begins: without the letters that its neighbours change."""
    for before in range(3):
        encoded = base64.b64encode(b"\x00" * before + text)
        first, whole = (before * 8 + 5) // 6, (before + len(text)) * 8 // 6
        yield encoded[first:whole]
        yield base64.urlsafe_b64encode(b"\x00" * before + text)[first:whole]


class Searcher:
    """Looks for values.

    Args:
        values: as they were planted.
    """

    def __init__(self, values: Iterable[str]) -> None:
        every = [form for value in dict.fromkeys(values) for form in forms(value)]
        common = Counter(window for form in every for window in _windows(form.encoded))
        self._by_window: dict[int, list[tuple[Form, int]]] = defaultdict(list)
        for form in every:
            # What many have in common, such as the beginning of an address, would be looked at again and again.
            at = min(range(len(form.encoded) - WINDOW + 1), key=lambda at: common[form.encoded[at : at + WINDOW]])
            self._by_window[int.from_bytes(form.encoded[at : at + WINDOW], "little")].append((form, at))
        self._wanted = np.array(sorted(self._by_window), dtype="<u8")
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[_hashed(self._wanted)] = True

    def find(self, things: Iterable[tuple[str, bytes]]) -> Iterator[Hit]:
        """Yield every value that stands in something, once for each of these.

        Args:
            things: where each stands, and its bytes.
        """
        for places, starts, chunk in _chunks(things):
            hits = {
                Hit(places[bisect_right(starts, at) - 1], form.value, form.how) for form, at in self._in_chunk(chunk)
            }
            yield from sorted(hits)

    def _in_chunk(self, chunk: bytes) -> Iterator[tuple[Form, int]]:
        if not len(self._wanted):
            return
        for shift in range(WINDOW):
            count = (len(chunk) - shift) // WINDOW
            if count <= 0:
                return
            windows = np.frombuffer(chunk, dtype="<u8", count=count, offset=shift)
            likely = np.flatnonzero(self._table[_hashed(windows)])
            for place in likely[np.isin(windows[likely], self._wanted)]:
                at = int(place) * WINDOW + shift
                for form, within in self._by_window[int(windows[place])]:
                    if _stands(form, chunk, at - within):
                        yield form, at - within


def _stands(form: Form, chunk: bytes, start: int) -> bool:
    end = start + len(form.encoded)
    if start < 0 or chunk[start:end] != form.encoded:
        return False
    touching = ((start - 1, start), (end, end - 1))
    return not form.alone or not any(
        0 <= beside < len(chunk) and chr(chunk[beside]).isdigit() and chr(chunk[edge]).isdigit()
        for beside, edge in touching
    )


def _hashed(windows: np.ndarray) -> np.ndarray:
    return (windows * _MULTIPLIER) >> np.uint64(64 - _TABLE_BITS)


def _windows(encoded: bytes) -> Iterator[bytes]:
    return (encoded[at : at + WINDOW] for at in range(len(encoded) - WINDOW + 1))


def _chunks(things: Iterable[tuple[str, bytes]]) -> Iterator[tuple[list[str], list[int], bytes]]:
    """Yield things joined to few that are large, with the place and the start of each."""
    places, starts, parts, length = list[str](), list[int](), list[bytes](), 0
    for place, content in things:
        places.append(place)
        starts.append(length)
        parts += [content, _BETWEEN]
        length += len(content) + WINDOW
        if length >= CHUNK_BYTES:
            yield places, starts, b"".join(parts)
            places, starts, parts, length = [], [], [], 0
    if places:
        yield places, starts, b"".join(parts)
