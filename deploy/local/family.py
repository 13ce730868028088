"""Which processes belong to a stack, told by a mark in their environment, and how all of them are stopped.

The mark is inherited, so whatever a service starts is found as well; it needs no file that could be stale, and a
recycled process number cannot carry it. So `make down` works from any state, after any crash.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import proc

MARK = "CONCORD_LOCAL_STACK"
GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_KILLING_SECONDS_MAX = 5.0


@dataclass(frozen=True)
class Member:
    """A running process of a stack.

    Attributes:
        folder: Where the stack lives.
        layer: When it was started: everything of a lower layer was ready before.
        name: What it is, such as ``kafka`` or ``ingest``.
        ports: What it was told to listen on.
        identity: Which process it is.
        leads: Whether it is the one the stack started, not a child of that one.
    """

    folder: Path
    layer: int
    name: str
    ports: tuple[int, ...]
    identity: proc.Identity
    leads: bool


def mark(folder: Path, layer: int, name: str, ports: Iterable[int] = ()) -> dict[str, str]:
    """Return the environment that makes a process a member of the stack in `folder`."""
    return {MARK: f"{layer}|{name}|{','.join(map(str, ports))}|{folder.resolve()}"}


def members(folder: Path) -> list[Member]:
    """Return the running processes of every stack that lives in `folder` or below it, first started first."""
    within = folder.resolve()
    found = [member for pid in proc.numbers() if (member := _member(pid)) and member.folder.is_relative_to(within)]
    return sorted(found, key=lambda member: (member.layer, member.identity.started))


def stop(
    folder: Path,
    grace_seconds: float = GRACE_SECONDS,
    say: Callable[[str], None] = lambda _line: None,
    spare: Collection[str] = (),
) -> None:
    """Stop every process of the stacks in `folder`, the last layer first; return when none is left.

    Each layer is asked to end, and killed when `grace_seconds` have passed. Interrupted in between (a second
    Ctrl-C), the rest is killed at once and the interruption goes on to the caller. Parts whose names are in `spare`
    are let be.
    """
    try:
        # More than one round: a process may have been about to start another.
        while found := _without(spare, members(folder)):
            for layer in sorted({member.layer for member in found}, reverse=True):
                _stop_layer([member for member in found if member.layer == layer], grace_seconds, say)
    except BaseException:
        until = time.monotonic() + _KILLING_SECONDS_MAX
        while (found := _without(spare, members(folder))) and time.monotonic() < until:
            kill(found)
            time.sleep(_POLL_SECONDS)
        raise


def kill(found: list[Member]) -> None:
    """End these processes at once, with SIGKILL."""
    for member in found:
        proc.send(member.identity, signal.SIGKILL)


def _without(spare: Collection[str], found: list[Member]) -> list[Member]:
    return [member for member in found if member.name not in spare]


def _stop_layer(layer: list[Member], grace_seconds: float, say: Callable[[str], None]) -> None:
    for member in layer:
        proc.send(member.identity, signal.SIGTERM)
        proc.send(member.identity, signal.SIGCONT)  # one that was paused hears it now
    until = time.monotonic() + grace_seconds
    left = layer
    while left:
        gone = [element for element in left if not proc.is_running(element.identity)]
        left = [element for element in left if element not in gone]
        for item in gone:
            if item.leads:
                say(f"{item.name:<12} stopped")
        if left and time.monotonic() > until:
            for entry in left:
                say(f"{entry.name:<12} would not stop within {grace_seconds:g} s and was killed")
            kill(left)
            until = time.monotonic() + grace_seconds
        time.sleep(_POLL_SECONDS)


def _member(pid: int) -> Member | None:
    value = proc.variable(pid, MARK)
    seen = proc.status(pid) if value else None
    if not value or not seen or not seen.running:
        return None
    layer, name, ports, folder = value.split("|", 3)
    numbers = tuple(int(port) for port in ports.split(",") if port)
    return Member(Path(folder), int(layer), name, numbers, seen.identity, seen.leads)
