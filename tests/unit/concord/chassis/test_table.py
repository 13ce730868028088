"""A compacted topic as a table: it catches up, follows, keeps the newest, waits a little, and survives poison."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from google.protobuf.message import Message

from concord.chassis import table as table_module
from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import BrokerUnavailable, Outgoing, TopicPartition
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.table import Table, TableBehind, Unknown
from concord.contracts.codec import SCHEMA_HEADER, UnknownSchemaVersion, encode, schema_headers
from concord.contracts.topics import ANNOTATORS, DEAD_LETTERS
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from concord.contracts.v1.metadata_pb2 import Metadata
from tests.support.service import until
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.hand_clock import HandClock


@dataclass(frozen=True)
class Annotator:
    """A row."""

    name: str
    revision: int
    vendor: str


def annotator(event: Message) -> Annotator:
    assert isinstance(event, AnnotatorEvent)
    defined = event.annotator_defined
    if defined.kind not in ("human", "model"):
        raise ValueError(f"{defined.kind!r} is no kind of annotator")
    return Annotator(defined.annotator_id, defined.revision, defined.vendor)


def defined(name: str, revision: int, vendor: str = "", kind: str = "human") -> Outgoing:
    event = AnnotatorEvent(
        metadata=Metadata(event_id=f"{name}/{revision}", client_id="k1"),
        annotator_defined=AnnotatorDefined(annotator_id=name, revision=revision, vendor=vendor, kind=kind),
    )
    return Outgoing(ANNOTATORS.name, name.encode(), encode(event), schema_headers())


class Place:
    """A cluster and the table's service on it."""

    def __init__(self, trouble: BrokerTrouble | None = None) -> None:
        self.clock = HandClock()
        self.cluster = MemoryCluster(self.clock, random.Random(1))
        self.writer = MemoryBroker(self.cluster, "writer")
        self.broker = MemoryBroker(self.cluster, "reader", trouble)

    def table(self) -> Table[Annotator]:
        letters = DeadLetters("metrics", self.broker, self.clock)
        return Table(self.broker, ANNOTATORS, annotator, self.clock, letters)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Table[Annotator]]:
        table = self.table()
        await table.start()
        running = asyncio.create_task(table.run())
        try:
            yield table
            await table.stop()
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    def letters(self) -> list[DeadLetter]:
        places = [TopicPartition(DEAD_LETTERS.name, number) for number in range(DEAD_LETTERS.partitions)]
        return [DeadLetter.FromString(record.value) for place in places for record in self.cluster.log(place)]


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "WAIT_SECONDS_MAX", 0.02)


async def test_a_start_reads_all_there_is_and_the_run_follows() -> None:
    place = Place()
    await place.writer.publish([defined(f"a{number}", 1) for number in range(2_500)])
    async with place.following() as table:
        assert len(table.rows) == 2_500, "several polls and both partitions"
        await place.writer.publish([defined("late", 1, "v1"), defined("a7", 2, "v2")])
        await until(lambda: "late" in table.rows and table.rows["a7"].revision == 2)
        assert table.rows["a7"].vendor == "v2"


async def test_what_comes_and_a_stop_end_the_wait_for_more_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "FOLLOW_SECONDS", 3_600.0)
    place = Place()
    async with place.following() as table:
        await place.writer.publish([defined("first", 1)])
        await until(lambda: "first" in table.rows)
        await place.writer.publish([defined("second", 1)])
        await until(lambda: "second" in table.rows)


