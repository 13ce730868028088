from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from concord.quality import intervals
from concord.quality.estimate import Estimate

PROPORTIONS = [
    intervals.wilson,
    intervals.clopper_pearson,
    intervals.clopper_pearson_lower,
    intervals.clopper_pearson_upper,
    intervals.jeffreys,
    intervals.agresti_coull,
    intervals.wald,
]


def covers(estimate: Estimate, value: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= value <= estimate.high


@pytest.mark.parametrize("method", PROPORTIONS)
def test_without_a_trial_nothing_is_known(method: Callable[..., Estimate]) -> None:
    estimate = method(0, 0)
    assert (estimate.value, estimate.low, estimate.high, estimate.units) == (None, None, None, 0)
    assert estimate.reason == "there are no trials"


@pytest.mark.parametrize("method", PROPORTIONS)
@pytest.mark.parametrize(("successes", "trials", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0)])
def test_what_cannot_be_is_refused(
    method: Callable[..., Estimate], successes: int, trials: int, confidence: float
) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        method(successes, trials, confidence)


@pytest.mark.parametrize("method", PROPORTIONS)
@pytest.mark.parametrize("trials", [1, 7, 400])
def test_ends_stay_within_zero_and_one_and_around_the_value(method: Callable[..., Estimate], trials: int) -> None:
    for successes in {0, 1, trials // 2, trials}:
        estimate = method(successes, trials)
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0 <= estimate.low <= estimate.high <= 1
        if method is not intervals.jeffreys:
            assert estimate.low <= successes / trials <= estimate.high


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_clopper_pearson_never_covers_less_than_it_says(rate: float) -> None:
    trials = 60
    chance = stats.binom.pmf(np.arange(trials + 1), trials, rate)
    both = [intervals.clopper_pearson(k, trials, 0.9) for k in range(trials + 1)]
    above = [intervals.clopper_pearson_upper(k, trials, 0.9) for k in range(trials + 1)]
    assert chance @ [covers(estimate, rate) for estimate in both] >= 0.9
    assert chance @ [covers(estimate, rate) for estimate in above] >= 0.9


def test_newcombe_needs_both_samples() -> None:
    assert intervals.newcombe_difference(0, 0, 3, 5).reason == "the first sample has no trials"
    assert intervals.newcombe_difference(3, 5, 0, 0).reason == "the second sample has no trials"


@pytest.mark.parametrize("with_trait", [0, 1, 6, 20, 40])
def test_the_lot_interval_never_covers_less_than_it_says(with_trait: int) -> None:
    lot, sample = 40, 12
    possible = range(max(0, sample - lot + with_trait), min(sample, with_trait) + 1)
    chance = {k: stats.hypergeom.pmf(k, lot, with_trait, sample) for k in possible}
    both = {k: intervals.lot_count(k, sample, lot, 0.9) for k in possible}
    above = {k: intervals.lot_count(k, sample, lot, 0.9, upper_only=True) for k in possible}
    assert sum(chance[k] * covers(both[k], with_trait) for k in possible) >= 0.9 - 1e-12
    assert sum(chance[k] * covers(above[k], with_trait) for k in possible) >= 0.9 - 1e-12


@pytest.mark.parametrize("found", [0, 2, 12])
def test_the_lot_interval_is_the_inversion_of_both_tails(found: int) -> None:
    lot, sample, tail = 40, 12, 0.025
    estimate = intervals.lot_count(found, sample, lot)
    kept = [
        d
        for d in range(lot + 1)
        if stats.hypergeom.sf(found - 1, lot, d, sample) > tail and stats.hypergeom.cdf(found, lot, d, sample) > tail
    ]
    assert (estimate.low, estimate.high) == (kept[0], kept[-1])


def test_a_lot_that_was_seen_whole_leaves_no_doubt() -> None:
    estimate = intervals.lot_proportion(3, 100, 100)
    assert (estimate.low, estimate.value, estimate.high) == (0.03, 0.03, 0.03)


def test_a_sample_larger_than_its_lot_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        intervals.lot_count(1, 11, 10)


def test_the_bootstrap_repeats_itself_from_the_same_generator() -> None:
    rows = np.random.default_rng(1).normal(size=40)
    first, again = (
        intervals.bootstrap(rows, lambda r: float(r.mean()), np.random.default_rng(5), resamples=500) for _ in range(2)
    )
    assert first == again


def test_the_bootstrap_agrees_with_scipy() -> None:
    rows = np.random.default_rng(2).exponential(size=60)
    ours = intervals.bootstrap(rows, lambda r: float(r.mean()), np.random.default_rng(3), resamples=4000)
    theirs = stats.bootstrap((rows,), np.mean, n_resamples=4000, rng=np.random.default_rng(4)).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)


def test_the_bootstrap_of_equal_rows_is_a_point() -> None:
    estimate = intervals.bootstrap([2.0, 2.0, 2.0], lambda r: float(r.mean()), np.random.default_rng(0), resamples=50)
    assert (estimate.low, estimate.value, estimate.high) == (2.0, 2.0, 2.0)


def test_the_bootstrap_says_why_there_is_nothing() -> None:
    generator = np.random.default_rng(0)
    assert intervals.bootstrap([], lambda r: float(r.mean()), generator).reason == "the sample is empty"
    assert intervals.bootstrap([1.0, 2.0], lambda _: None, generator).value is None
    rare = intervals.bootstrap([1.0, 1.0, 9.0], lambda r: float(r.sum()) if 9 in r and 1 not in r else None, generator)
    assert rare.value is None
    estimate = intervals.bootstrap([4.0], lambda r: float(r.mean()), generator, resamples=20)
    assert (estimate.value, estimate.low, estimate.reason) == (4.0, None, "one unit shows no spread")
