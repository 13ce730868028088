"""Names by list, where the list holds keyed hashes: who reads a project's definition does not read people's names."""

import hmac
import unicodedata
from collections.abc import Collection

from concord.privacy.found import Found, compiled

WORDS_MAX = 4
"""Of one name."""
HASH_BYTES = 16
PREFIX = "hmac:"
_WORD = compiled(r"[\p{L}\p{M}\p{N}'’-]+")


def hashed(key: bytes, name: str) -> str:
    """Return a name as it is kept; one that is hashed already stays as it is.

    >>> hashed(b"key", "Ada  LOVELACE") == hashed(b"key", "ada lovelace"), hashed(b"key", hashed(b"key", "Ada"))[:5]
    (True, 'hmac:')
    """
    if name.startswith(PREFIX):
        return name
    words = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    return PREFIX + hmac.digest(key, f"name\x00{words}".encode(), "sha256")[:HASH_BYTES].hex()


class Names:
    """Finds names of a list: one to WORDS_MAX words that follow one another, in any case.

    Args:
        names: as `hashed` makes them.
        key: by which they were.
    """

    def __init__(self, names: Collection[str], key: bytes) -> None:
        self._names = frozenset(names)
        self._key = key

    def find(self, text: str) -> list[Found]:
        """Return the names in a text; of several that begin at one word, the longest."""
        words = [match.span() for match in _WORD.finditer(text)]
        found = []
        for place, (start, _) in enumerate(words):
            for _, end in reversed(words[place : place + WORDS_MAX]):
                if (name := hashed(self._key, text[start:end])) in self._names:
                    found.append(Found(start, end, "name", name))
                    break
        return found
