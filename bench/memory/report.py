"""What metrics holds in memory, for people and programs, and how much work the limit of its pods has room for."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.table import Column, Table
from deploy.local import places

COUNTS: Mapping[str, int] = {"open unit": 200_000, "closed unit": 100_000, "project": 100}
LIMIT_MB = 2_147.5
"""Of the pods in `deploy/k8s/base/metrics/deployment.yaml`: 2Gi."""


class NotHeld(Exception):
    """Memory could not be measured; the reason is a sentence."""


@dataclass(frozen=True, slots=True)
class Held:
    """What some of a kind took.

    Attributes:
        kind, count: what was held, and how many.
        held_mb: in rows and sums.
        book_mb: of that, in a book, encoded.
        base_mb: of the process before.
        peak_mb: most that the process had, its own rows gone and the book of another being taken up.
    """

    kind: str
    count: int
    held_mb: float
    book_mb: float
    base_mb: float
    peak_mb: float

    @property
    def bytes_each(self) -> float:
        """What one takes."""
        return self.held_mb * 1e6 / self.count

    @property
    def taken_up_bytes_each(self) -> float:
        """What one takes while it is taken up: its pieces lie beside its row."""
        return max(self.peak_mb - self.base_mb, self.held_mb) * 1e6 / self.count


def measure(say: Callable[[str], None], counts: Mapping[str, int] = COUNTS) -> list[Held]:
    """Return what each kind takes, each in a process of its own.

    Raises:
        NotHeld: one ended in a fault.
    """
    found = []
    for kind, count in counts.items():
        say(f"memory: {count:,} of: {kind}")
        argv = [sys.executable, "-m", "bench.memory.child", kind, str(count)]
        done = subprocess.run(argv, cwd=places.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHeld(f"{kind}: {done.stderr.strip()[-500:]}")
        found.append(Held(kind, count, **json.loads(done.stdout)))
    return found


def table(found: Sequence[Held]) -> Table:
    """Return the figures for people."""
    columns = (
        Column("in metrics", numbers=False),
        *(Column(name) for name in ("counted", "bytes each", "in a book", "while it is taken up", "of such fit")),
    )
    rows = [
        [
            held.kind,
            f"{held.count:,}",
            f"{held.bytes_each:,.0f}",
            f"{held.book_mb * 1e6 / held.count:,.0f}",
            f"{held.taken_up_bytes_each:,.0f}",
            f"{(LIMIT_MB - held.base_mb) * 1e6 / held.taken_up_bytes_each:,.0f}",
        ]
        for held in found
    ]
    base = max((held.base_mb for held in found), default=0.0)
    notes = (
        f"An open unit has three labels, a project forty people. An idle process has {base:.0f} MB.",
        f"Of such fit: beside that and nothing else in {LIMIT_MB:,.0f} MB, the pods' limit, all taken up at once.",
    )
    return Table("Memory of metrics", columns, rows, notes)


def as_json(found: Sequence[Held]) -> Any:
    """Return the figures."""
    return [
        {**asdict(held), "bytes_each": held.bytes_each, "taken_up_bytes_each": held.taken_up_bytes_each}
        for held in found
    ]
