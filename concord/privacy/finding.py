"""Finding: every kind that is asked for, in an order in which the surer goes first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from concord.privacy.accounts import BIC, CARD, IBAN, VAT
from concord.privacy.contact import EMAIL, URL, phone
from concord.privacy.found import Found, Pattern
from concord.privacy.listed import Names
from concord.privacy.persons import NATIONAL_IDS
from concord.privacy.technical import DATE, IP, MAC

KINDS: Final = ("email", "url", "iban", "card", "mac", "ip", "national_id", "vat", "date", "bic", "phone", "name")
"""All kinds, the surer first: where two find the same characters, the first of them has them."""
NAMES_MAX = 1_000
NAME_CHARACTERS_MAX = 100


class Finds(Protocol):
    """Finds personal data; a model may stand here as well."""

    def find(self, text: str) -> Sequence[Found]:
        """Return what was found, in order, without overlaps."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What is looked for.

    Attributes:
        kinds: which.
        names: those of the kind `name`, as `listed.hashed` makes them by `names_key`.
        regions: ISO 3166 codes, whose plans are tried for telephones without a country's prefix.
    """

    kinds: frozenset[str]
    names: tuple[str, ...] = ()
    names_key: bytes = b""
    regions: tuple[str, ...] = ()


class Finder:
    """Finds by patterns and checksums.

    Args:
        rules: what is looked for.
    """

    def __init__(self, rules: Rules) -> None:
        self._finders: list[Finds] = [pattern for pattern in _patterns(rules.regions) if pattern.kind in rules.kinds]
        if rules.names and "name" in rules.kinds:
            self._finders.append(Names(rules.names, rules.names_key))

    def find(self, text: str) -> list[Found]:
        """Return what was found, in order, without overlaps.

        >>> finder = Finder(Rules(frozenset({"email", "card"})))
        >>> [(one.kind, one.value) for one in finder.find("Ada@example.org, 4111 1111 1111 1111")]
        [('email', 'ada@example.org'), ('card', '4111111111111111')]
        """
        return merged(found for finder in self._finders for found in finder.find(text))


class Together:
    """Two finders as one: what either finds; of what both find, the longer, and of equals the first's.

    Args:
        first, second: the finders.
    """

    def __init__(self, first: Finds, second: Finds) -> None:
        self._first = first
        self._second = second

    def find(self, text: str) -> list[Found]:
        """Return what was found, in order, without overlaps."""
        return merged([*self._first.find(text), *self._second.find(text)])


def merged(found: Iterable[Found]) -> list[Found]:
    """Return what was found without overlaps, in the order of the text.

    The longest stays whole, of equal ones that which comes first in `found`; what another one has beside it stays, too,
    as what is left of it: nothing that was found shows afterwards.

    >>> merged([Found(5, 9, "card", "x"), Found(0, 6, "phone", "y"), Found(0, 3, "name", "z")])
    [Found(start=0, end=6, kind='phone', value='y'), Found(start=6, end=9, kind='card', value='x')]
    """
    ordered = sorted(enumerate(found), key=lambda row: (row[1].start - row[1].end, row[0]))
    taken = bytearray(max((entry.end for _, entry in ordered), default=0))
    kept = []
    for _, entry in ordered:
        for start, end in _free(taken, entry.start, entry.end):
            taken[start:end] = b"\x01" * (end - start)
            kept.append(entry._replace(start=start, end=end))
    return sorted(kept)


def _free(taken: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of a range that nothing has yet."""
    parts = []
    while (start := taken.find(b"\x00", start, end)) >= 0:
        after = taken.find(b"\x01", start, end)
        parts.append((start, end if after < 0 else after))
        start = parts[-1][1]
    return parts


def _patterns(regions: Sequence[str]) -> list[Pattern]:
    return [EMAIL, URL, IBAN, CARD, MAC, *IP, *NATIONAL_IDS, VAT, DATE, BIC, phone(regions)]
