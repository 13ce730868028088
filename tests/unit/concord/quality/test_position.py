"""Whether what stood first was favoured: the false-alarm rate that is stated, and what is seen."""

import math

import numpy as np
import pytest

from concord.quality.position import Position, found_among, position

LEVEL = 0.01
CROWDS = 2_000
LABELS, STEP = 2_000, 20


def evidence(share: float, k: int, seed: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Return the evidence of many crowds that choose the first so often, after every STEP labels."""
    generator = np.random.default_rng(seed)
    first = generator.binomial(STEP, share, (CROWDS, LABELS // STEP)).cumsum(axis=1)
    labels = np.arange(STEP, LABELS + 1, STEP)
    by_counts = {
        (int(n), int(f)): position({k: (int(n), int(f))}).log_e_value
        for place, n in enumerate(labels)
        for f in np.unique(first[:, place])
    }
    return np.array([[by_counts[int(n), int(f)] for n, f in zip(labels, row, strict=True)] for row in first])


@pytest.mark.parametrize(("k", "seed"), [(2, 1), (4, 2)])
def test_a_crowd_without_a_bias_is_called_biased_as_seldom_as_stated_however_often_it_is_looked_at(
    k: int, seed: int
) -> None:
    ever = (evidence(1 / k, k, seed) >= -math.log(LEVEL)).any(axis=1)
    # 1 % is the bound: of 2,000 crowds 20, and within chance of it 20 + 3 x 4.4.
    assert 0 < ever.sum() <= CROWDS * LEVEL + 3 * math.sqrt(CROWDS * LEVEL * (1 - LEVEL))


def test_a_crowd_that_favours_the_first_is_seen() -> None:
    found = evidence(0.6, 2, seed=3) >= -math.log(LEVEL)
    after = {labels: found[:, : labels // STEP].any(axis=1).mean() for labels in (200, 500, 1_000)}
    assert after[200] > 0.2
    assert after[500] > 0.8
    assert after[1_000] > 0.99


def test_favouring_the_last_is_found_as_well_and_the_share_says_which() -> None:
    found = position({2: (1_000, 420)})
    assert found.is_found(LEVEL)
    assert found.first.high is not None and found.expected is not None  # noqa: PT018 - the types' sake
    assert found.first.high < found.expected


def test_lists_of_several_lengths_are_held_against_their_own_chance() -> None:
    fair = position({2: (600, 300), 5: (1_000, 200)})
    assert fair.expected == pytest.approx((300 + 200) / 1_600)
    assert fair.first.value == pytest.approx(fair.expected)
    assert not fair.is_found(LEVEL)
    # As many firsts in all, from a bias that is towards the first of five, and away from the first of two.
    assert position({2: (600, 230), 5: (1_000, 270)}).is_found(LEVEL)


def test_without_labels_nothing_is_said() -> None:
    assert position({}) == Position(position({}).first, None, 0.0)
    assert position({}).first.value is None
    assert not position({2: (0, 0)}).is_found(LEVEL)


def test_of_many_people_without_a_bias_hardly_one_is_named_and_who_has_one_is() -> None:
    generator, falsely, rightly = np.random.default_rng(4), 0, 0
    for _ in range(200):
        shares = [0.5] * 45 + [0.75] * 5
        values = [position({2: (200, int(generator.binomial(200, share)))}).log_e_value for share in shares]
        found = found_among(values, 0.05)
        falsely += any(found[:45])
        rightly += sum(found[45:])
    assert falsely / 200 <= 0.05
    assert rightly / 1_000 > 0.9
    assert found_among([], 0.05) == []
