"""Who gave a second ruling that is counted, from the record that counted it."""

from typing import cast

from concord.chassis.journal.record import JOURNAL, Cause, events_of, line_of
from concord.contracts.codec import decode
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent, RulingRepeated
from services.adjudicate.domain.repeats import SHOWN_MAX, RepeatsState
from services.adjudicate.repository.repository import Repository

LOOKED_MAX = 1_000
"""Records of second rulings that are looked through for those that differ, the newest first."""
SHOWN_BYTES_MAX = 2_000_000
"""Of the labels in all of them."""
LOOKED_TOGETHER = 25
"""At once: each may hold labels of several."""


async def ruling_counted(repository: Repository, cause: Cause[RepeatsState]) -> RulingRepeated:
    """Return the second ruling that a cause counted when it was first answered: frozen with it, it is as it was told.

    Raises:
        StoreUnavailable: no answer in time.
        LookupError: the cause was never answered.
    """
    store = repository.journal.store
    records = await store.find(JOURNAL.name, "aggregate", [cause.key], only=("causes",))
    of_cause = [record["_id"] for record in records if cause.id in record["causes"]]
    # A record that answers several causes holds the events of each.
    for record in (await store.get(JOURNAL.name, of_cause, only=("events",))).values():
        for outgoing in events_of(record):
            event = cast("ResolutionEvent", decode(RESOLUTIONS, outgoing.value))
            repeated = event.ruling_repeated
            if event.HasField("ruling_repeated") and counting(repeated.unit_id, repeated.rework) == cause.id:
                return repeated
    raise LookupError(f"nothing was counted by {cause.id}")


async def counted_lately(repository: Repository, key: str) -> list[tuple[RulingRepeated, int]]:
    """Return the newest second rulings that differ from the first, with when they were given, the newest first.

    Args:
        repository: where they are.
        key: of the aggregate that counts a project's.

    Raises:
        StoreUnavailable: no answer in time.
    """
    store = repository.journal.store
    records = await store.find(JOURNAL.name, "aggregate", [key], only=())
    newest = sorted((str(record["_id"]) for record in records), key=line_of, reverse=True)[:LOOKED_MAX]
    found: list[tuple[RulingRepeated, int]] = []
    left = SHOWN_BYTES_MAX
    for start in range(0, len(newest), LOOKED_TOGETHER):
        some = newest[start : start + LOOKED_TOGETHER]
        there = await store.get(JOURNAL.name, some, only=("events",))
        for identifier in some:
            for outgoing in reversed(events_of(there[identifier])):
                event = cast("ResolutionEvent", decode(RESOLUTIONS, outgoing.value))
                if not event.HasField("ruling_repeated") or event.ruling_repeated.same:
                    continue
                # Both labels go out, and the first is as long as the second, more or less.
                left -= 2 * len(event.ruling_repeated.label)
                if left < 0 or len(found) == SHOWN_MAX:
                    return found
                found.append((event.ruling_repeated, event.metadata.occurred_at_us))
    return found


def counting(unit_id: str, rework: int) -> str:
    """Return the id of the cause that counts a unit's second ruling."""
    return f"repeat/{unit_id}/{rework}"
