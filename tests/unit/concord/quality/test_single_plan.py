from bisect import bisect_left

import pytest
from scipy.stats import binom, hypergeom

from concord.quality.plan_faults import PlanImpossible, PlanTooDear
from concord.quality.single_plan import Guarantee, SinglePlan, find_single_plan


def test_published_plan_is_found() -> None:
    assert find_single_plan(Guarantee(0.05, 0.05, 0.15, 0.075)) == SinglePlan(80, 7)


@pytest.mark.parametrize("lot_size", [20, 150, 1000])
def test_no_smaller_plan_keeps_both_risks_in_a_lot(lot_size: int) -> None:
    guarantee = Guarantee(0.04, 0.05, 0.15, 0.10, lot_size)
    good, bad = guarantee.lot_errors
    brute = next(
        (n, c)
        for n in range(1, lot_size + 1)
        for c in range(n)
        if hypergeom.cdf(c, lot_size, good, n) >= 0.95 and hypergeom.cdf(c, lot_size, bad, n) <= 0.10
    )
    plan = find_single_plan(guarantee)
    assert (plan.sample_size, plan.accept_max) == brute


def test_no_smaller_plan_keeps_both_risks_in_a_stream() -> None:
    plan = find_single_plan(Guarantee(0.02, 0.05, 0.08, 0.10))
    smaller = [
        (n, c)
        for n in range(1, plan.sample_size)
        for c in range(12)
        if binom.cdf(c, n, 0.02) >= 0.95 and binom.cdf(c, n, 0.08) <= 0.10
    ]
    assert smaller == []


def test_tiny_lot_is_inspected_whole() -> None:
    assert find_single_plan(Guarantee(0.01, 0.05, 0.05, 0.10, lot_size=5)).sample_size == 5


def test_whole_errors_are_not_rounded_away() -> None:
    assert Guarantee(0.07, 0.05, 0.14, 0.1, lot_size=100).lot_errors == (7, 14)


def test_decision_is_taken_as_soon_as_it_is_settled() -> None:
    plan = SinglePlan(10, 1)
    assert [plan.decide(2, 2), plan.decide(9, 0), plan.decide(9, 1), plan.decide(10, 1)] == [
        "reject",
        "accept",
        "continue",
        "accept",
    ]


@pytest.mark.parametrize(
    ("numbers", "field", "cure"),
    [
        ((0.05, 0.05, 0.05, 0.1, 100), "ltpd", "send a share over aql"),
        ((0.5, 0.05, 0.50000000001, 0.1, 2), "ltpd", "send at least 1e-06 more than aql"),
        ((0.1, 0.05, 1.0, 0.1, None), "ltpd", "send a share over aql"),
        ((-0.1, 0.05, 0.1, 0.1, None), "aql", "send a share from 0"),
        ((float("nan"), 0.05, 0.1, 0.1, None), "aql", "send a share from 0"),
        ((0.1, 0.5, 0.2, 0.5, None), "beta", "send risks that add up to less than 1"),
        ((0.1, 0.0, 0.2, 0.1, None), "alpha", "send a risk from 1e-06"),
        ((0.1, 0.1, 0.2, float("inf"), None), "beta", "send a risk from 1e-06"),
        ((0.1, 0.1, 0.2, 0.1, 0), "lot_size", "send from 1 to 100000 units"),
        ((0.1, 0.1, 0.2, 0.1, 100_001), "lot_size", "send from 1 to 100000 units"),
    ],
)
def test_risks_that_no_plan_keeps_are_refused_with_field_and_cure(
    numbers: tuple[float, float, float, float, int | None], field: str, cure: str
) -> None:
    with pytest.raises(PlanImpossible, match=cure) as refusal:
        Guarantee(*numbers)
    assert refusal.value.field == field


def test_a_stream_whose_sample_is_too_large_is_too_dear() -> None:
    with pytest.raises(PlanTooDear, match=r"ltpd .* by over 1000000 units only; send an ltpd further off"):
        find_single_plan(Guarantee(0.1, 0.001, 0.10001, 0.001))


@pytest.mark.parametrize(
    "numbers", [(0.4, 0.05, 0.46, 0.05, 5000), (0.3, 0.01, 0.35, 0.02, None), (0.1, 0.01, 0.12, 0.01, 3000)]
)
def test_a_large_plan_is_the_smallest_that_keeps_both_risks(
    numbers: tuple[float, float, float, float, int | None],
) -> None:
    guarantee = Guarantee(*numbers)
    plan = find_single_plan(guarantee)
    assert plan.accept_max > 64

    def risks(size: int, accept_max: int) -> tuple[float, float]:
        if guarantee.lot_size is None:
            good, bad = (float(binom.cdf(accept_max, size, rate)) for rate in (guarantee.aql, guarantee.ltpd))
        else:
            lot = guarantee.lot_size
            good, bad = (float(hypergeom.cdf(accept_max, lot, wrong, size)) for wrong in guarantee.lot_errors)
        return 1 - good, bad

    producer, consumer = risks(plan.sample_size, plan.accept_max)
    assert producer <= guarantee.alpha
    assert consumer <= guarantee.beta
    for fewer in range(plan.accept_max - 10, plan.accept_max):
        sizes = range(fewer + 1, plan.sample_size + 1)
        size = sizes[bisect_left(sizes, True, key=lambda n: bool(risks(n, fewer)[1] <= guarantee.beta))]
        assert risks(size, fewer)[0] > guarantee.alpha


def test_hypergeometric_plan_needs_a_lot() -> None:
    with pytest.raises(ValueError, match="size of the lot"):
        find_single_plan(Guarantee(0.01, 0.05, 0.05, 0.1), "hypergeometric")
