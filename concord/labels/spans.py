"""Spans: ranges of characters, each with a class, as named entities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from concord.labels.grouping import Region, Shape
from concord.labels.reading import class_in, flag_in, integer_in, object_in
from concord.labels.regions import RegionSchema
from concord.labels.schema import Json, LabelFault, SchemaFault
from concord.labels.voting import medoids

SPANS_MAX = 1_000
OFFSET_MAX = 10_000_000


def overlaps_of_spans(row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
    """Return how far ranges (start, end) overlap: shared characters over all characters, pair by pair.

    >>> overlaps_of_spans([(0, 10)], [(0, 10), (5, 10), (10, 20)]).tolist()
    [[1.0, 0.5, 0.0]]
    """
    left = np.asarray(row, dtype=np.float64)[:, None, :]
    right = np.asarray(other, dtype=np.float64)[None, :, :]
    shared = np.minimum(left[..., 1], right[..., 1]) - np.maximum(left[..., 0], right[..., 0])
    shared = np.maximum(shared, 0.0)
    lengths = (left[..., 1] - left[..., 0]) + (right[..., 1] - right[..., 0])
    return np.asarray(shared / (lengths - shared), dtype=np.float64)


@dataclass(frozen=True)
class Spans(RegionSchema):
    """Ranges of characters with a class. A label: `{"spans": [{"start": 0, "end": 5, "class": "person"}]}`.

    Offsets count Unicode code points of the unit's text from 0; the end is not included. The distance is
    1 - F1, where spans of the same class match by the share of characters they have in common. A merged
    span has the range of its medoid (the range nearest to all), the shortest one where several tie.

    Spec: `{"kind": "spans", "classes": [...]}` and, where the defaults do not fit, `iou_min` (0.5),
    `quorum` (0.5), `tolerance` (how much of two ranges may differ and still say the same; 0, the very range) and
    `overlapping` (whether spans of one label may overlap; true).

    >>> schema = Spans(("person", "place"))
    >>> one = schema.canonical({"spans": [{"start": 0.0, "end": 10, "class": "person"}]})
    >>> one
    {'spans': [{'start': 0, 'end': 10, 'class': 'person'}]}
    >>> schema.distance(one, {"spans": [{"start": 5, "end": 10, "class": "person"}]})
    0.5
    >>> schema.canonical({"spans": [{"start": 3, "end": 3, "class": "person"}]})
    Traceback (most recent call last):
    concord.labels.schema.LabelFault: $.spans[0].end: 3 is out of range; send an integer from 4 to 10000000
    """

    overlapping: bool = True

    kind: ClassVar[str] = "spans"
    regions_max: ClassVar[int] = SPANS_MAX

    def __post_init__(self) -> None:
        """Check every field; raise SchemaFault."""
        super().__post_init__()
        flag_in(self.overlapping, "$.overlapping", SchemaFault)

    def check(self, label: Json, text_characters: int) -> None:
        """Refuse a label with a span that ends past the unit's text, where its length is known.

        Args:
            label: canonical.
            text_characters: code points of the text.

        Raises:
            LabelFault: the first span that ends past it.

        >>> Spans(("person",)).check({"spans": [{"start": 4, "end": 900, "class": "person"}]}, 8)
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.spans[0].end: 900 is past the text; send at most 8, counted in code points
        """
        for place, region in enumerate(self._regions(label)):
            if region.shape[1] > text_characters:
                problem = f"{region.shape[1]} is past the text"
                cure = f"send at most {text_characters}, counted in code points"
                raise LabelFault(f"$.spans[{place}].end", problem, cure)

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Spans(("person",)).spec()["overlapping"]
        True
        """
        return {**super().spec(), "overlapping": self.overlapping}

    def _tolerance_by_default(self) -> float:
        return 0.0

    def _regions(self, label: Json) -> list[Region]:
        regions = super()._regions(label)
        for before, after in pairwise(() if self.overlapping else regions):
            if after.shape[0] < before.shape[1]:
                problem = f"the span at {after.shape} overlaps the one at {before.shape}"
                raise LabelFault("$.spans", problem, "draw spans that do not overlap")
        return regions

    def _region(self, value: object, path: str) -> Region:
        given = object_in(value, path, LabelFault, ["start", "end", "class"])
        start = integer_in(given["start"], f"{path}.start", LabelFault, 0, OFFSET_MAX - 1)
        end = integer_in(given["end"], f"{path}.end", LabelFault, start + 1, OFFSET_MAX)
        return Region((start, end), class_in(given["class"], f"{path}.class", self.classes))

    def _written(self, region: Region) -> dict[str, Json]:
        start, end = region.shape
        return {"start": start, "end": end, "class": region.class_name}

    def _overlaps(self, row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
        return overlaps_of_spans(row, other)

    def _shape_of(self, weights: Mapping[Shape, float]) -> Shape:
        nearest = medoids(weights, (1.0 - overlaps_of_spans([*weights], [*weights])).tolist())
        return min(nearest, key=lambda shape: (shape[1] - shape[0], shape))

    def _matches_wanted(self, one_count: int, other_count: int) -> float:
        return (one_count + other_count) / 2
