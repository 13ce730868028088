"""The town's bounds: those of the services, made small, so that a town of thirty units meets them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

DESK_LEASES_MAX = 7
"""Leases that one annotator may hold in one project of the town."""
SMALL = {
    "services.assign.domain.desk.LEASES_MAX": DESK_LEASES_MAX,
    "services.assign.handlers.desks.LEASES_MAX": DESK_LEASES_MAX,
    "services.assign.domain.desk.PAGE_RECORDS_MAX": 6,
    "services.assign.domain.stranding.LET_GO_MAX": 8,
    "concord.chassis.journal.publisher.HELD_BYTES_MAX": 4_000,
    "concord.chassis.journal.publisher.BACKLOG_EVENTS_MAX": 60,
    "concord.chassis.journal.group_commit.COMMIT_RECORDS_MAX": 8,
    "services.ingest.api.ADMIT_UNITS": 3,
}
"""What is made small, and how small: a bound of fifty leases is kept by the same lines as one of seven."""


@contextmanager
def small() -> Iterator[None]:
    """Have the services keep to the town's bounds within the block."""
    with ExitStack() as stack:
        for name, bound in SMALL.items():
            stack.enter_context(patch(name, bound))
        yield
