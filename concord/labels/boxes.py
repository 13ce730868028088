"""Boxes: upright rectangles in an image, each with a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from concord.labels.grouping import Region, Shape
from concord.labels.reading import class_in, number_in, object_in
from concord.labels.regions import RegionSchema
from concord.labels.schema import Json, LabelFault
from concord.labels.voting import midpoint, weighted_median

BOXES_MAX = 500
COORDINATE_MAX = 1e6
SIDE_MIN = 1e-3


def overlaps_of_boxes(row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
    """Return the intersection over union of boxes (left, top, right, bottom), pair by pair.

    >>> overlaps_of_boxes([(0, 0, 2, 2)], [(0, 0, 2, 2), (1, 0, 3, 2), (5, 5, 6, 6)]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    left = np.asarray(row, dtype=np.float64)[:, None, :]
    right = np.asarray(other, dtype=np.float64)[None, :, :]
    sides = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    shared = np.maximum(sides, 0.0).prod(axis=-1)
    areas = (left[..., 2:] - left[..., :2]).prod(axis=-1) + (right[..., 2:] - right[..., :2]).prod(axis=-1)
    return np.asarray(shared / (areas - shared), dtype=np.float64)


@dataclass(frozen=True)
class Boxes(RegionSchema):
    """Upright rectangles with a class: `{"boxes": [{"left": 0, "top": 0, "right": 9, "bottom": 9, "class": "car"}]}`.

    Coordinates run right and down from the image's top left corner, in the unit the project uses throughout
    (pixels, or per cent). The distance is 1 - the mean intersection over union of the best matching, in
    which boxes of different classes do not match and every box left over counts 0. A merged box has the
    weighted median of each edge.

    Spec: `{"kind": "boxes", "classes": [...]}` and, where the defaults do not fit, `iou_min` (0.5),
    `quorum` (0.5) and `tolerance` (how much of two of them may differ and still say the same; 1 - `iou_min`).

    >>> schema = Boxes(("car",))
    >>> def one_car(right):
    ...     return {"boxes": [{"left": 0, "top": 0, "right": right, "bottom": 10, "class": "car"}]}
    >>> schema.distance(one_car(8), one_car(6))
    0.25
    >>> from concord.labels.schema import Vote
    >>> schema.merge([Vote(one_car(10)), Vote(one_car(11)), Vote(one_car(15))]).label
    {'boxes': [{'left': 0.0, 'top': 0.0, 'right': 11.0, 'bottom': 10.0, 'class': 'car'}]}
    """

    kind: ClassVar[str] = "boxes"
    regions_max: ClassVar[int] = BOXES_MAX

    def _region(self, value: object, path: str) -> Region:
        given = object_in(value, path, LabelFault, ["left", "top", "right", "bottom", "class"])
        start_max = COORDINATE_MAX - SIDE_MIN
        left = number_in(given["left"], f"{path}.left", LabelFault, -COORDINATE_MAX, start_max)
        top = number_in(given["top"], f"{path}.top", LabelFault, -COORDINATE_MAX, start_max)
        right = number_in(given["right"], f"{path}.right", LabelFault, left + SIDE_MIN, COORDINATE_MAX)
        bottom = number_in(given["bottom"], f"{path}.bottom", LabelFault, top + SIDE_MIN, COORDINATE_MAX)
        return Region((left, top, right, bottom), class_in(given["class"], f"{path}.class", self.classes))

    def _written(self, region: Region) -> dict[str, Json]:
        left, top, right, bottom = region.shape
        return {"left": left, "top": top, "right": right, "bottom": bottom, "class": region.class_name}

    def _overlaps(self, row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
        return overlaps_of_boxes(row, other)

    def _shape_of(self, weights: Mapping[Shape, float]) -> Shape:
        return tuple(
            midpoint(weighted_median((shape[edge], weight) for shape, weight in weights.items())) for edge in range(4)
        )

    def _matches_wanted(self, one_count: int, other_count: int) -> float:
        return max(one_count, other_count)
