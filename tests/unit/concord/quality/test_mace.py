from pathlib import Path

import numpy as np
import pytest

from concord.quality.label_file import read_gold, read_labels
from concord.quality.mace import mace
from concord.quality.responses import encode, known_classes

DATA = Path(__file__).parents[3] / "data"


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("weather_sentiment", 0.8567), ("rte", 0.9150)],  # crowd-kit 1.4.2 MACE on the same rows
)
def test_no_worse_than_the_reference_on_published_data(name: str, at_least: float) -> None:
    responses, names = encode(read_labels(DATA / name / "labels.csv").triples)
    gold = known_classes(read_gold(DATA / name / "gold.csv"), names)
    assert (mace(responses).classes() == gold).mean() >= at_least - 5e-5


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
