"""A preference between two answers, A and B, with its strength: what reward models are trained on.

People favour what stands first. So each annotator sees A and B in an order of their own, drawn from a seed,
and their label is turned back before it is stored: `shuffled` for the way out, `unshuffled` for the way in.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from concord.labels.reading import flag_in, integer_in, object_in, shown
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

STRENGTHS_MAX = 10

Shown = TypeVar("Shown")


def is_swapped(seed: str) -> bool:
    """Say whether the annotator of this seed sees B first.

    The seed names the unit and the annotator and holds a secret of the project, as
    `f"{secret}:{unit_id}:{annotator_id}"`: then a replay draws the same and no annotator can foresee it.

    >>> [is_swapped(f"secret:unit-{unit}:ann") for unit in range(4)]
    [True, False, True, False]
    """
    return bool(hashlib.sha256(seed.encode()).digest()[0] & 1)


def shuffled(pair: tuple[Shown, Shown], seed: str) -> tuple[Shown, Shown]:
    """Return the two answers in the order in which the annotator of this seed sees them.

    >>> shuffled(("A", "B"), "secret:unit-2:ann")
    ('B', 'A')
    """
    return (pair[1], pair[0]) if is_swapped(seed) else pair


def unshuffled(label: Json, seed: str) -> Json:
    """Return what a label given on shuffled answers says of the true A and B; its own inverse.

    The label may be one that `canonical` has not seen: what is no preference comes back as it is.

    >>> unshuffled({"prefer": "a", "strength": 1}, "secret:unit-2:ann")
    {'prefer': 'b', 'strength': 1}
    """
    if not (isinstance(label, dict) and is_swapped(seed)):
        return label
    side = label.get("prefer")
    return {**label, "prefer": {"a": "b", "b": "a"}.get(side, side)} if isinstance(side, str) else label


@dataclass(frozen=True)
class Preference:
    """Which of two answers is better, and by how much. A label is `{"prefer": "a", "strength": 1}`.

    `prefer` is "a", "b" or "tie"; `strength` runs from 1 (slightly) to `strengths` (much) and is 0 for a tie.
    It may be left out of a tie, and everywhere when there is one strength only.

    Spec: `{"kind": "preference"}` and, where the defaults do not fit, `strengths` (1), `ties` (true) and
    `tolerance`: how far the strengths of one side may differ and still say the same (0).

    >>> schema = Preference(strengths=2)
    >>> schema.canonical({"prefer": "tie"})
    {'prefer': 'tie', 'strength': 0}
    """

    strengths: int = 1
    ties: bool = True
    tolerance: int = 0

    kind: ClassVar[str] = "preference"
    alpha_metric: ClassVar[AlphaMetric | None] = "ordinal"

    def __post_init__(self) -> None:
        """Check the fields; raise SchemaFault."""
        strengths = integer_in(self.strengths, "$.strengths", SchemaFault, 1, STRENGTHS_MAX)
        object.__setattr__(self, "strengths", strengths)
        flag_in(self.ties, "$.ties", SchemaFault)
        tolerance = integer_in(self.tolerance, "$.tolerance", SchemaFault, 0, strengths - 1)
        object.__setattr__(self, "tolerance", tolerance)

    @property
    def classes(self) -> tuple[dict[str, Json], ...]:
        """All canonical labels, from A much better to B much better."""
        for_a = [_label("a", strength) for strength in range(self.strengths, 0, -1)]
        for_b = [_label("b", strength) for strength in range(1, self.strengths + 1)]
        return (*for_a, *([_label("tie", 0)] if self.ties else []), *for_b)

    def canonical(self, value: Json) -> Json:
        """Return the preference with its strength written out.

        >>> Preference(strengths=2).canonical({"prefer": "a"})
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.strength: this field is missing; give it
        """
        return _label(*self._side_and_strength(value))

    def index(self, label: Json) -> int:
        """Return the place of the label among `classes`, from 0.

        >>> Preference(strengths=2).index({"prefer": "b", "strength": 1})
        3
        """
        side, strength = self._side_and_strength(label)
        if side == "a":
            return self.strengths - strength
        return self.strengths + strength - (0 if self.ties else 1)

    def distance(self, entry: Json, other: Json) -> float:
        """Return the squared difference on the scale from A to B as a share of the whole scale's.

        Where alpha is wanted, use `alpha_metric` on `index`: the ordinal metric depends on how often each
        class is used.

        >>> Preference().distance({"prefer": "a", "strength": 1}, {"prefer": "tie", "strength": 0})
        0.25
        """
        return ((self.index(entry) - self.index(other)) / (len(self.classes) - 1)) ** 2

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether both are for the same side, with strengths at most `tolerance` apart.

        >>> slightly, much = {"prefer": "a", "strength": 1}, {"prefer": "a", "strength": 2}
        >>> Preference(strengths=2).says_same(slightly, much), Preference(2, tolerance=1).says_same(slightly, much)
        (False, True)
        """
        (side, strength), (other_side, other_strength) = map(self._side_and_strength, (entry, other))
        return side == other_side and abs(strength - other_strength) <= self.tolerance

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the side with the most weight, at the weighted median strength of those who are for it.

        Support is the side's share of the weight. Sides that tie for the most are escalated; of two middle
        strengths the weaker is taken. The labels are unshuffled ones.

        >>> a, b = {"prefer": "a", "strength": 1}, {"prefer": "b", "strength": 1}
        >>> Preference().merge([Vote(a), Vote(b), Vote(a)]).label
        {'prefer': 'a', 'strength': 1}
        """
        if not labels:
            return NOTHING_TO_MERGE
        votes = [(*self._side_and_strength(vote.label), vote.weight) for vote in labels]
        sides = weight_by((side, weight) for side, _, weight in votes)
        first, *tied = sorted(heaviest(sides))
        support = share_of(sides[first], total_weight(labels))
        if tied:
            return Merged(None, support, f"these tie: {', '.join([first, *tied])}")
        weaker, _ = weighted_median((strength, weight) for side, strength, weight in votes if side == first)
        return Merged(_label(first, int(weaker)), support, "the side with the most weight, at its median strength")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Preference().spec()
        {'kind': 'preference', 'strengths': 1, 'ties': True, 'tolerance': 0}
        """
        return {"kind": self.kind, "strengths": self.strengths, "ties": self.ties, "tolerance": self.tolerance}

    def _side_and_strength(self, label: Json) -> tuple[str, int]:
        given = object_in(label, "$", LabelFault, ["prefer"], ["strength"])
        side = given["prefer"]
        sides = ["a", "b", "tie"] if self.ties else ["a", "b"]
        if not isinstance(side, str) or side not in sides:
            raise LabelFault("$.prefer", f"{shown(side)} is no side", f"use one of {', '.join(sides)}")
        if side == "tie":
            return side, integer_in(given.get("strength", 0), "$.strength", LabelFault, 0, 0)
        if "strength" not in given and self.strengths > 1:
            raise LabelFault("$.strength", "this field is missing", "give it")
        return side, integer_in(given.get("strength", 1), "$.strength", LabelFault, 1, self.strengths)


def _label(side: str, strength: int) -> dict[str, Json]:
    return {"prefer": side, "strength": strength}
