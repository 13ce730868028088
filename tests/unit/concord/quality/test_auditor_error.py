"""What auditors' errors leave open: the interval covers whatever was missed or no error, and is never narrowed."""

import math

import numpy as np
import pytest

from concord.quality.auditor_error import DETECTION_MIN, Repeats, auditor_error, with_auditor_error
from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import clopper_pearson
from concord.quality.label_error import Inspection, Pool, leaving_error_rate, pooled_leaving_error_rate

WORLDS = [(1.0, 1.0), (0.95, 0.99), (0.8, 1.0), (0.6, 1.0), (1.0, 0.96), (0.55, 0.995)]
"""How much of what is wrong auditors find, and how much of what is right they let be."""


@pytest.mark.parametrize(("detection", "specificity"), WORLDS)
@pytest.mark.parametrize(("lot_units", "lots", "inspected"), [(60, 1, 60), (500, 1, 120), (500, 8, 120)])
def test_the_interval_covers_what_leaves_wherever_auditors_err(
    detection: float, specificity: float, lot_units: int, lots: int, inspected: int
) -> None:
    draw, towns = np.random.default_rng(20260728), 40
    covered = 0
    for _ in range(towns):
        pool, still_wrong, last = Pool(), 0, None
        for _ in range(lots):
            wrong = draw.random(lot_units) < 0.04
            first, second = (
                np.where(wrong, draw.random(lot_units) < detection, draw.random(lot_units) > specificity)
                for _ in range(2)
            )
            seen = np.arange(lot_units) < inspected
            again = seen & (first | (draw.random(lot_units) < 0.2))
            found = int(first[seen].sum())
            repeats = Repeats(
                inspected, found, found, int((first & second & wrong & seen).sum()),
                int((again & ~first).sum()), int((again & ~first & second).sum()),
            )  # fmt: skip
            last = Inspection(lot_units, inspected, found, repeats=repeats)
            pool += Pool.of_left(last, leaving_error_rate(last) if lots == 1 else None)
            # What leaves of an inspected unit is the auditor's label: a right one that was found wrong leaves wrong.
            still_wrong += int((np.where(seen, first ^ wrong, wrong)).sum())
        rate = pool.leaving_error_rate()
        assert rate.low is not None
        assert rate.high is not None
        covered += rate.low - 1e-9 <= still_wrong / pool.units <= rate.high + 1e-9
    # Three standard errors below .95, as many as a right interval misses by chance now and then.
    assert covered / towns >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / towns)


def test_no_end_comes_to_lie_inside_the_one_by_the_auditors_word() -> None:
    draw = np.random.default_rng(5)
    for _ in range(100):
        units = int(draw.integers(1, 400))
        inspected = int(draw.integers(1, units + 1))
        errors = int(draw.integers(0, min(inspected, 12) + 1))
        wrong, right = int(draw.integers(0, errors + 1)), int(draw.integers(0, inspected - errors + 1))
        repeats = Repeats(
            inspected, errors, wrong, int(draw.integers(0, wrong + 1)), right, int(draw.integers(0, right + 1))
        )
        naive = leaving_error_rate(Inspection(units, inspected, errors))
        found = with_auditor_error(naive, units, inspected, errors, repeats)
        assert naive.low is not None
        assert naive.high is not None
        assert 0.0 <= (found.low or 0.0) <= naive.low
        assert 1.0 >= (found.high or 0.0) >= naive.high
        assert found.value == naive.value


def test_without_repeats_the_rate_is_by_the_auditors_word_and_of_nothing_nothing_is_said() -> None:
    inspection = Inspection(500, 120, 2)
    naive = leaving_error_rate(inspection)
    assert with_auditor_error(naive, 500, 120, 2, Repeats()) is naive
    nothing = undefined("no lot has left yet", 0, "a rate")
    assert with_auditor_error(nothing, 0, 0, 0, Repeats(10, 0, 0, 0, 5, 0)) is nothing


def test_more_repeats_that_agree_draw_the_ends_in_to_those_by_the_auditors_word() -> None:
    naive = Estimate(0.018, 0.004, 0.04, 1200, "a rate")
    widths = []
    for times in (1, 10, 100, 1000):
        repeats = Repeats(1000 * times, 20 * times, 20 * times, 20 * times, 200 * times, 0)
        found = with_auditor_error(naive, 5000, 1200, 20, repeats)
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(0.036, abs=0.0005)


def test_how_bad_auditors_may_be_is_bounded_by_what_was_not_confirmed() -> None:
    found = auditor_error(Repeats(1600, 40, 40, 38, 200, 1))
    assert found.detection_min == pytest.approx(1 - (clopper_pearson(2, 40, 0.9).high or 0.0))
    assert auditor_error(Repeats(100, 20, 20, 2, 0, 0)).detection_min == DETECTION_MIN, "then it is false alarms"
    assert auditor_error(Repeats(100, 0, 0, 0, 50, 0)).detection_min == DETECTION_MIN, "nothing is known of it"
    assert auditor_error(Repeats(100, 100, 5, 0, 0, 0)).false_alarm_max == 1.0


@pytest.mark.parametrize("counts", [(10, 3, 4, 0, 0, 0), (10, 3, 2, 3, 0, 0), (10, 3, 2, 1, 8, 0), (10, 3, 0, 0, 5, 6)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no more can agree"):
        Repeats(*counts)


def test_pools_add_their_repeats_and_a_lot_inspected_whole_is_not_without_doubt_any_more() -> None:
    repeats = Repeats(200, 4, 4, 4, 20, 0)
    whole = Inspection(200, 200, 4, repeats=repeats)
    sampled = Inspection(500, 120, 1, repeats=Repeats(120, 1, 1, 0, 12, 0))
    together = Pool.of_left(whole) + Pool.of_left(sampled) + Pool.of_rejected(Inspection(60, 9, 3, repeats=repeats))
    assert together.repeats == Repeats(520, 9, 9, 8, 52, 0)
    alone = pooled_leaving_error_rate([whole])
    assert (alone.value, alone.low) == (0.0, 0.0)
    assert alone.high is not None
    assert 0.0 < alone.high < 0.06
