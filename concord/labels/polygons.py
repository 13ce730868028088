"""Polygons: outlines in an image, each with a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import combinations, pairwise
from typing import ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray

from concord.labels.grouping import CannotBeGrouped, Overlaps, Region, Shape
from concord.labels.reading import class_in, list_in, number_in, object_in
from concord.labels.regions import RegionSchema
from concord.labels.schema import Json, LabelFault, Merged, Vote
from concord.labels.voting import CLOSE, medoids

POLYGONS_MAX = 200
POINTS_MAX = 500
COORDINATE_MAX = 1e6
AREA_MIN = 1e-6
MERGE_CUT_POINTS_MAX = 2_000_000
"""Points of all outlines that are cut with one another when labels are merged, each counted as often as it is cut: some
two seconds of CPU. Outlines that lie beside one another as in a picture come to a twentieth of that."""

CUT_WORK_MAX = 300_000
"""Points of outlines that are cut with one another for two labels, and of what they share: a second of CPU where they
cross as often as they can, a quarter of one where they lie as in a picture."""
CUT_AT_ONCE = 16
"""Pairs of outlines that are cut before it is looked how much that came to: at most so many go beyond the bound."""

Point = tuple[float, float]


class TooMuchToCut(CannotBeGrouped):
    """The outlines of two labels cross so often that what they share is not reckoned exactly."""


def overlaps_of_polygons(
    row: Sequence[Shape], other: Sequence[Shape], overlap_min: float = 0.0, *, exact: bool = False
) -> NDArray[np.float64]:
    """Return the intersection over union of outlines (x0, y0, x1, y1, ...), pair by pair.

    Pairs whose areas and bounding boxes already tell that they overlap by less than `overlap_min` are given as 0:
    to cut two outlines costs a thousand times as much. Pairs are cut from the one that can overlap most down; where
    that has come to CUT_WORK_MAX, what the others share is estimated as if each outline filled its box evenly.

    Args:
        row: the rows.
        other: the columns.
        overlap_min: below which an overlap may be given as 0.
        exact: raise TooMuchToCut rather than estimate.

    Raises:
        TooMuchToCut: see there.

    >>> square, half = (0, 0, 2, 0, 2, 2, 0, 2), (0, 0, 1, 0, 1, 2, 0, 2)
    >>> overlaps_of_polygons([square], [square, half]).tolist()
    [[1.0, 0.5]]
    """
    left = np.array([_polygon(shape) for shape in row], dtype=object)
    right = np.array([_polygon(shape) for shape in other], dtype=object)
    overlaps = np.zeros((len(left), len(right)))
    rows, columns = shapely.STRtree(right).query(left)  # by their boxes
    areas = shapely.area(left)[rows], shapely.area(right)[columns]
    one_box, other_box = shapely.bounds(left)[rows], shapely.bounds(right)[columns]
    sides = np.minimum(one_box[:, 2:], other_box[:, 2:]) - np.maximum(one_box[:, :2], other_box[:, :2])
    shared_max = np.minimum(np.maximum(sides, 0.0).prod(axis=1), np.minimum(*areas))
    possible = shared_max >= (overlap_min - CLOSE) * (areas[0] + areas[1] - shared_max)
    rows, columns, shared_max = rows[possible], columns[possible], shared_max[possible]
    first, second = areas[0][possible], areas[1][possible]
    most_first = np.lexsort((columns, rows, -shared_max / (first + second - shared_max)))
    shared = np.full(len(rows), np.nan)
    cut = _cut(left[rows[most_first]], right[columns[most_first]])
    shared[most_first[: len(cut)]] = cut
    if len(cut) < len(rows):
        if exact:
            raise TooMuchToCut(f"outlines that cross in {len(rows)} pairs come to over {CUT_WORK_MAX} points")
        boxes = np.maximum(sides[possible], 0.0).prod(axis=1)
        fills = first / _box_areas(one_box[possible]), second / _box_areas(other_box[possible])
        shared = np.where(np.isnan(shared), np.minimum(boxes * fills[0] * fills[1], shared_max), shared)
    overlaps[rows, columns] = shared / (first + second - shared)
    return overlaps


def _cut(left: NDArray[np.object_], right: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the areas that pairs of outlines share, of the first pairs until that has come to CUT_WORK_MAX."""
    shared: list[NDArray[np.float64]] = []
    work = 0
    for start in range(0, len(left), CUT_AT_ONCE):
        if work > CUT_WORK_MAX:
            break
        some = left[start : start + CUT_AT_ONCE], right[start : start + CUT_AT_ONCE]
        pieces = shapely.intersection(*some)
        shared.append(shapely.area(pieces))
        work += sum(int(shapely.get_num_coordinates(each).sum()) for each in (*some, pieces))
    return np.concatenate(shared) if shared else np.zeros(0)


