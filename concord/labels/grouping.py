"""Drawn regions (spans, boxes, polygons): which of several annotators' are one, and which of them stand.

The shape of a region is a tuple of numbers, whatever the kind; each kind hands in its own overlap, as
intersection over union.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from concord.labels.voting import heaviest, passes, share_of, weight_by

Shape: TypeAlias = tuple[float, ...]
Overlaps: TypeAlias = Callable[[Sequence[Shape], Sequence[Shape]], NDArray[np.float64]]
"""Two lists of shapes to the matrix of their intersection over union, row by column."""


FOR_OR_AGAINST, OF_CLASS = "or against the", "the class of the"
"""What there can be no quorum for."""


class CannotBeGrouped(ValueError):
    """Regions cross so often that which of them are one is not reckoned exactly."""


class Region(NamedTuple):
    """One drawn region with its class."""

    shape: Shape
    class_name: str


class Drawing(NamedTuple):
    """All that one annotator drew on the unit, and what it counts for."""

    regions: tuple[Region, ...]
    weight: float


class Agreed(NamedTuple):
    """A region that stands after merging, and the share of the weight that is for it and its class."""

    region: Region
    share: float


@dataclass(frozen=True, slots=True)
class Settled:
    """What the drawings of one unit come to.

    Attributes:
        agreed: the regions that stand, in order.
        support: support of the least certain decision, whether a region was taken or left.
        undecided: why the unit must be escalated, a clause for each open question; empty when settled.
    """

    agreed: tuple[Agreed, ...]
    support: float
    undecided: tuple[str, ...]


def matched_overlap(row: Sequence[Region], other: Sequence[Region], overlaps: Overlaps) -> float:
    """Return the summed overlap of the best one-to-one matching of regions of the same class.

    Regions of different classes overlap by 0. The order of the two does not change the sum.

    >>> from concord.labels.spans import overlaps_of_spans
    >>> person, place = Region((0, 10), "person"), Region((0, 10), "place")
    >>> matched_overlap([person, place], [Region((0, 5), "person")], overlaps_of_spans)
    0.5
    """
    if not row or not other:
        return 0.0
    # Of several best matchings the solver's pick, and with it the rounding, hangs on the order.
    first, second = sorted((tuple(sorted(row)), tuple(sorted(other))))
    matrix = _overlap_matrix(first, second, overlaps) * _same_class(first, second)
    rows, columns = linear_sum_assignment(matrix, maximize=True)
    return math.fsum(matrix[rows, columns].tolist())


def all_matched(row: Sequence[Region], other: Sequence[Region], overlaps: Overlaps, overlap_min: float) -> bool:
    """Say whether every region has a counterpart of its own, of the same class and overlapping by `overlap_min`.

    The order of the two does not change the answer.

    >>> from concord.labels.spans import overlaps_of_spans
    >>> ends = [Region((0, 10), "person"), Region((5, 15), "person")]
    >>> all_matched(ends, [Region((0, 9), "person"), Region((6, 15), "person")], overlaps_of_spans, 0.8)
    True
    >>> all_matched(ends, [Region((0, 9), "person"), Region((0, 10), "person")], overlaps_of_spans, 0.8)
    False
    """
    if len(row) != len(other) or not row:
        return len(row) == len(other)
    # An overlap's last bit hangs on the order of the two.
    first, second = sorted((tuple(sorted(row)), tuple(sorted(other))))
    alike = (_overlap_matrix(first, second, overlaps) >= overlap_min) & _same_class(first, second)
    return bool((maximum_bipartite_matching(csr_matrix(alike)) >= 0).all())


def settled(
    drawings: Sequence[Drawing],
    overlaps: Overlaps,
    overlap_min: float,
    quorum: float,
    shape_of: Callable[[Mapping[Shape, float]], Shape],
) -> Settled:
    """Return the regions that the quorum is for, each with the class and the shape of those who drew it.

    1. The regions of every two annotators are matched one to one (the assignment with the most matches of
       one class, then the most overlap); a match counts from `overlap_min`.
    2. From the best match down, matched regions join into one group, as long as no annotator is in it
       twice and every two shapes in it overlap by `overlap_min`.
    3. A group with the quorum against it falls. One with the quorum for it and for its heaviest class stands,
       with the shape that `shape_of` finds for its shapes and their weights. Any other is undecided.

    Equal regions are one from the start, so what comes out does not depend on the order of the drawings.

    >>> from concord.labels.spans import overlaps_of_spans
    >>> drawn = [Region((0, 10), "person")], [Region((0, 9), "person")], [Region((40, 50), "place")]
    >>> drawings = [Drawing(tuple(each), 1.0) for each in drawn]
    >>> found = settled(drawings, overlaps_of_spans, 0.5, 0.5, lambda shapes: min(shapes))
    >>> [(agreed.region.shape, round(agreed.share, 2)) for agreed in found.agreed]
    [((0, 9), 0.67)]
    """
    agreed: list[Agreed] = []
    undecided: list[str] = []
    certainties = [1.0]
    for found in weighed(drawings, overlaps, overlap_min, quorum):
        certainties.append(found.certainty)
        if found.stands:
            agreed.append(Agreed(found.as_one(shape_of), found.class_share))
        elif found.stands is None:
            undecided.append(
                f"no quorum for {found.doubt} {' or '.join(found.names)} at {_shown(min(found.drawn).shape)}"
            )
    return Settled(tuple(sorted(agreed)), min(certainties), tuple(undecided))


@dataclass(frozen=True, slots=True)
class Weighed:
    """Regions that are taken for one, and what the quorum says of it.

    Attributes:
        drawn: its different regions, each with what they count for and the places of the drawings they stand in.
        names: the heaviest class; all that tie for it, in order.
        share: of the weight that is for a region here.
        class_share: of the weight that is for the first of `names`.
        stands: whether it does; None: there is no quorum for or against it, or none for its class: `doubt`.
    """

    drawn: dict[Region, tuple[float, tuple[int, ...]]]
    names: tuple[str, ...]
    share: float
    class_share: float
    stands: bool | None
    doubt: str = ""

    @property
    def certainty(self) -> float:
        """How sure the decision is, or what leads where there is none."""
        if self.stands is False:
            return 1.0 - self.share
        return max(self.share, 1.0 - self.share) if self.doubt == FOR_OR_AGAINST else self.class_share

    @property
    def drawers(self) -> tuple[int, ...]:
        """The places of all drawings that have it."""
        return tuple(sorted({place for _, places in self.drawn.values() for place in places}))

    def as_one(self, shape_of: Callable[[Mapping[Shape, float]], Shape]) -> Region:
        """Return the one region that stands for all: of the heaviest class, and the shape that `shape_of` finds."""
        shapes = weight_by((region.shape, weight) for region, (weight, _) in self.drawn.items())
        return Region(shape_of(shapes), self.names[0])


def weighed(drawings: Sequence[Drawing], overlaps: Overlaps, overlap_min: float, quorum: float) -> list[Weighed]:
    """Return all that are taken for one region, as `settled` has it, by their places; also what falls.

    >>> from concord.labels.spans import overlaps_of_spans
    >>> drawn = [Region((40, 50), "place")], [Region((0, 9), "person")], [Region((0, 10), "person")]
    >>> found = weighed([Drawing(tuple(each), 1.0) for each in drawn], overlaps_of_spans, 0.5, 0.5)
    >>> [(one.names, one.drawers, one.stands) for one in found]
    [(('person',), (1, 2), True), (('place',), (0,), False)]
    """
    total = math.fsum(each.weight for each in drawings)
    numbered = sorted((tuple(sorted(each.regions)), each.weight, place) for place, each in enumerate(drawings))
    ordered = [Drawing(regions, weight) for regions, weight, _ in numbered]
    found = []
    for group in _groups(ordered, overlaps, overlap_min):
        weights = {region: math.fsum(ordered[each].weight for each in group[region]) for region in group}
        share = share_of(math.fsum(weights.values()), total)
        classes = weight_by((region.class_name, weight) for region, weight in weights.items())
        names = tuple(sorted(heaviest(classes)))
        class_share = share_of(classes[names[0]], total)
        stands, doubt = passes(share, quorum), ""
        if stands is None:
            doubt = FOR_OR_AGAINST
        elif stands and (len(names) > 1 or not passes(class_share, quorum)):
            stands, doubt = None, OF_CLASS
        drawn = {
            region: (weights[region], tuple(sorted(numbered[each][2] for each in group[region]))) for region in group
        }
        found.append(Weighed(drawn, names, share, class_share, stands, doubt))
    return found


Group: TypeAlias = dict[Region, set[int]]
"""Different regions taken for one, each with the drawings it stands in."""


def _groups(drawings: Sequence[Drawing], overlaps: Overlaps, overlap_min: float) -> list[Group]:
    drawers: Group = {}
    for number, drawing in enumerate(drawings):
        for region in drawing.regions:
            drawers.setdefault(region, set()).add(number)
    group_of = {region: {region: numbers} for region, numbers in drawers.items()}
    for entry, other in _matches(drawings, overlaps, overlap_min):
        left, right = group_of[entry], group_of[other]
        if left is right or set().union(*left.values()) & set().union(*right.values()):
            continue
        if _overlap_matrix(tuple(left), tuple(right), overlaps).min() < overlap_min:
            continue
        left.update(right)
        group_of.update(dict.fromkeys(right, left))
    distinct = {id(group): group for group in group_of.values()}
    return sorted(distinct.values(), key=min)


def _matches(drawings: Sequence[Drawing], overlaps: Overlaps, overlap_min: float) -> list[tuple[Region, Region]]:
    """Return the matched regions of every two drawings, the best match first."""
    found: dict[tuple[Region, Region], float] = {}
    for pair, other in combinations([each.regions for each in drawings if each.regions], 2):
        overlap = _overlap_matrix(pair, other, overlaps)
        worth = np.where(overlap >= overlap_min, overlap + _same_class(pair, other), 0.0)
        rows, columns = linear_sum_assignment(worth, maximize=True)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if worth[row, column] > 0.0 and pair[row] != other[column]:
                found[pair[row], other[column]] = float(worth[row, column])
    return sorted(found, key=lambda pair: (-found[pair], pair))


def best_pairs(worth: NDArray[np.float64], worth_min: float) -> list[tuple[int, int]]:
    """Return the rows and columns of the one-to-one matching of most worth, of pairs that are worth so much.

    >>> best_pairs(np.array([[0.9, 0.8], [0.7, 0.0]]), 0.5)
    [(0, 1), (1, 0)]
    """
    enough = np.where(worth >= worth_min, worth, 0.0)
    rows, columns = linear_sum_assignment(enough, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if enough[row, column] > 0.0]


def _overlap_matrix(row: Sequence[Region], other: Sequence[Region], overlaps: Overlaps) -> NDArray[np.float64]:
    return overlaps([region.shape for region in row], [region.shape for region in other])


def _same_class(row: Sequence[Region], other: Sequence[Region]) -> NDArray[np.bool_]:
    left = np.array([region.class_name for region in row], dtype=object)
    right = np.array([region.class_name for region in other], dtype=object)
    return np.asarray(left[:, None] == right[None, :], dtype=np.bool_)


def _shown(shape: Shape) -> str:
    few = ", ".join(f"{each:g}" for each in shape[:4])
    return f"({few}{', ...' if len(shape) > 4 else ''})"
