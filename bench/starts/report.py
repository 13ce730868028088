"""What starts cost, for people and programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.starts.measure import Start
from bench.table import Column, Table

PEAK_MB_MAX = 200.0
SHARE_MAX = 0.1
"""Of the CPU that the other checkout's start takes, beyond what it takes on an empty database."""


def table(starts: Sequence[Start]) -> Table:
    """Return a line a start."""
    columns = (
        Column("service", numbers=False),
        Column("checkout", numbers=False),
        *(Column(name) for name in ("closed", "open", "documents", "CPU s", "of it empty", "most MB")),
    )
    rows = [
        [
            *(start.service, start.of, f"{start.closed:,}", f"{start.waiting:,}", f"{start.documents:,}"),
            *(f"{start.cpu_seconds:.2f}", f"{start.bare_cpu_seconds:.2f}", f"{start.peak_mb:.0f}"),
        ]
        for start in starts
    ]
    notes = (
        "CPU of the process until it had said that it was ready and was calm; of it empty: on an empty database.",
        f"Limits: {PEAK_MB_MAX:.0f} MB, and a tenth of the CPU of the other checkout beyond that of an empty start.",
    )
    return Table("Starts on a journal", columns, rows, notes)


def as_json(starts: Sequence[Start]) -> list[dict[str, Any]]:
    """Return the figures."""
    return [{**asdict(start), "own_cpu_seconds": start.own_cpu_seconds} for start in starts]
