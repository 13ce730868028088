"""Memory ports on which chosen operations fail, and a clock whose sleeps are counted and take no time."""

import asyncio
from collections import Counter

from concord.chassis.broker.port import BrokerUnavailable


class BrokerTrouble:
    """Faults of a memory broker: an operation fails as often as was asked for, and every call is written down.

    Attributes:
        failures: how often each operation still fails, such as `{"publish": 2}`.
        called: the operations in their order; a publish with its topic.
    """

    def __init__(self, **failures: int) -> None:
        self.failures = Counter(failures)
        self.called: list[str] = []

    async def before(self, operation: str, subject: str) -> None:
        await asyncio.sleep(0)
        self.called.append(f"publish {subject}" if operation == "publish" else operation)
        if self.failures[operation] > 0:
            self.failures[operation] -= 1
            raise BrokerUnavailable(f"{operation} failed on purpose")

    async def after(self, operation: str, subject: str) -> None:
        del operation, subject

    def copies(self, topic: str) -> int:
        del topic
        return 1
