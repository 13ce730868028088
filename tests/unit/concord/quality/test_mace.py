import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from concord.quality.label_file import read_gold, read_labels
from concord.quality.mace import mace
from concord.quality.responses import encode, known_classes

DATA = Path(__file__).parents[3] / "data"


@pytest.mark.parametrize("name", ["weather_sentiment", "rte"])
def test_on_published_data_it_is_right_more_often_than_the_majority_whatever_the_order_of_the_rows(name: str) -> None:
    # Peers' figures are no reference here: crowd-kit 1.4.2 gives .915 to .931 on rte, by the order of the rows.
    rows = list(read_labels(DATA / name / "labels.csv").triples)
    gold_of = read_gold(DATA / name / "gold.csv")
    shares = []
    for seed in (0, 1):
        responses, names = encode(rows)
        shares.append(float((mace(responses).classes() == known_classes(gold_of, names)).mean()))
        random.Random(seed).shuffle(rows)
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for _, unit, label in rows:
        votes[unit][label] += 1
    leaders = {
        unit: [label for label, count in vote.items() if count == max(vote.values())] for unit, vote in votes.items()
    }
    majority = sum(most.count(gold_of[unit]) / len(most) for unit, most in leaders.items()) / len(leaders)
    assert shares[0] == pytest.approx(shares[1], abs=1e-9)
    assert shares[0] > majority


def test_competences_and_habits_of_simulated_annotators_are_found() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, size=3000)
    knows, habit = (0.9, 0.7, 0.5, 0.1), (0.6, 0.3, 0.1)
    triples = [
        (who, unit, int(truth[unit] if rng.random() < share else rng.choice(3, p=habit)))
        for unit in range(len(truth))
        for who, share in enumerate(knows)
    ]
    found = mace(encode(triples)[0])
    expected = [share * np.eye(3) + (1 - share) * np.tile(habit, (3, 1)) for share in knows]
    assert np.abs(found.confusions - np.array(expected)).max() < 0.05


def test_clamped_units_keep_their_gold() -> None:
    responses, _ = encode([(who, unit, 0) for who in "abc" for unit in range(4)], classes=(0, 1))
    found = mace(responses, np.array([1, -1, -1, -1], dtype=np.int32))
    assert found.classes().tolist() == [1, 0, 0, 0]


def test_at_least_one_iteration_is_made() -> None:
    with pytest.raises(ValueError, match="one iteration"):
        mace(encode([("ann", 1, 0)])[0], iterations_max=0)


@pytest.mark.parametrize("smoothing", [0.0, -1.0, float("nan")])
def test_smoothing_must_be_above_zero(smoothing: float) -> None:
    responses, _ = encode([("ann", 1, 0)])
    with pytest.raises(ValueError, match="above 0"):
        mace(responses, smoothing=smoothing)
