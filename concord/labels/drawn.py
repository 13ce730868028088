"""What labels draw, in words that need no geometry, which takes tens of megabytes: a kind that draws loads it."""

from typing import Final, Literal, NamedTuple

from concord.labels.schema import Json

DRAWN_KINDS: Final = frozenset({"spans", "boxes", "polygons"})
"""The kinds whose schemas are `regions.RegionSchema`."""

OriginOf = Literal["drawn", "merged", "corrected", "added"]


class DrawnObject(NamedTuple):
    """One object that labels draw.

    Attributes:
        region: as it is when it stands: what its drawings come to.
        labels: the places of the labels that have it.
        stands: whether the quorum is for it; None: neither for nor against, or for none of its classes.
        drawn: its different drawings, each with the places of the labels that have it so.
    """

    region: dict[str, Json]
    labels: tuple[int, ...]
    stands: bool | None
    drawn: tuple[tuple[dict[str, Json], tuple[int, ...]], ...]


class Origin(NamedTuple):
    """Where a region of a composed label comes from: how, and the places of the labels that have it, or its object."""

    origin: OriginOf
    labels: tuple[int, ...] = ()


class Traced(NamedTuple):
    """Where a composed label comes from.

    Attributes:
        regions: of each of its regions, in the label's order.
        dropped: objects of which nothing is in it.
    """

    regions: tuple[Origin, ...]
    dropped: int
