"""The batch consumer over the memory broker: nothing is lost, poison is set aside, and a stale member is fenced."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, TopicPartition
from concord.chassis.clock import Clock, LoopClock
from concord.chassis.consumer import WATCH_SECONDS, BatchConsumer, Delivery, Poison
from concord.chassis.consumer.batch import FULL_RECORDS, PACE_SECONDS, POLL_SECONDS
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Contended
from concord.chassis.store.mongo import StoreRefused
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import SCHEMA_HEADER, Headers, UnknownSchemaVersion, encode, schema_headers
from concord.contracts.topics import DEAD_LETTERS, INTAKE, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from tests.support.service import until
from tests.support.tallies import virtual
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.hand_clock import HandClock

GROUP = "tested"
KEY = b"k1-u1"


def event(name: str, key: bytes = KEY, topic: Topic = UNITS, project: str = "") -> Outgoing:
    """Return a record whose name can be read back from its metadata; on any topic a unit's withdrawal will do."""
    metadata = Metadata(event_id=name, client_id="k1", project_id=project)
    entry = UnitEvent(metadata=metadata, unit_erased=UnitErased(unit_id="k1-u1"))
    return Outgoing(topic.name, key, encode(entry), schema_headers())


def name_of(delivery: Delivery) -> str:
    return UnitEvent.FromString(delivery.record.value).metadata.event_id


class Place:
    """A cluster, what was served on it, and consumers of one group."""

    def __init__(self, trouble: BrokerTrouble | None = None, clock: Clock | None = None) -> None:
        self.hand = HandClock()
        self.clock = clock or self.hand
        self.cluster = MemoryCluster(self.clock, random.Random(1))
        self.writer = MemoryBroker(self.cluster, "writer")
        self.trouble = trouble or BrokerTrouble()
        self.telemetry = Telemetry("tested")
        self.calls: list[list[str]] = []
        self.lives = 0
        self.decide: Callable[[Sequence[Delivery]], Awaitable[None]] | None = None

    async def serve(self, deliveries: Sequence[Delivery]) -> None:
        self.calls.append([name_of(delivery) for delivery in deliveries])
        self.trouble.called.append(f"serve {deliveries[0].record.topic}")
        if self.decide is not None:
            await self.decide(deliveries)

    async def flushed(self) -> None:
        self.trouble.called.append("flush")

    def consumer(self, *topics: Topic, needs: Callable[[], Awaitable[None]] | None = None) -> BatchConsumer:
        self.lives += 1
        broker = MemoryBroker(self.cluster, f"life {self.lives}", self.trouble)
        handlers = dict.fromkeys(topics or (UNITS,), self.serve)
        letters = DeadLetters(GROUP, broker, self.clock)
        return BatchConsumer(GROUP, broker, handlers, self.flushed, letters, self.telemetry, self.clock, needs)

    @asynccontextmanager
    async def running(self, consumer: BatchConsumer | None = None) -> AsyncIterator[BatchConsumer]:
        consumer = consumer or self.consumer()
        await consumer.start()
        task = asyncio.create_task(consumer.run())
        try:
            yield consumer
            await consumer.stop()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def publish(self, *records: Outgoing) -> None:
        await self.writer.publish(records)

    def committed(self, key: bytes = KEY, topic: Topic = UNITS) -> int:
        place = TopicPartition(topic.name, partition_of(key, topic.partitions))
        return self.cluster.group(GROUP).committed.get(place, 0)

    def letters(self) -> list[DeadLetter]:
        places = [TopicPartition(DEAD_LETTERS.name, number) for number in range(DEAD_LETTERS.partitions)]
        return [DeadLetter.FromString(record.value) for place in places for record in self.cluster.log(place)]

    def counted(self, instrument: str) -> float:
        return self.telemetry.registry.get_sample_value(f"{instrument}_total", {"topic": UNITS.name}) or 0.0


async def test_a_batch_is_served_then_flushed_then_committed_topic_by_topic_in_the_declared_order() -> None:
    place = Place()
    await place.publish(event("r1", topic=RESOLUTIONS), event("u1"), event("u2"), event("u3"))
    async with place.running(place.consumer(UNITS, RESOLUTIONS)):
        await until(lambda: "commit" in place.trouble.called)
    names = [name for name in place.trouble.called if name not in ("poll", "join", "lag")]
    assert names == [f"serve {UNITS.name}", f"serve {RESOLUTIONS.name}", "flush", "commit"]
    assert place.calls == [["u1", "u2", "u3"], ["r1"]]
    assert (place.committed(), place.committed(topic=RESOLUTIONS)) == (3, 1)
    assert place.counted("concord_consumer_records") == 3


