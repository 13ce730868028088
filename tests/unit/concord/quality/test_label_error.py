import math

import numpy as np
import pytest

from concord.quality.acceptance import DoublePlan, Guarantee, SinglePlan, find_double_plan, sequential_plan
from concord.quality.intervals import clopper_pearson, lot_proportion
from concord.quality.label_error import (
    Inspection,
    Pool,
    label_error_rate_by_fallible_auditor,
    leaving_error_rate,
    lot_error_rate,
    pooled_leaving_error_rate,
)
from concord.quality.stopped_rate import ends_of
from concord.quality.stopping_law import Bounds

GUARANTEE = Guarantee(aql=0.02, alpha=0.05, ltpd=0.10, beta=0.10, lot_size=200)
PLANS: dict[str, tuple[int, Bounds]] = {
    "17 of 60, no error": (60, SinglePlan(17, 0).bounds()),
    "17 of 60, one error": (60, SinglePlan(17, 1).bounds()),
    "double": (200, find_double_plan(GUARANTEE).bounds()),
    "double with an early reject": (300, DoublePlan(50, 1, 4, 100, 5).bounds()),
    "sequential": (200, sequential_plan(GUARANTEE).bounds()),
    "sequential, 500": (500, sequential_plan(Guarantee(0.01, 0.05, 0.05, 0.10, 500)).bounds()),
}
SEQUENTIAL = PLANS["sequential, 500"][1]


@pytest.mark.parametrize("plan", PLANS)
def test_the_interval_of_a_stopped_inspection_misses_at_most_its_risk_at_every_lot_quality(plan: str) -> None:
    lot_units, bounds = PLANS[plan]
    law = ends_of(bounds).law
    ends = zip(law.inspected.tolist(), law.errors.tolist(), strict=True)
    estimates = [lot_error_rate(Inspection(lot_units, n, d, bounds)) for n, d in ends]
    lows = np.array([round((estimate.low or 0.0) * lot_units) for estimate in estimates])
    highs = np.array([round((estimate.high or 0.0) * lot_units) for estimate in estimates])
    for wrong in range(lot_units + 1):
        chance = law.in_lot(lot_units, wrong)
        assert chance.sum() == pytest.approx(1.0)
        assert chance[highs < wrong].sum() <= 0.025 + 1e-9
        assert chance[lows > wrong].sum() <= 0.025 + 1e-9


@pytest.mark.parametrize("plan", PLANS)
def test_every_tail_over_the_ends_moves_with_the_wrong_units_in_the_lot(plan: str) -> None:
    lot_units, bounds = PLANS[plan]
    ends = ends_of(bounds)
    tails = [ends.law.in_lot(lot_units, wrong)[ends.ranking].cumsum() for wrong in range(lot_units + 1)]
    assert np.all(np.diff(np.array(tails), axis=0) <= 1e-9)


def test_a_fixed_number_gives_the_hypergeometric_interval_and_a_whole_inspection_no_doubt() -> None:
    fixed, known = lot_error_rate(Inspection(400, 80, 3)), lot_proportion(3, 80, 400)
    assert (fixed.value, fixed.low, fixed.high) == pytest.approx((known.value, known.low, known.high))
    whole = lot_error_rate(Inspection(100, 100, 3, SinglePlan(100, 5).bounds()))
    assert (whole.low, whole.value, whole.high) == pytest.approx((0.03, 0.03, 0.03))


def test_where_inspection_was_cut_off_before_the_plan_stopped_it_it_is_taken_for_a_fixed_number() -> None:
    assert lot_error_rate(Inspection(500, 7, 0, SEQUENTIAL)).high == lot_error_rate(Inspection(500, 7, 0)).high


def test_an_upper_bound_puts_all_risk_above() -> None:
    both, upper = (lot_error_rate(Inspection(60, 17, 0), upper_only=only) for only in (False, True))
    assert both.high is not None
    assert upper.high is not None
    assert upper.high < both.high


def test_lots_that_may_be_inspected_again_until_accepted_share_the_risk() -> None:
    once, thrice = (lot_error_rate(Inspection(60, 17, 1, attempts_max=attempts)) for attempts in (1, 3))
    assert once.high is not None
    assert thrice.high is not None
    assert thrice.high > once.high
    with pytest.raises(ValueError, match="inspected once at least"):
        Inspection(60, 17, 1, attempts_max=0)


