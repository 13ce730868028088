"""The batch consumer over the memory broker: how batches are made, served and committed, and who may not."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, TopicPartition
from concord.chassis.clock import LoopClock
from concord.chassis.consumer import BatchConsumer, Delivery
from concord.chassis.consumer.batch import FULL_RECORDS, PACE_SECONDS
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import SCHEMA_HEADER, Headers, schema_headers
from concord.contracts.topics import INTAKE, RESOLUTIONS, UNITS
from tests.support.service import until
from tests.support.tallies import virtual
from tests.unit.concord.chassis.consuming import GROUP, KEY, Place, event


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
