"""A clock that stands still until a test moves it."""

import asyncio


class HandClock:
    """Time by hand.

    Args:
        seconds: since the epoch, and of the monotonic clock.
    """

    def __init__(self, seconds: float = 1_800_000_000.0) -> None:
        self.seconds = seconds
        self.slept: list[float] = []

    def now_us(self) -> int:
        return round(self.seconds * 1_000_000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)
