"""Imports and answers in the store: documents that are inserted once, and read by their keys."""

import msgspec

from concord.chassis.sealing import Sealer
from concord.chassis.store.port import Collection, Store
from concord.contracts.ids import client_of, keyed, placed_id
from services.ingest.domain.imports import Import, ImportWish, Line, Progress

IMPORTS = Collection("imports", indexed=("import_id",))
"""What was noted of each import, by its number."""
ANSWERS = Collection("answers")
"""What was answered to requests with an Idempotency-Key, for a day."""


class Noted(msgspec.Struct, frozen=True):
    """What was noted of an import."""

    wish: ImportWish
    progress: Progress


_noted = msgspec.json.Decoder(Noted).decode


class ImportStore:
    """Where imports are found.

    What is told of lines may show parts of them, so it is sealed.

    Args:
        store: holds them.
        id_secret: keys ids.
        sealer: encrypts them.
    """

    def __init__(self, store: Store, id_secret: bytes, sealer: Sealer) -> None:
        self.store = store
        self.sealer = sealer
        self.id_secret = id_secret

    def import_id(self, project_id: str, name: str) -> str:
        """Return the id of the import that a client names so."""
        return placed_id("i", project_id, keyed(self.id_secret, project_id, "import", name))

    async def begin(self, begun: Import) -> bool:
        """Insert an import; return whether it is new."""
        return await self._insert(begun, begun.progress)

    async def note(self, found: Import, progress: Progress) -> bool:
        """Insert how far an import was read; return whether nobody else did under this number."""
        return await self._insert(found, progress)

    async def _insert(self, import_: Import, progress: Progress) -> bool:
        key = f"{import_.import_id}/{progress.number}"
        sealed = self.sealer.seal(client_of(import_.import_id), msgspec.json.encode(Noted(import_.wish, progress)), key)
        document = {"_id": key, "import_id": import_.import_id, "project_id": import_.project_id, "told": sealed}
        return not await self.store.insert(IMPORTS.name, [document])

    async def one(self, import_id: str, client_id: str | None) -> Import | None:
        """Return an import as it stands; None where there is none, or it is another client's."""
        if client_id is not None and client_of(import_id) != client_id:
            return None
        documents = await self.store.find(IMPORTS.name, "import_id", [import_id])
        if not documents:
            return None
        owner = client_of(import_id)
        notes = [_noted(self.sealer.open(owner, document["told"], document["_id"])) for document in documents]
        notes.sort(key=lambda note: note.progress.number)
        wish = notes[-1].wish
        # What it was read by before it was begun again has nothing to do with it any more.
        begun = next((place for place in range(len(notes), 0, -1) if notes[place - 1].wish != wish), 0)
        noted = [note.progress for note in notes[begun:]]
        refused: list[Line] = [line for progress in noted for line in progress.refused]
        cautions: list[Line] = [line for progress in noted for line in progress.cautions]
        newest = msgspec.structs.replace(noted[-1], refused=tuple(refused), cautions=tuple(cautions))
        return Import(import_id, documents[0]["project_id"], wish, newest)

    async def answer(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        found = (await self.store.get(ANSWERS.name, [key])).get(key)
        return None if found is None else self.sealer.open(_owner(key), found["answer"], key)

    async def keep_answer(self, key: str, answer: bytes, at_us: int) -> None:
        """Keep an answer under a key, which begins with its client, unless one is kept there."""
        sealed = self.sealer.seal(_owner(key), answer, key)
        await self.store.insert(ANSWERS.name, [{"_id": key, "answer": sealed, "at_us": at_us}])

    async def forget_answers(self, before_us: int) -> None:
        """Delete the answers from before a time."""
        async for page in self.store.stream(ANSWERS.name, only=("at_us",)):
            old = [document["_id"] for document in page if document["at_us"] < before_us]
            if old:
                await self.store.delete(ANSWERS.name, old)


def _owner(key: str) -> str:
    return key.partition("/")[0]
