"""An event loop in virtual time: when nothing is ready it jumps to the next timer, and threads do not exist."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class EverythingWaits(Exception):
    """No callback is ready and no timer is set: the town would stand still for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: where a loop would sleep, time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass; no file is ever ready, for there is none."""
        if timeout is None:
            raise EverythingWaits
        self.now += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs coroutines in an order that follows from what they do alone, in no time at all.

    What would run in a thread is run at once where it is asked for, so that nothing is left to a scheduler.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return seconds since the beginning."""
        return self._jumping.now

    def run_in_executor(  # type: ignore[override]  # the loop's own has an awaitable of a future; a future is one
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run the function now, and return a future that is done."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as fault:
            future.set_exception(fault)
        return future