@pytest.mark.parametrize("counts", [(60, 17, 18), (60, 61, 0), (60, 17, -1)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Inspection(*counts)


def test_nothing_inspected_is_no_rate() -> None:
    for estimate in (
        lot_error_rate(Inspection(100, 0, 0)),
        leaving_error_rate(Inspection(100, 0, 0)),
        pooled_leaving_error_rate([]),
        pooled_leaving_error_rate([Inspection(100, 0, 0)]),
    ):
        assert estimate.value is None
        assert estimate.reason


def test_what_leaves_is_what_was_not_found() -> None:
    assert leaving_error_rate(Inspection(50, 50, 2)).high == 0.0
    some = leaving_error_rate(Inspection(100, 50, 2))
    assert some.value == pytest.approx(0.02)
    assert some.low == 0.0


def test_a_lot_inspected_whole_adds_its_units_and_no_error() -> None:
    alone, beside = Inspection(500, 60, 0), Inspection(500, 500, 50)
    estimate, both = (pooled_leaving_error_rate(left) for left in ([alone], [alone, beside]))
    assert both.value == 0.0
    assert estimate.high is not None
    assert both.high == pytest.approx(estimate.high / 2)
    assert pooled_leaving_error_rate([beside]).high == 0.0


def test_one_lot_pooled_is_the_lot() -> None:
    lot = Inspection(500, SEQUENTIAL.clean_units_to_accept(0, 0) or 0, 0, SEQUENTIAL)
    pooled, own = pooled_leaving_error_rate([lot]), leaving_error_rate(lot)
    assert (pooled.value, pooled.low, pooled.high) == pytest.approx((own.value, own.low, own.high))


def test_lots_weigh_by_their_units_and_not_by_what_was_inspected() -> None:
    small, large = Inspection(100, 50, 10), Inspection(900, 50, 0)
    pooled = pooled_leaving_error_rate([small, large])
    assert pooled.value == pytest.approx((50 * 0.2 + 850 * 0.0) / 1000)


def test_rejected_inspections_raise_the_upper_end_only() -> None:
    left = [Inspection(60, 17, 0, PLANS["17 of 60, no error"][1])] * 20
    rejected = [Inspection(60, 5, 1, PLANS["17 of 60, no error"][1])] * 10
    without, with_them = pooled_leaving_error_rate(left), pooled_leaving_error_rate(left, rejected)
    assert (with_them.value, with_them.low) == (without.value, without.low)
    assert without.high is not None
    assert with_them.high is not None
    assert with_them.high > 2 * without.high


def _inspected(generator: np.random.Generator, units: int, wrong: int, bounds: Bounds) -> tuple[Inspection, str]:
    order = np.zeros(units, dtype=int)
    order[generator.permutation(units)[:wrong]] = 1
    errors = order.cumsum()
    steps = np.arange(1, bounds.inspected_max + 1)
    seen = errors[: bounds.inspected_max]
    at = int(np.argmax((seen <= bounds.accept_at[steps]) | (seen >= bounds.reject_at[steps])))
    verdict = bounds.decide(at + 1, int(seen[at]))
    return Inspection(units, at + 1, int(seen[at]), bounds), verdict


@pytest.mark.parametrize("on_reject", ["inspect all", "relabel"])
@pytest.mark.parametrize("plan", ["17 of 60, one error", "double", "sequential, 500"])
@pytest.mark.parametrize("rate", [0.005, 0.01, 0.02, 0.05])
def test_the_pooled_interval_covers_what_left_whatever_stopped_inspections(
    plan: str, on_reject: str, rate: float
) -> None:
    lot_units, bounds = PLANS[plan]
    generator = np.random.default_rng(20_261_127)
    runs, lots, covered = 100, 15, 0
    for _ in range(runs):
        left: list[Inspection] = []
        rejected: list[Inspection] = []
        wrong_left = 0
        while len(left) < lots:
            wrong = int(generator.binomial(lot_units, rate))
            inspection, verdict = _inspected(generator, lot_units, wrong, bounds)
            if verdict == "accept":
                left.append(inspection)
                wrong_left += wrong - inspection.errors
                continue
            rejected.append(inspection)
            if on_reject == "inspect all":
                left.append(Inspection(lot_units, lot_units, wrong))
        pooled = pooled_leaving_error_rate(left, rejected)
        assert pooled.low is not None
        assert pooled.high is not None
        covered += pooled.low <= wrong_left / (lots * lot_units) <= pooled.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)


def test_an_auditor_without_errors_needs_no_correction() -> None:
    corrected = label_error_rate_by_fallible_auditor(4, 50, detection=1.0, false_alarm=0.0)
    assert (corrected.value, corrected.low, corrected.high) == pytest.approx(
        (0.08, clopper_pearson(4, 50).low, clopper_pearson(4, 50).high)
    )


def test_false_alarms_alone_are_no_label_errors() -> None:
    assert label_error_rate_by_fallible_auditor(5, 100, detection=0.9, false_alarm=0.06).value == 0.0


def test_pools_add_in_any_order_to_what_all_lots_come_to_at_once() -> None:
    generator = np.random.default_rng(20_261_128)
    bounds = SinglePlan(17, 1).bounds()
    left = [Inspection(60, 17, int(wrong), bounds) for wrong in generator.integers(0, 2, 12)]
    left.append(Inspection(500, 500, 40))
    rejected = [Inspection(60, int(seen), 2, bounds) for seen in generator.integers(2, 17, 3)]
    pools = [*map(Pool.of_left, left), *map(Pool.of_rejected, rejected)]
    whole = pooled_leaving_error_rate(left, rejected)
    for _ in range(3):
        half = int(generator.integers(0, len(pools)))
        mixed = [pools[place] for place in generator.permutation(len(pools))]
        pool = sum(mixed[half:], sum(mixed[:half], Pool()))
        found = pool.leaving_error_rate()
        assert (found.value, found.low, found.high) == pytest.approx((whole.value, whole.low, whole.high))
        assert (pool.lots, pool.units, pool.rejections, pool.sampled) == (13, 1_220, 3, 12)
    assert sum(pools, Pool()) + Pool() == sum(pools, Pool())
