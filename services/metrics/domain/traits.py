"""What a unit was known by when it came in: what drift and bias are looked for in, beside its labels."""

from functools import lru_cache

import msgspec

TRAITS_MAX = 10_000
"""So many different ones are kept once for all units; most units have the same as many others."""
SUGGESTED_CHARACTERS_SHARED_MAX = 400
"""A suggestion that was drawn or written is longer, and no other unit has it: kept, as many would fill gigabytes."""
UNKNOWN = -1
STEPS = 10
"""A model's uncertainty is told to a tenth."""


class Traits(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a unit was known by.

    Attributes:
        stratum: what part of the data it is of, as its client says.
        media_type: without parameters.
        length: its text has 2^(length - 1) to 2^length - 1 characters; UNKNOWN where that is not told.
        uncertainty: of a model, in tenths; UNKNOWN where none is told.
        suggested: canonical JSON of a model's label; empty where there is none.
        hidden: the suggestion is kept from annotators, by the draw of an arm.
    """

    stratum: str = ""
    media_type: str = ""
    length: int = UNKNOWN
    uncertainty: int = UNKNOWN
    suggested: str = ""
    hidden: bool = False


@lru_cache(maxsize=TRAITS_MAX)
def shared(traits: Traits) -> Traits:
    """Return these traits, the same object for all units that have them."""
    return traits


def traits_of(
    stratum: str,
    media_type: str,
    characters: int | None,
    uncertainty: float | None,
    suggested: str = "",
    *,
    hidden: bool = False,
) -> Traits:
    """Return what a unit is known by.

    >>> traits_of("law", "text/plain; charset=utf-8", 200, 0.37).length
    8
    """
    length = UNKNOWN if characters is None else characters.bit_length()
    tenth = UNKNOWN if uncertainty is None else min(int(uncertainty * STEPS), STEPS - 1)
    traits = Traits(stratum, media_type.partition(";")[0].strip(), length, tenth, suggested, hidden)
    return shared(traits) if len(suggested) <= SUGGESTED_CHARACTERS_SHARED_MAX else traits
