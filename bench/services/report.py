"""The services' figures as tables and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.services.cost import Cost
from bench.services.load import ANNOTATORS
from bench.services.phases import Measured
from bench.table import Column, Table, seconds, times

COST_COLUMNS = (
    Column("operation", numbers=False),
    Column("service", numbers=False),
    Column("units"),
    Column("measured"),
    Column("CPU us"),
    Column("floor us"),
    Column("of it"),
    Column("http"),
    Column("store"),
    Column("broker"),
    Column("store's"),
    Column("broker's"),
    Column("wall/s"),
)
COST_NOTES = (
    "CPU us: of the service's process, one operation, less what it spends idle. floor: a bare server and bare",
    "driver loops doing the same I/O (bodies, documents, batches, records) in the same run; http, store, broker: its",
    "parts. store's, broker's: CPU of those processes meanwhile. wall/s: operations a second of wall time, which is",
    "noise here, for load, services, store and broker share the cores.",
)
CALL_COLUMNS = (
    Column("operation", numbers=False),
    Column("call", numbers=False),
    Column("units"),
    Column("p50 ms"),
    Column("p99 ms"),
)
START_COLUMNS = (
    Column("cold start", numbers=False),
    Column("units"),
    Column("CPU"),
    Column("wall"),
    Column("stop"),
    Column("MB"),
    Column("MB before"),
    Column("idle ms/s"),
)
START_NOTES = ("MB: most memory until it was ready; before: of the process that did all of the above.",)


def tables(found: Sequence[Measured]) -> list[Table]:
    """Return the costs with the sizes of an operation below one another, how long calls took, and the cold starts."""
    costs = [cost for measured in found for cost in measured.costs]
    order = list(dict.fromkeys((cost.operation, cost.service) for cost in costs))
    costs.sort(key=lambda cost: (order.index((cost.operation, cost.service)), cost.units))
    calls = [
        [cost.operation, kind, f"{cost.units:,}", f"{half:.1f}", f"{nearly_all:.1f}"]
        for cost in costs
        for kind, (half, nearly_all) in cost.calls.items()
    ]
    starts = [
        [
            start.service,
            f"{measured.units:,}",
            seconds(start.cpu_seconds),
            seconds(start.wall_seconds),
            seconds(start.stop_seconds),
            f"{start.peak_mb:.0f}",
            f"{measured.peak_mb[start.service]:.0f}",
            f"{measured.idle_share[start.service] * 1e3:.1f}",
        ]
        for measured in found
        for start in measured.cold_starts
    ]
    starts.sort(key=lambda row: row[0])
    title = f"HTTP calls, {ANNOTATORS} annotators at once: time to the answer, which is wall time and noise here"
    return [
        Table("Services on the local stack", COST_COLUMNS, [_row(cost) for cost in costs], COST_NOTES),
        Table(title, CALL_COLUMNS, calls),
        Table("Cold start of a service on what is there at that size", START_COLUMNS, starts, START_NOTES),
    ]


def as_json(found: Sequence[Measured]) -> dict[str, Any]:
    """Return the figures: costs, cold starts, most memory, and what each service spends idle."""
    return {
        "costs": [
            {**asdict(cost), "floor_us": cost.floor.total_us, "ratio": cost.ratio, "wall_rate": cost.rate}
            for measured in found
            for cost in measured.costs
        ],
        "cold_starts": [
            {"units": measured.units, **asdict(start)} for measured in found for start in measured.cold_starts
        ],
        "peak_mb": [{"units": measured.units, **measured.peak_mb} for measured in found],
        "idle_share": [{"units": measured.units, **measured.idle_share} for measured in found],
    }


def _row(cost: Cost) -> list[str]:
    floor = cost.floor
    below = [f"{cost.below_us[part]:.0f}" if part in cost.below_us else "" for part in ("mongodb", "kafka")]
    return [
        cost.operation,
        cost.service,
        f"{cost.units:,}",
        f"{cost.operations:,}",
        f"{cost.cpu_us:.1f}",
        f"{floor.total_us:.1f}",
        "" if cost.ratio is None else times(cost.ratio),
        f"{floor.http_us:.1f}",
        f"{floor.store_us:.1f}",
        f"{floor.broker_us:.1f}",
        *below,
        f"{cost.rate:.0f}",
    ]
