"""Cursors come back as they went out, and made-up ones are refused."""

from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from concord.chassis.errors import Invalid
from concord.chassis.http import PAGE_DEFAULT, PAGE_MAX, Limit, cursor_of, page_size, position_of
from concord.chassis.identity import Caller, Role, require


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
    assert (page_size(None), page_size(1), page_size(PAGE_MAX)) == (PAGE_DEFAULT, 1, PAGE_MAX)
    for asked in (0, -1, PAGE_MAX + 1, 10**18):
        with pytest.raises(Invalid):
            page_size(asked)


async def test_a_lists_limit_is_a_whole_number_from_one_and_the_document_says_so(
    built: Callable[..., FastAPI],
    calling: Callable[[FastAPI], httpx.AsyncClient],
    bearer: Callable[..., dict[str, str]],
) -> None:
    router = APIRouter()

    @router.get("/list")
    async def listed(caller: Annotated[Caller, require(Role.CLIENT)], limit: Limit = None) -> int:
        return page_size(limit)

    app = built(router)
    (entry,) = app.openapi()["paths"]["/list"]["get"]["parameters"]
    assert entry["schema"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": PAGE_MAX}
    door, who = calling(app), bearer(Role.CLIENT)
    for asked, status in (
        ("1", 200),
        ("500", 200),
        ("501", 422),
        ("999999", 422),
        ("0", 422),
        ("-1", 422),
        ("22.0", 422),
        ("1e1", 422),
        ("", 422),
    ):
        assert (await door.get(f"/list?limit={asked}", headers=who)).status_code == status, asked
    assert (await door.get(f"/list?limit={'9' * 5_000}", headers=who)).status_code == 422
    assert (await door.get("/list?limit=0")).status_code == 401, "who asks comes first"
