"""Turns at aggregates within a process: two at once would both be right in the end, but one would do it over."""

import asyncio
from collections.abc import Sequence


class InHand:
    """The aggregates that somebody of this process has in hand."""

    def __init__(self) -> None:
        self._until: dict[str, asyncio.Event] = {}

    async def take(self, keys: Sequence[str]) -> asyncio.Event:
        """Wait for those who have any of these aggregates, and have them all; return what `let_go` is to be told."""
        until = self._until
        # Together after each wait: while one is waited for, another may be taken.
        while (before := next((until[key] for key in keys if key in until), None)) is not None:
            await before.wait()
        done = asyncio.Event()
        for key in keys:
            until[key] = done
        return done

    def let_go(self, keys: Sequence[str], done: asyncio.Event) -> None:
        """Let others have them."""
        done.set()
        for key in keys:
            if self._until.get(key) is done:
                del self._until[key]
