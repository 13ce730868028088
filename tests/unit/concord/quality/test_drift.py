from collections.abc import Callable

import numpy as np
import pytest

from concord.quality.drift import Drift, chi_square_drift, jensen_shannon, population_stability_index

ALL: list[Callable[..., Drift]] = [population_stability_index, jensen_shannon, chi_square_drift]


@pytest.mark.parametrize("measure", ALL)
def test_equal_windows_do_not_drift(measure: Callable[..., Drift]) -> None:
    drift = measure([30, 50, 20], [60, 100, 40])
    assert drift.value == pytest.approx(0, abs=1e-12)
    assert drift.p_value == pytest.approx(1)
    assert drift.units == 300


@pytest.mark.parametrize("measure", ALL)
def test_moved_windows_are_found(measure: Callable[..., Drift]) -> None:
    drift = measure([300, 500, 200], [200, 450, 350])
    assert drift.value is not None
    assert drift.p_value is not None
    assert drift.p_value < 1e-6


@pytest.mark.parametrize("measure", ALL)
def test_p_values_keep_their_level(measure: Callable[..., Drift]) -> None:
    generator = np.random.default_rng(8)
    shares = [0.5, 0.3, 0.15, 0.05]
    alarms = 0
    for _ in range(1000):
        drift = measure(generator.multinomial(400, shares), generator.multinomial(250, shares))
        alarms += drift.p_value is not None and drift.p_value < 0.05
    assert 25 <= alarms <= 80


@pytest.mark.parametrize("measure", ALL)
def test_too_few_units_give_a_reason_and_no_number(measure: Callable[..., Drift]) -> None:
    drift = measure([5, 3], [4, 4])
    assert (drift.value, drift.p_value) == (None, None)
    assert "needed" in drift.reason


@pytest.mark.parametrize("measure", ALL)
def test_empty_window_and_single_category_have_no_value(measure: Callable[..., Drift]) -> None:
    assert measure([100, 100], [0, 0]).value is None
    assert "one category" in measure([100, 0], [90, 0]).reason


def test_category_new_to_one_window_keeps_the_index_finite() -> None:
    drift = population_stability_index([100, 100, 0], [90, 80, 30])
    assert drift.value is not None
    assert 0.1 < drift.value < 2


def test_disjoint_windows_are_one_bit_apart() -> None:
    assert jensen_shannon([100, 0], [0, 100]).value == pytest.approx(1.0)


def test_counts_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="same categories"):
        chi_square_drift([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="negative"):
        jensen_shannon([1, -2], [1, 2])
