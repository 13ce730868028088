"""What a person or model may be called: one grammar for annotators and reviewers, wherever a name comes in.

A name is the subject of a credential, and identity providers choose those: `auth0|5f7c8ec7`, `eu-west-1:7a1b-…`,
`arn:aws:iam::1:user/zoe`, or what people call themselves: `Zoë K.`, `山田 太郎`. So a name is 1 to 128 printable
characters of any script, in Unicode's composed form (NFC, UAX #15), without a blank at either end. What nobody can see
is refused, for two names that look alike would be two people: control characters, marks of writing direction
(UAX #9), and characters that are drawn as nothing. The two joiners (U+200C, U+200D) belong to the letters around them
and are taken.
"""

import functools
import unicodedata
import urllib.parse

NAME_CHARACTERS_MAX = 128
NAME_PATTERN = r"^[!-\-/-~]([ -~]{0,126}[!-~])?$"
"""What a regular expression of any dialect can say: most names of ASCII, and nothing that is none."""
NAME_CURE = f"use 1 to {NAME_CHARACTERS_MAX} printable characters without a blank at either end"
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
_DRAWN_AS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks by category, blank to the eye: Unicode's Default_Ignorable_Code_Point, and the empty braille cell.

Variation selectors are left out, for emoji need them."""
_PLACES = frozenset({".", ".."})
"""Segments of a path that every client resolves before it sends an address, percent-encoded or not (WHATWG URL)."""


class NameRefused(ValueError):
    """No name: what is wrong with it, and the cure."""

    def __init__(self, problem: str, cure: str = NAME_CURE) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


@functools.lru_cache(maxsize=4_096)
def name_from(text: str) -> str:
    r"""Return the name that a text gives, in the one form in which names are kept.

    >>> name_from("Zoe\u0308 K.") == "Zo\u00eb K."
    True

    Raises:
        NameRefused: it gives none.
    """
    # Composing can only shorten by what the bound forgives; a text far over it is not worth composing.
    if not text or len(text) > 4 * NAME_CHARACTERS_MAX:
        raise NameRefused("is empty" if not text else f"has {len(text)} characters")
    name = unicodedata.normalize("NFC", text)
    if len(name) > NAME_CHARACTERS_MAX:
        raise NameRefused(f"has {len(name)} characters")
    for place, character in enumerate(name, 1):
        if _unseen(character):
            raise NameRefused(f"has a character that cannot be seen at place {place}: U+{ord(character):04X}")
    if name[0].isspace() or name[-1].isspace():
        raise NameRefused("begins or ends with a blank")
    if name[0] in _JOINERS or name[-1] in _JOINERS:
        raise NameRefused("begins or ends with a joiner, which joins nothing there")
    if name in _PLACES:
        raise NameRefused("means a place in an address")
    return name


def is_name(text: str) -> bool:
    r"""Return whether the text is a name as it stands: what a credential says is compared to the byte (RFC 7519, 2).

    >>> is_name("auth0|5f7c8ec7"), is_name("night "), is_name("Zoe\u0308")
    (True, False, False)
    """
    try:
        return name_from(text) == text
    except NameRefused:
        return False


def quoted(name: str) -> str:
    """Return the name as one part of a key or of an address: percent-encoded, slashes too (RFC 3986, 2.1).

    >>> quoted("annotator-1"), quoted("night#1/a")
    ('annotator-1', 'night%231%2Fa')
    """
    return urllib.parse.quote(name, safe="")


def _unseen(character: str) -> bool:
    if character in _JOINERS:
        return False
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _DRAWN_AS_NOTHING
