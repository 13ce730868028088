"""Time is handed in: one port, the system's clock here, a virtual one in the simulation."""

import asyncio
import time
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """What a service may know of time."""

    def now_us(self) -> int:
        """Return the wall time: microseconds since the epoch, UTC. It may jump; only deadlines read it."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring how long something took."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


class LoopClock:
    """A clock that follows the running event loop's own time: virtual where the loop is.

    Args:
        start_us: the wall time at the loop's time zero, microseconds since the epoch.
    """

    def __init__(self, start_us: int) -> None:
        self.start_us = start_us

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC, by the loop's time."""
        return self.start_us + round(asyncio.get_running_loop().time() * MICROSECONDS)

    def monotonic(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of the loop's time."""
        await asyncio.sleep(seconds)
