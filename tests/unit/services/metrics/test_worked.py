"""Active time by annotator and day: of open and closed units, told twice, revised, late and on gold."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from services.ingest.domain.project import Policy
from services.metrics.domain.sums import ClosedSums, Pace
from services.metrics.domain.unit import Annotation, Unit
from services.metrics.domain.worked import DAY_US, DAYS_MAX, EARLIER, Day, Worked
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start

PATH = f"/v1/projects/{PROJECT}/time"


@pytest.fixture
async def metrics() -> AsyncIterator[Metrics]:
    found = await start(House())
    await found.upstream.project(Policy(), classes=["yes", "no"])
    yield found
    await found.stop()


async def told(metrics: Metrics, query: str = "") -> Any:
    await metrics.settle()
    return (await metrics.call(PATH + query)).json()


def summed(body: Any) -> dict[str, tuple[int, int, int]]:
    """Return by annotator labels, those without a time, and active time, over the days: a test may run at midnight."""
    found: dict[str, tuple[int, int, int]] = {}
    for day in body["days"]:
        labels, untold, active_ms = found.get(day["annotator_id"], (0, 0, 0))
        more = day["labels"], day["labels_untold"], day["active_ms"]
        found[day["annotator_id"]] = labels + more[0], untold + more[1], active_ms + more[2]
    return found


async def test_time_is_told_to_the_millisecond_whatever_comes_twice_or_late(metrics: Metrics) -> None:
    upstream = metrics.upstream
    await upstream.unit("k1-u1")
    await upstream.unit("k1-u2", gold="yes")
    await upstream.annotation("k1-u1", 1, "ann", "yes", active_ms=12_345, times=2)
    await upstream.annotation("k1-u1", 2, "bob", "yes", active_ms=7, late=True)
    await upstream.annotation("k1-u2", 1, "ann", "no", active_ms=1_001)
    await upstream.annotation("k1-u2", 2, "bob", "no")
    assert summed(await told(metrics)) == {"ann": (2, 0, 13_346), "bob": (2, 1, 7)}
    await upstream.revision("k1-u1", 1, "ann", "no", revision=1, active_ms=20_000)
    assert summed(await told(metrics)) == {"ann": (2, 0, 21_001), "bob": (2, 1, 7)}


async def test_days_are_asked_for_and_pages_followed(metrics: Metrics) -> None:
    await metrics.label()
    whole = await told(metrics)
    assert (whole["days_from"], whole["next"]) == (None, "")
    assert {who: labels for who, (labels, _, _) in summed(whole).items()} == {"ann": 6, "bob": 6}
    first = await told(metrics, "?limit=1")
    assert len(first["days"]) == 1
    rest = await told(metrics, f"?cursor={first['next']}")
    assert first["days"] + rest["days"] == whole["days"]
    assert (await told(metrics, "?until=2001-01-01"))["days"] == []
    assert (await told(metrics, "?since=2001-01-01"))["days"] == whole["days"]
    refused = await told(metrics, "?since=2026-02-31")
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "since")
    assert (await told(metrics, "?cursor=WzEsMl0"))["status"] == 422


async def test_closed_units_count_with_open_ones_and_outlive_a_restart(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.settle()
    rows = measure_of(metrics.service).repository.rows_of(PROJECT)
    assert rows is not None
    closed = ClosedSums()
    closed.add([given(20_000)])
    rows.closed_sums[PROJECT] = msgspec.msgpack.decode(msgspec.msgpack.encode(closed), type=ClosedSums)
    body = await told(metrics)
    assert body["days"][0] == {
        "annotator_id": "ann", "day": "2024-10-04", "labels": 1, "labels_untold": 0, "active_ms": 5,
    }  # fmt: skip
    assert summed(body)["ann"] == (7, 0, 6_005)
    assert msgspec.convert([3, {}], Pace) == Pace(3), "what was kept before days were has none"


def given(*days: int) -> Unit:
    return Unit(
        PROJECT,
        annotations={f"a{place}": Annotation("ann", '"yes"', 0, active_ms=5, at_us=day * DAY_US + place)
                     for place, day in enumerate(days)},
    )  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_older_than_the_newest_days_is_one_sum_in_whatever_order_it_came(order: int) -> None:
    days = [20_000, *range(20_100, 20_100 + DAYS_MAX), 20_000][::order]
    closed = Worked({})
    for day in days:
        closed.add(given(day))
    found = Worked(closed.people)
    found.add(given(20_000))
    assert found.people["ann"][EARLIER] == Day(3, 0, 15)
    assert (len(found.people["ann"]), found.days_from()) == (1 + DAYS_MAX, 20_100)
    assert closed.people["ann"][EARLIER] == Day(2, 0, 10), "what is closed is not changed by who looks"
    assert [day for _, day, _ in found.rows()][:2] == [EARLIER, 20_100]
    assert [day for _, day, _ in found.rows(20_101, 20_102)] == [20_101, 20_102]
    assert EARLIER not in [day for _, day, _ in found.rows(until=20_102)]
