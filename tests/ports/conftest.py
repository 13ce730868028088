"""What the port suites run against: the memory adapters always, the real ones where the stack's addresses are set."""

import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Broker, Subscription
from concord.chassis.clock import SystemClock
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.mongo import Driver, MongoStore
from concord.chassis.store.port import Store
from tests.support.patient_parts import patient_parts

MONGODB_URI = "CONCORD_TEST_MONGODB_URI"
KAFKA_BOOTSTRAP = "CONCORD_TEST_KAFKA_BOOTSTRAP"
SEED = 20_261_124
PARTITIONS = 4

OpenStore = Callable[[], Store]

__all__ = ["patient_parts"]


def _unset() -> list[str]:
    return [name for name in (MONGODB_URI, KAFKA_BOOTSTRAP) if not os.environ.get(name)]


def pytest_report_header() -> str:
    missing = _unset()
    if missing:
        return f"ports: only the memory adapters, for {' and '.join(missing)} is not set (`make test` sets it)"
    return "ports: memory and real adapters"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the real adapters out where no stack is; the header says so."""
    if not _unset():
        return
    here = os.path.dirname(__file__)  # noqa: PTH120 - a prefix of pytest's own strings
    left_out = [item for item in items if str(item.path).startswith(here) and item.get_closest_marker("real")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def fresh_name(kind: str) -> str:
    """Return a name that no earlier run on the same stack has used."""
    return f"port-{kind}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(
    params=["memory", pytest.param("motor", marks=pytest.mark.real), pytest.param("pymongo", marks=pytest.mark.real)]
)
async def open_store(request: pytest.FixtureRequest) -> AsyncIterator[OpenStore]:
    """A function that opens one more handle on the test's own database."""
    opened: list[Store] = []
    name = fresh_name("database")
    memory = MemoryDatabase(random.Random(SEED))

    def opener() -> Store:
        store: Store
        if request.param == "memory":
            store = MemoryStore(memory)
        else:
            store = MongoStore.connect(os.environ[MONGODB_URI], name, cast("Driver", request.param))
        opened.append(store)
        return store

    yield opener
    for store in opened:
        await store.close()
    if request.param != "memory":
        async with AsyncMongoClient[dict[str, object]](os.environ[MONGODB_URI]) as client:
            await client.drop_database(name)


class BrokerPlace:
    """Fresh topics on one broker, and handles on it."""

    def __init__(self, topics: Sequence[str], open_handle: Callable[[str], Broker]) -> None:
        self.topics = tuple(topics)
        self.topic = topics[0]
        self.group = fresh_name("group")
        self._open_handle = open_handle
        self._handles: list[Broker] = []
        self._subscriptions: list[Subscription] = []

    async def open(self, client: str = "client") -> Broker:
        """Return one more handle, started."""
        handle = self._open_handle(client)
        await handle.start()
        self._handles.append(handle)
        return handle

    async def join(self, group: str | None = None, *, lone: bool = False, all_topics: bool = False) -> Subscription:
        """Return a started member of a group, the test's own unless named, or a lone reader."""
        topics = self.topics if all_topics else (self.topic,)
        subscription = (await self.open()).subscribe(topics, None if lone else group or self.group)
        await subscription.start()
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        for subscription in self._subscriptions:
            await subscription.stop()
        for handle in self._handles:
            await handle.stop()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.real)])
async def broker_place(request: pytest.FixtureRequest) -> AsyncIterator[BrokerPlace]:
    """A broker with two fresh topics."""
    topics = [fresh_name("topic") for _ in range(2)]
    if request.param == "memory":
        cluster = MemoryCluster(SystemClock(), random.Random(SEED), dict.fromkeys(topics, PARTITIONS))
        place = BrokerPlace(topics, lambda client: MemoryBroker(cluster, client))
        yield place
        await place.close()
        return
    async with kafka_topics(topics):
        place = BrokerPlace(topics, lambda client: KafkaBroker(os.environ[KAFKA_BOOTSTRAP], client))
        yield place
        await place.close()


@asynccontextmanager
async def kafka_topics(topics: Sequence[str]) -> AsyncIterator[None]:
    """Topics that live as long as the block."""
    admin = AIOKafkaAdminClient(bootstrap_servers=os.environ[KAFKA_BOOTSTRAP])
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        yield
        await admin.delete_topics(list(topics))
    finally:
        await admin.close()
