"""The least that any plan inspects of good lots: under every plan there is, and what ours leaves to be gained."""

import numpy as np
import pytest

from concord.quality.double_plan import find_double_plan
from concord.quality.least_inspection import least_mean_inspected
from concord.quality.sequential_plan import sequential_plan
from concord.quality.single_plan import Guarantee, find_single_plan
from concord.quality.stopping_law import Bounds, stopping_law


def guarantee(lot_units: int) -> Guarantee:
    return Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10, lot_size=lot_units)


def mean_inspected(bounds: Bounds, lot_units: int, errors: int) -> float:
    law = stopping_law(bounds)
    return float(law.mean_inspected(law.in_lot(lot_units, errors)))


def test_no_plan_of_ours_inspects_less_than_the_bound() -> None:
    lot_units = 200
    entry = guarantee(lot_units)
    plans = [find_single_plan(entry).bounds(), find_double_plan(entry).bounds(), sequential_plan(entry).bounds()]
    for errors in (0, entry.lot_errors[0] // 2, entry.lot_errors[0], entry.lot_errors[1]):
        least = least_mean_inspected(entry, errors, lot_units)
        assert all(least <= mean_inspected(bounds, lot_units, errors) + 1e-6 for bounds in plans)
        assert least > 0


def test_the_bound_is_what_is_left_of_a_test_that_can_be_worked_out_by_hand() -> None:
    # Ten units of which none or nine are wrong. Whoever looks at one knows but for a chance of .1; not looking, one may
    # reject with chance .3 and accept with a of chance a + .1 c <= .3. So c = 1 - .3 - (.3 - .1 c) looks at one.
    entry = Guarantee(aql=0.0, alpha=0.3, ltpd=0.9, beta=0.3, lot_size=10)
    assert least_mean_inspected(entry, 0, 10) == pytest.approx(4 / 9, abs=0.005)


@pytest.mark.parametrize(("lot_units", "half_can_be_had"), [(200, False), (500, True)])
def test_where_half_of_the_single_sample_can_be_had_of_lots_at_half_the_aql(
    lot_units: int, half_can_be_had: bool
) -> None:
    entry = guarantee(lot_units)
    size, most = find_single_plan(entry).sample_size, min(lot_units, 260)
    at_half = least_mean_inspected(entry, round(0.005 * lot_units), most) / size
    at_aql = least_mean_inspected(entry, entry.lot_errors[0], most) / size
    own = mean_inspected(sequential_plan(entry).bounds(), lot_units, round(0.005 * lot_units)) / size
    own_at_aql = mean_inspected(sequential_plan(entry).bounds(), lot_units, entry.lot_errors[0]) / size
    assert (at_half < 0.5) is half_can_be_had
    assert at_aql > 0.5, "of lots at the aql itself no plan inspects half"
    assert at_aql <= own_at_aql <= 1.03 * at_aql, "there ours is all but the best there is"
    assert at_half <= own <= 1.16 * at_half
    assert np.isfinite(own)
