"""Drawn objects of a unit that waits for a ruling, and what becomes of them in the ruled label."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from concord.labels import Json, LabelSchema
from concord.labels.drawn import OriginOf
from concord.labels.objects import lineage_of


class RegionOrigin(msgspec.Struct, frozen=True, array_like=True):
    """Where a region of a ruled label comes from: see `drawn.Origin`.

    Attributes:
        field: of which field; empty where labels have one.
        place: in the regions of that field.
        origin: how it came to be.
        evidence: the places, among the annotations that count, of those whose it is, or whose object it is.
    """

    field: str
    place: int
    origin: OriginOf
    evidence: tuple[int, ...]


class Regions(NamedTuple):
    """Where a ruled label's regions come from, and how many objects are not in it."""

    origins: tuple[RegionOrigin, ...]
    dropped: int


class Given(NamedTuple):
    """The labels of a unit that say one thing today, each with its place among the annotations that count."""

    places: tuple[int, ...]
    labels: tuple[Json, ...]


def traced(schema: LabelSchema, label: Json, given: Given) -> Regions:
    """Return where the regions of a ruled label come from."""
    found = lineage_of(schema, label, given.labels)
    origins = tuple(
        RegionOrigin(
            region.field, region.place, region.origin.origin, tuple(given.places[each] for each in region.origin.labels)
        )
        for region in found.regions
    )
    return Regions(origins, found.dropped)


def sides_of(places: Sequence[int], side_of: Mapping[int, int]) -> list[int]:
    """Return the sides that labels are on, each once.

    >>> sides_of([0, 2, 3], {0: 1, 1: 0, 2: 1, 3: 0})
    [0, 1]
    """
    return sorted({side_of[place] for place in places})
