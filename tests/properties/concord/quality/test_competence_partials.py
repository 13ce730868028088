import random
from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from concord.quality.competence import ConfusionCounts

OBSERVATIONS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40)


def counted(observations: list[tuple[int, int]]) -> ConfusionCounts:
    counts = ConfusionCounts.empty(3)
    for gold, reported in observations:
        counts = counts.observed(gold, reported)
    return counts


@given(OBSERVATIONS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_parts_in_any_order_add_up_to_the_whole(
    observations: list[tuple[int, int]], parts: int, rng: random.Random
) -> None:
    pieces = [counted(observations[start::parts]) for start in range(parts)]
    rng.shuffle(pieces)
    whole = counted(observations)
    assert ConfusionCounts.total(pieces, classes=3) == whole
    assert reduce(add, pieces) == whole
    assert whole.units == len(observations)
    assert whole.correct == sum(gold == reported for gold, reported in observations)
