"""How sure a fixed overlap makes, held against drawing the labels."""

import random
from math import ceil, exp, log

import pytest

from concord.quality.fixed_overlap import certainty_at, fixed_labels

DRAWS = 4_000


@pytest.mark.parametrize(
    ("labels", "accuracy", "dependence", "classes"), [(3, 0.8, 0.0, 2), (4, 0.7, 0.2, 3), (5, 0.6, 0.1, 6)]
)
def test_the_expectation_is_the_mean_of_what_is_drawn(
    labels: int, accuracy: float, dependence: float, classes: int
) -> None:
    draw, total = random.Random(7), 0.0
    weight = log(accuracy * (classes - 1) / (1 - accuracy)) / (1 + (labels - 1) * dependence)
    for _ in range(DRAWS):
        right = accuracy
        if dependence:
            whole = (1 - dependence) / dependence
            right = draw.betavariate(accuracy * whole, (1 - accuracy) * whole)
        rows = [0 if draw.random() < right else draw.randrange(1, classes) for _ in range(labels)]
        odds = [exp(weight * rows.count(number)) for number in range(classes)]
        total += max(odds) / sum(odds)
    assert certainty_at(labels, accuracy, dependence, classes) == pytest.approx(total / DRAWS, abs=0.012)


@pytest.mark.parametrize(("accuracy", "dependence", "classes"), [(0.8, 0.0, 2), (0.7, 0.15, 4)])
def test_no_more_labels_are_found_than_make_as_sure_and_they_do(
    accuracy: float, dependence: float, classes: int
) -> None:
    sure = [certainty_at(labels, accuracy, dependence, classes) for labels in range(1, 13)]
    assert sure[-1] > sure[0]
    for labels in (3, 6, 9):
        found = fixed_labels(sure[labels - 1], accuracy, dependence, classes)
        assert found is not None
        assert found <= labels + 1e-9
        assert max(sure[: ceil(found - 1e-9)]) >= sure[labels - 1] - 1e-9
