"""Imports: where a client's file was read to, and what was answered to a request that may be sent again.

A note of progress is an insert under the next number, so of two requests that send one file at a time one loses.
"""

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Conflict, FieldError, Invalid, NotFound
from services.ingest.domain.imports import NAME_CHARACTERS_MAX, RESUMABLE, Import, ImportWish, Progress
from services.ingest.domain.project import ProjectState
from services.ingest.repository import ImportStore

ANSWER_SECONDS = 86_400
"""How long an answer is kept under its Idempotency-Key."""


class Answer(msgspec.Struct, frozen=True):
    """What was answered to a request, and what the request was."""

    sha256: str
    status: int
    body: bytes
    at_us: int


class Imports:
    """The imports of all projects.

    Args:
        store: where they are found.
        clock: time.
    """

    def __init__(self, store: ImportStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    async def begin(self, project: ProjectState, wish: ImportWish) -> tuple[Import, bool]:
        """Begin an import, or find the one of this name; return whether it is new, or begun again.

        One of which nothing was taken is begun again where its options are others: a wrong column blocks nothing. Of a
        project that is paused or closed none is begun; one that was can be asked for.

        Raises:
            ProjectNotOpen: there is none of this name, and the project takes nothing.
            Invalid: it has no name, or its format cannot be read on in the middle.
            Conflict: the name stands for an import that is read otherwise.
        """
        if not 0 < len(wish.name) <= NAME_CHARACTERS_MAX:
            cure = f"send 1 to {NAME_CHARACTERS_MAX} characters of your own naming"
            raise Invalid("The import has no name.", [FieldError("name", f"has {len(wish.name)} characters", cure)])
        if wish.format not in RESUMABLE:
            cure = f"send one of {', '.join(RESUMABLE)}, or all of the file to the units' route"
            raise Invalid("The format is not read on.", [FieldError("format", "cannot be read on in the middle", cure)])
        import_id = self.store.import_id(project.project_id, wish.name)
        found = Import(import_id, project.project_id, wish, Progress())
        if project.life != "open":
            known = await self.store.one(import_id, project.client_id)
            if known is not None and known.wish == wish:
                return known, False
            project.must_be_open()
        if await self.store.begin(found):
            return found, True
        known = await self.one(import_id, project.client_id)
        if known.wish != wish:
            return await self._begun_again(known, wish), True
        return known, False

    async def _begun_again(self, known: Import, wish: ImportWish) -> Import:
        """Begin an import again with other options, from the file's start: nothing was taken by those it had.

        Raises:
            Conflict: something was, or another request sends it.
        """
        if known.progress.taken:
            taken = f"{known.progress.taken:,} of its units were taken"
            raise Conflict(
                f"The import {wish.name!r} was begun with other options, and {taken}. "
                "Send the options that it was begun with, or another name (`--name` of `concord import`)."
            )
        anew = msgspec.structs.replace(known, wish=wish, progress=Progress(number=known.progress.number + 1))
        await self.note(anew, anew.progress)
        return anew

    async def one(self, import_id: str, client_id: str | None) -> Import:
        """Return an import; for a client only its own.

        Raises:
            NotFound: none, or another client's.
        """
        found = await self.store.one(import_id, client_id)
        if found is None:
            raise NotFound(f"There is no import {import_id[:100]}.")
        return found

    async def note(self, found: Import, progress: Progress) -> None:
        """Note how far a file was read.

        Raises:
            Conflict: another request reads the same import.
        """
        if not await self.store.note(found, progress):
            raise Conflict("Another request sends this import; ask where it stands, and send from there.")

    async def answered(self, key: str) -> Answer | None:
        """Return what was answered under a key not long ago."""
        found = await self.store.answer(key)
        if found is None:
            return None
        answer = msgspec.json.decode(found, type=Answer)
        return answer if answer.at_us > self.clock.now_us() - ANSWER_SECONDS * MICROSECONDS else None

    async def answer(self, key: str, sha256: str, status: int, body: bytes) -> None:
        """Keep what was answered under a key; what is kept already stays."""
        now_us = self.clock.now_us()
        answer = Answer(sha256, status, body, now_us)
        await self.store.keep_answer(key, msgspec.json.encode(answer), now_us)

    async def forget_answers(self) -> None:
        """Delete the answers that are kept no longer."""
        await self.store.forget_answers(self.clock.now_us() - ANSWER_SECONDS * MICROSECONDS)
