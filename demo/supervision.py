"""Keeping the services up while the job runs: one that ends is started again, and that is said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rich.console import Console

from deploy.local.processes import NotStarted
from deploy.local.stack import Stack

LOOK_SECONDS = 0.5
RESTARTS_MAX = 20


@contextlib.asynccontextmanager
async def kept_running(stack: Stack, console: Console) -> AsyncIterator[None]:
    """Start any part of the stack again that ends, at most RESTARTS_MAX times, while the block runs."""
    watch = asyncio.create_task(_watch(stack, console))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(stack: Stack, console: Console) -> None:
    for _ in range(RESTARTS_MAX):
        while (name := stack.ended()) is None:  # noqa: ASYNC110 - processes end without an event to wait for
            await asyncio.sleep(LOOK_SECONDS)
        console.print(f"{name} has ended and is started again", style="yellow", highlight=False)
        restarting = asyncio.create_task(asyncio.to_thread(stack.restart, name))
        try:
            await asyncio.shield(restarting)
        except NotStarted as fault:
            console.print(f"{name} could not be started again: {fault}", style="red", highlight=False)
        except asyncio.CancelledError:
            # A thread cannot be cancelled, and what it starts must be there before the stack is stopped.
            await asyncio.wait([restarting])
            raise
