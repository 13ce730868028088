"""A steady load's figures, for people and programs, and its lag as a line."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.live.steady import Steady
from bench.table import Column, Table
from bench.whole.growth import STYLE
from concord.pages import drawing

WAIT_SECONDS_MAX, BEHIND_SECONDS_MAX = 5.0, 30.0
"""What is aimed at: 99 % of labels in every measure within, and nothing left after the last label within."""
BLOCKS = "▁▂▃▄▅▆▇█"
LINE_CHARACTERS = 80
POINTS_MAX = 400


def table(found: Steady) -> Table:
    """Return the figures beside what is aimed at, and below them the lag over time."""
    columns = (Column("what", numbers=False), Column("found"), Column("aimed at"))
    rows = [
        ["labels, each counted once", f"{found.labels:,}", ""],
        ["labels a second", f"{found.labels / found.given_seconds:.1f}", f"{found.rate}"],
        ["until in every measure, p50 s", f"{found.waited(0.5):.2f}", ""],
        ["until in every measure, p99 s", f"{found.waited(0.99):.2f}", f"< {WAIT_SECONDS_MAX:.0f}"],
        ["until in every measure, longest s", f"{found.waits[-1]:.2f}", ""],
        ["longest pause, s", f"{found.pause_seconds:.2f}", ""],
        ["lag, most labels", f"{max(labels for _, labels in found.lag):,}", ""],
        ["until all is read after the last, s", f"{found.behind_seconds:.1f}", f"< {BEHIND_SECONDS_MAX:.0f}"],
    ]
    if found.answers.seconds:
        p50, p99 = (f"{found.answers.milliseconds(part):.0f}" for part in (0.5, 0.99))
        rows.append(["answer to a label, p50 and p99 ms", f"{p50} / {p99}", ""])
    memory = found.memory
    rows.append(
        [
            "metrics, MB before, after, most",
            f"{memory.before_mb:.0f} / {memory.after_mb:.0f} / \
{memory.peak_mb:.0f}",
            "",
        ]
    )
    rows.append(["CPU ms a label, all processes", f"{sum(found.cpu_ms.values()):.2f}", ""])
    rows += [[f"  {part}", f"{found.cpu_ms[part]:.2f}", ""] for part in sorted(found.cpu_ms)]
    most = max(1, *(labels for _, labels in found.lag))
    notes = (
        f"lag in labels, 0 to {most:,}, from the first label to the last that was counted:",
        line([labels for _, labels in found.lag]),
        "In every measure: in the series of its project that alerts and dashboards stand on. All but CPU is wall time.",
    )
    return Table(f"Labels at a steady rate: {found.form}", columns, rows, notes)


def line(values: Sequence[int], characters: int = LINE_CHARACTERS) -> str:
    """Return values as a line of blocks: the most of those that share a place.

    >>> line([0, 1, 2, 3, 4, 5, 6, 7], 8)
    '▁▂▃▄▅▆▇█'
    >>> line([7, 0, 0, 0, 0, 0], 3)
    '█▁▁'
    """
    places = min(characters, len(values))
    cut = [len(values) * place // places for place in range(places + 1)]
    tops = [max(values[low:high]) for low, high in pairwise(cut)]
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * top / max(1, *values))] for top in tops)


def draw(found: Steady, file: Path) -> None:
    """Write the lag over time as a drawing, as a file of its own."""
    thinned = found.lag[:: max(1, len(found.lag) // POINTS_MAX)]
    last = max(found.lag[-1][0], 1.0)
    most = max(1, *(labels for _, labels in found.lag)) * 1.1
    across = drawing.scale(0, last, drawing.LEFT + 12, drawing.WIDTH - drawing.RIGHT - 12)
    up = drawing.scale(0, most, drawing.HEIGHT - drawing.BOTTOM, drawing.TOP)
    path = " ".join(f"{across(at):.1f},{up(labels):.1f}" for at, labels in thinned)
    seconds = drawing.nice(last)
    parts = [
        STYLE,
        drawing.grid(drawing.nice(most), up, "{:g}"),
        drawing.ticks(seconds, across, lambda at: f"{at:g}"),
        f'<polyline class="label" points="{path}"/>',
    ]
    above = f"Labels given and not in the measures, at {found.rate} a second"
    svg = drawing.plot(parts, "Seconds since the first label", above, "lag")
    file.write_text(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n")


def as_json(found: Steady) -> dict[str, Any]:
    """Return the figures, waits by their shares."""
    figures = asdict(found)
    figures["waits"] = {f"p{part}": found.waited(part / 100) for part in (50, 90, 99)} | {"most": found.waits[-1]}
    figures["answers"] = {f"p{part}_ms": found.answers.milliseconds(part / 100) for part in (50, 99)}
    return figures
