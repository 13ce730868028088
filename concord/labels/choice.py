"""A choice: one class out of several, as toxic or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from concord.labels.reading import class_in, class_names_in
from concord.labels.schema import NOTHING_TO_MERGE, AlphaMetric, Json, Merged, Vote
from concord.labels.voting import heaviest, share_of, total_weight, weight_by


@dataclass(frozen=True)
class Choice:
    """One class out of several. A label is the class name: `"yes"`.

    Spec: `{"kind": "choice", "classes": ["yes", "no"]}`, two classes or more.

    >>> schema = Choice(("yes", "no"))
    >>> schema.canonical("yes"), schema.distance("yes", "no"), schema.index("no")
    ('yes', 1.0, 1)
    """

    classes: tuple[str, ...]
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "choice"
    alpha_metric: ClassVar[AlphaMetric | None] = "nominal"

    def __post_init__(self) -> None:
        """Check the classes; raise SchemaFault."""
        object.__setattr__(self, "classes", class_names_in(self.classes, "$.classes", 2))
        object.__setattr__(self, "_places", {name: place for place, name in enumerate(self.classes)})

    def canonical(self, value: Json) -> str:
        """Return the class that the label names.

        >>> Choice(("yes", "no")).canonical("maybe")
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $: 'maybe' is no class of this project; use one of 'yes', 'no'
        """
        return class_in(value, "$", self._places)

    def index(self, label: Json) -> int:
        """Return the place of the class in `classes`, from 0.

        >>> Choice(("yes", "no")).index("no")
        1
        """
        return self._places[str(label)]

    def distance(self, entry: Json, other: Json) -> float:
        """Return 0 for the same class, 1 for another (the nominal metric).

        >>> Choice(("yes", "no")).distance("yes", "yes")
        0.0
        """
        return float(entry != other)

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether both name the same class.

        >>> Choice(("yes", "no")).says_same("yes", "no")
        False
        """
        return entry == other

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the class with the most weight; a tie for it is escalated, never settled by chance.

        Support is the class's share of the weight.

        >>> Choice(("yes", "no")).merge([Vote("yes"), Vote("no"), Vote("yes", 2.0)])
        Merged(label='yes', support=0.75, reason='most of the weight', parts=())
        """
        if not labels:
            return NOTHING_TO_MERGE
        weights = weight_by((self.index(vote.label), vote.weight) for vote in labels)
        first, *tied = sorted(heaviest(weights))
        support = share_of(weights[first], total_weight(labels))
        if tied:
            names = ", ".join(self.classes[place] for place in [first, *tied])
            return Merged(None, support, f"these classes tie: {names}")
        return Merged(self.classes[first], support, "most of the weight")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Choice(("yes", "no")).spec()
        {'kind': 'choice', 'classes': ['yes', 'no']}
        """
        return {"kind": self.kind, "classes": list(self.classes)}
