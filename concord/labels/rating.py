"""A rating: a whole number on a short scale, as 1 to 5."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from concord.labels.reading import integer_in
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import heaviest, share_of, total_weight, weight_by, weighted_median

RATING_POINTS_MAX = 101
RATING_MAX = 1_000


@dataclass(frozen=True)
class Rating:
    """A whole number from `lowest` to `highest`. A label is that number: `4`.

    Spec: `{"kind": "rating", "lowest": 1, "highest": 5}`, at most RATING_POINTS_MAX points, and, where the
    default does not fit, `tolerance`: how many points apart two ratings still say the same (0).

    >>> schema = Rating(1, 5)
    >>> schema.canonical(4.0), schema.index(4), schema.classes
    (4, 3, (1, 2, 3, 4, 5))
    """

    lowest: int
    highest: int
    tolerance: int = 0

    kind: ClassVar[str] = "rating"
    alpha_metric: ClassVar[AlphaMetric | None] = "ordinal"

    def __post_init__(self) -> None:
        """Check the ends of the scale; raise SchemaFault."""
        lowest = integer_in(self.lowest, "$.lowest", SchemaFault, -RATING_MAX, RATING_MAX)
        highest_max = lowest + RATING_POINTS_MAX - 1
        highest = integer_in(self.highest, "$.highest", SchemaFault, lowest + 1, highest_max)
        object.__setattr__(self, "lowest", lowest)
        object.__setattr__(self, "highest", highest)
        tolerance = integer_in(self.tolerance, "$.tolerance", SchemaFault, 0, highest - lowest - 1)
        object.__setattr__(self, "tolerance", tolerance)

    @property
    def classes(self) -> tuple[int, ...]:
        """All ratings, from the lowest."""
        return tuple(range(self.lowest, self.highest + 1))

    def canonical(self, value: Json) -> Json:
        """Return the rating as an integer.

        >>> Rating(1, 5).canonical(6)
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $: 6 is out of range; send an integer from 1 to 5
        """
        return integer_in(value, "$", LabelFault, self.lowest, self.highest)

    def index(self, label: Json) -> int:
        """Return the place of the rating on the scale, from 0.

        >>> Rating(1, 5).index(1)
        0
        """
        return integer_in(label, "$", LabelFault, self.lowest, self.highest) - self.lowest

    def distance(self, entry: Json, other: Json) -> float:
        """Return the squared difference as a share of the scale's: ((a - b) / (highest - lowest))^2.

        The ordinal metric of alpha depends on how often each rating is used and so is no function of two
        labels: where alpha is wanted, use `alpha_metric`. This distance is the quadratic weight of kappa.

        >>> Rating(1, 5).distance(1, 3)
        0.25
        """
        return ((self.index(entry) - self.index(other)) / (self.highest - self.lowest)) ** 2

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether at most `tolerance` points lie between the two.

        >>> Rating(1, 5).says_same(3, 4), Rating(1, 5, tolerance=1).says_same(3, 4)
        (False, True)
        """
        return abs(self.index(entry) - self.index(other)) <= self.tolerance

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the rating with the most weight; when several tie, the weighted median of all labels.

        Support is the share of the weight on the very rating. Where the median lies between two ratings,
        the unit is escalated.

        >>> Rating(1, 5).merge([Vote(2), Vote(2), Vote(3), Vote(4), Vote(4)]).reason
        'the median of a tie'
        >>> Rating(1, 5).merge([Vote(2), Vote(4)]).label is None
        True
        """
        if not labels:
            return NOTHING_TO_MERGE
        weights = weight_by((self.lowest + self.index(vote.label), vote.weight) for vote in labels)
        total = total_weight(labels)
        first, *tied = heaviest(weights)
        if not tied:
            return Merged(first, share_of(weights[first], total), "most of the weight")
        lower, upper = map(int, weighted_median(weights.items()))
        if lower != upper:
            reason = f"the weight is halved between {lower} and {upper}"
            return Merged(None, share_of(weights[first], total), reason)
        return Merged(lower, share_of(weights[lower], total), "the median of a tie")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Rating(1, 5).spec()
        {'kind': 'rating', 'lowest': 1, 'highest': 5, 'tolerance': 0}
        """
        return {"kind": self.kind, "lowest": self.lowest, "highest": self.highest, "tolerance": self.tolerance}
