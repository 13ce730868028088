"""What another platform's work costs: CPU of its server with all its processes, and wall time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench.services.meter import cpu_seconds
from bench.table import Column, Table
from bench.whole.measure import Whole

FAILED_IN_A_ROW_MAX = 20
AGAIN_SECONDS = 0.5

T = TypeVar("T")


class NotUp(Exception):
    """A platform does not start, or answers with an error; the text is its own."""


class Failed(NotUp):
    """A platform answered with a fault of its own (5xx)."""


class Patience:
    """Asks again what a platform failed at, and counts how often it did: how it serves is part of the comparison.

    Attributes:
        failed: calls that were answered with a fault of the platform's.
    """

    def __init__(self, again_seconds: float = AGAIN_SECONDS) -> None:
        self.failed = 0
        self._again_seconds = again_seconds

    async def answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what is answered in the end.

        Raises:
            Failed: FAILED_IN_A_ROW_MAX times in a row.
        """
        for left in range(FAILED_IN_A_ROW_MAX - 1, -1, -1):
            try:
                return await ask()
            except Failed:
                self.failed += 1
                if not left:
                    raise
                await asyncio.sleep(self._again_seconds)
        raise AssertionError("the last time returns or raises")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of work cost.

    Attributes:
        name: "unit" or "label".
        operations: how many.
        cpu_ms: CPU milliseconds of the server one of them cost.
        rate: so many a second, wall time.
        failed: calls that were answered with a fault of the server's, and made again.
    """

    name: str
    operations: int
    cpu_ms: float
    rate: float
    failed: int = 0


async def spent_by(
    pid: int, name: str, operations: int, work: Coroutine[Any, Any, None], patience: Patience | None = None
) -> Cost:
    """Do some work, and return what the process and its descendants spent on each operation."""
    before, began = cpu_of(pid), time.monotonic()
    await work
    seconds = time.monotonic() - began
    failed = 0 if patience is None else patience.failed
    return Cost(name, operations, (cpu_of(pid) - before) * 1e3 / operations, operations / seconds, failed)


def family(pid: int) -> list[int]:
    """Return the descendants of a process; none when it has ended."""
    try:
        children = [int(name) for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*children, *(number for child in children for number in family(child))]


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process and its descendants have spent."""
    return sum(cpu_seconds(number) for number in (pid, *family(pid)))


def table(ours: Whole, others: Sequence[tuple[str, Sequence[Cost]]]) -> Table:
    """Return ours over all processes, and each platform's beside it."""
    columns = (
        Column("one", numbers=False),
        Column("by", numbers=False),
        Column("measured"),
        Column("CPU ms"),
        Column("times ours"),
        Column("wall/s"),
        Column("failed calls"),
    )
    rows = []
    for work in ours.work:
        rows.append(
            [work.name, "Concord", f"{work.operations:,}", f"{work.total_ms:.2f}", "", f"{work.rate:,.0f}", "0"]
        )
        for platform, costs in others:
            cost = next(entry for entry in costs if entry.name == work.name)
            ratio = f"{cost.cpu_ms / work.total_ms:.2f} x"
            shown = f"{cost.cpu_ms:.2f}", ratio, f"{cost.rate:,.0f}", str(cost.failed)
            rows.append([work.name, platform, f"{cost.operations:,}", *shown])
    notes = (
        "CPU: ours over all processes, broker and store among them; theirs of the server with its database in it.",
        "A call that a server failed at (5xx) is counted and made again; one of ours would end the measurement.",
    )
    return Table(f"Beside other platforms, {ours.units:,} units", columns, rows, notes)


def as_json(others: Sequence[tuple[str, Sequence[Cost]]]) -> dict[str, Any]:
    """Return the figures by platform."""
    return {
        platform: {
            cost.name: {"operations": cost.operations, "cpu_ms": cost.cpu_ms, "rate": cost.rate, "failed": cost.failed}
            for cost in costs
        }
        for platform, costs in others
    }
