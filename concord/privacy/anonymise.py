"""Replacing what was found: by a mask, or by a keyed pseudonym, which is the same wherever the value is the same."""

import hmac
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from concord.privacy.finding import Finds
from concord.privacy.found import Found

Treatment = Literal["mask", "pseudonym"]
PSEUDONYM_BYTES = 10
"""80 bits: two values of a billion share one with a chance of one in two million."""
BAR = "\u2588"
Originals = list[tuple[str, str]]
"""What was replaced: its kind, and what stood there."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Anonymiser:
    """Replaces personal data in texts, wherever they stand in a content.

    Args:
        finder: finds it.
        treatments: how each kind is replaced.
        key: of the project: who has it can tell whether a pseudonym is of a value, and nobody else.
        same_length: whether a mask takes as many characters as what it masks, so that offsets stay what they are.
    """

    def __init__(
        self, finder: Finds, treatments: Mapping[str, Treatment], key: bytes, *, same_length: bool = False
    ) -> None:
        self._finder = finder
        self._treatments = treatments
        self._key = key
        self._same_length = same_length

    def text(self, text: str, counts: Counter[str], originals: Originals | None = None) -> str:
        """Return a text with what is found in it replaced; what was found is counted by kind.

        Args:
            text: as it was sent.
            counts: of what was found, by kind; is added to.
            originals: is given what was replaced, in the order of the text.

        >>> from concord.privacy.finding import Finder, Rules
        >>> finder = Finder(Rules(frozenset({"email"})))
        >>> Anonymiser(finder, {"email": "mask"}, b"key").text("Write to ada@example.org.", Counter())
        'Write to [email].'
        """
        parts, at = [], 0
        for found in self._finder.find(text):
            counts[found.kind] += 1
            if originals is not None:
                originals.append((found.kind, text[found.start : found.end]))
            parts += [text[at : found.start], self._instead(found)]
            at = found.end
        return "".join([*parts, text[at:]]) if parts else text

    def content(self, content: Any, counts: Counter[str], originals: Originals | None = None) -> Any:
        """Return a content of JSON with every text in it replaced, keys too, but no address of what lies elsewhere.

        What is given to `originals` comes in the order of the keys, which is that of canonical JSON.
        """
        if isinstance(content, str):
            return self.text(content, counts, originals)
        if isinstance(content, list):
            return [self.content(entry, counts, originals) for entry in content]
        if isinstance(content, dict):
            return {
                self.text(key, counts, originals): entry if key == "uri" else self.content(entry, counts, originals)
                for key, entry in sorted(content.items())
            }
        if isinstance(content, int | float) and not isinstance(content, bool):
            return self._number(content, counts, originals)
        return content

    def _number(self, number: float, counts: Counter[str], originals: Originals | None) -> Any:
        """Return a number, or what stands in its place: a card's digits may be sent as one."""
        text = str(number)
        replaced = self.text(text, counts, originals)
        return number if replaced == text else replaced

    def _instead(self, found: Found) -> str:
        if self._treatments[found.kind] == "mask":
            return BAR * (found.end - found.start) if self._same_length else f"[{found.kind}]"
        return pseudonym(self._key, found.kind, found.value)


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """Return what stands in a value's place.

    >>> pseudonym(b"key", "email", "ada@example.org")
    '[email:u4keaf3k3aszmovb]'

    Args:
        key: of the project.
        kind: of which the value is.
        value: as its kind has it, without separators and case: `Found.value`.
    """
    digest = hmac.digest(key, f"{kind}\x00{value}".encode(), "sha256")
    bits = int.from_bytes(digest[:PSEUDONYM_BYTES], "big")
    letters = "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(0, 8 * PSEUDONYM_BYTES, 5))
    return f"[{kind}:{letters}]"
