import pytest
from scipy.stats import poisson

from concord.quality.iso_2859 import (
    AQLS_PERCENT,
    Inspection,
    code_letter,
    standard_plan,
    tighter_accept_max,
)

# Level II runs through the letters A to Q, one lot size each.
LOT_OF_LETTER = dict(
    zip("ABCDEFGHJKLMNPQ", (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10**4, 35_000, 150_000, 500_000, 10**6),
        strict=True)
)  # fmt: skip


def plan_of(letter: str, aql: float, inspection: Inspection = "normal") -> tuple[int, int]:
    plan = standard_plan(10**9 if letter == "R" else LOT_OF_LETTER[letter], aql, _level(letter), inspection)
    return plan.sample_size, plan.accept_max


def _level(letter: str) -> str:
    return "III" if letter == "R" else "II"


@pytest.mark.parametrize(
    ("letter", "accepts"),
    [
        ("J", (1, 2, 3, 5, 7)),
        ("K", (2, 3, 5, 7, 10)),
        ("L", (3, 5, 7, 10, 14)),
        ("M", (5, 7, 10, 14, 21)),
    ],
)
def test_printed_rows_of_normal_inspection(letter: str, accepts: tuple[int, ...]) -> None:
    assert tuple(plan_of(letter, aql)[1] for aql in (0.65, 1.0, 1.5, 2.5, 4.0)) == accepts


@pytest.mark.parametrize(
    ("letter", "aql", "inspection", "plan"),
    [
        ("J", 0.25, "normal", (50, 0)),  # up arrow
        ("J", 0.40, "normal", (125, 1)),  # down arrow
        ("N", 4.0, "normal", (315, 21)),  # up arrow past the largest Ac
        ("R", 0.015, "normal", (800, 0)),  # a down arrow with nothing below
        ("H", 0.65, "tightened", (125, 1)),  # two down arrows
        ("R", 0.025, "tightened", (3150, 1)),  # letter S, met only here
        ("K", 0.65, "tightened", (125, 1)),
        ("J", 1.0, "tightened", (80, 1)),
        ("J", 1.0, "reduced", (32, 1)),
        ("J", 0.15, "reduced", (32, 0)),
        ("N", 4.0, "reduced", (125, 10)),  # up arrow past the largest Ac
        ("L", 4.0, "reduced", (80, 8)),
    ],
)
def test_arrows_are_followed(letter: str, aql: float, inspection: Inspection, plan: tuple[int, int]) -> None:
    assert plan_of(letter, aql, inspection) == plan


def test_letters_of_all_levels() -> None:
    levels = ("S-1", "S-2", "S-3", "S-4", "I", "II", "III")
    assert "".join(code_letter(1000, level) for level in levels) == "CCEFGJK"
    assert "".join(code_letter(8, level) for level in levels) == "AAAAAAB"
    assert "".join(code_letter(500_001, level) for level in levels) == "DEHKNQR"
    assert [code_letter(n) for n in (1200, 1201)] == ["J", "K"]


def test_acceptance_at_the_aql_is_high_in_every_cell() -> None:
    for letter, lot_size in LOT_OF_LETTER.items():
        for aql in AQLS_PERCENT:
            size, accept_max = plan_of(letter, aql)
            if size < lot_size:
                assert 0.86 < poisson.cdf(accept_max, size * aql / 100) < 0.999, (letter, aql)


def test_sample_larger_than_the_lot_means_all_of_it() -> None:
    plan = standard_plan(10, 0.65)
    assert (plan.sample_size, plan.accept_max) == (10, 0)


def test_tighter_number_for_the_switching_score() -> None:
    assert tighter_accept_max("J", 1.0) == 1
    assert tighter_accept_max("A", 0.010) is None


@pytest.mark.parametrize(
    ("lot", "aql", "level", "inspection", "message"),
    [
        (1, 1.0, "II", "normal", "2 units"),
        (100, 1.1, "II", "normal", "not an AQL"),
        (100, 1.0, "IV", "normal", "level"),
        (100, 25, "II", "reduced", "up to 10"),
    ],
)
def test_what_the_standard_does_not_hold_is_refused(
    lot: int, aql: float, level: str, inspection: Inspection, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        standard_plan(lot, aql, level, inspection)
