"""What a real store does when its process is killed, paused or away: a process of its own for each test."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from concord.chassis.store import mongo
from concord.chassis.store.mongo import Driver, MongoStore
from concord.chassis.store.port import Collection, Document, StoreUnavailable
from deploy.local import store as local_store
from deploy.local.ports import free_port
from tests.support.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.real, pytest.mark.parametrize("driver", ["motor", "pymongo"])]

RECORDS = Collection("records", ("aggregate",))
SHORT_MS = 700
KILLS = 6
AGGREGATES = ["a1", "a2", "a3"]
Found = TypeVar("Found")


class StoreProcess:
    """A store on a port of its own that keeps its files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str] | None = None) -> None:
        if command is None:
            program = str(Path(sys.executable).parent / "secantusd-py")
            place = ("--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.folder / "data"))
            # Not told to sync every commit: the adapter itself has to ask that an acknowledged insert be on disk.
            command = (program, *place, "--cache-size", "64M")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail(f"the store did not start: {(self.folder / 'log').read_text()[-500:]}")

    def send(self, what: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, what)
        if what is signal.SIGKILL:
            self.process.wait()

    def open(self, driver: Driver) -> MongoStore:
        return MongoStore.connect(f"mongodb://127.0.0.1:{self.port}", "port", driver)


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreProcess]:
    # That it is away is soon seen; what it does while it is there takes as long as it takes.
    monkeypatch.setitem(mongo._OPTIONS, "serverSelectionTimeoutMS", SHORT_MS)
    own = StoreProcess(tmp_path)
    yield own
    if own.process is not None and own.process.poll() is None:
        own.send(signal.SIGCONT)
        own.send(signal.SIGKILL)


async def answered(ask: Callable[[], Awaitable[Found]]) -> Found:
    """Return what the store answers once it does: on a busy machine one look for it may be too short."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(StoreUnavailable):
                return await ask()


def batch(writer: int, number: int) -> list[Document]:
    return [{"_id": f"{writer}/{number}/{n}", "aggregate": f"a{writer}", "payload": b"x" * 200} for n in range(5)]


async def test_what_was_acknowledged_survives_kill_9(process: StoreProcess, driver: Driver) -> None:
    process.start()
    store = process.open(driver)
    await answered(store.ping)
    await store.prepare([RECORDS])
    acknowledged: list[str] = []

    async def write(writer: int) -> None:
        for number in range(10_000):
            documents = batch(writer, number)
            assert await store.insert("records", documents) == frozenset()
            acknowledged.extend(document["_id"] for document in documents)

    writers = [asyncio.ensure_future(write(writer)) for writer in range(4)]
    while len(acknowledged) < 300:
        await asyncio.sleep(0.01)
        assert not any(writer.done() for writer in writers)
    process.send(signal.SIGKILL)
    outcomes = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes), outcomes
    await store.close()

    process.start()
    again = process.open(driver)
    await answered(again.ping)
    await again.prepare([RECORDS])
    found = await again.get("records", acknowledged)
    assert sorted(acknowledged) == sorted(found)
    by_index = await again.find("records", "aggregate", [f"a{writer}" for writer in range(4)], only=[])
    assert set(acknowledged) <= {document["_id"] for document in by_index}
    await again.close()


async def test_the_local_stacks_store_loses_nothing_to_kill_after_kill(process: StoreProcess, driver: Driver) -> None:
    """As the local stack starts it, which keeps no log of operations: documents, index entries and deletions stay."""
    command = local_store.command(process.folder / "data", process.port)
    kept, deleted = dict[str, bytes](), set[str]()
    for life in range(KILLS):
        process.start(command)
        store = process.open(driver)
        await answered(store.ping)
        await store.prepare([RECORDS])
        found = await store.get("records", list(kept))
        assert {key: bytes(entry["payload"]) for key, entry in found.items()} == kept
        by_index = {entry["_id"] for entry in await store.find("records", "aggregate", AGGREGATES, only=[])}
        assert kept.keys() <= by_index
        assert not deleted & by_index
        writers = [asyncio.ensure_future(_write(store, life, name, kept, deleted)) for name in AGGREGATES]
        wanted = len(kept) + 100
        while len(kept) < wanted:
            await asyncio.sleep(0.01)
            assert not any(writer.done() for writer in writers)
        process.send(signal.SIGKILL)
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes), outcomes
        await store.close()
    assert deleted


async def _write(store: MongoStore, life: int, name: str, kept: dict[str, bytes], deleted: set[str]) -> None:
    """Insert pages and records and delete some, and note what was acknowledged, until the store is gone."""
    for number in itertools.count():
        sizes = (200, 200, 200_000) if number % 5 == 0 else (200,) * 20
        some = [(f"{name}/{life}/{number}/{place}", os.urandom(size)) for place, size in enumerate(sizes)]
        await store.insert("records", [{"_id": key, "aggregate": name, "payload": payload} for key, payload in some])
        kept.update(some)
        gone = some[0][0]
        del kept[gone]  # from here on it may be there or not
        await store.delete("records", [gone])
        deleted.add(gone)


async def test_a_paused_store_leaves_doubt_that_reading_back_ends(
    process: StoreProcess, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("connectTimeoutMS", "socketTimeoutMS"):
        monkeypatch.setitem(mongo._OPTIONS, bound, SHORT_MS)
    process.start()
    store = process.open(driver)
    await answered(lambda: store.prepare([RECORDS]))
    await answered(store.ping)
    process.send(signal.SIGSTOP)
    ours = batch(1, 1)
    outcomes = await asyncio.gather(
        store.insert("records", ours),
        store.get("records", ["1/1/0"]),
        store.find("records", "aggregate", ["a1"]),
        store.delete("records", ["absent"]),
        store.prepare([RECORDS]),
        store.ping(),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 6
    process.send(signal.SIGCONT)
    await answered(store.ping)
    ids = [document["_id"] for document in ours]
    found = await answered(lambda: store.get("records", ids))
    taken = await answered(lambda: store.insert("records", ours))
    assert {ours[position]["_id"] for position in taken} >= found.keys()
    assert await answered(lambda: store.get("records", ids)) == {each["_id"]: each for each in ours}
    await store.close()


async def test_a_store_that_is_away_is_unavailable_and_back_without_a_new_handle(
    process: StoreProcess, driver: Driver
) -> None:
    store = process.open(driver)
    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable):
        _ = [page async for page in store.stream("records")]
    process.start()
    await answered(store.ping)
    assert await store.insert("records", [{"_id": "a"}]) == frozenset()
    await store.close()