async def test_a_key_that_is_on_its_way_is_waited_for() -> None:
    place = Place()
    async with place.following() as table:
        waiting = asyncio.create_task(table.get("soon"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await place.writer.publish([defined("other", 1), defined("soon", 1, "v")])
        assert (await waiting).vendor == "v"


@pytest.mark.usefixtures("short_wait")
async def test_keys_that_do_not_come_are_waited_for_once_and_together() -> None:
    place = Place()
    async with place.following() as table:
        began = asyncio.get_running_loop().time()
        await table.expect([f"nobody{number}" for number in range(1_000)])
        for number in range(1_000):
            with pytest.raises(Unknown):
                await table.get(f"nobody{number}")
        assert asyncio.get_running_loop().time() - began < 500 * table_module.WAIT_SECONDS_MAX
        await place.writer.publish([defined("nobody7", 1)])
        await until(lambda: "nobody7" in table.rows)
        assert (await table.get("nobody7")).revision == 1
        place.clock.seconds += table_module.ABSENT_SECONDS
        waiting = asyncio.create_task(table.get("nobody8"))
        await place.writer.publish([defined("nobody8", 1)])
        assert (await waiting).revision == 1, "after a while a key is waited for anew"


async def test_a_key_whose_record_makes_no_row_is_unknown_at_once_until_it_is_defined_anew() -> None:
    place = Place()
    await place.writer.publish([defined("bad", 1, kind="ghost")])
    async with place.following() as table:
        with pytest.raises(Unknown, match="'ghost' is no kind of annotator"):
            await asyncio.wait_for(table.get("bad"), table_module.WAIT_SECONDS_MAX / 2)
        await place.writer.publish([defined("bad", 2)])
        await until(lambda: "bad" in table.rows)
        assert (await table.get("bad")).revision == 2


@pytest.mark.usefixtures("short_wait")
async def test_a_key_is_not_called_unknown_while_the_table_cannot_be_read() -> None:
    trouble = BrokerTrouble()
    place = Place(trouble)
    async with place.following() as table:
        trouble.failures["lag"] = 1
        with pytest.raises(BrokerUnavailable):
            await table.get("nobody")
        with pytest.raises(Unknown):
            await table.get("nobody")


@pytest.mark.usefixtures("short_wait")
async def test_a_key_is_not_called_unknown_while_the_table_is_behind() -> None:
    place = Place()
    table = place.table()
    await table.start()
    await place.writer.publish([defined("soon", 1)])
    with pytest.raises(TableBehind, match="1 records behind"):
        await table.get("soon")
    await table.stop()


async def test_listeners_hear_of_every_row_that_takes_a_place_and_a_listener_that_fails_ends_nothing() -> None:
    place, heard = Place(), []
    table = place.table()

    def fails(before: Annotator | None, after: Annotator) -> None:
        raise ValueError("no good")

    def hears(before: Annotator | None, after: Annotator) -> None:
        assert table.rows[after.name] is after
        heard.append((before.vendor if before else None, after.vendor))

    table.listen(fails)
    table.listen(hears)
    await place.writer.publish([defined("a", 1, "v1"), defined("a", 2, "v2"), defined("a", 1, "v1")])
    await table.start()
    assert heard == [(None, "v1"), ("v1", "v2")]
    running = asyncio.create_task(table.run())
    await place.writer.publish([defined("a", 2, "v2"), defined("a", 3, "v3")])
    await until(lambda: table.rows["a"].revision == 3)
    assert heard == [(None, "v1"), ("v1", "v2"), ("v2", "v3")], "what is said again is no change"
    await table.stop()
    await running


@pytest.mark.usefixtures("short_wait")
async def test_a_key_that_does_not_come_is_unknown() -> None:
    place = Place()
    async with place.following() as table:
        with pytest.raises(Unknown, match=r"concord\.annotators\.v1 has nothing under annotator_id 'nobody'"):
            await table.get("nobody")


async def test_what_is_published_again_late_does_not_take_the_place_of_something_newer() -> None:
    """A sweeper, or a reader that begins anew, brings an old revision after a new one."""
    place = Place()
    await place.writer.publish([defined("a", 1, "old"), defined("a", 2, "new"), defined("a", 1, "old")])
    async with place.following() as table:
        assert table.rows["a"].vendor == "new"
        await place.writer.publish([defined("a", 1, "old"), defined("b", 1)])
        await until(lambda: "b" in table.rows or len(table.rows) > 1)
        await place.writer.publish([defined("a", 3, "newest")])
        await until(lambda: table.rows["a"].vendor != "new")
        assert table.rows["a"].vendor == "newest"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda record: Outgoing(record.topic, record.key, b"\xff\xff", record.headers), "not a AnnotatorEvent"),
        (lambda record: Outgoing(record.topic, record.key, b"", record.headers), "without metadata"),
        (lambda record: Outgoing(record.topic, b"\xff\xfe", record.value, record.headers), "can't decode byte"),
        (lambda record: defined("poison", 9, kind="ghost"), "'ghost' is no kind of annotator"),
    ],
    ids=["no protobuf", "no value", "no UTF-8 key", "no row"],
)
async def test_poison_becomes_a_dead_letter_and_the_rows_stay(
    spoil: Callable[[Outgoing], Outgoing], reason: str
) -> None:
    place = Place()
    await place.writer.publish([defined("poison", 1, "good"), spoil(defined("poison", 2)), defined("b", 1)])
    async with place.following() as table:
        assert (table.rows["poison"].vendor, "b" in table.rows) == ("good", True)
        await place.writer.publish([spoil(defined("poison", 3)), defined("c", 1)])
        await until(lambda: "c" in table.rows and len(place.letters()) == 2)
        assert table.rows["poison"].vendor == "good"
    assert all(reason in letter.reason for letter in place.letters())
    assert {(letter.service, letter.topic) for letter in place.letters()} == {("metrics", ANNOTATORS.name)}


async def test_a_newer_contract_ends_the_table() -> None:
    place = Place()
    record = defined("a", 1)
    await place.writer.publish([Outgoing(record.topic, record.key, record.value, ((SCHEMA_HEADER, b"2"),))])
    with pytest.raises(UnknownSchemaVersion):
        await place.table().start()
    assert place.letters() == []


async def test_a_broker_that_does_not_answer_is_waited_for_and_nothing_is_lost() -> None:
    trouble = BrokerTrouble(join=2, lag=2, poll=3, publish=2)
    place = Place(trouble)
    bad = defined("bad", 1, kind="ghost")
    await place.writer.publish([defined("a", 1), bad, defined("b", 1), defined("c", 1)])
    async with place.following() as table:
        assert sorted(table.rows) == ["a", "b", "c"]
        assert len(place.letters()) == 1
        trouble.failures["poll"] = 3
        await place.writer.publish([defined("d", 1)])
        await until(lambda: "d" in table.rows)
    assert not +trouble.failures
    assert place.clock.slept, "between tries there was a pause"