@virtual
async def test_what_trickles_in_is_gathered_and_a_full_batch_is_followed_at_once() -> None:
    place = Place(clock=LoopClock(0))
    begun: list[float] = []
    more = {1: 2, 2: FULL_RECORDS, 3: 1}

    async def decide(deliveries: Sequence[Delivery]) -> None:
        begun.append(place.clock.monotonic())
        await place.publish(*(event(f"u{number}") for number in range(more.get(len(begun), 0))))

    place.decide = decide
    await place.publish(event("first"))
    async with place.running():
        await until(lambda: place.committed() == FULL_RECORDS + 4)
    assert list(map(len, place.calls)) == [1, 2, FULL_RECORDS, 1]
    waited = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert waited == [pytest.approx(PACE_SECONDS), pytest.approx(PACE_SECONDS), 0.0]


@virtual
async def test_who_is_stopped_between_two_turns_polls_and_joins_no_more() -> None:
    place = Place(clock=LoopClock(0))
    await place.publish(event("u1"))
    async with place.running() as consumer:
        await until(lambda: place.committed() == 1)
        await consumer.between_batches()
        await consumer.stop()
        called = list(place.trouble.called)
        await asyncio.sleep(10 * PACE_SECONDS)
        assert [name for name in place.trouble.called[len(called) :] if name in ("poll", "join")] == []
    assert place.trouble.called.count("join") == 1


@virtual
async def test_who_is_stopped_while_nothing_comes_waits_for_no_poll() -> None:
    place = Place(clock=LoopClock(0))
    await place.publish(event("u1"))
    async with place.running() as consumer:
        await until(lambda: place.committed() == 1)
        await asyncio.sleep(10 * PACE_SECONDS)
        began = place.clock.monotonic()
        await consumer.stop()
        assert place.clock.monotonic() == began


async def test_what_is_no_event_is_set_aside_and_its_partition_goes_on() -> None:
    place = Place()
    await place.publish(event("u1"), Outgoing(UNITS.name, KEY, b"\xffrubbish", schema_headers()), event("u3"))
    async with place.running():
        await until(lambda: place.committed() == 3)
        await place.publish(event("u4"))
        await until(lambda: place.committed() == 4)
    assert place.calls == [["u1", "u3"], ["u4"]]
    (letter,) = place.letters()
    assert (letter.value, letter.offset, letter.error, letter.attempts) == (b"\xffrubbish", 1, "Undecodable", 1)
    assert place.counted("concord_dead_letters") == 1


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [(Poison("source: there is no project"), 1), (ValueError("no such thing"), ATTEMPTS_MAX)],
    ids=["poison at once", "anything else after some tries"],
)
async def test_a_record_that_its_handler_refuses_is_found_and_set_aside(
    fault: Exception, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if any(name_of(delivery) == "bad" for delivery in deliveries):
            raise fault

    place.decide = decide
    await place.publish(event("u1"), event("bad"), event("u3"))
    async with place.running():
        await until(lambda: place.committed() == 3)
    assert place.calls == [["u1", "bad", "u3"], ["u1"], ["bad", "u3"], *[["bad"]] * attempts, ["u3"]]
    (letter,) = place.letters()
    assert (letter.error, letter.reason, letter.attempts) == (type(fault).__name__, str(fault), attempts)
    assert f"dead letter: {letter.topic}[" in caplog.text
    assert (str(fault) in caplog.text) != isinstance(fault, Poison), "what poison quotes is a client's"


async def test_a_fault_that_passes_by_sets_nothing_aside() -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if len(place.calls) < ATTEMPTS_MAX:
            raise RuntimeError("not yet")

    place.decide = decide
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.committed() == 1)
    assert place.letters() == []


async def test_one_bad_record_in_a_thousand_is_found_in_few_calls_and_in_order() -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if any(name_of(delivery) == "u700" for delivery in deliveries):
            raise Poison("bad")

    place.decide = decide
    await place.publish(*(event(f"u{number}") for number in range(1_000)))
    async with place.running():
        await until(lambda: place.committed() == 1_000)
    assert len(place.calls) <= 22
    served = [name for call in place.calls if "u700" not in call for name in call]
    assert served == [f"u{number}" for number in range(1_000) if number != 700]
    assert [letter.offset for letter in place.letters()] == [700]


