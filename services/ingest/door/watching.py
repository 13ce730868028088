"""An import's progress as server-sent events (HTML living standard, section 9.2)."""

from collections.abc import AsyncIterator, Callable

import msgspec

from services.ingest.handlers import Imports
from services.ingest.schemas import ImportBody

EVENT_STREAM = "text/event-stream"
POLL_SECONDS = 1.0
POLLS_MAX = 600
"""After which the stream ends, and its reader asks again, as readers of such streams do by themselves."""


async def watched(
    imports: Imports, import_id: str, client_id: str | None, leaving: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Yield an event whenever the import was read on, the last one when it is complete.

    The stream ends when this process leaves, and not broken off in the middle: its reader goes on at another.
    """
    number = -1
    for _ in range(POLLS_MAX):
        found = await imports.one(import_id, client_id)
        if found.progress.number != number:
            number = found.progress.number
            yield b"id: %d\nevent: progress\ndata: %b\n\n" % (number, msgspec.json.encode(ImportBody.of(found)))
        if found.progress.complete or leaving():
            return
        await imports.clock.sleep(POLL_SECONDS)
