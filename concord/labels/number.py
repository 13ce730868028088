"""A number: a measure on a range, as 0 to 100."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from concord.labels.reading import number_in
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import midpoint, passes, share_of, total_weight, weighted_median

NUMBER_MAX = 1e12
RANGE_MIN = 1e-6
TOLERANCE_SHARE = 0.05
CLOSE_SHARE = 1e-12
"""Rounding: numbers nearer than this share of the range are equal."""


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`. A label is that number: `37.5`.

    Spec: `{"kind": "number", "low": 0, "high": 100}` and, where the default does not fit, `tolerance`: how
    far apart, in the label's own unit, two numbers still say the same (TOLERANCE_SHARE of the range).

    >>> schema = Number(0, 100)
    >>> schema.canonical(37), schema.tolerance
    (37.0, 5.0)
    """

    low: float
    high: float
    tolerance: float | None = None

    kind: ClassVar[str] = "number"
    alpha_metric: ClassVar[AlphaMetric | None] = "interval"

    def __post_init__(self) -> None:
        """Check the range and write the tolerance out; raise SchemaFault."""
        low = number_in(self.low, "$.low", SchemaFault, -NUMBER_MAX, NUMBER_MAX)
        high = number_in(self.high, "$.high", SchemaFault, low, NUMBER_MAX)
        if high - low < RANGE_MIN:
            problem = f"the range from {low:g} to {high:g} is too short"
            raise SchemaFault("$.high", problem, f"make it at least {RANGE_MIN:g} long")
        tolerance = (high - low) * TOLERANCE_SHARE if self.tolerance is None else self.tolerance
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        tolerance = number_in(tolerance, "$.tolerance", SchemaFault, 0.0, high - low)
        object.__setattr__(self, "tolerance", tolerance)

    def canonical(self, value: Json) -> Json:
        """Return the number as a float; negative zero is zero.

        >>> Number(0, 100).canonical(float("nan"))
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $: NaN is out of range; send a number from 0 to 100
        """
        return self._value(value)

    def distance(self, entry: Json, other: Json) -> float:
        """Return the squared difference as a share of the range's: ((a - b) / (high - low))^2.

        It is the interval metric up to a constant, which alpha does not see: alpha with this distance
        equals alpha with `alpha_metric`.

        >>> Number(0, 100).distance(10.0, 60.0)
        0.25
        """
        return ((self._value(entry) - self._value(other)) / (self.high - self.low)) ** 2

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether the two differ by at most `tolerance`.

        >>> Number(0, 100, tolerance=0.2).says_same(37.0, 37.2), Number(0, 100, tolerance=0.2).says_same(37.0, 37.3)
        (True, False)
        """
        return self._near(self._value(entry), self._value(other))

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the mean of the numbers within tolerance of the weighted median, if most of the weight is.

        Support is the share of the weight within tolerance; at half or less the unit is escalated. One wild
        number moves neither the median nor, being out of tolerance, the mean.

        >>> Number(0, 100).merge([Vote(40.0), Vote(42.0), Vote(95.0)]).label
        41.0
        >>> Number(0, 100).merge([Vote(10.0), Vote(90.0)]).reason
        'too few numbers lie within 5 of the median 50'
        """
        if not labels:
            return NOTHING_TO_MERGE
        pairs = [(self._value(vote.label), vote.weight) for vote in labels]
        centre = midpoint(weighted_median(pairs))
        near = [(value - centre, weight) for value, weight in pairs if self._near(value, centre)]
        near_weight = math.fsum(weight for _, weight in near)
        support = share_of(near_weight, total_weight(labels))
        if not passes(support, 0.5):
            reason = f"too few numbers lie within {self._tolerance:g} of the median {centre:g}"
            return Merged(None, support, reason)
        # The mean is taken of what lies beside the median, so that equal numbers give exactly themselves.
        mean = centre + math.fsum(beside * weight for beside, weight in near) / near_weight
        return Merged(mean, support, "mean of the numbers near the median")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Number(0, 100).spec()
        {'kind': 'number', 'low': 0.0, 'high': 100.0, 'tolerance': 5.0}
        """
        return {"kind": self.kind, "low": self.low, "high": self.high, "tolerance": self.tolerance}

    @property
    def _tolerance(self) -> float:
        return 0.0 if self.tolerance is None else self.tolerance

    def _near(self, value: float, other: float) -> bool:
        # 37.2 - 37.0 is a little over .2: a rounding error of the range does not part two numbers.
        return abs(value - other) <= self._tolerance + CLOSE_SHARE * (self.high - self.low)

    def _value(self, label: Json) -> float:
        return number_in(label, "$", LabelFault, self.low, self.high)
