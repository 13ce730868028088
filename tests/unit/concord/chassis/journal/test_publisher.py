"""The publisher: in the order of the commits, at once after a silence, together when there is much."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import SystemClock
from concord.chassis.journal import publisher as module
from concord.chassis.journal.publisher import Publisher
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.contracts.topics import UNITS

FOR_EVER = 3_600.0


class NotedBroker(MemoryBroker):
    """Notes what each publish was given."""

    def __init__(self) -> None:
        super().__init__(MemoryCluster(SystemClock(), random.Random(1)), "w")
        self.published: list[list[bytes]] = []

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await super().publish(records)
        self.published.append([record.value for record in records])


def said(*values: bytes) -> list[Outgoing]:
    return [Outgoing(UNITS.name, b"key", value) for value in values]


@pytest.fixture
def broker() -> NotedBroker:
    return NotedBroker()


@pytest.fixture
async def publisher(broker: NotedBroker) -> AsyncIterator[Publisher]:
    publisher = Publisher(broker, MemoryStore(MemoryDatabase(random.Random(1))), "w", SystemClock())
    running = asyncio.create_task(publisher.run())
    yield publisher
    running.cancel()
    await asyncio.wait([running])


async def published(publisher: Publisher, number: int) -> None:
    async with asyncio.timeout(5):
        while publisher.published_number < number:  # noqa: ASYNC110  # what is waited for has no event to set
            await asyncio.sleep(0.001)


async def test_all_goes_out_in_order_and_at_once_where_nothing_went_just_before(
    publisher: Publisher, broker: NotedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.001)
    for number in range(1, 6):
        publisher.offer(number, said(b"%d" % number))
        await published(publisher, number)
    assert broker.published == [[b"1"], [b"2"], [b"3"], [b"4"], [b"5"]]
    assert publisher.backlog_events == 0


async def test_what_comes_soon_after_gathers_and_who_waits_for_publishing_does_not_wait_for_it(
    publisher: Publisher, broker: NotedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", FOR_EVER)
    for number in (1, 2, 3):
        publisher.offer(number, said(b"%d" % number))
        async with asyncio.timeout(5):
            await publisher.flushed()
        assert broker.published == [[b"%d" % one] for one in range(1, number + 1)]
    publisher.offer(4, said(b"4"))
    await asyncio.sleep(0.01)
    assert len(broker.published) == 3, "nobody waits, so it gathers"
    publisher.offer(5, said(b"5"))
    async with asyncio.timeout(5):
        await asyncio.gather(publisher.flushed(), publisher.flushed())
    assert broker.published[3:] == [[b"4", b"5"]]
