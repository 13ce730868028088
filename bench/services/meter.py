"""CPU and memory of other processes, finer than the hundredths of a second that /proc counts in."""

import time
from pathlib import Path

_CPU_CLOCK_OF_ALL_THREADS = 2


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process, all threads, ended ones too; OSError when it is gone.

    The clock's number is made as `clock_getcpuclockid` makes it on Linux, for Python does not offer that call.
    """
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_ALL_THREADS)


def peak_mb(pid: int) -> float:
    """Return the greatest resident memory of a process so far, in megabytes of a million bytes."""
    return _memory_mb(pid, "VmHWM")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process now, in megabytes of a million bytes."""
    return _memory_mb(pid, "VmRSS")


def _memory_mb(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(kilobytes) * 1024 / 1e6
