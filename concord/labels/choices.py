"""Choices: any number of tags out of several."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from concord.labels.reading import class_in, class_names_in, integer_in, list_in, number_in, shown, text_in
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import passes, share_of, total_weight, weight_by

METRICS = ("masi", "jaccard")


@dataclass(frozen=True)
class Choices:
    """Any number of classes out of several. A label is a list of class names: `["insult", "threat"]`.

    Spec: `{"kind": "choices", "classes": [...]}` and, where the defaults do not fit, `count_min` and
    `count_max` (how many tags a label may have; from 0 to all), `metric` ("masi" or "jaccard") and
    `quorum` (share of the weight that settles a tag, for or against; one half).

    >>> schema = Choices(("insult", "threat", "spam"))
    >>> schema.canonical(["spam", "insult"])
    ['insult', 'spam']
    """

    classes: tuple[str, ...]
    count_min: int = 0
    count_max: int | None = None
    metric: str = "masi"
    quorum: float = 0.5
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "choices"
    alpha_metric: ClassVar[AlphaMetric | None] = None

    def __post_init__(self) -> None:
        """Check every field and write the defaults out; raise SchemaFault."""
        put = object.__setattr__
        put(self, "classes", class_names_in(self.classes, "$.classes", 1))
        put(self, "_places", {name: place for place, name in enumerate(self.classes)})
        count_max = len(self.classes) if self.count_max is None else self.count_max
        put(self, "count_max", integer_in(count_max, "$.count_max", SchemaFault, 1, len(self.classes)))
        put(self, "count_min", integer_in(self.count_min, "$.count_min", SchemaFault, 0, self._count_max))
        put(self, "metric", text_in(self.metric, "$.metric", SchemaFault, 20))
        if self.metric not in METRICS:
            raise SchemaFault("$.metric", f"{shown(self.metric)} is none", f"use {' or '.join(METRICS)}")
        put(self, "quorum", number_in(self.quorum, "$.quorum", SchemaFault, 0.5, 1.0))

    @property
    def _count_max(self) -> int:
        return len(self.classes) if self.count_max is None else self.count_max

    def canonical(self, value: Json) -> Json:
        """Return the tags in the schema's order; a tag given twice is refused.

        >>> Choices(("insult", "threat")).canonical(["threat", "threat"])
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $[1]: 'threat' is given twice; give each tag once
        """
        given: set[str] = set()
        for place, each in enumerate(list_in(value, "$", LabelFault, self.count_min, self._count_max)):
            name = class_in(each, f"$[{place}]", self._places)
            if name in given:
                raise LabelFault(f"$[{place}]", f"{shown(name)} is given twice", "give each tag once")
            given.add(name)
        return [name for name in self.classes if name in given]

    def distance(self, entry: Json, other: Json) -> float:
        """Return the MASI distance (default) or the Jaccard distance of two sets of tags.

        Jaccard: 1 - |A and B| / |A or B|. MASI: 1 - J m, where J is Jaccard's share and m is 1 for equal
        sets, 2/3 when one holds the other, 1/3 when they only overlap, 0 when they are disjoint. Two empty
        labels are 0 apart, an empty one and any other 1.

        Source: Passonneau, Measuring agreement on set-valued items (MASI), LREC 2006.

        >>> schema = Choices(("insult", "threat", "spam"))
        >>> round(schema.distance(["insult"], ["insult", "spam"]), 4)  # 1 - 1/2 * 2/3
        0.6667
        """
        left, right = self._tags(entry), self._tags(other)
        if left == right:
            return 0.0
        shared = len(left & right) / len(left | right)
        if self.metric == "jaccard":
            return 1.0 - shared
        return 1.0 - shared * (2 / 3 if left < right or left > right else 1 / 3)

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether both are the same set of tags.

        >>> Choices(("insult", "threat")).says_same(["insult"], ["insult", "threat"])
        False
        """
        return self._tags(entry) == self._tags(other)

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the tags that the quorum is for; a tag with neither quorum is escalated.

        Support is that of the least certain tag, whether it was taken or left; `parts` are the shares of
        the taken tags.

        >>> schema = Choices(("insult", "threat"))
        >>> schema.merge([Vote(["insult"]), Vote(["insult", "threat"]), Vote(["insult"])]).label
        ['insult']
        >>> schema.merge([Vote(["insult"]), Vote([])]).reason
        'no quorum for or against: insult'
        """
        if not labels:
            return NOTHING_TO_MERGE
        total = total_weight(labels)
        weights = weight_by((tag, vote.weight) for vote in labels for tag in self._tags(vote.label))
        shares = {name: share_of(weights.get(name, 0.0), total) for name in self.classes}
        support = min(max(share, 1.0 - share) for share in shares.values())
        undecided = [name for name, share in shares.items() if passes(share, self.quorum) is None]
        if undecided:
            return Merged(None, support, f"no quorum for or against: {', '.join(undecided)}")
        taken = [name for name, share in shares.items() if passes(share, self.quorum)]
        if not self.count_min <= len(taken) <= self._count_max:
            return Merged(None, support, f"the quorum is for {len(taken)} tags, which the schema does not allow")
        return Merged([*taken], support, "each tag by quorum", tuple(shares[name] for name in taken))

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Choices(("a", "b")).spec()["count_max"]
        2
        """
        return {
            "kind": self.kind,
            "classes": [*self.classes],
            "count_min": self.count_min,
            "count_max": self.count_max,
            "metric": self.metric,
            "quorum": self.quorum,
        }

    @staticmethod
    def _tags(label: Json) -> frozenset[str]:
        return frozenset(map(str, label)) if isinstance(label, list) else frozenset()
