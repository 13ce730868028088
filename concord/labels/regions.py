"""What spans, boxes and polygons have in common: a label is a set of drawn regions, each with a class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from concord.labels.canonical_json import encoded
from concord.labels.drawn import DrawnObject, Origin, Traced
from concord.labels.grouping import (
    CannotBeGrouped,
    Drawing,
    Overlaps,
    Region,
    Shape,
    Weighed,
    all_matched,
    best_pairs,
    matched_overlap,
    settled,
    weighed,
)
from concord.labels.reading import class_names_in, list_in, number_in, object_in
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import CLOSE

REASONS_MAX = 3
TOLERANCE_MAX = 0.99


def _none_overlap(row: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
    return np.zeros((len(row), len(other)))


@dataclass(frozen=True)
class RegionSchema(ABC):
    """A label schema of drawn regions. A label is `{kind: [region, ...]}`; a kind fills in its geometry.

    Attributes:
        classes: the classes that a region can have.
        iou_min: from which intersection over union two annotators' regions are taken for the same one.
        quorum: share of the weight that settles a region, for or against; between the two it is escalated.
        tolerance: how much of two regions, as 1 - intersection over union, may differ and still say the same.
    """

    classes: tuple[str, ...]
    iou_min: float = 0.5
    quorum: float = 0.5
    tolerance: float | None = None

    kind: ClassVar[str]
    alpha_metric: ClassVar[AlphaMetric | None] = None
    regions_max: ClassVar[int]

    def __post_init__(self) -> None:
        """Check every field; raise SchemaFault."""
        object.__setattr__(self, "classes", class_names_in(self.classes, "$.classes", 1))
        object.__setattr__(self, "iou_min", number_in(self.iou_min, "$.iou_min", SchemaFault, 0.01, 1.0))
        object.__setattr__(self, "quorum", number_in(self.quorum, "$.quorum", SchemaFault, 0.5, 1.0))
        tolerance = self._tolerance_by_default() if self.tolerance is None else self.tolerance
        object.__setattr__(self, "tolerance", number_in(tolerance, "$.tolerance", SchemaFault, 0.0, TOLERANCE_MAX))

    @abstractmethod
    def _region(self, value: object, path: str) -> Region:
        """Return the region that JSON describes; raise LabelFault."""

    @abstractmethod
    def _written(self, region: Region) -> dict[str, Json]:
        """Return a region as canonical JSON, such that `_region` gives it back."""

    @abstractmethod
    def _overlaps(self, entry: Sequence[Shape], other: Sequence[Shape]) -> NDArray[np.float64]:
        """Return the matrix of intersections over union, row by column."""

    @abstractmethod
    def _shape_of(self, weights: Mapping[Shape, float]) -> Shape:
        """Return the one shape that stands for several annotators' shapes of a region."""

    @abstractmethod
    def _matches_wanted(self, one_count: int, other_count: int) -> float:
        """Return by what the summed overlap of the best matching is divided, for a share from 0 to 1."""

    def _overlaps_from(self, overlap_min: float) -> Overlaps:  # noqa: ARG002 - a kind may use it
        """Return the function for overlaps of which those under `overlap_min` may be given as 0."""
        return self._overlaps

    def _tolerance_by_default(self) -> float:
        """Return the tolerance where the schema declares none: what merging takes for one region says the same."""
        return round(1.0 - self.iou_min, 9)

    def canonical(self, value: Json) -> Json:
        """Return the regions in order, each with all its fields; a region given twice is refused.

        >>> from concord.labels.spans import Spans
        >>> drawn = [{"start": start, "end": 9, "class": "person"} for start in (5, 0, 5)]
        >>> Spans(("person",)).canonical({"spans": drawn})
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.spans[2]: it repeats $.spans[0]; give each once
        """
        return self._label(self._regions(value))

    def distance(self, entry: Json, other: Json) -> float:
        """Return 1 - the overlap of the best one-to-one matching, as a share of what it could be.

        Matched regions count by intersection over union if they have the same class; unmatched ones count 0.
        Two empty labels are 0 apart, an empty one and any other 1.

        >>> from concord.labels.spans import Spans
        >>> Spans(("person",)).distance({"spans": []}, {"spans": [{"start": 0, "end": 9, "class": "person"}]})
        1.0
        """
        if entry == other:
            return 0.0
        left, right = self._regions(entry), self._regions(other)
        overlap = matched_overlap(left, right, self._overlaps)
        return min(1.0, max(0.0, 1.0 - overlap / self._matches_wanted(len(left), len(right))))

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether each region has one counterpart, of its class and within `tolerance` of its shape.

        >>> from concord.labels.boxes import Boxes
        >>> def one_car(right):
        ...     return {"boxes": [{"left": 0, "top": 0, "right": right, "bottom": 10, "class": "car"}]}
        >>> schema = Boxes(("car",), tolerance=0.1)
        >>> schema.says_same(one_car(100), one_car(95)), schema.says_same(one_car(100), one_car(80))
        (True, False)
        """
        if entry == other:
            return True
        left, right = self._regions(entry), self._regions(other)
        overlap_min = 1.0 - (self.tolerance or 0.0) - CLOSE
        return all_matched(left, right, self._overlaps_from(overlap_min), overlap_min)

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the regions that the quorum is for (see `grouping.settled`).

        Support is that of the least certain decision, whether a region was taken or left; `parts` are the
        shares of the weight for each taken region with its class. A region with a quorum neither for nor
        against it, or none for its class, escalates the unit: it is neither dropped nor kept silently.

        >>> from concord.labels.spans import Spans
        >>> one, none = {"spans": [{"start": 0, "end": 9, "class": "person"}]}, {"spans": []}
        >>> Spans(("person",)).merge([Vote(one), Vote(none)]).reason
        'no quorum for or against the person at (0, 9)'
        >>> [round(share, 3) for share in Spans(("person",)).merge([Vote(one), Vote(none), Vote(one)]).parts]
        [0.667]
        """
        if not labels:
            return NOTHING_TO_MERGE
        drawings = [Drawing(tuple(self._regions(vote.label)), vote.weight) for vote in labels]
        found = settled(drawings, self._overlaps_from(self.iou_min), self.iou_min, self.quorum, self._shape_of)
        if found.undecided:
            more = len(found.undecided) - REASONS_MAX
            reason = "; ".join(found.undecided[:REASONS_MAX]) + (f"; and {more} more" if more > 0 else "")
            return Merged(None, found.support, reason)
        label = self._label([agreed.region for agreed in found.agreed])
        try:
            self._regions(label)
            encoded(label)
        except LabelFault as fault:
            return Merged(None, found.support, f"what was merged does not fit the schema: {fault}")
        parts = tuple(agreed.share for agreed in found.agreed)
        return Merged(label, found.support, f"each of the {self.kind} by quorum", parts)

    def objects(self, labels: Sequence[Json]) -> list[DrawnObject]:
        """Return what canonical labels draw, object by object, each with what the quorum says of it.

        Labels whose regions cross beyond all measure are not grouped: each different region is an object.

        >>> from concord.labels.spans import Spans
        >>> one, none = {"spans": [{"start": 0, "end": 9, "class": "person"}]}, {"spans": []}
        >>> [(one.region, one.labels, one.stands) for one in Spans(("person",)).objects([one, none])]
        [({'start': 0, 'end': 9, 'class': 'person'}, (0,), None)]
        """
        return [
            DrawnObject(
                self._written(entry.as_one(self._shape_of)),
                entry.drawers,
                entry.stands,
                tuple((self._written(region), places) for region, (_, places) in sorted(entry.drawn.items())),
            )
            for entry in self._weighed(labels)
        ]

    def traced(self, label: Json, labels: Sequence[Json]) -> Traced:
        """Return where each region of a canonical label comes from, that somebody composed in sight of others.

        A region that stands in one of the others as it is was `drawn`; one that is what several come to was `merged`;
        one that overlaps an object by `iou_min`, of the objects that are left, was `corrected`; any other is `added`.

        >>> from concord.labels.spans import Spans
        >>> def person(*ends):
        ...     return {"spans": [{"start": 0, "end": end, "class": "person"} for end in ends]}
        >>> found = Spans(("person",)).traced(person(8, 90), [person(9), person(9), person(40)])
        >>> [(one.origin, one.labels) for one in found.regions], found.dropped
        ([('corrected', (0, 1)), ('added', ())], 1)
        """
        left = self._weighed(labels)
        made = self._regions(label)
        origins: dict[Region, Origin] = {}
        used: set[int] = set()
        for place, entry in enumerate(left):
            merged = entry.as_one(self._shape_of)
            for region in {*entry.drawn, merged}.intersection(made):
                drawn = entry.drawn.get(region)
                origins[region] = Origin("merged", entry.drawers) if drawn is None else Origin("drawn", drawn[1])
                used.add(place)
        fresh = [region for region in made if region not in origins]
        others = [item for place, item in enumerate(left) if place not in used]
        corrected = self._corrected(fresh, others)
        for region in fresh:
            found = corrected.get(region)
            origins[region] = Origin("added") if found is None else Origin("corrected", others[found].drawers)
        return Traced(tuple(origins[region] for region in made), len(others) - len(corrected))

    def _corrected(self, fresh: Sequence[Region], others: Sequence[Weighed]) -> dict[Region, int]:
        """Return which of the regions goes with which object: one with one, by the most overlap with any drawing."""
        drawn = [(region, place) for place, entry in enumerate(others) for region in entry.drawn]
        if not fresh or not drawn:
            return {}
        overlap = self._overlaps([region.shape for region in fresh], [region.shape for region, _ in drawn])
        most = np.zeros((len(fresh), len(others)))
        for column, (_, place) in enumerate(drawn):
            most[:, place] = np.maximum(most[:, place], overlap[:, column])
        return {fresh[row]: column for row, column in best_pairs(most, self.iou_min)}

    def _weighed(self, labels: Sequence[Json]) -> list[Weighed]:
        drawings = [Drawing(tuple(self._regions(label)), 1.0) for label in labels]
        if not drawings:
            return []
        try:
            return weighed(drawings, self._overlaps_from(self.iou_min), self.iou_min, self.quorum)
        except CannotBeGrouped:
            return weighed(drawings, _none_overlap, self.iou_min, self.quorum)

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> from concord.labels.boxes import Boxes
        >>> Boxes(("car",)).spec()
        {'kind': 'boxes', 'classes': ['car'], 'iou_min': 0.5, 'quorum': 0.5, 'tolerance': 0.5}
        """
        return {
            "kind": self.kind,
            "classes": [*self.classes],
            "iou_min": self.iou_min,
            "quorum": self.quorum,
            "tolerance": self.tolerance,
        }

    def _regions(self, label: Json) -> list[Region]:
        listed = object_in(label, "$", LabelFault, [self.kind])[self.kind]
        paths: dict[Region, str] = {}
        for place, each in enumerate(list_in(listed, f"$.{self.kind}", LabelFault, 0, self.regions_max)):
            path = f"$.{self.kind}[{place}]"
            region = self._region(each, path)
            if region in paths:
                raise LabelFault(path, f"it repeats {paths[region]}", "give each once")
            paths[region] = path
        return sorted(paths)

    def _label(self, regions: Sequence[Region]) -> dict[str, Json]:
        return {self.kind: [self._written(region) for region in regions]}
