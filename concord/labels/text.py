"""Free text: a transcript, a translation, a rewritten answer."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rapidfuzz.distance import Levenshtein

from concord.labels.reading import integer_in, number_in, shown, text_in
from concord.labels.schema import (
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import CLOSE, medoids, passes, share_of, total_weight, weight_by

TEXT_CHARACTERS_MAX = 20_000
TOLERANCE_MAX = 0.5
_ALLOWED_CONTROLS = "\n\t"


@dataclass(frozen=True)
class Text:
    r"""Free text. A label is a string in Unicode normal form C with `\n` line ends and no other controls.

    Spec: `{"kind": "text"}` and, where the defaults do not fit, `characters_min` (1), `characters_max`
    (TEXT_CHARACTERS_MAX), `distance_max`: how far from the medoid a text still stands behind it when texts are
    merged (0.2), and `tolerance`: what share of the longer text may be edited and still say the same (0).

    >>> schema = Text()
    >>> schema.canonical("one\r\ntwo")
    'one\ntwo'
    """

    characters_min: int = 1
    characters_max: int = TEXT_CHARACTERS_MAX
    distance_max: float = 0.2
    tolerance: float = 0.0

    kind: ClassVar[str] = "text"
    alpha_metric: ClassVar[AlphaMetric | None] = None

    def __post_init__(self) -> None:
        """Check the fields; raise SchemaFault."""
        longest = integer_in(self.characters_max, "$.characters_max", SchemaFault, 1, TEXT_CHARACTERS_MAX)
        shortest = integer_in(self.characters_min, "$.characters_min", SchemaFault, 0, longest)
        distance_max = number_in(self.distance_max, "$.distance_max", SchemaFault, 0.0, 1.0)
        object.__setattr__(self, "characters_max", longest)
        object.__setattr__(self, "characters_min", shortest)
        object.__setattr__(self, "distance_max", distance_max)
        tolerance = number_in(self.tolerance, "$.tolerance", SchemaFault, 0.0, TOLERANCE_MAX)
        object.__setattr__(self, "tolerance", tolerance)

    def canonical(self, value: Json) -> Json:
        """Return the text in its normal form; blanks stay as they are.

        >>> Text().canonical("")
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $: 0 characters are too few; send at least 1
        """
        text = text_in(value, "$", LabelFault, self.characters_max).replace("\r\n", "\n").replace("\r", "\n")
        if len(text) < self.characters_min:
            raise LabelFault("$", f"{len(text)} characters are too few", f"send at least {self.characters_min}")
        for place, character in enumerate(text):
            if unicodedata.category(character) == "Cc" and character not in _ALLOWED_CONTROLS:
                problem = f"the control character {shown(character)} stands at {place}"
                raise LabelFault("$", problem, "send text, line ends and tabs only")
        return text

    def distance(self, entry: Json, other: Json) -> float:
        """Return the edit distance (Levenshtein, by code point) as a share of the longer text's length.

        Two empty texts are 0 apart, an empty one and any other 1.

        >>> Text().distance("colo", "col")
        0.25
        """
        return _distance(str(entry), str(other))

    def says_same(self, entry: Json, other: Json) -> bool:
        r"""Say whether the texts, each run of blanks taken for one and none at the ends, are `tolerance` apart at most.

        >>> Text().says_same("the cat\n sat ", "the cat sat"), Text().says_same("the cat sat", "the cat sit")
        (True, False)
        """
        left, right = " ".join(str(entry).split()), " ".join(str(other).split())
        return left == right or _distance(left, right) <= self.tolerance + CLOSE

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the medoid: the text with the least weighted mean distance to all.

        Support is the share of the weight within `distance_max` of it. The unit is escalated when several
        texts tie for the medoid, as two different ones of equal weight do, or when half the weight or more
        lies farther off. A medoid is somebody's own text: nothing is stitched together.

        >>> Text().merge([Vote("the cat sat"), Vote("the cat sat."), Vote("the cats sat.")]).label
        'the cat sat.'
        """
        if not labels:
            return NOTHING_TO_MERGE
        weights = dict(sorted(weight_by((str(vote.label), vote.weight) for vote in labels).items()))
        distances = [[_distance(weight, other) for other in weights] for weight in weights]
        medoid, *tied = medoids(weights, distances)
        near = (weight for text, weight in weights.items() if _distance(text, medoid) <= self.distance_max + CLOSE)
        support = share_of(math.fsum(near), total_weight(labels))
        if tied:
            return Merged(None, support, f"{1 + len(tied)} texts are equally near to all")
        if not passes(support, 0.5):
            return Merged(None, support, "too few texts are near the one that is nearest to all")
        return Merged(medoid, support, "the text nearest to all")

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Text().spec()
        {'kind': 'text', 'characters_min': 1, 'characters_max': 20000, 'distance_max': 0.2, 'tolerance': 0.0}
        """
        return {
            "kind": self.kind,
            "characters_min": self.characters_min,
            "characters_max": self.characters_max,
            "distance_max": self.distance_max,
            "tolerance": self.tolerance,
        }


def _distance(text: str, other: str) -> float:
    return float(Levenshtein.normalized_distance(text, other))
