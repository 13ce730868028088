"""Scores of models: the very numbers by another way, and intervals that hold as often as they say."""

from math import sqrt

import numpy as np
import pytest

from concord.quality.model_score import BINS, Held, accuracy, by_class, calibration


def drawn(generator: np.random.Generator, units: int, over: float = 0.0) -> list[Held]:
    """Return outputs of a model that is `over` surer than it should be."""
    right = generator.uniform(0.5, 0.95 - over, units)
    return [
        Held(0, 0 if hit else 1, bool(hit), float(entry + over))
        for entry, hit in zip(right, generator.random(units) < right, strict=True)
    ]


def test_precision_recall_and_accuracy_are_those_of_the_confusion_matrix() -> None:
    confusion = np.array([[7, 2, 1], [0, 5, 3], [4, 0, 8]])
    held = [
        Held(number, accepted, number == accepted)
        for accepted in range(3)
        for number in range(3)
        for _ in range(confusion[accepted, number])
    ]
    found = by_class(held, 4)
    assert accuracy(held).value == pytest.approx(np.trace(confusion) / confusion.sum())
    for place in range(3):
        assert found[place].precision.value == pytest.approx(confusion[place, place] / confusion[:, place].sum())
        assert found[place].recall.value == pytest.approx(confusion[place, place] / confusion[place].sum())
    assert (found[3].precision.value, found[3].recall.value) == (None, None)


def test_calibration_error_and_brier_score_are_those_of_their_definitions() -> None:
    held = drawn(np.random.default_rng(3), 500, 0.1)
    sure = np.array([entry.confidence for entry in held], dtype=float)
    right = np.array([entry.right for entry in held], dtype=float)
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    expected = sum(
        abs(sure[places == place].mean() - right[places == place].mean()) * (places == place).mean()
        for place in set(places)
    )
    found = calibration(held)
    assert found.error.value == pytest.approx(expected)
    assert found.brier.value == pytest.approx(((sure - right) ** 2).mean())
    spread = ((sure - right) ** 2).std(ddof=1) / sqrt(len(held))
    assert found.brier.low == pytest.approx(found.brier.value - 1.965 * spread, abs=1e-4)
    assert sum(bin_.units for bin_ in found.bins) == 500


def test_the_interval_of_the_calibration_error_covers_what_it_is_of() -> None:
    generator = np.random.default_rng(11)
    seen = 0
    for _ in range(200):
        held = drawn(generator, 200, 0.1)
        found = calibration(held).error
        assert found.low is not None and found.high is not None  # noqa: PT018 - one interval
        seen += found.low <= 0.1 <= found.high
    assert seen >= 190, "95 of 100 at least"


def test_a_calibrated_models_error_is_what_chance_makes_of_it() -> None:
    generator = np.random.default_rng(5)
    found = [calibration(drawn(generator, 300)) for _ in range(100)]
    errors = np.mean([entry.error.value for entry in found])
    by_chance = np.mean([entry.error_by_chance for entry in found])
    assert errors == pytest.approx(by_chance, rel=0.15)
    assert all(entry.error.low == 0.0 for entry in found if entry.error.value is not None and entry.error.value < 0.03)


def test_what_states_no_confidence_has_no_calibration_and_says_so() -> None:
    found = calibration([Held(0, 0, True)])
    assert (found.bins, found.error.value, found.error_by_chance) == ((), None, None)
    assert found.error.reason
    assert found.brier.reason
    assert found.brier_classes.reason


def test_the_brier_score_over_classes_needs_every_outputs_probabilities() -> None:
    whole = [Held(0, 0, True, 0.8, 0.08), Held(0, 1, False, 0.6, 0.72)]
    assert calibration(whole).brier_classes.value == pytest.approx(0.4)
    assert calibration([*whole, Held(0, 0, True, 0.9)]).brier_classes.value is None
