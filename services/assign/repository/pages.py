"""Aggregates that are kept in pages, one after another: which is the newest."""

from collections.abc import Callable

from concord.chassis.journal.last import highest
from concord.chassis.journal.record import record_id
from concord.chassis.store.port import Store


async def newest_page(store: Store, key: Callable[[int], str]) -> int:
    """Return the newest page, found in a few looks at first records: pages are made one after another, from 0.

    Args:
        store: where the journal is.
        key: the aggregate key of a page.
    """
    return (await highest(store, {"": lambda page: record_id(key(page), 1)}))[""]
