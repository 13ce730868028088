"""What Linux tells of processes: identity, command, CPU. A process number alone is never trusted, it is recycled."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Identity:
    """One process of this boot: its number and the tick since boot at which it started."""

    pid: int
    started: int


@dataclass(frozen=True)
class Status:
    """A process as seen at one moment.

    Attributes:
        identity: Number and start.
        running: False once it has ended and only waits to be reaped.
        leads: Whether it leads a process group, as everything does that the stack itself started.
        cpu_seconds: User and system time of all its threads.
    """

    identity: Identity
    running: bool
    leads: bool
    cpu_seconds: float


def numbers() -> list[int]:
    """Return the number of every process, ended and unreaped ones included."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def status(pid: int) -> Status | None:
    """Return the process of that number, or None when there is none."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the command in parentheses and may hold anything: count from the last parenthesis.
    fields = text[text.rindex(")") + 2 :].split()
    return Status(
        identity=Identity(pid, int(fields[19])),
        running=fields[0] not in "ZX",
        leads=int(fields[2]) == pid,
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND,
    )


def is_running(identity: Identity) -> bool:
    """Return whether this very process still runs; another one under its number does not count."""
    seen = status(identity.pid)
    return seen is not None and seen.running and seen.identity == identity


def send(identity: Identity, number: signal.Signals) -> None:
    """Send a signal to this very process; nothing happens when it is gone, whoever has its number now."""
    try:
        handle = os.pidfd_open(identity.pid)
    except OSError:
        return
    try:
        # The handle pins one process: once that one is seen to be ours, the signal cannot reach another.
        if is_running(identity):
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def command(pid: int) -> str:
    """Return the command line of a process, or an empty text when it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def variable(pid: int, name: str) -> str | None:
    """Return an environment variable that a process was started with; None when unset, gone or not ours to read."""
    try:
        pairs = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    wanted = name.encode() + b"="
    return next((pair[len(wanted) :].decode() for pair in pairs if pair.startswith(wanted)), None)


def open_files(pid: int) -> set[str]:
    """Return what a process holds open, sockets as ``socket:[inode]``; empty when gone or not ours to look into."""
    found = set()
    with suppress(OSError):
        for handle in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.add(str(handle.readlink()))
    return found
