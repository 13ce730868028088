"""How costs grow: the whole at several sizes, one after another, as a table and as a drawing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from bench.table import Column, Table, seconds
from bench.whole.measure import PARTS, Whole, Work, measure
from concord.pages import drawing

NAMES = {"unit": "a unit imported", "label": "a label"}
GROWN = {**NAMES, "claim": "a claim"}
STYLE = (
    "<style>text{font:11px system-ui,sans-serif;fill:#59636e}.name{font-weight:600}.grid{stroke:#d1d9e0}"
    ".unit{stroke:#0969da;fill:#0969da}.label{stroke:#bc4c00;fill:#bc4c00}.claim{stroke:#1a7f37;fill:#1a7f37}polyline{fill:none!important;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.grid{stroke:#3d444d}.unit{stroke:#4493f8;fill:#4493f8}"
    ".label{stroke:#db6d28;fill:#db6d28}.claim{stroke:#3fb950;fill:#3fb950}}</style>"
)


async def grow(sizes: Sequence[int], labels: int, say: Callable[[str], None]) -> list[Whole]:
    """Return what the whole costs at each size, the smallest first, each on a stack of its own.

    Raises:
        see `measure.measure`.
    """
    found: list[Whole] = []
    for size in sorted(sizes):
        found.append(await measure(size, min(labels, size), say, lives=True))
        # A large size takes long: what is known is told, should it not come up.
        for shown in (table(found[-1:]), lives(found[-1:])):
            say(shown.plain())
    return found


def table(found: Sequence[Whole]) -> Table:
    """Return a line a kind of work and size, with how many times the smallest size's cost it is."""
    columns = (
        Column("one", numbers=False),
        Column("units"),
        Column("all CPU ms"),
        Column("times the first"),
        *(Column(part) for part in PARTS),
        Column("store bytes"),
        Column("topic bytes"),
    )
    rows = []
    for name in GROWN:
        first = _work(found[0], name).total_ms
        rows += [_row(name, whole.units, _work(whole, name), first) for whole in found]
    notes = ("CPU ms: over all processes until all had read what it caused, of a claim until it was answered; idle",
             "time included. Bytes: growth of the files of store and broker, one copy.")  # fmt: skip
    return Table("How the whole grows", columns, rows, notes)


def _row(name: str, units: int, work: Work, first: float) -> list[str]:
    return [
        name,
        f"{units:,}",
        f"{work.total_ms:.2f}",
        f"{work.total_ms / first:.2f}",
        *(f"{work.cpu_ms[part]:.2f}" for part in PARTS),
        f"{work.disk_bytes['mongodb']:,.0f}",
        f"{work.disk_bytes['kafka']:,.0f}",
    ]


def lives(found: Sequence[Whole]) -> Table:
    """Return a line a service and size: how it stopped, started, and came back from a kill."""
    columns = (
        Column("service", numbers=False),
        Column("units"),
        Column("stop"),
        Column("start, CPU"),
        Column("start"),
        Column("after a kill"),
        Column("MB"),
        Column("MB at work"),
    )
    rows = [
        [
            life.start.service,
            f"{whole.units:,}",
            seconds(life.start.stop_seconds),
            seconds(life.start.cpu_seconds),
            seconds(life.start.wall_seconds),
            seconds(life.recovery_seconds),
            f"{life.start.peak_mb:.0f}",
            f"{life.worked_mb:.0f}",
        ]
        for whole in found
        for life in whole.lives
    ]
    rows.sort(key=lambda row: row[0])
    notes = ("Until it was ready, and wall time where not said otherwise, on what the units and labels above left. The",
             "one process of a service: after a kill its group waits for the dead member's session, 10 s. MB: most",
             "memory until it was ready, and at work: of the process that had taken in all of the above.")  # fmt: skip
    return Table("How services stop and start", columns, rows, notes)


def as_json(found: Sequence[Whole]) -> list[dict[str, Any]]:
    """Return the figures, size by size."""
    return [
        {
            "units": whole.units,
            "work": {work.name: {"cpu_ms": dict(work.cpu_ms), "total_ms": work.total_ms} for work in whole.work},
            "lives": [asdict(life) for life in whole.lives],
        }
        for whole in found
    ]


def drawn(lines: Sequence[tuple[str, float, float]], ticks: Sequence[float], shown: Sequence[str], below: str) -> str:
    """Return a drawing of costs, as a file of its own.

    Args:
        lines: points, each the name of its work, its place across and CPU milliseconds; a line a kind of work.
        ticks: places across that are named.
        shown: their names.
        below: what lies across.
    """
    most = max(height for _, _, height in lines) * 1.1
    low, high = min(ticks), max(ticks)
    across = drawing.scale(low, high, drawing.LEFT + 12, drawing.WIDTH - drawing.RIGHT - 12)
    up = drawing.scale(0, most, drawing.HEIGHT - drawing.BOTTOM, drawing.TOP)
    named = {tick: escape(name) for tick, name in zip(ticks, shown, strict=True)}
    parts = [STYLE, drawing.grid(drawing.nice(most), up, "{:g}"), drawing.ticks(ticks, across, named.__getitem__)]
    for work, text in GROWN.items():
        points = [(across(place), up(height)) for name, place, height in lines if name == work]
        if points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline class="{work}" points="{path}"/>')
            parts += [f'<circle class="{work}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
            x, y = points[-1]
            parts.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="end">{text}</text>')
    svg = drawing.plot(parts, below, "CPU ms over all processes", "growth")
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def draw_growth(found: Sequence[Whole], file: Path) -> None:
    """Write the drawing of costs by size."""
    lines = [(work.name, math.log10(whole.units), work.total_ms) for whole in found for work in whole.work]
    ticks = [math.log10(whole.units) for whole in found]
    file.write_text(drawn(lines, ticks, [f"{whole.units:,}" for whole in found], "Units in the project"))


def draw_history(kept: Sequence[dict[str, Any]], file: Path) -> None:
    """Write the drawing of costs by measurement that was kept, the oldest first."""
    lines = [
        (name, float(place), entry["work"][name]["total_ms"]) for name in NAMES for place, entry in enumerate(kept)
    ]
    ticks = [float(place) for place in range(len(kept))]
    file.write_text(drawn(lines, ticks, [entry["commit"] for entry in kept], "Measured at commit"))


def _work(found: Whole, name: str) -> Work:
    return next(work for work in found.work if work.name == name)
