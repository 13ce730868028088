"""What is committed of chunks: the end of the contiguous head, whatever is acknowledged in which order."""

import itertools
from typing import Any

import pytest
import uvloop
from faust.types import TP

from concord.chassis.broker.port import Incoming
from concord.chassis.faust_chunks import FULL_POLL_SECONDS, ChunkedApp, ChunkedConsumer, places_of
from concord.chassis.settings import KafkaSettings

PLACE = TP("topic", 0)


@pytest.fixture
async def consumer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("concord.chassis.faust_chunks.CHUNK_RECORDS_MAX", 10)
    app = ChunkedApp("test", KafkaSettings(bootstrap="127.0.0.1:9"), replicas=1)
    app.chunked("topic")
    app.finalize()
    return app.consumer


def delivered(consumer: ChunkedConsumer, *offsets: int) -> list[Any]:
    records = [Incoming("topic", 0, offset, b"", b"%d" % offset, (), 0) for offset in offsets]
    return list(consumer._messages(PLACE, records))


async def test_a_poll_becomes_chunks_with_every_record_in_order(consumer: ChunkedConsumer) -> None:
    chunks = delivered(consumer, *range(25))
    assert [len(chunk.records) for chunk in chunks] == [10, 10, 5]
    assert [record.offset for chunk in chunks for record in chunk.records] == list(range(25))
    assert [chunk.offset for chunk in chunks] == [9, 19, 24]
    assert chunks[2].value == [b"20", b"21", b"22", b"23", b"24"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_only_the_contiguous_head_is_committed(consumer: ChunkedConsumer, order: tuple[int, ...]) -> None:
    chunks = delivered(consumer, *range(25))
    done: set[int] = set()
    committed = 0
    for number in order:
        assert consumer.ack(chunks[number])
        assert not consumer.ack(chunks[number]), "the second time is no news"
        done.add(number)
        head = next(n for n in range(4) if n not in done)
        expected = [0, 10, 20, 25][head]
        offset = consumer._new_offset(PLACE)
        assert offset == (expected if expected > committed else None)
        committed = max(committed, expected)
    assert committed == 25


async def test_after_a_rebalance_what_was_delivered_before_is_not_committed(consumer: ChunkedConsumer) -> None:
    (before,) = delivered(consumer, 0, 1, 2)
    consumer._delivered.clear()
    (again,) = delivered(consumer, 0, 1, 2)
    before.acked = True
    assert consumer._new_offset(PLACE) is None
    assert consumer.ack(again)
    assert consumer._new_offset(PLACE) == 3


async def test_where_reading_begins_is_sought_once_a_deal_and_again_when_it_was_cut_short(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = consumer.app
    sought: list[int] = []

    async def asked(*places: TP) -> dict[TP, int]:
        return dict.fromkeys(places, 3)

    async def seek(positions: dict[TP, int]) -> None:
        sought.append(positions[PLACE])

    monkeypatch.setattr(consumer, "assignment", lambda: {PLACE})
    for name, how in (("earliest_offsets", asked), ("highwaters", asked), ("seek_wait", seek)):
        monkeypatch.setattr(consumer, name, how)
    app.consumer_generation_id = 1
    await consumer.perform_seek()
    await consumer.perform_seek()
    assert sought == [3], "Faust asks for it a second time, and waits for each answer"

    async def dealt_again(extents: object) -> dict[TP, int]:
        del extents
        app.consumer_generation_id += 1
        return {PLACE: 4}

    app.consumer_generation_id, begin_at, app.begin_at = 2, app.begin_at, dealt_again
    await consumer.perform_seek()
    assert sought == [3]
    app.begin_at = begin_at
    await consumer.perform_seek()
    assert sought == [3, 3]


class Polled:
    """One partition as the client library has it: a poll brings what is there, and takes it for read."""

    def __init__(self, consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.consumer, self.position, self.end = consumer, 0, 0
        self.active: set[TP] | None = None
        app: Any = consumer.app
        monkeypatch.setattr(app, "monitor", type("Monitor", (), {"track_tp_end_offset": lambda *_: None})())
        monkeypatch.setattr(consumer, "assignment", lambda: {PLACE})
        monkeypatch.setattr(consumer, "highwater", lambda _: self.end)
        for name in ("_wait_next_records", "seek_wait"):
            monkeypatch.setattr(consumer, name, getattr(self, name))
        monkeypatch.setattr(consumer, "position", self._position)
        consumer.flow_active = True

    async def _wait_next_records(self, seconds: float) -> tuple[dict[TP, list[Incoming]], set[TP] | None]:
        del seconds
        found = [Incoming("topic", 0, offset, b"", b"", (), 0) for offset in range(self.position, self.end)]
        self.position = self.end
        return ({PLACE: found} if found else {}), self.active

    async def seek_wait(self, positions: dict[TP, int]) -> None:
        self.position = positions[PLACE]

    async def _position(self, place: TP) -> int:
        del place
        return self.position

    async def poll(self, stop_after: int | None = None) -> list[int]:
        """Return the offsets that one poll brings, whose flow stops after so many chunks."""
        brought: list[int] = []
        if stop_after == 0:
            self.consumer.flow_active = False
        self.consumer._not_before = 0.0
        async for _, message in self.consumer.getmany(1.0):
            brought += [record.offset for record in message.records]
            if len(brought) == 10 * (stop_after or 0):
                self.consumer.flow_active = False
        return brought


@pytest.mark.parametrize("chunks", [0, 1, 2])
async def test_what_comes_while_nothing_is_delivered_is_read_again(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    polled = Polled(consumer, monkeypatch)
    polled.end = 25
    before = await polled.poll(stop_after=chunks)
    assert before == list(range(10 * chunks))
    consumer.flow_active = True
    polled.end = 27
    again = await polled.poll()
    assert before + again == list(range(27)), "each once, in order"
    assert await polled.poll() == []
    for chunk in list(consumer._delivered[PLACE]):
        consumer.ack(chunk)
    assert consumer._new_offset(PLACE) == 27, "no chunk that was never delivered holds back what is committed"


async def test_what_lies_before_where_reading_began_or_was_sought_anew_is_not_gone_back_to(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled = Polled(consumer, monkeypatch)
    polled.end = 8
    await polled.poll(stop_after=0)
    consumer._begun, polled.position, consumer.flow_active = {PLACE: 5}, 5, True
    assert await polled.poll() == [5, 6, 7]
    polled.end = 9
    await polled.poll(stop_after=0)
    polled.position, consumer.flow_active = 6, True
    assert await polled.poll() == [6, 7, 8], "never forward, past what is to be read again"


async def test_what_was_polled_of_a_partition_that_is_held_back_by_then_is_read_again(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled = Polled(consumer, monkeypatch)
    polled.end, polled.active = 5, set()
    assert await polled.poll() == []
    polled.active.add(PLACE)
    assert await polled.poll() == [0, 1, 2, 3, 4]
    assert await polled.poll() == []


async def test_a_poll_is_of_the_partitions_that_were_read_as_it_began(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: list[set[TP]] = []

    async def thread_polls(active: set[TP], seconds: float) -> dict[TP, list[Incoming]]:
        del seconds
        consumer.pause_partitions({PLACE})  # as when the group is dealt anew
        polled.append(active)
        return {}

    monkeypatch.setattr(consumer._thread, "getmany", thread_polls)
    consumer._set_active_tps({PLACE})
    await consumer._getmany(consumer._get_active_partitions(), 1.0)
    assert polled == [{PLACE}], "of none would be of all, to the client library"


def test_a_place_is_had_by_who_has_it_in_every_topic() -> None:
    distribution = {
        "http://one:1": {"a": [0, 1, 2], "b": [2, 1], "changelog": [7]},
        "http://two:1": {"a": [3]},
    }
    assert places_of(distribution, {"a", "b"}) == {"http://one:1": {1, 2}, "http://two:1": frozenset()}
    assert places_of({}, {"a"}) == {}


async def test_the_consumers_thread_runs_on_the_loop_of_the_process_and_closes_it(consumer: ChunkedConsumer) -> None:
    thread = consumer._new_consumer_thread()
    try:
        assert isinstance(thread.thread_loop, uvloop.Loop)
        assert thread._close_thread_loop_on_stop, "Faust leaves a loop open that it is given"
    finally:
        thread.thread_loop.close()


async def test_a_poll_is_brief_while_a_partition_waits_for_its_agent(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def thread_polls(active: object, seconds: float) -> dict[TP, list[Incoming]]:
        del active
        waits.append(seconds)
        return {}

    monkeypatch.setattr(consumer._thread, "getmany", thread_polls)
    consumer._set_active_tps({PLACE, TP("topic", 1)})
    await consumer._getmany({PLACE}, 1.0)
    consumer.on_buffer_full(PLACE)
    await consumer._getmany({TP("topic", 1)}, 1.0)
    consumer.on_buffer_drop(PLACE)
    await consumer._getmany({PLACE}, 1.0)
    assert waits == [1.0, FULL_POLL_SECONDS, 1.0]


async def test_where_all_partitions_wait_for_their_agents_the_next_poll_waits_for_one(
    consumer: ChunkedConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            consumer.on_buffer_drop(PLACE)

    monkeypatch.setattr("concord.chassis.faust_chunks.asyncio.sleep", sleep)
    monkeypatch.setattr(ChunkedConsumer, "flow_active", True)
    consumer._set_active_tps({PLACE})
    consumer.on_buffer_full(PLACE)
    assert await consumer._paced()
    assert slept[1:] == [FULL_POLL_SECONDS] * 3, "Faust's own is a second"
