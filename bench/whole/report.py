"""What the whole cost, for people, programs and the history."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.table import Column, Table
from bench.whole.measure import PARTS, Whole
from deploy.local import places

HISTORY = Path(__file__).parent / "history.jsonl"
"""A line a measurement that somebody chose to keep: which commit, how many units, CPU by process."""
HISTORY_LINES_SHOWN = 8
NOT_COMMITTED = "+"
KEPT = ("operations", "seconds", "cpu_ms", "total_ms", "p95_ms", "wall_rate", "disk_bytes")
DIGITS = 3


def table(found: Whole, others: Sequence[dict[str, Any]] = ()) -> Table:
    """Return a line a kind of work, and below each those of other lines of the same number of units, the last first.

    Args:
        found: what was measured now.
        others: lines of the history, or of another revision.
    """
    columns = (
        Column("one", numbers=False),
        Column("commit", numbers=False),
        Column("measured"),
        Column("all CPU ms"),
        *(Column(part) for part in PARTS),
        Column("p95 ms"),
        Column("wall/s"),
    )
    kept = [line for line in others if line["units"] == found.units][-HISTORY_LINES_SHOWN:]
    rows = []
    for name, work in as_json(found)["work"].items():
        rows.append(_row(name, "this", work))
        rows += [_row(name, line["commit"], line["work"][name]) for line in reversed(kept)]
    notes = (
        f"{found.units:,} units by NDJSON, then labels by annotators who ask for the next unit with each. CPU ms: over",
        "all processes until all had read what it caused, idle time included; mongodb and kafka are store and broker.",
        "p95 and wall/s are wall time: noise here, for load, services, store and broker share the cores.",
    )
    return Table("The whole on the local stack", columns, rows, notes)


def _row(name: str, commit: str, work: Mapping[str, Any]) -> list[str]:
    cpu_ms = work["cpu_ms"]
    shown = [f"{work['total_ms']:.2f}", *(f"{cpu_ms[part]:.2f}" for part in PARTS)]
    return [name, commit, f"{work['operations']:,}", *shown, f"{work['p95_ms']:.0f}", f"{work['wall_rate']:.0f}"]


def as_json(found: Whole) -> dict[str, Any]:
    """Return the figures."""
    return {
        "units": found.units,
        "idle_ms": dict(found.idle_ms),
        "work": {work.name: {**asdict(work), "total_ms": work.total_ms, "wall_rate": work.rate} for work in found.work},
    }


def line(found: Whole) -> dict[str, Any]:
    """Return what the history keeps of a measurement."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    work = {name: {key: _rounded(entry[key]) for key in KEPT} for name, entry in as_json(found)["work"].items()}
    return {"commit": commit(), "at": at, "units": found.units, "idle_ms": _rounded(found.idle_ms), "work": work}


def _rounded(figure: Any) -> Any:
    if isinstance(figure, Mapping):
        return {name: _rounded(entry) for name, entry in figure.items()}
    return round(figure, DIGITS)


def keep(kept: dict[str, Any], file: Path = HISTORY) -> None:
    """Add a line to the history."""
    with file.open("a") as history:
        history.write(json.dumps(kept) + "\n")


def history(file: Path = HISTORY) -> list[dict[str, Any]]:
    """Return what was kept, the oldest first."""
    return [json.loads(splitline) for splitline in file.read_text().splitlines()] if file.exists() else []


def commit() -> str:
    """Return the name of what is checked out, with a plus where something is changed and not committed."""
    named = _git("rev-parse", "--short=9", "HEAD")
    return named + (NOT_COMMITTED if _git("status", "--porcelain", "--untracked-files=no") else "") if named else "none"


def _git(*argv: str) -> str:
    process = subprocess.run(["git", *argv], cwd=places.ROOT, capture_output=True, text=True, check=False)
    return process.stdout.strip()
