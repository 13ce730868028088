"""The town's bounds: those of the services, made small, so that a town of thirty units meets them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

DESK_LEASES_MAX = 7
"""Leases that one annotator may hold in one project of the town."""
BACKLOG_EVENTS_MAX = 24
"""Events of a process of the town that wait for the broker before people are refused."""
BACKLOG_EVENTS_OVER = 40
"""What may come on top: the requests that were taken a moment before, and what consumers had in hand."""
RECORD_BYTES_MAX = 4_500
DECISION_BYTES_MAX = 4_000
"""Of the broker's records, and of all events of one decision."""
SMALL: dict[str, int] = {
    "services.assign.domain.desk.LEASES_MAX": DESK_LEASES_MAX,
    "services.assign.handlers.desks.LEASES_MAX": DESK_LEASES_MAX,
    "services.assign.domain.desk.PAGE_RECORDS_MAX": 6,
    "services.assign.domain.stranding.LET_GO_MAX": 8,
    "concord.chassis.journal.publisher.HELD_BYTES_MAX": 4_000,
    "concord.chassis.journal.publisher.BACKLOG_EVENTS_MAX": BACKLOG_EVENTS_MAX,
    "concord.chassis.broker.port.RECORD_BYTES_MAX": RECORD_BYTES_MAX,
    "concord.chassis.dead_letters.RECORD_BYTES_MAX": RECORD_BYTES_MAX,
    "concord.chassis.size_budget.RECORD_BYTES_MAX": RECORD_BYTES_MAX,
    "concord.chassis.size_budget.DECISION_BYTES_MAX": DECISION_BYTES_MAX,
    "concord.chassis.journal.turn.DECISION_BYTES_MAX": DECISION_BYTES_MAX,
    "concord.chassis.journal.group_commit.COMMIT_RECORDS_MAX": 8,
    "concord.chassis.journal.rows.PAGE_ROWS_MIN": 2,
    "concord.chassis.journal.rows.PAGE_ROWS_MAX": 5,
    "concord.chassis.journal.rows.BYTES_IN_MEMORY_MAX": 2_000,
    "services.ingest.door.batches.ADMIT_UNITS": 3,
}
"""What is made small, and how small: a bound of fifty leases is kept by the same lines as one of seven."""


@contextmanager
def small() -> Iterator[None]:
    """Have the services keep to the town's bounds within the block."""
    with ExitStack() as stack:
        for name, bound in SMALL.items():
            stack.enter_context(patch(name, bound))
        yield
