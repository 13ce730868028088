"""How long a unit is leased, by how long units take."""

import random

import pytest

from services.assign.domain.active_time import LEASE_SECONDS_MAX, TIMES_MAX, ActiveTimes, robust_quantile_95

DAY_MS = 86_400_000


def times_of(*rows: tuple[str, int]) -> ActiveTimes:
    """Return what follows from these, told in order, each of an assignment of its own."""
    times = ActiveTimes()
    for place, (annotator_id, active_ms) in enumerate(rows):
        times.add(f"u{place}.x", annotator_id, active_ms, place)
    return times


def test_a_lease_is_three_times_the_95th_percentile_and_never_short() -> None:
    assert ActiveTimes().lease_seconds(0) == 120
    times = times_of(*[(f"w{place % 9}", 100_000) for place in range(200)], ("w1", 0))
    assert times.lease_seconds(0) == 300
    assert times.lease_seconds(45) == 45


def test_the_estimate_is_the_95th_percentile_of_honest_times() -> None:
    generator = random.Random(7)
    sample = [generator.lognormvariate(2.0, 0.6) for _ in range(4_000)]
    true = 2.718281828**2.0 * 2.718281828 ** (1.6448536 * 0.6)
    assert robust_quantile_95(sample) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("liars_in_ten", [1, 2])
def test_some_annotators_who_tell_of_days_do_not_stretch_everybodys_lease(liars_in_ten: int) -> None:
    generator = random.Random(liars_in_ten)
    rows = [
        (f"w{place % 10}", DAY_MS if place % 10 < liars_in_ten else round(4_000 * generator.lognormvariate(0, 0.4)))
        for place in range(500)
    ]
    assert times_of(*rows).lease_seconds(0) == 120


def test_one_annotator_with_most_of_the_labels_does_not_set_the_lease_of_the_others() -> None:
    rows = [("bulk", DAY_MS) if place % 4 else (f"w{place % 7}", 4_000) for place in range(400)]
    assert times_of(*rows).lease_seconds(0) == 120


def test_whoever_works_alone_is_measured_by_their_own_times_and_no_lease_is_longer_than_a_shift() -> None:
    assert times_of(*[("ann", 100_000)] * 40).lease_seconds(0) == 300
    assert times_of(*[("ann", DAY_MS)] * 40).lease_seconds(0) == LEASE_SECONDS_MAX


def test_a_time_told_again_counts_once_and_old_ones_give_way_to_new_ones() -> None:
    times = ActiveTimes()
    for _ in range(50):
        times.add("u1.x", "ann", DAY_MS, 1)
    assert times.lease_seconds(0) == 120
    for place in range(TIMES_MAX + 100):
        times.add(f"old{place}", f"w{place % 9}", 500_000, place)
    for place in range(TIMES_MAX):
        times.add(f"new{place}", f"w{place % 9}", 100_000, 1_000 + place)
    for place in range(TIMES_MAX):
        times.add(f"old{place}", f"w{place % 9}", 500_000, place)
    assert times.lease_seconds(0) == 300
