"""A ranking: several answers in order, the best first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import ClassVar

from concord.labels.reading import class_in, class_names_in, list_in, number_in, shown
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import CLOSE, share_of, total_weight, weight_by

RANKED_MAX = 50
KEMENY_ITEMS_MAX = 8
TOLERANCE_MAX = 0.5

Wins = Mapping[tuple[str, str], float]
"""Weight of the votes that put the first before the second."""


@dataclass(frozen=True)
class Ranking:
    """All of several things in order, the best first, without ties. A label: `["second", "first"]`.

    Spec: `{"kind": "ranking", "items": [...]}`, 2 to RANKED_MAX names, and, where the default does not fit,
    `tolerance`: what share of the pairs may stand the other way round and still say the same (0, at most a half).

    >>> schema = Ranking(("x", "y", "z"))
    >>> schema.canonical(["z", "x", "y"])
    ['z', 'x', 'y']
    """

    items: tuple[str, ...]
    tolerance: float = 0.0

    kind: ClassVar[str] = "ranking"
    alpha_metric: ClassVar[AlphaMetric | None] = None

    def __post_init__(self) -> None:
        """Check the items; raise SchemaFault."""
        items = class_names_in(self.items, "$.items", 2)
        if len(items) > RANKED_MAX:
            raise SchemaFault("$.items", f"{len(items)} are too many to rank", f"name at most {RANKED_MAX}")
        object.__setattr__(self, "items", items)
        tolerance = number_in(self.tolerance, "$.tolerance", SchemaFault, 0.0, TOLERANCE_MAX)
        object.__setattr__(self, "tolerance", tolerance)

    def canonical(self, value: Json) -> Json:
        """Return the ranking; every item must stand in it once.

        >>> Ranking(("x", "y")).canonical(["x", "x"])
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $[1]: 'x' is ranked twice; rank each once
        """
        ranked: list[str] = []
        for place, each in enumerate(list_in(value, "$", LabelFault, len(self.items), len(self.items))):
            name = class_in(each, f"$[{place}]", self.items)
            if name in ranked:
                raise LabelFault(f"$[{place}]", f"{shown(name)} is ranked twice", "rank each once")
            ranked.append(name)
        return [*ranked]

    def distance(self, entry: Json, other: Json) -> float:
        """Return the share of pairs that the two rank the other way round: (1 - Kendall's tau) / 2.

        Source: Kendall, A new measure of rank correlation, Biometrika 30, 1938.

        >>> round(Ranking(("x", "y", "z")).distance(["x", "y", "z"], ["y", "x", "z"]), 4)
        0.3333
        """
        place = {name: index for index, name in enumerate(_names(other))}
        turned = sum(place[better] > place[worse] for better, worse in combinations(_names(entry), 2))
        return turned / math.comb(len(self.items), 2)

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether at most `tolerance` of the pairs stand the other way round.

        >>> Ranking(("x", "y", "z"), tolerance=0.4).says_same(["x", "y", "z"], ["y", "x", "z"])
        True
        """
        return self.distance(entry, other) <= self.tolerance + CLOSE

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the ranking that the labels, by weight, are nearest to; several nearest ones are escalated.

        Up to KEMENY_ITEMS_MAX items it is Kemeny's, with the least summed Kendall distance; beyond, where
        that is too dear, Borda's, by mean place. Support is the share of the weight that is for the order
        of a pair, averaged over the pairs.

        Source: Young, Condorcet's theory of voting, APSR 82, 1988 (Kemeny's as the likeliest ranking).

        >>> schema = Ranking(("x", "y", "z"))
        >>> schema.merge([Vote(["x", "y", "z"]), Vote(["x", "z", "y"]), Vote(["x", "y", "z"])]).label
        ['x', 'y', 'z']
        >>> schema.merge([Vote(["x", "y", "z"]), Vote(["z", "y", "x"])]).label is None
        True
        """
        if not labels:
            return NOTHING_TO_MERGE
        total = total_weight(labels)
        pairs = ((pair, vote.weight) for vote in labels for pair in combinations(_names(vote.label), 2))
        wins = weight_by(pairs)
        if len(self.items) <= KEMENY_ITEMS_MAX:
            ranked, alone, method = *_kemeny(self.items, wins, total), "Kemeny"
        else:
            ranked, alone, method = *_borda(self.items, wins, total), "Borda"
        for_it = math.fsum(wins.get(pair, 0.0) for pair in combinations(ranked, 2))
        support = share_of(for_it, total * math.comb(len(self.items), 2))
        if not alone:
            return Merged(None, support, f"several rankings are equally near by {method}")
        return Merged([*ranked], support, f"the nearest ranking by {method}")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Ranking(("x", "y")).spec()
        {'kind': 'ranking', 'items': ['x', 'y'], 'tolerance': 0.0}
        """
        return {"kind": self.kind, "items": [*self.items], "tolerance": self.tolerance}


def _names(label: Json) -> list[str]:
    return [*map(str, label)] if isinstance(label, list) else []


def _kemeny(items: Sequence[str], wins: Wins, total: float) -> tuple[list[str], bool]:
    """Return a ranking with the least weight of pairs against it, and whether no other has as little.

    Dynamic programming over the sets of items ranked so far: 2^k k^2 steps.
    """
    best: dict[frozenset[str], tuple[float, list[str], bool]] = {frozenset(): (0.0, [], True)}
    for size in range(1, len(items) + 1):
        for chosen in combinations(items, size):
            ranked_set = frozenset(chosen)
            options = []
            for last in chosen:
                cost, before, alone = best[ranked_set - {last}]
                against = math.fsum(wins.get((last, each), 0.0) for each in before)
                options.append((cost + against, [*before, last], alone))
            least = min(options, key=lambda option: option[0])
            near = [option for option in options if option[0] <= least[0] + CLOSE * total]
            best[ranked_set] = (least[0], least[1], len(near) == 1 and least[2])
    _, ranked, alone = best[frozenset(items)]
    return ranked, alone


def _borda(items: Sequence[str], wins: Wins, total: float) -> tuple[list[str], bool]:
    """Return the items by how much weight puts them before others, and whether no two have as much."""
    points = {each: math.fsum(wins.get((each, other), 0.0) for other in items) for each in items}
    ranked = sorted(items, key=lambda each: -points[each])
    return ranked, all(points[text] - points[other] > CLOSE * total for text, other in pairwise(ranked))
