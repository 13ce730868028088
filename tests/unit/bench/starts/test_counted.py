"""What metrics is told before a start is measured: closed units are closed by it, and those that wait are open."""

from bench.live.told import LABELS, LOT_UNITS, ProjectEvents
from bench.starts.counted import CLOSED_BEFORE_US
from concord.contracts.codec import decode
from concord.contracts.topics import TOPICS
from services.metrics.events import handlers
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows

BY_NAME = {topic.name: topic for topic in TOPICS}
NOW_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000


def test_units_of_lots_that_are_over_are_closed_and_those_of_no_lot_stay_open() -> None:
    entry, rows = ProjectEvents("k7q2-bench", gold_every=0), Rows()
    served = {topic.name: count for topic, count in handlers(Handlers(rows)).items()}

    def tell(units: int, at_us: int) -> None:
        for _ in range(units * LABELS):
            for record in entry.label(at_us):
                served[record.topic]([decode(BY_NAME[record.topic], record.value)])

    tell(2 * LOT_UNITS, NOW_US - CLOSED_BEFORE_US)
    entry.lot_units = 10 * LOT_UNITS
    tell(LOT_UNITS + 10, NOW_US)
    assert rows.units_open == 3 * LOT_UNITS + 10
    rows.whole_until_us = NOW_US + DAY_US
    list(rows.closing())
    assert rows.units_open == LOT_UNITS + 10
    assert len(rows.closed) == 2 * LOT_UNITS + 2, "the lots, too"
