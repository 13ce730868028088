import numpy as np
from scipy.stats import rankdata

from concord.quality.change_point import _mean_ranks, error_rate_change_point, rank_change_point


def test_change_of_level_is_dated() -> None:
    generator = np.random.default_rng(2)
    series = np.concatenate([generator.lognormal(2, 0.3, 40), generator.lognormal(2.6, 0.3, 40)])
    found = rank_change_point(series)
    assert found is not None
    assert abs(found.index - 40) <= 4
    assert found.after > found.before
    assert found.p_value < 0.001


def test_steady_series_rarely_look_changed() -> None:
    generator = np.random.default_rng(3)
    found = [rank_change_point(generator.exponential(size=60)) for _ in range(400)]
    alarms = sum(change is not None and change.p_value < 0.05 for change in found)
    assert alarms <= 400 * 0.05


def test_rising_error_rate_is_dated_and_tested() -> None:
    generator = np.random.default_rng(4)
    series = np.concatenate([generator.random(80) < 0.05, generator.random(60) < 0.4])
    found = error_rate_change_point(series, generator=generator)
    assert found is not None
    assert abs(found.index - 80) <= 6
    assert found.before < 0.1 < found.after
    assert found.p_value <= 0.005


def test_permutation_p_values_keep_their_level() -> None:
    generator = np.random.default_rng(5)
    found = [
        error_rate_change_point(generator.random(40) < 0.2, permutations=99, generator=generator) for _ in range(200)
    ]
    assert sum(change is not None and change.p_value <= 0.05 for change in found) <= 20


def test_too_short_a_series_has_no_change() -> None:
    assert rank_change_point([1, 2, 3]) is None
    assert error_rate_change_point([0, 1, 0], generator=np.random.default_rng(1)) is None


def test_constant_series_has_no_sure_change() -> None:
    found = rank_change_point([7.0] * 20)
    assert found is not None
    assert found.p_value == 1.0
    errors = error_rate_change_point([0] * 20, generator=np.random.default_rng(1))
    assert errors is not None
    assert errors.p_value == 1.0


def test_ranks_are_those_of_scipy_ties_and_all() -> None:
    generator = np.random.default_rng(5)
    for values in (generator.integers(0, 6, 50).astype(float), generator.normal(size=40), np.zeros(7)):
        assert np.array_equal(_mean_ranks(values), rankdata(values))