@pytest.mark.parametrize(
    "fault",
    [StoreUnavailable("away"), BrokerUnavailable("away"), Backlogged("full"), Contended("others were faster")],
    ids=lambda fault: type(fault).__name__,
)
async def test_unavailability_is_waited_out_however_long_and_nothing_is_lost(fault: Exception) -> None:
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if len(place.calls) <= 4 * ATTEMPTS_MAX:
            assert place.committed() == 0
            raise fault

    place.decide = decide
    await place.publish(event("u1"), event("u2"))
    async with place.running():
        await until(lambda: place.committed() == 2)
    assert place.calls == [["u1", "u2"]] * (4 * ATTEMPTS_MAX + 1)
    assert place.letters() == []
    waited = [pause for pause in place.hand.slept if pause not in (POLL_SECONDS, WATCH_SECONDS)]
    assert len(waited) == 4 * ATTEMPTS_MAX
    assert max(waited) <= 5.0 < 4 * ATTEMPTS_MAX * 5.0 / 2 < sum(waited)


async def test_what_the_deployment_must_mend_ends_the_consumer_with_nothing_committed_or_set_aside() -> None:
    """A right that was taken away for half a second made dead letters of a thousand good events."""
    place = Place()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        raise StoreRefused("find journal: not authorized (code 13)")

    place.decide = decide
    await place.publish(*(event(f"u{number}") for number in range(50)))
    consumer = place.consumer()
    await consumer.start()
    with pytest.raises(StoreRefused):
        await consumer.run()
    assert (len(place.calls), place.committed(), place.letters()) == (1, 0, [])


async def test_an_error_nobody_foresaw_sets_nothing_aside_while_something_is_away() -> None:
    place, asked = Place(), 0

    async def needs() -> None:
        nonlocal asked
        asked += 1
        if asked < 4:
            raise StoreUnavailable("away")

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if asked < 4:
            raise AttributeError("half an answer")

    place.decide = decide
    await place.publish(event("u1"))
    async with place.running(place.consumer(needs=needs)):
        await until(lambda: place.committed() == 1)
    assert (asked, place.letters()) == (4, [])


async def test_a_clients_headers_do_not_stop_the_intake() -> None:
    place = Place()
    headers: list[tuple[tuple[str, bytes | None], ...]] = [
        ((SCHEMA_HEADER, b"2"),),
        (("traceparent", None),),
        (("traceparent", b"x" * 900_000), ("tracestate", b"y" * 90_000)),
        (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", b"\xff")),
    ]
    records = [Outgoing(INTAKE.name, KEY, b"{}", header) for header in headers]  # type: ignore[arg-type]  # clients' own
    traces: list[Headers] = []

    async def decide(deliveries: Sequence[Delivery]) -> None:
        traces.extend(delivery.trace for delivery in deliveries)

    telemetry = Telemetry("tested", InMemorySpanExporter(), at_once=True)
    broker = MemoryBroker(place.cluster, "life")
    letters = DeadLetters(GROUP, broker, place.clock)
    consumer = BatchConsumer(GROUP, broker, {INTAKE: decide}, place.flushed, letters, telemetry, place.clock)
    # As a client's producer appends them, without our own types before it.
    place.cluster.append(TopicPartition(INTAKE.name, partition_of(KEY, INTAKE.partitions)), records)
    async with place.running(consumer):
        await until(lambda: place.committed(topic=INTAKE) == 4)
    assert place.letters() == []
    assert [[name for name, _ in trace] for trace in traces] == [[], [], [], ["traceparent"]]


async def test_the_projects_of_a_batch_are_asked_for_once_before_it_is_served() -> None:
    place = Place()
    consumer = place.consumer()
    asked: list[Sequence[str]] = []

    async def expect(keys: Sequence[str]) -> None:
        assert not place.calls
        asked.append(keys)
        if len(asked) < 3:
            raise BrokerUnavailable("the table cannot be read")

    consumer.serving.expects.append(expect)
    await place.publish(event("u1", project="k1-b"), event("u2", project="k1-a"), event("u3", project="k1-b"))
    async with place.running(consumer):
        await until(lambda: place.committed() == 3)
    assert asked == [["k1-a", "k1-b"]] * 3


async def test_poison_is_not_passed_over_while_dead_letters_cannot_be_written() -> None:
    place = Place(BrokerTrouble(publish=4))
    await place.publish(Outgoing(UNITS.name, KEY, b"\xff", schema_headers()), event("u2"))
    async with place.running():
        await until(lambda: place.committed() == 2)
    assert len(place.letters()) == 1
    letters = [number for number, text in enumerate(place.trouble.called) if text == f"publish {DEAD_LETTERS.name}"]
    assert len(letters) == 5
    assert place.trouble.called.index("commit") > letters[-1]


async def test_polls_and_commits_that_fail_cost_repeats_and_no_record() -> None:
    place = Place(BrokerTrouble(poll=2, commit=1))
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.calls == [["u1"]])
        await place.publish(event("u2"))
        await until(lambda: place.committed() == 2)
    assert not +place.trouble.failures
    assert [name for call in place.calls for name in call][-1] == "u2"


