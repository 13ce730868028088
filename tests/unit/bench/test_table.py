"""How figures are shown."""

import pytest

from bench.table import Column, Table, seconds, times


def test_plain_columns_line_up_and_numbers_stand_to_the_right() -> None:
    table = Table(
        "Title", (Column("what", numbers=False), Column("us")), [["a", "1.0"], ["longer", "100.0"]], ["a note"]
    )
    assert table.plain().splitlines() == ["Title", "what       us", "a         1.0", "longer  100.0", "a note"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.4389, "2.44 s"),
        (39.31, "39.3 s"),
        (0.05266, "52.7 ms"),
        (0.1, "100 ms"),
        (3.04e-6, "3.04 us"),
        (0.0, "0.00 us"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_suits_it(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_a_ratio_has_a_digit_behind_the_point_until_it_is_large() -> None:
    assert [times(0.54), times(12.34), times(234.2)] == ["0.5 x", "12.3 x", "234 x"]
