"""Every format at a million units, held against what it may cost."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.table import Column, Table, seconds
from deploy.local import places

UNITS = 1_000_000
FORMATS = ("jsonl", "csv", "parquet", "datasets", "label-studio", "jsonl+data", "parquet+data")
UNITS_A_SECOND_MIN = {"jsonl": 50_000, "csv": 50_000}
CPU_SECONDS_MAX = 60.0
PEAK_MB_MAX = 300.0


class NotWritten(Exception):
    """An export could not be measured; the reason is a sentence."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one export cost.

    Attributes:
        cpu_seconds: of the writer alone, all threads; what a store would hand over is left out.
        seconds: from the first unit to the last byte, what is handed over included.
        peak_mb: greatest resident memory of the process.
    """

    format: str
    units: int
    cpu_seconds: float
    seconds: float
    peak_mb: float
    bytes: int

    @property
    def within_limits(self) -> bool:
        """Whether it costs no more than it may."""
        quick = self.units / self.cpu_seconds >= UNITS_A_SECOND_MIN.get(self.format, self.units / CPU_SECONDS_MAX)
        return quick and self.peak_mb <= PEAK_MB_MAX


def measure(say: Callable[[str], None], units: int = UNITS) -> list[Written]:
    """Return what every format costs, each in a process of its own.

    Raises:
        NotWritten: one ended in a fault.
    """
    found = []
    for name in FORMATS:
        say(f"exports: {units} units as {name}")
        argv = [sys.executable, "-m", "bench.exports.child", name, str(units)]
        done = subprocess.run(argv, cwd=places.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotWritten(f"{name} cannot be written: {done.stderr.strip()[-500:]}")
        found.append(Written(name, units, **json.loads(done.stdout)))
    return found


def as_json(found: Sequence[Written]) -> Any:
    """Return the figures."""
    return [{**asdict(written), "within_limits": written.within_limits} for written in found]


def table(found: Sequence[Written]) -> Table:
    """Return the figures for people."""
    columns = [Column("format", numbers=False)]
    columns += [Column(name) for name in ("CPU", "units a second of CPU", "peak MB", "file MB", "within limits")]
    rows = [
        [
            written.format,
            seconds(written.cpu_seconds),
            f"{written.units / written.cpu_seconds:,.0f}",
            f"{written.peak_mb:.0f}",
            f"{written.bytes / 1e6:.0f}",
            "yes" if written.within_limits else "NO",
        ]
        for written in found
    ]
    units = found[0].units if found else 0
    note = (
        f"Limits: jsonl and csv {UNITS_A_SECOND_MIN['csv']:,} units a second of CPU; all others {UNITS:,} units in "
        f"{CPU_SECONDS_MAX:g} s; {PEAK_MB_MAX:g} MB each. Of the writer alone: reading the store is told with audit."
    )
    return Table(f"Exports of {units:,} units", columns, rows, [note])
