"""Event time within reason: nothing is told before it happened."""

AHEAD_US_MAX = 300_000_000
"""How far the clock of whoever tells may be ahead of the one that dates its record."""


def bounded(occurred_us: int, arrived_us: int) -> int:
    """Return when something happened: if it is told before it happened, by more than clocks differ, when it was told.

    A label dated years ahead would be the newest for as long: its annotator's next labels would lie before their
    session, and its project would never be taken for finished.

    Args:
        occurred_us: what the event says, microseconds since the epoch, UTC.
        arrived_us: when its record was written; 0 or less: not known, and nothing is bounded.

    >>> bounded(2_000_000_000, 1_000_000_000)
    1000000000
    >>> bounded(1_100_000_000, 1_000_000_000)
    1100000000
    """
    if arrived_us > 0 and occurred_us > arrived_us + AHEAD_US_MAX:
        return arrived_us
    return occurred_us
