"""What the port suites run against: the memory adapters always, the real ones where the stack's addresses are set."""

import os
import random
import uuid
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from pymongo import AsyncMongoClient

from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.mongo import Driver, MongoStore
from concord.chassis.store.port import Store

MONGODB_URI = "CONCORD_TEST_MONGODB_URI"
KAFKA_BOOTSTRAP = "CONCORD_TEST_KAFKA_BOOTSTRAP"
SEED = 20_261_124

OpenStore = Callable[[], Store]


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