async def test_a_newer_contract_ends_the_consumer_with_nothing_committed_or_set_aside() -> None:
    place = Place()
    record = event("u2")
    await place.publish(event("u1"), Outgoing(record.topic, record.key, record.value, ((SCHEMA_HEADER, b"2"),)))
    consumer = place.consumer()
    await consumer.start()
    with pytest.raises(UnknownSchemaVersion, match="b'2'"):
        await consumer.run()
    assert (place.committed(), place.letters()) == (0, [])


async def away() -> None:
    """Tell the watch that the store is away: a handler that waits on purpose is not stuck."""
    raise StoreUnavailable("away")


async def test_a_stop_finishes_and_commits_what_is_in_hand() -> None:
    place = Place()
    go_on = asyncio.Event()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        await go_on.wait()

    place.decide = decide
    await place.publish(event("u1"))
    async with place.running(place.consumer(needs=away)) as consumer:
        await until(lambda: place.calls)
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0.01)
        assert not stopping.done()
        go_on.set()
        await stopping
        assert place.committed() == 1


async def test_what_was_flushed_but_not_committed_comes_again_to_the_next_life() -> None:
    place = Place()
    blocked = asyncio.Event()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        await blocked.wait()

    place.decide = decide
    await place.publish(event("u1"))
    first = place.consumer()
    await first.start()
    killed = asyncio.create_task(first.run())
    await until(lambda: place.calls)
    killed.cancel()
    await asyncio.wait([killed])
    place.cluster.expire("life 1")
    place.decide = None
    async with place.running():
        await until(lambda: place.committed() == 1)
    assert place.calls == [["u1"], ["u1"]]


async def test_a_member_that_slept_through_a_rebalance_cannot_commit_what_others_have() -> None:
    place = Place()
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def decide(deliveries: Sequence[Delivery]) -> None:
        if not asleep.is_set():
            asleep.set()
            await awake.wait()

    place.decide = decide
    keys = [b"k1-u%d" % number for number in range(40)]
    await place.publish(*(event(key.decode(), key) for key in keys))
    async with place.running(place.consumer(needs=away)):
        await asleep.wait()
        assert set(place.calls[0]) == {key.decode() for key in keys}
        async with place.running():
            await until(lambda: len(place.calls) > 1)
            await until(lambda: any(place.committed(key) for key in keys))
            assert not all(place.committed(key) for key in keys), "the sleeper's half waits for the sleeper"
            awake.set()
            await until(lambda: all(place.committed(key) for key in keys))
    again = [name for call in place.calls[1:] for name in call]
    assert sorted(again) == sorted(key.decode() for key in keys), "nobody relies on the commit that was refused"


def delivered(*headers: tuple[str, bytes]) -> Delivery:
    return Delivery(Incoming(UNITS.name, 0, 0, KEY, b"", headers, 0), None)


def test_what_a_record_causes_goes_on_with_the_trace_that_it_carried() -> None:
    trace = (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", b"a=b"))
    assert delivered(*schema_headers(), *trace).trace == trace
    assert delivered(*schema_headers()).trace == ()


async def test_offsets_are_committed_again_when_the_broker_did_not_answer() -> None:
    place = Place(BrokerTrouble(commit=1))
    await place.publish(event("u1"))
    async with place.running():
        await until(lambda: place.committed() == 1)


async def test_before_anything_is_served_under_a_new_deal_what_others_did_is_taken_in() -> None:
    place = Place()
    first, second = place.consumer(), place.consumer()

    async def regrouped() -> None:
        place.calls.append(["regrouped"])

    first.regrouped = regrouped
    await place.publish(event("u1"))
    async with place.running(first):
        await until(lambda: place.committed() == 1)
        async with place.running(second):
            await until(lambda: place.calls.count(["regrouped"]) == 2)
        await until(lambda: place.calls.count(["regrouped"]) == 3)
    assert place.calls[:2] == [["regrouped"], ["u1"]]
