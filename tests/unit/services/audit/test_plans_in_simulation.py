"""Lots of 200 to 10,000 units, drawn and judged by audit's own plans: what they do is what their curves say."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from concord.quality.stopping_law import Bounds, stopping_law
from services.audit.domain.verdict import Plan, PlanKind, plan_for

LOTS = 1_500
"""Simulated for each size and rate: one acceptance rate is then known to .013."""
SIGMAS = 4.5
UNITS = (200, 1_000, 5_000, 10_000)
RATES = (0.005, 0.01, 0.03, 0.05)


class Judged(NamedTuple):
    """What became of simulated lots."""

    accepted: NDArray[np.bool_]
    inspected: NDArray[np.int64]


@lru_cache
def plan_of(kind: PlanKind, units: int) -> tuple[Plan, Bounds]:
    plan = plan_for(kind, 0.05, 0.01, 0.05, 0.05, 0.10, units)
    return plan, plan.bounds()


@lru_cache
def samples(units: int, wrong: int) -> NDArray[np.int64]:
    """Return of each lot the errors met after 0, 1, 2, … units, in random order, as far as any plan goes."""
    most = max(plan_of(kind, units)[1].inspected_max for kind in ("sequential", "single"))
    generator = np.random.default_rng([units, wrong])
    found = np.zeros((LOTS, most + 1), dtype=np.int64)
    for lot in range(LOTS):
        places = generator.choice(units, wrong, replace=False, shuffle=False) + 1
        found[lot, places[places <= most]] = 1
    return found.cumsum(axis=1)


def judged(bounds: Bounds, errors: NDArray[np.int64]) -> Judged:
    errors = errors[:, : bounds.inspected_max + 1]
    accept, reject = errors <= bounds.accept_at, errors >= bounds.reject_at
    at = (accept | reject).argmax(axis=1)
    return Judged(accept[np.arange(len(at)), at], at)


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", ["sequential", "single"])
def test_lots_pass_as_often_and_cost_as_much_as_the_curve_says(kind: PlanKind, rate: float, units: int) -> None:
    wrong = round(rate * units)
    _, bounds = plan_of(kind, units)
    law = stopping_law(bounds)
    points = law.in_lot(units, wrong)
    passes, mean = float(law.accept_probability(points)), float(law.mean_inspected(points))
    spread = float(law.mean_inspected(points * law.inspected)) - mean**2
    found = judged(bounds, samples(units, wrong))
    assert found.accepted.mean() == pytest.approx(passes, abs=error_of_mean(passes * (1 - passes)))
    assert found.inspected.mean() == pytest.approx(mean, abs=error_of_mean(spread))


def error_of_mean(variance: float) -> float:
    """Return how far off a mean over the simulated lots may be; what is certain is off by its last digits."""
    return float(SIGMAS * np.sqrt(max(variance, 0.0) / LOTS)) + 1e-9


@pytest.mark.parametrize("units", UNITS)
def test_both_plans_keep_their_risks_in_simulated_lots(units: int) -> None:
    for kind in ("sequential", "single"):
        _, bounds = plan_of(kind, units)
        good, bad = (judged(bounds, samples(units, round(rate * units))).accepted.mean() for rate in (0.01, 0.05))
        assert good >= 0.95 - SIGMAS * np.sqrt(0.05 * 0.95 / LOTS)
        assert bad <= 0.10 + SIGMAS * np.sqrt(0.10 * 0.90 / LOTS)


@pytest.mark.parametrize(("units", "share"), [(200, 0.6), (1_000, 0.5), (5_000, 0.5), (10_000, 0.5)])
def test_a_sequential_plan_inspects_half_of_a_single_sample_where_the_lot_is_clearly_good_or_bad(
    units: int, share: float
) -> None:
    """At the aql itself it is .59 to .67 of it, and no plan of these risks does better there (Wald and Wolfowitz)."""
    plan, bounds = plan_of("sequential", units)
    sample = plan_of("single", units)[0].sample_size
    clean, bad = (judged(bounds, samples(units, wrong)).inspected.mean() for wrong in (0, round(0.05 * units)))
    assert clean <= share * sample < plan.sample_size
    assert bad <= 0.5 * sample
