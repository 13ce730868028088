import itertools

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from concord.quality.sequential_plan import sequential_plan
from concord.quality.single_plan import Guarantee, SinglePlan
from concord.quality.stopping_law import Bounds, curtailed, stopping_law


def enumerate_paths(bounds: Bounds, p: float) -> tuple[float, float]:
    """Return P(accept) and the mean units inspected by walking every sequence of right and wrong."""
    accepted = mean = 0.0
    for path in itertools.product((0, 1), repeat=bounds.inspected_max):
        errors = 0
        for inspected, wrong in enumerate(path, start=1):
            errors += wrong
            decision = bounds.decide(inspected, errors)
            if decision != "continue":
                # All continuations of the same decided head share its weight among themselves.
                weight = p ** sum(path) * (1 - p) ** (len(path) - sum(path))
                accepted += weight * (decision == "accept")
                mean += weight * inspected
                break
    return accepted, mean


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_law_equals_the_walk_over_every_path(p: float) -> None:
    plan = sequential_plan(Guarantee(aql=0.1, alpha=0.2, ltpd=0.5, beta=0.2))
    assert plan.inspected_max <= 16
    law = stopping_law(plan.bounds())
    points = law.at_rate(p)
    accepted, mean = enumerate_paths(plan.bounds(), p)
    assert float(law.accept_probability(points)) == pytest.approx(accepted, abs=1e-12)
    assert float(law.mean_inspected(points)) == pytest.approx(mean, abs=1e-10)


def test_every_path_ends_somewhere() -> None:
    law = stopping_law(sequential_plan(Guarantee(0.02, 0.05, 0.08, 0.1)).bounds())
    assert law.at_rate([0.0, 0.01, 0.5, 1.0]).sum(axis=-1) == pytest.approx(np.ones(4))
    assert law.in_lot(5000, [0, 1, 400, 5000]).sum(axis=-1) == pytest.approx(np.ones(4), abs=1e-9)


def test_curtailing_changes_the_sample_and_not_the_verdict() -> None:
    rates = np.array([0.001, 0.01, 0.05, 0.2])
    law = stopping_law(SinglePlan(80, 2).bounds())
    points = law.at_rate(rates)
    assert law.accept_probability(points) == pytest.approx(binom.cdf(2, 80, rates), abs=1e-12)
    assert np.all(law.mean_inspected(points) < 80)


def test_finite_lot_law_is_hypergeometric() -> None:
    law = stopping_law(SinglePlan(80, 2).bounds())
    wrong = np.array([0, 10, 50, 200])
    accepted = law.accept_probability(law.in_lot(1000, wrong))
    assert accepted == pytest.approx(hypergeom.cdf(2, 1000, wrong, 80), abs=1e-12)


def test_large_plans_do_not_overflow() -> None:
    law = stopping_law(SinglePlan(10_000, 450).bounds())
    accepted = float(law.accept_probability(law.at_rate(0.045)))
    assert accepted == pytest.approx(float(binom.cdf(450, 10_000, 0.045)), rel=1e-8)


@pytest.mark.parametrize(
    ("accept", "reject"),
    [([0, 0, 2], [9, 9, 3]), ([1, 0], [2, 1]), ([0, 0], [3, 2]), ([0, 0], [1])],
    ids=["accept jumps", "accept falls", "bounds do not meet", "lengths differ"],
)
def test_malformed_bounds_are_refused(accept: list[int], reject: list[int]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        Bounds(np.array(accept), np.array(reject))


def test_impossible_counts_are_refused() -> None:
    bounds = curtailed(np.array([-1, -1, 0]), np.array([1, 1, 1]))
    with pytest.raises(ValueError, match="cannot be"):
        bounds.decide(1, 2)
    with pytest.raises(ValueError, match="ends after 2"):
        bounds.decide(3, 0)


def test_clean_units_lead_to_acceptance() -> None:
    bounds = sequential_plan(Guarantee(0.02, 0.05, 0.08, 0.1)).bounds()
    missing = bounds.clean_units_to_accept(10, 1)
    assert missing is not None
    assert bounds.decide(10 + missing, 1) == "accept"
    assert bounds.decide(10 + missing - 1, 1) == "continue"
    assert bounds.clean_units_to_accept(bounds.inspected_max, 0) == 0
    assert bounds.clean_units_to_accept(10, 10) is None
