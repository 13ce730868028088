"""What a child process measures and how it tells it. Needs the standard library alone."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPEATED_SECONDS = 0.5
"""A call is repeated until it has taken so much CPU, at most REPEATS_MAX times. The quickest counts: interruptions
only add."""
REPEATS_MAX = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One function's cost in a process of its own.

    Attributes:
        who: the package and its version.
        cpu_seconds: CPU of one call, all threads, system time included; of the quickest call.
        peak_mb: greatest resident memory of the process until then, interpreter, imports and data included.
        value: what the function found, so that a reader sees that all computed the same thing.
        note: what a reader must know to compare.
    """

    who: str
    cpu_seconds: float
    peak_mb: float
    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be measured.

    Attributes:
        who: the package and its version.
        call: does it once and returns what it found. What must be there before, such as a data frame, is.
        operations: how many operations one call makes; costs are told of one.
        note: as in `Measured`.
    """

    who: str
    call: Callable[[], Any]
    operations: int = 1
    note: str = ""


def measured(work: Work) -> Measured:
    """Run the work until it is known what it costs."""
    spent: list[float] = []
    value: Any = None
    gc.collect()
    while sum(spent) < REPEATED_SECONDS and len(spent) < REPEATS_MAX:
        before = time.process_time()
        value = work.call()
        spent.append(time.process_time() - before)
    found = None if value is None else float(value)
    return Measured(work.who, min(spent) / work.operations, peak_mb(), found, work.note)


def peak_mb() -> float:
    """Return the greatest resident memory of this process so far, in megabytes of a million bytes.

    Not `resource.getrusage`: its maximum is inherited from the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024 / 1e6
