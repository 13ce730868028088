"""Drafts in the store: a sealed document a save, of which the newest counts. No journal: nobody is told of them."""

from collections.abc import Container, Iterable, Sequence

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.sealing import Sealer
from concord.chassis.store.port import Collection
from concord.contracts.ids import client_of, place_of, slot_of_project, slots_of
from services.assign.domain.drafts import Draft, next_revision, older, outlived
from services.assign.domain.refusals import DraftSuperseded
from services.assign.domain.unit import UnitState
from services.assign.repository.kinds import UNIT

DRAFTS = Collection("drafts", indexed=("assignment", "unit", "slot"))
"""What somebody has of a label before they send it. A document's key is its assignment's and the number of the save."""
ENDED_AT_ONCE = 200

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Draft).decode


class Drafts:
    """Drafts of the leases that run.

    Args:
        journal: the truth of leases.
        count: how many places the cluster has.
        sealer: encrypts what people wrote.

    Attributes:
        newest: by assignment, the number of the newest draft that is known here.
    """

    def __init__(self, journal: Journal, count: int, sealer: Sealer) -> None:
        self._journal = journal
        self._store = journal.store
        self._count = count
        self._sealer = sealer
        self._known: dict[str, tuple[str, int]] = {}
        self.newest: dict[str, int] = {}

    async def load(self, place: int) -> None:
        """Learn which leases of a place have drafts, by the slots of its projects."""
        slots = list(slots_of(place, self._count))
        for document in await self._store.find(DRAFTS.name, "slot", slots, only=("assignment", "aggregate")):
            self._note(document["assignment"], document["aggregate"], place, _revision(document["_id"]))

    async def find(self, assignment_id: str) -> Draft | None:
        """Return the newest draft of a lease."""
        found = await self._store.find(DRAFTS.name, "assignment", [assignment_id])
        if not found:
            return None
        newest = max(found, key=lambda document: _revision(document["_id"]))
        return _decode(self._sealer.open(client_of(assignment_id), newest["sealed"], newest["_id"]))

    async def save(self, assignment_id: str, state: UnitState, key: str, draft: Draft) -> int:
        """Keep a draft that was built on revision `draft.revision`, and return its own; what came before it goes.

        One insert decides: of two that built on the same, one wins.

        Raises:
            DraftSuperseded: another was saved since.
        """
        slot = slot_of_project(state.project_id)
        revision = next_revision(max(await self._revisions(assignment_id), default=0), draft.revision)
        kept = msgspec.structs.replace(draft, revision=revision)
        document_id = _id(assignment_id, revision)
        sealed = self._sealer.seal(client_of(assignment_id), _encode(kept), document_id)
        document = {
            "_id": document_id,
            "assignment": assignment_id,
            "aggregate": key,
            "unit": state.unit_id,
            "slot": slot,
            "sealed": sealed,
        }
        if await self._store.insert(DRAFTS.name, [document]):
            raise DraftSuperseded(draft.revision, revision)
        self._note(assignment_id, key, place_of(slot, self._count), revision)
        try:
            before = older(await self._revisions(assignment_id), revision)
        except DraftSuperseded:  # its number was free again: others had saved more than once meanwhile
            await self._store.delete(DRAFTS.name, [document_id])
            raise
        if before:
            await self._store.delete(DRAFTS.name, [_id(assignment_id, number) for number in before])
        return revision

    async def forget(self, assignment_ids: Sequence[str]) -> int:
        """Delete the drafts of these leases, and return how many documents there were."""
        found = await self._store.find(DRAFTS.name, "assignment", list(assignment_ids), only=("assignment",))
        deleted = await self._store.delete(DRAFTS.name, [document["_id"] for document in found]) if found else 0
        self._let_go(assignment_ids)
        return deleted

    async def erase(self, unit_ids: Sequence[str]) -> None:
        """Delete the drafts of units, whoever holds them and whether this process knows of them or not."""
        found = await self._store.find(DRAFTS.name, "unit", list(unit_ids), only=("assignment",)) if unit_ids else []
        await self.forget(sorted({document["assignment"] for document in found}))

    async def end(self, serves: Container[int]) -> int:
        """Delete the drafts of leases that are over, as far as drafts are known here; return how many leases had some.

        Args:
            serves: the places that are this process's. What lies in another's is read anew, looked at once, and left to
                that one, which learns of it when the place is loaded.
        """
        elsewhere = {assignment_id: key for assignment_id, (key, place) in self._known.items() if place not in serves}
        self._journal.forget(elsewhere.values())
        known, over = [(assignment_id, key) for assignment_id, (key, _) in self._known.items()], list[str]()
        for start in range(0, len(known), ENDED_AT_ONCE):
            some = known[start : start + ENDED_AT_ONCE]
            states = await self._journal.states(UNIT, list({key: None for _, key in some}))
            over += [assignment_id for assignment_id, key in some if outlived(states.get(key), assignment_id)]
        for start in range(0, len(over), ENDED_AT_ONCE):
            await self.forget(over[start : start + ENDED_AT_ONCE])
        self._let_go(elsewhere)
        return len(over)

    def drop(self, place: int) -> None:
        """Forget what is known of a place that is another process's now."""
        self._let_go([assignment_id for assignment_id, (_, lies) in self._known.items() if lies == place])

    def _let_go(self, assignment_ids: Iterable[str]) -> None:
        for assignment_id in assignment_ids:
            self._known.pop(assignment_id, None)
            self.newest.pop(assignment_id, None)

    async def _revisions(self, assignment_id: str) -> list[int]:
        found = await self._store.find(DRAFTS.name, "assignment", [assignment_id], only=("assignment",))
        return [_revision(document["_id"]) for document in found]

    def _note(self, assignment_id: str, key: str, place: int, revision: int) -> None:
        self._known[assignment_id] = (key, place)
        self.newest[assignment_id] = max(revision, self.newest.get(assignment_id, 0))


def _id(assignment_id: str, revision: int) -> str:
    return f"{assignment_id}/{revision:06d}"


def _revision(document_id: str) -> int:
    return int(document_id.rpartition("/")[2])
