"""How people are reached: mail, telephone, pages."""

from collections.abc import Sequence
from functools import partial

import phonenumbers

from concord.privacy.found import Pattern, compiled, digits_of

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""ISO 3166 codes of the countries whose telephone plans are known."""
PHONE_DIGITS = range(7, 16)
"""E.164 allows 15; fewer than seven digits are no number that can be told from any other."""
PHONES_CHECKED_MAX = 500
"""Of one text: a plan is asked in some 50 us."""
_NORTH_AMERICAN = compiled(r"[2-9]\d{2}[2-9]\d{6}")
"""Area and exchange of the North American plan begin with no 0 or 1: rare enough to tell a number by."""
_MARKS = " -./()\u00a0"


def _mail(candidate: str) -> tuple[int, str]:
    return len(candidate), candidate.lower()


def _page(candidate: str) -> tuple[int, str]:
    trimmed = candidate.rstrip(".,;:!?)]}'\"")
    return len(trimmed), trimmed


EMAIL = Pattern(
    "email",
    compiled(
        r"[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+@[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}-]*[\p{L}\p{N}])+"
    ),
    _mail,
    within_words=True,
)
URL = Pattern("url", compiled(r"(?i)https?://[^\s<>\"']+"), _page, within_words=True)
_CANDIDATES = compiled(
    r"(?:\+|\b00)?[(\p{Nd}](?:[\p{Nd}]|[ \x{a0}./-]?\(?[\p{Nd}]|\)[ \x{a0}./-]?\(?[\p{Nd}]){6,22}\)?"
    r"(?:[ ,;]{0,2}(?:x|ext\.?|#) ?[\p{Nd}]{1,6})?"
)


def phone(regions: Sequence[str]) -> Pattern:
    """Return what finds numbers of telephones.

    Args:
        regions: whose plans are tried for numbers without a country's prefix, as ISO 3166 codes.
    """
    return Pattern("phone", _CANDIDATES, partial(_phone, tuple(regions)), checks_max=PHONES_CHECKED_MAX)


def _phone(regions: tuple[str, ...], candidate: str) -> tuple[int, str] | None:
    bare = candidate.split("x", 1)[0].split("ext", 1)[0].split("#", 1)[0]
    digits = digits_of(bare)
    if len(digits) not in PHONE_DIGITS:
        return None
    if bare.lstrip("(").startswith(("+", "00")):
        return len(candidate), digits.removeprefix("00")
    marked = _NORTH_AMERICAN.fullmatch(digits) is not None or any(mark in bare for mark in _MARKS)
    for region in regions:
        if (value := _in_region(bare, region, marked or digits.startswith("0"))) is not None:
            return len(candidate), value
    if regions or not (marked and digits.startswith("0")):
        return None
    return len(candidate), digits


def _in_region(text: str, region: str, marked: bool) -> str | None:
    """Return a number as its country writes it abroad; None where its plan has no such number.

    One that nothing marks as a number of a telephone must be in use, and not merely possible.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    fits = phonenumbers.is_possible_number(number) if marked else phonenumbers.is_valid_number(number)
    return f"{number.country_code}{number.national_number}" if fits else None
