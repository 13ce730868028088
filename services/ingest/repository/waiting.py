"""Records of the intake topic that wait until their project takes units again: whole, and sealed as payloads are."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from concord.chassis.broker.port import Incoming
from concord.chassis.sealing import Sealer
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, READ_IDS_MAX, Collection, Document, Store
from concord.contracts.ids import client_of

WAITING = Collection("waiting", indexed=("project_id", "unit_id", "subject"))
"""By place in the topic, so that a record that comes again waits once."""

_record = msgspec.msgpack.Decoder(Incoming).decode


class Waiter(NamedTuple):
    """A record that is to wait.

    Attributes:
        record: as it came.
        unit_id, subject_mark: of the unit that it tells, and whose data that is, so that both can be erased.
    """

    record: Incoming
    unit_id: str
    subject_mark: str


class Waiting:
    """Where records wait.

    Args:
        store: holds them.
        sealer: encrypts them.
    """

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self.store = store
        self.sealer = sealer

    async def count(self, project_id: str) -> int:
        """Return how many records of a project wait."""
        return await self.store.count(WAITING.name, "project_id", project_id)

    async def keep(self, project_id: str, waiters: Sequence[Waiter], at_us: int) -> list[str]:
        """Let records wait; return the keys of those that did not before."""
        documents = [self._document(project_id, waiter, at_us) for waiter in waiters]
        new: list[str] = []
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            some = documents[start : start + INSERT_DOCUMENTS_MAX]
            taken = await self.store.insert(WAITING.name, some)
            new += [document["_id"] for place, document in enumerate(some) if place not in taken]
        return new

    def _document(self, project_id: str, waiter: Waiter, at_us: int) -> Document:
        key = key_of(waiter.record)
        sealed = self.sealer.seal(client_of(project_id), msgspec.msgpack.encode(waiter.record), key)
        document = {"project_id": project_id, "unit_id": waiter.unit_id, "at_us": at_us, "record": sealed}
        return {"_id": key, **document, **({"subject": waiter.subject_mark} if waiter.subject_mark else {})}

    async def keys(self, project_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return by project what waits, the oldest first."""
        found = await self.store.find(WAITING.name, "project_id", project_ids, only=("project_id", "at_us"))
        keys: dict[str, list[str]] = {}
        for document in sorted(found, key=lambda each: (each["at_us"], each["_id"])):
            keys.setdefault(document["project_id"], []).append(document["_id"])
        return keys

    async def records(self, project_id: str, keys: Sequence[str]) -> list[Incoming]:
        """Return records that wait, in this order; at most READ_IDS_MAX at a time, for each may be a megabyte."""
        assert len(keys) <= READ_IDS_MAX, "a page of them"
        found = await self.store.get(WAITING.name, keys)
        owner = client_of(project_id)
        return [_record(self.sealer.open(owner, found[key]["record"], key)) for key in keys if key in found]

    async def forget(self, keys: Sequence[str]) -> None:
        """Let records wait no more: they were admitted, or set aside."""
        if keys:
            await self.store.delete(WAITING.name, keys)

    async def erase(self, unit_ids: Sequence[str]) -> set[str]:
        """Delete the records of units; return whose there were."""
        return await self._erase("unit_id", unit_ids)

    async def erase_subject(self, subject_mark: str) -> set[str]:
        """Delete the records of a data subject; return of which units there were."""
        return await self._erase("subject", [subject_mark])

    async def _erase(self, field: str, values: Sequence[str]) -> set[str]:
        found = await self.store.find(WAITING.name, field, values, only=("unit_id",))
        await self.forget([document["_id"] for document in found])
        return {document["unit_id"] for document in found}


def key_of(record: Incoming) -> str:
    """Return where a record waits."""
    return f"{record.partition:05}/{record.offset:019}"
