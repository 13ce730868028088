"""The gap between stated confidence and audits: by lots, with an interval that keeps its word."""

import random

import pytest

from concord.quality.calibration import EDGES, UNITS_MIN, AuditedLot, Bin, added, binned, confidence_gap

LOTS, LOT_UNITS = 12, 60


def lot(units: int, inspected: int, stated: float, right: int) -> AuditedLot:
    return AuditedLot(units, inspected, binned((stated, number < right) for number in range(inspected)))


def test_the_interval_holds_how_far_statements_are_off_as_often_as_it_says() -> None:
    """Of 600 projects of twelve lots, some seen by a sample and some whole; the error of a share of .95 is .009."""
    draw, held = random.Random(3), 0
    for _ in range(600):
        lots, apart = list[AuditedLot](), 0.0
        for _ in range(LOTS):
            share = draw.betavariate(40, 3)
            units = [(min(0.999, max(0.9, draw.gauss(0.95, 0.02))), draw.random() < share) for _ in range(LOT_UNITS)]
            seen = draw.sample(units, 17 if draw.random() < 0.7 else LOT_UNITS)
            lots.append(AuditedLot(LOT_UNITS, len(seen), binned(seen)))
            apart += sum(stated - share for stated, _ in units)
        found = confidence_gap(lots)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= apart / (LOTS * LOT_UNITS) <= found.high
    assert held / 600 == pytest.approx(0.95, abs=0.03)


def test_a_lot_that_was_inspected_whole_counts_no_more_than_one_that_was_soon_good() -> None:
    """Of two lots of five hundred the bad one is seen whole: pooled, its units would count eight times."""
    found = confidence_gap([lot(500, 500, 0.95, 450), lot(500, 60, 0.95, 60)])
    assert found.value == pytest.approx(0.0, abs=1e-9)
    assert found.units == 560


def test_only_the_units_that_consensus_settled_stand_for_their_kind() -> None:
    """Half of a lot was ruled: what is left counts as half a lot."""
    half = AuditedLot(100, 60, binned((0.9, number < 15) for number in range(30)))
    whole = AuditedLot(100, 60, binned((0.9, True) for _ in range(60)))
    found = confidence_gap([half, whole])
    assert found.value == pytest.approx((0.5 * 0.4 + 1.0 * -0.1) / 1.5)


def test_statements_that_are_right_are_seldom_told_as_wrong_though_all_was_inspected() -> None:
    """Of 400 projects that state .99 and are right so often, 2.5 % are due at either end; the error of that is .8 %."""
    draw, over, under = random.Random(5), 0, 0
    for _ in range(400):
        right = sum(draw.random() < 0.99 for _ in range(1_000))
        found = confidence_gap([lot(1_000, 1_000, 0.99, right)])
        assert found.low is not None
        assert found.high is not None
        over, under = over + (found.low > 0.0), under + (found.high < 0.0)
    assert over / 400 == pytest.approx(0.025, abs=0.025)
    assert under / 400 == pytest.approx(0.025, abs=0.025)


def test_statements_that_are_wrong_are_found_where_all_was_inspected_and_too_few_say_nothing() -> None:
    wrong = confidence_gap([lot(1_000, 1_000, 0.99, 960)])
    assert wrong.value == pytest.approx(0.03)
    assert wrong.low is not None
    assert wrong.low > 0.01
    few = confidence_gap([lot(500, UNITS_MIN - 1, 0.9, 10)])
    assert (few.value, few.units) == (None, UNITS_MIN - 1)
    assert few.reason
    assert confidence_gap([]).value is None


def test_all_right_is_not_certain() -> None:
    found = confidence_gap([lot(500, 60, 0.9, 60)])
    assert found.value == pytest.approx(-0.1)
    assert found.high is not None
    assert found.high > -0.1 + 0.03


def test_every_confidence_has_its_bin_and_bins_add_up_in_any_order() -> None:
    stated = [0.0, 0.3, *EDGES, 0.999, 1.0]
    places = [entry.place for entry in added([binned([(each, True)]) for each in stated])]
    assert places == list(range(len(EDGES)))
    parts = [binned([(0.1 * number, number % 2 == 0)]) for number in range(11)]
    assert added(parts) == added(reversed(parts)) == binned((0.1 * number, number % 2 == 0) for number in range(11))
    assert added([]) == []
    assert Bin(7, 1, 1.0, 1) in binned([(1.0, True)])