def _box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), dtype=np.float64)


def cut_points(row: Sequence[Shape], other: Sequence[Shape]) -> int:
    """Return how many points the outlines have that `overlaps_of_polygons` would cut, at most; cheap to ask.

    >>> cut_points([(0, 0, 2, 0, 2, 2)], [(1, 0, 2, 0, 2, 2, 1, 2), (8, 8, 9, 8, 9, 9)])
    7
    """
    left = np.array([_polygon(shape) for shape in row], dtype=object)
    right = np.array([_polygon(shape) for shape in other], dtype=object)
    rows, columns = shapely.STRtree(right).query(left)  # by their boxes
    sizes = np.array([len(shape) // 2 for shape in row]), np.array([len(shape) // 2 for shape in other])
    return int(sizes[0][rows].sum() + sizes[1][columns].sum())


@dataclass(frozen=True)
class Polygons(RegionSchema):
    """Outlines with a class: `{"polygons": [{"points": [[0, 0], [9, 0], [0, 9]], "class": "car"}]}`.

    Coordinates as for boxes. An outline is a simple ring without holes: its first point is not repeated at
    its end, and canonically it starts at its leftmost point (the uppermost of several) and runs so that its
    area is positive. The distance is 1 - the mean intersection over union of the best matching, in which
    outlines of different classes do not match and every one left over counts 0. Where outlines cross beyond all
    measure, it is estimated in part: see `overlaps_of_polygons`. A merged outline is the medoid, somebody's own outline
    that is nearest to all; the smallest where several tie.

    Spec: `{"kind": "polygons", "classes": [...]}` and, where the defaults do not fit, `iou_min` (0.5),
    `quorum` (0.5) and `tolerance` (how much of two of them may differ and still say the same; 1 - `iou_min`).

    >>> schema = Polygons(("car",))
    >>> schema.canonical({"polygons": [{"points": [[2, 0], [0, 0], [0, 2], [2, 2], [2, 0]], "class": "car"}]})
    {'polygons': [{'points': [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]], 'class': 'car'}]}
    >>> schema.canonical({"polygons": [{"points": [[0, 0], [2, 2], [2, 0], [0, 2]], "class": "car"}]})
    Traceback (most recent call last):
    concord.labels.schema.LabelFault: $.polygons[0].points: Self-intersection[1 1]; draw lines that do not cross
    """

    kind: ClassVar[str] = "polygons"
    regions_max: ClassVar[int] = POLYGONS_MAX

    def _region(self, value: object, path: str) -> Region:
        given = object_in(value, path, LabelFault, ["points", "class"])
        class_name = class_in(given["class"], f"{path}.class", self.classes)
        path = f"{path}.points"
        ring = _ring(
            [
                _point(each, f"{path}[{place}]")
                for place, each in enumerate(list_in(given["points"], path, LabelFault, 3, POINTS_MAX))
            ]
        )
        if len(ring) < 3:
            raise LabelFault(path, f"it has {len(ring)} distinct points", "draw at least 3")
        shape = tuple(coordinate for point in ring for coordinate in point)
        polygon = _polygon(shape)
        if not polygon.is_valid:
            reason = shapely.is_valid_reason(polygon)
            raise LabelFault(path, str(reason), "draw lines that do not cross")
        if polygon.area < AREA_MIN:
            raise LabelFault(path, f"its area is {polygon.area:g}", f"draw one of at least {AREA_MIN:g}")
        return Region(shape, class_name)

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return what `RegionSchema.merge` does; labels whose outlines cross beyond all measure go to a person.

        >>> schema, square = Polygons(("car",)), [[0, 0], [2, 0], [2, 2], [0, 2]]
        >>> drawn = schema.canonical({"polygons": [{"points": square, "class": "car"}]})
        >>> schema.merge([Vote(drawn), Vote(drawn)]).support
        1.0
        """
        drawn = [[region.shape for region in self._regions(vote.label)] for vote in labels]
        points = sum(cut_points(row, other) for row, other in combinations(filter(None, drawn), 2))
        if points > MERGE_CUT_POINTS_MAX:
            reason = f"outlines of {points} points cross, and at most {MERGE_CUT_POINTS_MAX} are cut by machine"
            return Merged(None, 0.0, reason)
        try:
            return super().merge(labels)
        except TooMuchToCut as fault:
            return Merged(None, 0.0, str(fault))

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say what `RegionSchema.says_same` does; of labels whose outlines cross beyond all measure, by their distance.

        >>> schema, square = Polygons(("car",)), [[0, 0], [2, 0], [2, 2], [0, 2]]
        >>> drawn = schema.canonical({"polygons": [{"points": square, "class": "car"}]})
        >>> schema.says_same(drawn, drawn), schema.says_same(drawn, {"polygons": []})
        (True, False)
        """
        try:
            return super().says_same(entry, other)
        except TooMuchToCut:
            assert self.tolerance is not None, "it is set when the schema is made"
            return self.distance(entry, other) <= self.tolerance

    def _written(self, region: Region) -> dict[str, Json]:
        points = zip(region.shape[::2], region.shape[1::2], strict=True)
        return {"points": [[x, y] for x, y in points], "class": region.class_name}

    def _overlaps(self, row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
        return overlaps_of_polygons(row, other)

    def _overlaps_from(self, overlap_min: float) -> Overlaps:
        return partial(overlaps_of_polygons, overlap_min=overlap_min, exact=True)

    def _shape_of(self, weights: Mapping[Shape, float]) -> Shape:
        nearest = medoids(weights, (1.0 - overlaps_of_polygons([*weights], [*weights])).tolist())
        return min(nearest, key=lambda shape: (_polygon(shape).area, shape))

    def _matches_wanted(self, one_count: int, other_count: int) -> float:
        return max(one_count, other_count)


def _point(value: object, path: str) -> Point:
    x, y = list_in(value, path, LabelFault, 2, 2)
    return (
        number_in(x, f"{path}[0]", LabelFault, -COORDINATE_MAX, COORDINATE_MAX),
        number_in(y, f"{path}[1]", LabelFault, -COORDINATE_MAX, COORDINATE_MAX),
    )


def _ring(points: Sequence[Point]) -> list[Point]:
    """Return the ring in its canonical turn and start, without points that repeat the one before or lie on an edge."""
    ring = [after for before, after in pairwise([points[-1], *points]) if after != before]
    ring = _without_straight_points(ring)
    if len(ring) < 3:
        return ring
    if not shapely.is_ccw(shapely.LinearRing(ring)):
        ring.reverse()
    start = ring.index(min(ring))
    return ring[start:] + ring[:start]


def _without_straight_points(ring: list[Point]) -> list[Point]:
    """Return the ring without points that go straight on from the one before to the one after.

    Only exact ones go, so that no outline moves; a spike, which turns back, stays and is refused.
    """
    kept = ring
    while len(kept) > 3:
        around = zip([kept[-1], *kept], kept, [*kept[1:], kept[0]], strict=False)
        straight = [_goes_straight(before, here, after) for before, here, after in around]
        if not any(straight):
            return kept
        # Of neighbours that are both straight each is on the other's line still: all may go at once.
        kept = [point for point, gone in zip(kept, straight, strict=True) if not gone]
    return kept


def _goes_straight(before: Point, here: Point, after: Point) -> bool:
    come, go = (here[0] - before[0], here[1] - before[1]), (after[0] - here[0], after[1] - here[1])
    across, along = come[0] * go[1] - come[1] * go[0], come[0] * go[0] + come[1] * go[1]
    if along <= 0 or abs(across) > CLOSE * along:
        return False
    # Near enough to be asked exactly, which is slow.
    (x0, y0), (x1, y1), (x2, y2) = ((Fraction(x), Fraction(y)) for x, y in (before, here, after))
    return (x1 - x0) * (y2 - y1) == (y1 - y0) * (x2 - x1)


@lru_cache(maxsize=4 * POLYGONS_MAX)
def _polygon(shape: Shape) -> shapely.Polygon:
    return shapely.Polygon(np.reshape(shape, (-1, 2)))
