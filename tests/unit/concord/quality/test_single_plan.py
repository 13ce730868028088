import pytest
from scipy.stats import binom, hypergeom

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
    "numbers", [(0.05, 0.05, 0.05, 0.1), (-0.1, 0.05, 0.1, 0.1), (0.1, 0.5, 0.2, 0.5), (0.1, 0.0, 0.2, 0.1)]
)
def test_risks_that_no_plan_keeps_are_refused(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Guarantee(*numbers)


def test_hypergeometric_plan_needs_a_lot() -> None:
    with pytest.raises(ValueError, match="size of the lot"):
        find_single_plan(Guarantee(0.01, 0.05, 0.05, 0.1), "hypergeometric")
