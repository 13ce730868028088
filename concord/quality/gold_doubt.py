"""Whether a known label is in doubt: by a bound on the share of good annotators who say something else.

An answer to a gold unit is a verdict on its annotator only while the known label is right. Where those who do well on
the *other* gold units mostly disagree with it, it is likelier that the label is wrong, or the unit unclear, than that
all of them err alike.
"""

from collections.abc import Iterable
from typing import NamedTuple

from scipy.special import betaincinv

SURE = 0.95
"""Confidence of the bound on the share. Looked at after every answer of 100 good annotators who err apart, a label is
ever doubted with .0004 where each disagrees with a chance of .2, .004 at .3, .2 at .5 and .997 at .7."""
SHARE = 0.5
"""Which the bound must be over: most of the good ones disagree."""
OTHER_UNITS_MIN = 5
"""Other gold units that an annotator must have answered to be held good at all."""
ANSWERS_MIN = 5
"""With fewer good annotators no bound is over SHARE: .05 ** (1 / 4) is .473, and .05 ** (1 / 5) is .549."""


class GoldAnswer(NamedTuple):
    """One annotator's answer to the gold unit, and how they did on the others.

    Attributes:
        disagrees: whether it is not what the known label says.
        right, units: of the project's other gold units that they answered.
    """

    disagrees: bool
    right: int
    units: int


class Doubt(NamedTuple):
    """What good annotators say against a known label.

    Attributes:
        good: annotators who count.
        disagreeing: of these.
        share: of disagreement, weighted by how often each is right.
        low: its lower bound; 0 where nobody counts.
    """

    good: int
    disagreeing: int
    share: float
    low: float

    @property
    def is_found(self) -> bool:
        """Return whether the known label is in doubt."""
        return self.low > SHARE


def is_good(answer: GoldAnswer, bar: float) -> bool:
    """Return whether an annotator is good enough to speak against a known label; see `doubt`.

    >>> is_good(GoldAnswer(True, 5, 6), 0.8), is_good(GoldAnswer(True, 4, 4), 0.8)
    (True, False)
    """
    return answer.units >= OTHER_UNITS_MIN and answer.right >= bar * answer.units


def doubt(answers: Iterable[GoldAnswer], bar: float) -> Doubt:
    """Return what good annotators say against a known label.

        w_i = (right_i + 1) / (units_i + 2),  s = Σ w_i d_i / Σ w_i,  n = (Σ w_i)² / Σ w_i²
        low = B⁻¹(1 - SURE; n s, n (1 - s) + 1)

    Good is who answered OTHER_UNITS_MIN other gold units and was right in at least `bar` of them; the answer in
    question is no evidence on its own annotator. n is the number of equal voices that the weighted ones are worth.

    Args:
        answers: one an annotator.
        bar: accuracy on gold that the project asks of its annotators.

    Source: Clopper & Pearson 1934, Biometrika 26:404, with the effective sample size of Kish 1965, Survey Sampling.

    >>> good = GoldAnswer(disagrees=True, right=9, units=10)
    >>> doubt([good] * 4, 0.8).is_found, doubt([good] * 5, 0.8).is_found
    (False, True)
    >>> doubt([good] * 5 + [GoldAnswer(False, 10, 10)] * 2, 0.8).is_found
    False
    >>> doubt([GoldAnswer(True, 3, 10)] * 50, 0.8)
    Doubt(good=0, disagreeing=0, share=0.0, low=0.0)
    """
    good = [answer for answer in answers if is_good(answer, bar)]
    weights = [(gold_answer.right + 1) / (gold_answer.units + 2) for gold_answer in good]
    whole = sum(weights)
    if not whole:
        return Doubt(0, 0, 0.0, 0.0)
    disagreeing = sum(gold_answer.disagrees for gold_answer in good)
    share = sum(weight for weight, gold_answer in zip(weights, good, strict=True) if gold_answer.disagrees) / whole
    voices = whole * whole / sum(weight * weight for weight in weights)
    low = float(betaincinv(voices * share, voices * (1.0 - share) + 1.0, 1.0 - SURE)) if disagreeing else 0.0
    return Doubt(len(good), disagreeing, share, low)
