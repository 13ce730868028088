"""What the Kafka adapter does when a broker or a member is killed or paused: a broker of its own for each test."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from concord.chassis.broker import kafka as kafka_module
from concord.chassis.broker import kafka_connection, kafka_subscription
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, Subscription, TopicPartition
from deploy.local.kafka.installation import Installation
from deploy.local.listeners import accepts
from deploy.local.ports import Ports
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

TOPIC = "topic"
PARTITIONS = 4

ZOMBIE = """
import asyncio, sys
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import TopicPartition

async def main() -> None:
    broker = KafkaBroker(sys.argv[1], "zombie")
    member = broker.subscribe(["topic"], "group")
    await member.start()
    records = []
    while len(records) < 100:
        records += await member.poll(1000, 1.0)
    print("polled", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(await member.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}), flush=True)
    await member.stop()

asyncio.run(main())
"""


class BrokerProcess:
    """Kafka on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = Ports.free()
        self.bootstrap = f"127.0.0.1:{self.ports.kafka}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        installation = Installation()
        installation.ensure()
        command = installation.command(installation.prepare(self.folder, self.ports))
        with (self.folder / "kafka.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while not accepts(self.ports.kafka):
            assert self.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)

    def send(self, what: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, what)
        if what is signal.SIGKILL:
            self.process.wait()


@pytest.fixture
async def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BrokerProcess]:
    monkeypatch.setattr(kafka_module, "STOP_SECONDS_MAX", 1.0)
    monkeypatch.setattr(kafka_subscription, "STOP_SECONDS_MAX", 1.0)
    process = BrokerProcess(tmp_path)
    process.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=process.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.send(signal.SIGCONT)
        process.send(signal.SIGKILL)


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Have the adapter wait no longer than this while the broker is in trouble."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_module, "PUBLISH_SECONDS_MAX", seconds)
        patch.setattr(kafka_module, "CONNECT_SECONDS_MAX", seconds)
        patch.setattr(kafka_subscription, "ANSWER_SECONDS_MAX", seconds)
        patch.setattr(kafka_connection, "PING_SECONDS_MAX", seconds)
        yield


def numbered(begin: int, count: int) -> list[Outgoing]:
    return [Outgoing(TOPIC, b"key-%d" % (n % 10), b"%d" % n) for n in range(begin, begin + count)]


async def publish(broker: KafkaBroker, records: list[Outgoing]) -> None:
    """Publish as whoever keeps what is not acknowledged does: again and again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await broker.publish(records)
            except BrokerUnavailable:
                await asyncio.sleep(0.2)
            else:
                return


async def follow(member: Subscription, records: list[Incoming], until: int) -> None:
    """Poll and commit, through whatever happens, until so many different values came."""
    seen: set[bytes] = set()
    while len(seen) < until:
        try:
            polled = await member.poll(100, 0.2)
            records += polled
            seen |= {each.value for each in polled}
            await member.commit({TopicPartition(each.topic, each.partition): each.offset + 1 for each in polled})
        except BrokerUnavailable:
            await asyncio.sleep(0.2)


def first_comings(records: list[Incoming]) -> dict[bytes, list[int]]:
    """Return the values of each key in the order in which each came first."""
    by_key: defaultdict[bytes, dict[int, None]] = defaultdict(dict)
    for record in records:
        by_key[record.key].setdefault(int(record.value))
    return {key: list(numbers) for key, numbers in by_key.items()}


async def test_a_killed_broker_loses_nothing_acknowledged_and_the_handles_go_on(own: BrokerProcess) -> None:
    broker = KafkaBroker(own.bootstrap, "publisher")
    await broker.start()
    member = broker.subscribe([TOPIC], "group")
    await member.start()
    followed: list[Incoming] = []
    following = asyncio.ensure_future(follow(member, followed, until=1_000))

    async def restart() -> None:
        await asyncio.sleep(0.3)
        own.send(signal.SIGKILL)
        await asyncio.to_thread(own.start)

    with impatient(5.0):
        restarting = asyncio.ensure_future(restart())
        for begin in range(0, 1_000, 10):
            await publish(broker, numbered(begin, 10))
            await asyncio.sleep(0.01)
        await restarting
    async with asyncio.timeout(PATIENCE_SECONDS):
        await following

    reader = broker.subscribe([TOPIC], None)
    await reader.start()
    stored: list[Incoming] = []
    while await reader.lag():
        stored += await reader.poll(1_000, 0.5)
    whole = {b"key-%d" % key: list(range(key, 1_000, 10)) for key in range(10)}
    assert first_comings(stored) == whole
    assert first_comings(followed) == whole
    for each in (reader, member, broker):
        await each.stop()


async def test_a_paused_broker_is_unavailable_in_time_and_serves_the_same_handles_after(own: BrokerProcess) -> None:
    broker = KafkaBroker(own.bootstrap, "publisher")
    await broker.start()
    await broker.publish(numbered(0, 100))
    member = broker.subscribe([TOPIC], "group")
    await member.start()
    polled: list[Incoming] = []
    while len(polled) < 100:
        polled += await member.poll(100, 0.2)

    own.send(signal.SIGSTOP)
    offsets = {TopicPartition(each.topic, each.partition): each.offset + 1 for each in polled}
    with impatient(2.0):
        outcomes = await asyncio.gather(
            broker.publish(numbered(100, 100)),
            member.commit(offsets),
            member.lag(),
            broker.ping(),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [BrokerUnavailable] * 4
        assert not await member.poll(100, 0.2)
        with pytest.raises(BrokerUnavailable):  # no new producer either
            await broker.publish(numbered(100, 100))
    own.send(signal.SIGCONT)

    await publish(broker, numbered(100, 100))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await follow(member, polled, until=100)
    assert sorted({int(each.value) for each in polled}) == list(range(200))
    await member.stop()
    await broker.stop()


async def test_a_member_paused_past_its_session_cannot_commit_what_others_did(own: BrokerProcess) -> None:
    broker = KafkaBroker(own.bootstrap, "assign")
    await broker.publish(numbered(0, 100))
    zombie = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ZOMBIE, own.bootstrap, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert zombie.stdin is not None
    assert zombie.stdout is not None
    try:
        assert await zombie.stdout.readline() == b"polled\n"
        zombie.send_signal(signal.SIGSTOP)
        member = broker.subscribe([TOPIC], "group")
        await member.start()  # returns when the zombie's session is over
        assert len(member.assigned()) == PARTITIONS
        records: list[Incoming] = []
        while len(records) < 100:
            records += await member.poll(100, 0.2)
        assert sorted(int(each.value) for each in records) == list(range(100))
        zombie.send_signal(signal.SIGCONT)
        zombie.stdin.write(b"\n")
        assert await zombie.stdout.readline() == b"False\n"
    finally:
        zombie.kill()
        await zombie.wait()
    await member.stop()
    await broker.stop()


async def test_nobody_there_is_said_so(own: BrokerProcess) -> None:
    own.send(signal.SIGKILL)
    broker = KafkaBroker(own.bootstrap, "assign")
    with impatient(2.0):
        with pytest.raises(BrokerUnavailable):
            await broker.start()
        with pytest.raises(BrokerUnavailable):
            await broker.publish(numbered(0, 1))
        for group in ("group", None):
            with pytest.raises(BrokerUnavailable):
                await broker.subscribe([TOPIC], group).start()
    await broker.stop()
