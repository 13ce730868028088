"""What ends a consumer's process: offsets that jump, and records that wait and never come."""

import asyncio
import math
from collections.abc import Mapping, Sequence

import pytest

from concord.chassis.broker.port import BrokerUnavailable, Incoming, Seat, Subscription, TopicPartition
from concord.chassis.consumer import (
    CONSUMER_INSTRUMENTS,
    STUCK_SECONDS,
    UNJOINED_SECONDS,
    WATCH_SECONDS,
    BatchConsumer,
    Delivery,
    Handler,
    OffsetJump,
    Stuck,
    Watch,
)
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import encode
from concord.contracts.topics import INTAKE, PROJECTS, UNITS, Topic
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitEvent
from tests.unit.concord.chassis.hand_clock import HandClock

VALUE = encode(UnitEvent(metadata=Metadata(event_id="e", client_id="k1")))


class Over(Exception):
    """The script has ended."""


class Script:
    """A subscription that gives what is written, and a broker that gives this subscription.

    Args:
        polls: what each poll returns; a number: nothing until so many seconds have passed, which the watch counts.
        lag: records that wait; None: the group is being dealt anew for ever.

    Attributes:
        away_until: until then the broker does not answer a ping, nor say how many records wait.
    """

    def __init__(self, clock: HandClock, polls: Sequence[Sequence[Incoming] | float], lag: int | None = 0) -> None:
        self.clock = clock
        self.began = clock.seconds
        self.polls = list(polls)
        self.waiting = lag
        self.commits: list[Mapping[TopicPartition, int]] = []
        self.answers: list[bool | None] = []
        self.generations = 1
        self.away_until = 0.0

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> Subscription:
        return self

    def interrupt(self) -> None:
        """No poll of these waits."""

    def release(self, place: int) -> None:
        raise AssertionError("no places are dealt here")

    async def publish(self, records: object) -> None:
        raise AssertionError("nothing is set aside here")

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def poll(self, records_max: int, wait_seconds: float) -> Sequence[Incoming]:
        if not self.polls:
            raise Over
        found = self.polls.pop(0)
        if isinstance(found, int | float):
            until = self.clock.seconds + found
            while self.clock.seconds < until:  # noqa: ASYNC110 - the clock moves by hand
                await asyncio.sleep(0)
            return []
        return found

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        kept = self.answers.pop(0) if self.answers else True
        if kept is None:
            raise BrokerUnavailable("no answer to a commit")
        if kept:
            self.commits.append(dict(offsets))
        return kept

    async def ping(self) -> None:
        if self.clock.seconds < self.away_until:
            raise BrokerUnavailable("no answer to a ping")

    async def lag(self) -> int:
        if self.waiting is None or self.clock.seconds < self.away_until:
            raise BrokerUnavailable("being dealt anew")
        return self.waiting

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        raise AssertionError("no consumer asks for this")

    async def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        raise AssertionError("no consumer asks for this")

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset({TopicPartition(UNITS.name, 0)})

    def generation(self) -> int:
        return self.generations


def at(*offsets: int, topic: Topic = UNITS, partition: int = 0) -> list[Incoming]:
    return [Incoming(topic.name, partition, offset, b"k", VALUE, (), 0) for offset in offsets]


async def nothing(deliveries: Sequence[Delivery]) -> None:
    """Serve a batch at once."""


async def run(script: Script, serve: Handler = nothing) -> None:
    """Run a consumer through the script; Over is its good end."""

    async def flushed() -> None: ...

    letters = DeadLetters("tested", script, script.clock)
    handlers = {UNITS: serve, PROJECTS: serve, INTAKE: serve}
    consumer = BatchConsumer("tested", script, handlers, flushed, letters, Telemetry("tested"), script.clock)
    await consumer.start()
    await consumer.run()


@pytest.mark.parametrize(
    "polls",
    [
        [at(5, 6), at(8)],
        [at(5, 7)],
        [at(5), at(5, 6), at(9)],
        [at(0), at(0, partition=1), at(2)],
    ],
    ids=["between polls", "within a poll", "after a repeat", "in one partition of two"],
)
async def test_an_offset_that_jumps_ends_the_process_before_it_is_committed(polls: list[list[Incoming]]) -> None:
    script = Script(HandClock(), polls)
    with pytest.raises(OffsetJump, match=rf"{UNITS.name}\[0\] went from \d+ to \d+"):
        await run(script)
    assert len(script.commits) == len(polls) - 1


@pytest.mark.parametrize(
    "polls",
    [
        [at(41), at(42, 43)],
        [at(5, 6), at(5, 6, 7)],
        [at(0, 4, topic=PROJECTS), at(9, topic=PROJECTS)],
        [at(0, 2, topic=INTAKE), at(5, topic=INTAKE)],
        [at(0), at(7, partition=1), at(1)],
    ],
    ids=["it may begin anywhere", "a redelivery", "a compacted topic", "a client's transactions", "another partition"],
)
async def test_what_may_come_is_taken(polls: list[list[Incoming]]) -> None:
    script = Script(HandClock(), polls)
    with pytest.raises(Over):
        await run(script)
    assert len(script.commits) == len(polls)


async def test_after_a_commit_that_was_refused_a_partition_may_begin_anywhere() -> None:
    script = Script(HandClock(), [at(0), at(1), at(7)])
    script.answers = [True, False]
    with pytest.raises(Over):
        await run(script)
    assert [offset for commit in script.commits for offset in commit.values()] == [1, 8]


