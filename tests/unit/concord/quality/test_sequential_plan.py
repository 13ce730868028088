from dataclasses import asdict

import numpy as np
import pytest

from concord.quality.sequential_plan import SequentialPlan, sequential_plan, wald_lines
from concord.quality.single_plan import Guarantee, find_single_plan
from concord.quality.stopping_law import stopping_law

GUARANTEES = [
    Guarantee(0.01, 0.05, 0.05, 0.10),
    Guarantee(0.01, 0.05, 0.05, 0.10, lot_size=200),
    Guarantee(0.05, 0.05, 0.15, 0.075),
    Guarantee(0.10, 0.05, 0.20, 0.05, lot_size=50),
    Guarantee(0.0, 0.05, 0.05, 0.10, lot_size=40),
]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_both_risks_hold_exactly_after_truncation(guarantee: Guarantee) -> None:
    producer, consumer = sequential_plan(guarantee).risks()
    assert producer <= guarantee.alpha + 1e-9
    assert consumer <= guarantee.beta + 1e-9


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_fewer_units_than_the_curtailed_single_plan(guarantee: Guarantee) -> None:
    law = stopping_law(find_single_plan(guarantee).bounds())
    if guarantee.lot_size is None:
        points = [law.at_rate(guarantee.aql), law.at_rate(guarantee.ltpd)]
    else:
        points = [law.in_lot(guarantee.lot_size, errors) for errors in guarantee.lot_errors]
    single = sum(float(law.mean_inspected(at)) for at in points)
    assert sum(sequential_plan(guarantee).mean_inspected()) <= single + 1e-9


def test_risks_hold_in_simulated_audits() -> None:
    guarantee = Guarantee(0.02, 0.05, 0.10, 0.10, lot_size=400)
    plan = sequential_plan(guarantee)
    generator = np.random.default_rng(7)
    rejected = [0, 0]
    for which, errors in enumerate(guarantee.lot_errors):
        lot = np.arange(guarantee.lot_size or 0) < errors
        for _ in range(2000):
            found = 0
            for inspected, wrong in enumerate(generator.permutation(lot)[: plan.inspected_max], start=1):
                found += int(wrong)
                decision = plan.decide(inspected, found)
                if decision != "continue":
                    rejected[which] += decision == "reject"
                    break
    assert rejected[0] / 2000 == pytest.approx(plan.risks()[0], abs=0.015)
    assert 1 - rejected[1] / 2000 == pytest.approx(plan.risks()[1], abs=0.02)


def test_plan_is_rebuilt_from_its_numbers() -> None:
    plan = sequential_plan(GUARANTEES[1])
    numbers = asdict(plan)
    again = SequentialPlan(Guarantee(**numbers.pop("guarantee")), **numbers)
    assert again == plan
    assert np.array_equal(again.bounds().accept_at, plan.bounds().accept_at)
    assert np.array_equal(again.bounds().reject_at, plan.bounds().reject_at)


def test_clean_lot_is_accepted_and_bad_lot_rejected() -> None:
    plan = sequential_plan(GUARANTEES[0])
    clean = [plan.decide(n, 0) for n in range(plan.inspected_max + 1)]
    assert clean[0] == "continue"
    assert "reject" not in clean
    first = clean.index("accept")
    assert set(clean[first:]) == {"accept"}
    assert first < find_single_plan(GUARANTEES[0]).sample_size
    assert plan.decide(4, 4) == "reject"


def test_knowing_that_a_small_lot_is_too_bad_ends_it() -> None:
    guarantee = Guarantee(0.02, 0.05, 0.2, 0.05, lot_size=50)
    plan = sequential_plan(guarantee)
    assert plan.decide(2, 2) == "reject"  # an acceptable lot holds one error


def test_textbook_lines() -> None:
    lines = wald_lines(Guarantee(0.01, 0.05, 0.06, 0.10))
    assert (round(lines.accept_intercept, 2), round(lines.reject_intercept, 2)) == (1.22, 1.57)
    assert (lines.accept_from, lines.reject_from) == (44, 2)
    with pytest.raises(ValueError, match="aql above 0"):
        wald_lines(Guarantee(0.0, 0.05, 0.06, 0.10))


@pytest.mark.parametrize("limits", [(0.1, 2.0, 50, 2), (-2.0, 2.0, 2, 2), (-2.0, 2.0, 300, 2)])
def test_numbers_that_are_no_plan_are_refused(limits: tuple[float, float, int, int]) -> None:
    with pytest.raises(ValueError, match=r"must|lie|lot of"):
        SequentialPlan(GUARANTEES[1], *limits)
