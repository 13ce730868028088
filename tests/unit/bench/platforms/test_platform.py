"""Beside other platforms: what a server and all its descendants spend, and a table of ratios."""

import asyncio
import subprocess
import sys

import pytest

from bench.platforms.platform import FAILED_IN_A_ROW_MAX, Cost, Failed, Patience, as_json, family, spent_by, table
from bench.services.meter import cpu_seconds
from tests.support.service import until
from tests.unit.bench.whole.test_report import whole

CHILD = "import sys, time; until = time.process_time() + 0.2\nwhile time.process_time() < until: pass\nsys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_what_descendants_spend_counts() -> None:
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE)

    async def work() -> None:
        await until(lambda: bool(family(process.pid)))
        (child,) = family(process.pid)
        await until(lambda: cpu_seconds(child) >= 0.2)

    try:
        cost = asyncio.run(spent_by(process.pid, "unit", 10, work()))
    finally:
        process.communicate()
    assert cost.operations == 10
    assert cost.cpu_ms * 10 >= 190, "of the 200 ms that the child spends, all but what it did before"
    assert cost.rate > 0


def test_what_a_platform_fails_at_is_counted_and_asked_again_but_not_for_ever() -> None:
    faults = [Failed("locked"), Failed("locked")]

    async def ask() -> str:
        if faults:
            raise faults.pop()
        return "a task"

    async def never() -> str:
        raise Failed("locked")

    patience = Patience(again_seconds=0.0)
    assert asyncio.run(patience.answer(ask)) == "a task"
    assert patience.failed == 2
    with pytest.raises(Failed, match="locked"):
        asyncio.run(patience.answer(never))
    assert patience.failed == 2 + FAILED_IN_A_ROW_MAX


def test_others_stand_below_ours_with_how_many_times_ours_they_cost() -> None:
    ours = whole(store_ms=1.0)
    others = [("Other", [Cost("unit", 100, 2 * ours.work[0].total_ms, 12.0), Cost("label", 10, 25.0, 3.0, failed=7)])]
    shown = table(ours, others)
    assert [(row[0], row[1], row[4]) for row in shown.rows] == [
        ("unit", "Concord", ""), ("unit", "Other", "2.00 x"), ("label", "Concord", ""), ("label", "Other", "10.00 x"),
    ]  # fmt: skip
    assert [row[6] for row in shown.rows] == ["0", "0", "0", "7"]
    assert all(len(row) == len(shown.columns) for row in shown.rows)
    assert as_json(others)["Other"]["label"]["failed"] == 7
    assert as_json(others)["Other"]["label"]["cpu_ms"] == pytest.approx(25.0)
