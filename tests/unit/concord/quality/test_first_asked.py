import numpy as np
import pytest

from concord.quality.first_asked import first_asked
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import count_labels


def adaptively_labelled(
    generator: np.random.Generator, units: int, accuracy: float, prevalence: float, initial: int, most: int
) -> list[list[int]]:
    """Return labels of units that were asked on until four fifths of them agreed, or there were enough."""
    rows = []
    for truth in (generator.random(units) < prevalence).astype(int):
        labels: list[int] = []
        while len(labels) < initial or (
            len(labels) < most and max(labels.count(0), labels.count(1)) < 0.8 * len(labels)
        ):
            labels.append(int(truth if generator.random() < accuracy else 1 - truth))
        rows.append(labels)
    return rows


@pytest.mark.parametrize(("accuracy", "prevalence", "initial"), [(0.85, 0.5, 2), (0.75, 0.5, 2), (0.8, 0.3, 2)])
def test_alpha_of_the_first_asked_is_that_of_a_fixed_overlap_and_of_all_labels_too_high(
    accuracy: float, prevalence: float, initial: int
) -> None:
    generator = np.random.default_rng(20_261_127)
    rows = adaptively_labelled(generator, 12_000, accuracy, prevalence, initial, 7)
    fixed = adaptively_labelled(generator, 12_000, accuracy, prevalence, initial, initial)
    of_first = krippendorff_alpha(count_labels([first_asked(row, initial) for row in rows]))
    of_fixed, of_all = (krippendorff_alpha(count_labels(each)) for each in (fixed, rows))
    assert of_first.value is not None
    assert of_fixed.value is not None
    assert of_all.value is not None
    assert of_fixed.low is not None
    assert of_fixed.high is not None
    error = (of_fixed.high - of_fixed.low) / (2 * 1.96)
    assert abs(of_first.value - of_fixed.value) < 3 * error * 2**0.5
    assert of_all.value > of_fixed.value + 0.03


def test_a_unit_without_all_its_first_labels_says_nothing() -> None:
    assert first_asked(["a"], 2) == []
    assert first_asked([], 1) == []
    with pytest.raises(ValueError, match="one annotator at least"):
        first_asked(["a"], 0)
