import numpy as np
import pytest

from concord.quality.double_plan import DoublePlan, find_double_plan, oc_double
from concord.quality.single_plan import Guarantee, find_single_plan
from concord.quality.stopping_law import stopping_law


def test_published_double_plan() -> None:
    known = oc_double(DoublePlan(50, 1, 4, 100, 3), 0.05)
    assert float(known.accept_first) == pytest.approx(0.279, abs=1e-3)
    assert float(known.accept) == pytest.approx(0.2904154823, abs=1e-9)
    assert float(known.mean_inspected_whole) == pytest.approx(98.0976208629, abs=1e-8)


def test_curtailing_shrinks_the_sample_and_keeps_the_verdict() -> None:
    plan, rates = DoublePlan(50, 1, 4, 100, 3), np.array([0.0, 0.01, 0.05, 0.2])
    known, law = oc_double(plan, rates), stopping_law(plan.bounds())
    points = law.at_rate(rates)
    assert law.accept_probability(points) == pytest.approx(known.accept, abs=1e-12)
    assert np.all(law.mean_inspected(points) <= known.mean_inspected_semicurtailed + 1e-9)
    assert np.all(known.mean_inspected_semicurtailed <= known.mean_inspected_whole + 1e-9)


def test_semicurtailed_mean_agrees_with_simulated_samples() -> None:
    plan, p = DoublePlan(20, 0, 3, 20, 2), 0.08
    generator = np.random.default_rng(3)
    taken = []
    for _ in range(20_000):
        first = int(generator.binomial(20, p))
        taken.append(20)
        if 0 < first < 3:
            second = np.cumsum(generator.random(20) < p)
            over = np.flatnonzero(second + first > 2)
            taken[-1] += int(over[0]) + 1 if len(over) else 20
    assert float(oc_double(plan, p).mean_inspected_semicurtailed) == pytest.approx(np.mean(taken), rel=0.01)


@pytest.mark.parametrize("lot_size", [None, 600])
def test_found_plan_keeps_both_risks_with_fewer_units_than_the_single_one(lot_size: int | None) -> None:
    guarantee = Guarantee(0.01, 0.05, 0.06, 0.10, lot_size)
    plan = find_double_plan(guarantee)
    law = stopping_law(plan.bounds())
    points = law.at_rate([0.01, 0.06]) if lot_size is None else law.in_lot(lot_size, guarantee.lot_errors)
    good, bad = law.accept_probability(points)
    assert good >= 0.95
    assert bad <= 0.10
    assert np.mean(law.mean_inspected(points)) < find_single_plan(guarantee).sample_size


def test_decisions_at_the_end_of_each_sample() -> None:
    plan = DoublePlan(50, 1, 4, 100, 3)
    assert [plan.decide(50, e) for e in (1, 2, 3, 4)] == ["accept", "continue", "continue", "reject"]
    assert [plan.decide(150, e) for e in (3, 4)] == ["accept", "reject"]


@pytest.mark.parametrize("numbers", [(0, 0, 2, 5, 1), (5, 1, 2, 5, 3), (5, 2, 4, 5, 2), (5, 0, 4, 5, 2)])
def test_numbers_that_are_no_plan_are_refused(numbers: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"must hold|at least one"):
        DoublePlan(*numbers)
