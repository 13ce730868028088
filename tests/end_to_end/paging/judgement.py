"""Whether who was to be woken was woken, once, in time, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass

ALERT = "AgreementBreachCertain"
WOKEN = "quality-on-call"
ON_CALL = frozenset({"quality-on-call", "platform-on-call"})
PAGE_SECONDS_MAX = 180.0


@dataclass(frozen=True)
class Notification:
    """What a receiver heard of one alert; `at` in seconds of the run's clock, `status` firing or resolved."""

    at: float
    receiver: str
    alert: str
    status: str
    project: str


@dataclass(frozen=True)
class Line:
    """A line of the table: what was promised, what was found, and whether it holds."""

    promise: str
    found: str
    holds: bool


def pages(heard: Sequence[Notification], project: str, status: str = "firing") -> list[Notification]:
    """Return what those on call heard of the breach in that project."""
    return [note for note in heard if (note.alert, note.project, note.status) == (ALERT, project, status)]


def paged(heard: Sequence[Notification], project: str, missed_at: float) -> list[Line]:
    """Judge the page of a project whose upper bound was seen below the target at `missed_at`."""
    found = pages(heard, project)
    seconds = found[0].at - missed_at if found else None
    receivers = sorted({note.receiver for note in found})
    in_time = seconds is not None and seconds <= PAGE_SECONDS_MAX
    return [
        Line("pages exactly once", f"{len(found)} pages", len(found) == 1),
        Line("pages within 180 s", "never" if seconds is None else f"{seconds:.1f} s", in_time),
        Line(f"{WOKEN} hears, nobody else", ", ".join(receivers) or "nobody", receivers == [WOKEN]),
    ]


def spared(heard: Sequence[Notification], project: str) -> Line:
    """Judge that nobody on call heard anything of a project that is too small to judge."""
    found = [note for note in heard if note.project == project and note.receiver in ON_CALL]
    return Line("12 units page nobody", f"{len(found)} pages", not found)


def resolved(heard: Sequence[Notification], project: str) -> Line:
    """Judge that whoever was woken heard once that it is over, and not before it began."""
    over, begun = pages(heard, project, "resolved"), pages(heard, project)
    holds = len(over) == 1 and over[0].receiver == WOKEN and bool(begun) and begun[0].at <= over[0].at
    return Line("resolves once it has recovered", f"{len(over)} resolved", holds)
