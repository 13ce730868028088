"""Metrics' rows in a process of their own: ``python -m bench.memory.child KIND COUNT``; prints a line of JSON.

Events go through the handlers that serve the topics, encoded and decoded as a broker would bring them.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.statistics.measure import peak_mb
from concord.chassis.clock import MICROSECONDS
from concord.contracts.ids import placed_id
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from services.metrics.book import Book
from services.metrics.bootstrap import COLLECT_AFTER
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows

BATCH, LOT_UNITS = 500, 500
PEOPLE, LABELS = 40, 3
CLASSES = (b'{"class":"no"}', b'{"class":"yes"}', b'{"class":"unsure"}')
AT_US = 1_790_000_000 * MICROSECONDS
LATER_US = 3_600 * MICROSECONDS


def resident_mb() -> float:
    """Return the memory of this process that is resident now, in megabytes of a million bytes."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) * 1024 / 1e6


def _about(project_id: str, seconds: int = 0) -> Metadata:
    return Metadata(project_id=project_id, occurred_at_us=AT_US + seconds * MICROSECONDS)


def _through(event: Any) -> Any:
    """Return an event as it comes from the broker."""
    return type(event).FromString(event.SerializeToString())


def work(served: Handlers, project_id: str, first: int, count: int) -> list[str]:
    """Let units come in, be labelled by some people each and be settled; return their ids."""
    ids = [placed_id("u", project_id, f"{number:026}") for number in range(first, first + count)]
    served.units(
        [
            _through(
                UnitEvent(
                    metadata=_about(project_id), unit_admitted=UnitAdmitted(unit_id=identifier, overlap_initial=2)
                )
            )
            for identifier in ids
        ]
    )
    for nth in range(LABELS):
        served.annotations(
            [_through(_labelled(project_id, text, number, nth)) for number, text in enumerate(ids, first)]
        )
    settled = [ConsensusReached(unit_id=identifier, label=CLASSES[0], overlap_initial=2) for identifier in ids]
    served.resolutions(
        [_through(ResolutionEvent(metadata=_about(project_id, 90), consensus_reached=reached)) for reached in settled]
    )
    return ids


def _labelled(project_id: str, unit_id: str, number: int, nth: int) -> AnnotationEvent:
    submitted = AnnotationSubmitted(
        unit_id=unit_id,
        annotation_id=f"{unit_id}.{nth:010}",
        annotator_id=f"annotator-{(number * LABELS + nth) % PEOPLE:03}",
        label=CLASSES[number % len(CLASSES)],
        active_ms=9_000 + number % 997,
    )
    return AnnotationEvent(metadata=_about(project_id, nth), annotation_submitted=submitted)


def accept(served: Handlers, project_id: str, ids: Sequence[str], number: int) -> None:
    """Let these units be a lot that is accepted, and close it."""
    lot_id = placed_id("l", project_id, f"{number:026}")
    sealed, taken = LotSealed(lot_id=lot_id, unit_ids=ids), LotAccepted(lot_id=lot_id, lot_units=len(ids), inspected=50)
    served.units([_through(UnitEvent(metadata=_about(project_id, 100), lot_sealed=sealed))])
    served.lots([_through(LotEvent(metadata=_about(project_id, 200), lot_accepted=taken))])
    served.rows.whole_until_us = AT_US + LATER_US
    list(served.rows.closing())


def open_units(rows: Rows, count: int) -> None:
    """Open units, of one project."""
    served = Handlers(rows)
    for first in range(0, count, BATCH):
        work(served, "k7q2-bench", first, min(BATCH, count - first))


def closed_units(rows: Rows, count: int) -> None:
    """Units whose lots were accepted, of one project."""
    served = Handlers(rows)
    for first in range(0, count, LOT_UNITS):
        accept(served, "k7q2-bench", work(served, "k7q2-bench", first, min(LOT_UNITS, count - first)), first)


def projects(rows: Rows, count: int) -> None:
    """Projects of which one lot was accepted: what is left of one are its sums, and its people's."""
    served = Handlers(rows)
    for number in range(count):
        project_id = f"k7q2-bench{number}"
        accept(served, project_id, work(served, project_id, number * LOT_UNITS, LOT_UNITS), number)


KINDS: Mapping[str, Callable[[Rows, int], None]] = {
    "open unit": open_units,
    "closed unit": closed_units,
    "project": projects,
}


class _Pieces:
    """Books as bytes, as they lie in the table that recovers them."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def read(self, place: int) -> Mapping[bytes, bytes]:
        """Return all of them."""
        del place
        return dict(self.kept)

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Keep one, or none any more."""
        del place
        if piece is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = piece

    async def settled(self) -> None:
        """Return."""


async def _nothing() -> None:
    return


async def measured(kind: str, count: int) -> dict[str, float]:
    """Return what the rows take, and the most that there is of everything while another process takes them up."""
    rows = Rows()
    KINDS[kind](rows, 1)  # what is made once
    gc.collect()
    rows, before = Rows(), resident_mb()
    KINDS[kind](rows, count)
    gc.collect()
    held = resident_mb() - before
    pieces = _Pieces()
    await Book("one", 0, rows, pieces, _nothing).keep({})
    written = sum(map(len, pieces.kept.values()))
    del rows
    gc.collect()
    taken = Rows()
    await Book("two", 0, taken, pieces, _nothing).take_up()
    peak = max(peak_mb(), before)  # the kernel may tell a peak of some pages less than what was resident
    return {"held_mb": held, "book_mb": written / 1e6, "base_mb": before, "peak_mb": peak}


def main(arguments: Sequence[str]) -> int:
    """Fill and measure."""
    gc.set_threshold(*COLLECT_AFTER)
    print(json.dumps(asyncio.run(measured(arguments[0], int(arguments[1])))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
