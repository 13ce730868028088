"""Times as they are told."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=16)  # what comes in one batch has one time
def timestamp(at_us: int) -> str:
    """Return a time as RFC 3339, UTC.

    >>> timestamp(0)
    '1970-01-01T00:00:00.000000+00:00'
    """
    seconds, rest = divmod(at_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat(timespec="microseconds")
