"""A gate at which a test lets somebody wait, and knows when they are there."""

import asyncio
from typing import Literal


class Gate(asyncio.Event):
    """An event that counts who came to wait for it.

    Attributes:
        waiting: how many came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0

    async def wait(self) -> Literal[True]:
        """Wait for the gate to be opened."""
        self.waiting += 1
        return await super().wait()
