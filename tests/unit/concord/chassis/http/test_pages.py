"""Cursors come back as they went out, and made-up ones are refused."""

import pytest

from concord.chassis.errors import Invalid
from concord.chassis.http import PAGE_DEFAULT, PAGE_MAX, cursor_of, page_size, position_of


@pytest.mark.parametrize("position", [(), ("lot-1",), ("é/+?&", 3, -1), ("x" * 600,)])
def test_a_cursor_brings_back_its_position(position: tuple[str | int, ...]) -> None:
    cursor = cursor_of(*position)
    assert cursor.replace("-", "").replace("_", "").isalnum() or not position
    assert position_of(cursor) == position


@pytest.mark.parametrize("cursor", ["", "!", "bm9uc2Vuc2U", cursor_of("x" * 2_000), "WzEuNV0", "W1tdXQ", "é"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        position_of(cursor)
    assert refused.value.errors[0].field == "cursor"


def test_a_page_has_a_bound() -> None:
    assert (page_size(None), page_size(1), page_size(10**9)) == (PAGE_DEFAULT, 1, PAGE_MAX)
    for asked in (0, -1):
        with pytest.raises(Invalid):
            page_size(asked)
