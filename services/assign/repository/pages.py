"""Aggregates that are kept in pages, one after another: which is the newest."""

from collections.abc import Callable

from concord.chassis.journal.record import JOURNAL, record_id
from concord.chassis.store.port import Store

PAGES_MAX = 2**20
LOOKS = 16


async def newest_page(store: Store, key: Callable[[int], str]) -> int:
    """Return the newest page, found in a few looks at first records: pages are made one after another.

    Args:
        store: where the journal is.
        key: the aggregate key of a page.
    """
    low, high = 0, PAGES_MAX
    while high - low > 1:
        step = max(1, (high - low) // LOOKS)
        pages = [low + step * number for number in range(1, LOOKS + 1) if low + step * number < high]
        if low == 0 and high == PAGES_MAX:
            pages = [2**power for power in range(PAGES_MAX.bit_length() - 1)]
        ids = {record_id(key(page), 1): page for page in pages}
        there = await store.get(JOURNAL.name, list(ids))
        low = max((ids[page_id] for page_id in there), default=low)
        high = min((page for page in pages if page > low), default=high)
    return low
