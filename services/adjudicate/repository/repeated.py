"""Who gave a second ruling that is counted, from the record that counted it."""

from typing import cast

from concord.chassis.journal.record import JOURNAL, Cause, events_of
from concord.contracts.codec import decode
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent, RulingRepeated
from services.adjudicate.domain.repeats import RepeatsState
from services.adjudicate.repository.repository import Repository


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


def counting(unit_id: str, rework: int) -> str:
    """Return the id of the cause that counts a unit's second ruling."""
    return f"repeat/{unit_id}/{rework}"
