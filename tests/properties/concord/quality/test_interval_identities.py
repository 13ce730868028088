from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.estimate import Estimate
from concord.quality.intervals import (
    agresti_coull,
    clopper_pearson,
    clopper_pearson_lower,
    clopper_pearson_upper,
    jeffreys,
    lot_count,
    newcombe_difference,
    wald,
    wilson,
)

few = settings(max_examples=40)

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LOTS = st.integers(1, 60).flatmap(
    lambda lot: st.integers(1, lot).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.just(lot)))
)
TWO_SIDED: list[Callable[..., Estimate]] = [wilson, clopper_pearson, jeffreys, agresti_coull, wald]


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


@pytest.mark.parametrize("method", TWO_SIDED)
@few
@given(COUNTS)
def test_failures_mirror_successes(method: Callable[..., Estimate], counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = ends(method(successes, trials))
    mirrored = ends(method(trials - successes, trials))
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


@pytest.mark.parametrize("method", TWO_SIDED)
@few
@given(COUNTS)
def test_more_confidence_is_a_wider_interval(method: Callable[..., Estimate], counts: tuple[int, int]) -> None:
    narrow, wide = ends(method(*counts, 0.8)), ends(method(*counts, 0.99))
    assert wide[0] <= narrow[0] + 1e-12
    assert wide[1] >= narrow[1] - 1e-12


@few
@given(COUNTS)
def test_one_sided_bounds_are_the_ends_of_a_two_sided_interval(counts: tuple[int, int]) -> None:
    low, high = ends(clopper_pearson(*counts, 0.9))
    assert ends(clopper_pearson_lower(*counts, 0.95))[0] == pytest.approx(low, abs=1e-12)
    assert ends(clopper_pearson_upper(*counts, 0.95))[1] == pytest.approx(high, abs=1e-12)


@few
@given(COUNTS, COUNTS)
def test_a_difference_turns_its_sign_with_its_samples(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = ends(newcombe_difference(*first, *second))
    assert ends(newcombe_difference(*second, *first)) == pytest.approx((-high, -low), abs=1e-12)


@few
@given(LOTS)
def test_the_lot_interval_holds_what_is_possible(lot: tuple[int, int, int]) -> None:
    found, sample, size = lot
    low, high = ends(lot_count(found, sample, size))
    assert found <= low <= size * found / sample <= high <= size - (sample - found)
    assert low == int(low)


@few
@given(LOTS)
def test_what_is_good_in_a_lot_mirrors_what_is_not(lot: tuple[int, int, int]) -> None:
    found, sample, size = lot
    low, high = ends(lot_count(found, sample, size))
    assert ends(lot_count(sample - found, sample, size)) == (size - high, size - low)