async def test_a_commit_without_an_answer_is_asked_again_before_more_is_polled() -> None:
    script = Script(HandClock(), [at(0), at(1)])
    script.answers = [None, None, True]
    with pytest.raises(Over):
        await run(script)
    assert [offset for commit in script.commits for offset in commit.values()] == [1, 2]


async def test_after_a_partition_was_away_it_may_begin_anywhere() -> None:
    script = Script(HandClock(), [at(0), at(9)])
    given = script.poll

    async def dealt_anew(records_max: int, wait_seconds: float) -> Sequence[Incoming]:
        script.generations += 1
        return await given(records_max, wait_seconds)

    script.poll = dealt_anew  # type: ignore[method-assign] # a rebalance between any two polls
    with pytest.raises(Over):
        await run(script)
    assert len(script.commits) == 2


async def test_records_that_wait_and_do_not_come_end_the_process() -> None:
    script = Script(HandClock(), [3 * STUCK_SECONDS], lag=5)
    with pytest.raises(Stuck, match=rf"5 records wait and none has come for {STUCK_SECONDS:g} s"):
        await run(script)
    assert STUCK_SECONDS < script.clock.seconds - script.began <= STUCK_SECONDS + 2 * WATCH_SECONDS


async def test_a_handler_that_never_returns_ends_the_process() -> None:
    async def hang(deliveries: Sequence[Delivery]) -> None:
        await asyncio.Event().wait()

    script = Script(HandClock(), [at(0)], lag=5)
    with pytest.raises(Stuck, match="5 records wait"):
        await run(script, hang)
    assert script.commits == []


async def test_a_store_that_is_away_is_waited_for_and_ends_nothing() -> None:
    script = Script(HandClock(), [at(0)], lag=5)

    async def away(deliveries: Sequence[Delivery]) -> None:
        if script.clock.seconds - script.began < 5 * STUCK_SECONDS:
            raise StoreUnavailable("away")

    with pytest.raises(Over):
        await run(script, away)
    assert len(script.commits) == 1


@pytest.mark.parametrize("lag", [0, 5, None], ids=["nothing waits", "records wait", "nobody can say"])
async def test_a_broker_that_is_away_for_ten_minutes_ends_nothing(lag: int | None) -> None:
    script = Script(HandClock(), [600.0, at(0)], lag=lag)
    script.away_until = script.began + 590
    with pytest.raises(Over):
        await run(script)
    assert len(script.commits) == 1


async def test_a_consumer_that_is_stuck_ends_though_the_broker_had_been_away_before() -> None:
    script = Script(HandClock(), [600.0 + 3 * STUCK_SECONDS], lag=5)
    script.away_until = script.began + 600
    with pytest.raises(Stuck, match="5 records wait"):
        await run(script)
    assert script.clock.seconds - script.away_until == pytest.approx(STUCK_SECONDS, abs=3 * WATCH_SECONDS)


async def test_what_was_away_until_just_now_is_no_reason_to_end_the_process() -> None:
    script, telemetry = Script(HandClock(), [], lag=5), Telemetry("tested")
    back_at = script.clock.seconds + STUCK_SECONDS - WATCH_SECONDS / 2

    async def needs() -> None:
        if script.clock.seconds < back_at:
            raise StoreUnavailable("away")

    watch = Watch(script.lag, needs, telemetry.instruments(CONSUMER_INSTRUMENTS), script.clock)

    async def look_on() -> None:
        while True:
            script.clock.seconds += WATCH_SECONDS
            await watch.look()

    with pytest.raises(Stuck, match="5 records wait"):
        await look_on()
    assert script.clock.seconds - back_at >= STUCK_SECONDS / 2, "what waited for the store is given time to go on"
    assert script.clock.seconds - back_at <= STUCK_SECONDS + 2 * WATCH_SECONDS


async def test_the_lag_is_no_number_while_nobody_can_say_it() -> None:
    script, telemetry = Script(HandClock(), []), Telemetry("tested")
    watch = Watch(script.lag, script.ping, telemetry.instruments(CONSUMER_INSTRUMENTS), script.clock)

    async def shown() -> float | None:
        await watch.look()
        return telemetry.registry.get_sample_value("concord_consumer_lag_records")

    script.waiting = 7
    assert await shown() == 7
    script.away_until = script.clock.seconds + 10
    assert math.isnan(await shown() or 0)
    script.clock.seconds += 20
    assert await shown() == 7


async def test_a_quiet_topic_is_no_stuck_one() -> None:
    with pytest.raises(Over):
        await run(Script(HandClock(), [STUCK_SECONDS + 1] * 5, lag=0))


async def test_each_batch_begins_the_watch_anew() -> None:
    polls: list[Sequence[Incoming] | float] = [STUCK_SECONDS - 9, at(0), STUCK_SECONDS - 9, at(1), STUCK_SECONDS - 9]
    with pytest.raises(Over):
        await run(Script(HandClock(), polls, lag=5))


async def test_a_rebalance_is_waited_for_and_one_that_never_ends_ends_the_process() -> None:
    script = Script(HandClock(), [3 * UNJOINED_SECONDS], lag=None)
    with pytest.raises(Stuck, match="not joined"):
        await run(script)
    assert script.clock.seconds - script.began > UNJOINED_SECONDS
