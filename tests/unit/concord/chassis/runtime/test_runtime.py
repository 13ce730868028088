"""Parts start in order and stop in reverse, a part that dies is told, and nothing hangs the stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.runtime import BrokerPart, Hook, Loop, PartDied, Phase, Runtime, StorePart, TelemetryPart, reach
from concord.chassis.runtime import runtime as life
from concord.chassis.store.port import Collection, StoreUnavailable
from concord.chassis.telemetry import Telemetry
from tests.support.patience import PATIENCE_SECONDS
from tests.unit.concord.chassis.hand_clock import HandClock


class Noted:
    """Notes what is done to it.

    Args:
        notes: shared by the parts of a test.
        stopping: what its stop does.
    """

    def __init__(self, name: str, notes: list[str], stopping: Callable[[], Awaitable[None]] | None = None) -> None:
        self.name, self.notes, self.stopping = name, notes, stopping
        self.reason: str | None = None

    async def start(self) -> None:
        self.notes.append(f"+{self.name}")

    async def stop(self) -> None:
        self.notes.append(f"-{self.name}")
        if self.stopping is not None:
            await self.stopping()

    def unready(self) -> str | None:
        return self.reason


async def test_parts_start_in_order_and_stop_in_reverse() -> None:
    notes: list[str] = []
    runtime = Runtime("tested", [Noted(name, notes) for name in "abc"])
    assert runtime.reasons() == ["tested is new"]
    await runtime.start()
    assert (runtime.ready, runtime.serving) == (True, True)
    runtime.drain()
    assert (runtime.ready, runtime.serving) == (False, True)
    await runtime.stop()
    assert (runtime.ready, runtime.serving) == (False, False)
    assert notes == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_what_was_never_started_serves_nothing_while_it_is_stopped() -> None:
    release = asyncio.Event()

    class Slow(Noted):
        async def start(self) -> None:
            await release.wait()

    runtime = Runtime("tested", [Slow("a", [])])
    starting = asyncio.create_task(runtime.start())
    await asyncio.sleep(0)
    runtime.drain()
    assert not runtime.serving
    starting.cancel()
    await runtime.stop()
    assert not runtime.serving


async def test_readiness_says_what_is_being_started_and_what_is_not_ready() -> None:
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    late = Noted("late", [])
    runtime = Runtime("tested", [late, Hook("store", start=wait)])
    starting = asyncio.create_task(runtime.start())
    await asyncio.sleep(0)
    assert runtime.reasons() == ["store is being started"]
    gate.set()
    await starting
    late.reason = "no partitions are assigned yet"
    assert (runtime.reasons(), runtime.serving) == (["no partitions are assigned yet"], True)


async def test_a_start_that_fails_leaves_what_was_started_to_be_stopped() -> None:
    notes: list[str] = []

    async def fail() -> None:
        raise LookupError("no such topic")

    runtime = Runtime("tested", [Noted("a", notes), Hook("b", start=fail), Noted("c", notes)])
    with pytest.raises(LookupError):
        await runtime.start()
    assert not runtime.ready
    await runtime.stop()
    assert notes == ["+a", "-a"]


async def ends() -> None:
    return


async def raises() -> None:
    raise ValueError("poison")


async def raises_in_a_group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(raises())


@pytest.mark.parametrize(
    ("loop", "told", "cause"),
    [
        (ends, "sweeper ended", None),
        (raises, "sweeper died of ValueError: poison", ValueError),
        (raises_in_a_group, "sweeper died of ValueError: poison", ValueError),
    ],
)
async def test_a_loop_that_ends_by_itself_is_told_with_its_cause(
    loop: Callable[[], Awaitable[None]], told: str, cause: type[Exception] | None
) -> None:
    runtime = Runtime("tested", [Loop("sweeper", loop)])
    await runtime.start()
    with pytest.raises(PartDied, match=told) as death:
        await runtime.until_death()
    assert death.value.__cause__ is None if cause is None else isinstance(death.value.__cause__, cause)
    assert runtime.reasons() == [told]
    await runtime.stop()


async def test_a_loop_that_dies_while_later_parts_start_ends_the_start() -> None:
    async def yield_once() -> None:
        await asyncio.sleep(0.001)

    runtime = Runtime("tested", [Loop("sweeper", raises), Hook("table", start=yield_once)])
    with pytest.raises(PartDied):
        await runtime.start()


async def test_a_stopped_loop_is_cancelled_only_after_its_stop_returned() -> None:
    notes: list[str] = []
    idle = asyncio.Event()

    class Consumer(Noted):
        async def run(self) -> None:
            try:
                await idle.wait()
                notes.append("finished what was in hand")
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                notes.append("cancelled")
                raise

    async def finish() -> None:
        idle.set()
        await asyncio.sleep(0.001)

    runtime = Runtime("tested", [Consumer("consumer", notes, finish)])
    await runtime.start()
    await asyncio.sleep(0)
    await runtime.stop()
    assert notes == ["+consumer", "-consumer", "finished what was in hand", "cancelled"]


async def test_a_part_that_hangs_or_fails_does_not_keep_the_others_from_stopping(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(life, "PART_STOP_SECONDS_MAX", 0.5)
    notes: list[str] = []

    async def hang() -> None:
        await asyncio.Event().wait()

    parts = [Noted("store", notes), Noted("hanging", notes, hang), Noted("failing", notes, raises)]
    runtime = Runtime("tested", parts)
    await runtime.start()
    with caplog.at_level(logging.WARNING):
        await runtime.stop()
    assert notes[3:] == ["-failing", "-hanging", "-store"]
    # What else is logged meanwhile, as by the event loop of a slow machine, is no word of the runtime's.
    names = [line.getMessage() for line in caplog.records if line.name == life.log.name]
    assert [line.split(" ")[0] for line in names] == ["failing", "hanging"]


async def test_all_parts_together_keep_to_the_bound_even_when_each_resists() -> None:
    async def resist() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                raise

    runtime = Runtime("tested", [Noted(str(number), [], resist) for number in range(50)])
    await runtime.start()
    await asyncio.wait_for(runtime.stop(seconds_max=0.05), PATIENCE_SECONDS)
    assert runtime.phase is Phase.STOPPED


async def test_a_crash_stops_nothing_and_leaves_no_task() -> None:
    notes: list[str] = []
    before = asyncio.all_tasks()

    class Own(Noted):
        def abandon(self) -> None:
            notes.append("abandoned")

    async def forever() -> None:
        await asyncio.Event().wait()

    runtime = Runtime("tested", [Own("a", notes), Loop("b", forever), Loop("c", forever)])
    await runtime.start()
    assert len(asyncio.all_tasks() - before) == 2
    runtime.abandon()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert notes == ["+a", "abandoned"]
    assert (runtime.ready, runtime.serving) == (False, False)


class Answers:
    """A store or broker that answers after some attempts."""

    def __init__(self, silent: int) -> None:
        self.silent, self.prepared, self.closed = silent, 0, False

    async def ping(self) -> None:
        self.silent -= 1
        if self.silent >= 0:
            raise StoreUnavailable("no answer")

    async def prepare(self, collections: object) -> None:
        self.prepared += 1

    async def close(self) -> None:
        self.closed = True

    async def start(self) -> None:
        self.silent -= 1
        if self.silent >= 0:
            raise BrokerUnavailable("no answer")

    async def stop(self) -> None:
        self.closed = True


def assert_backed_off(clock: HandClock, lengths: list[float]) -> None:
    """Each pause lies between half of its length and the whole, for processes must not come back in step."""
    assert len(clock.slept) == len(lengths)
    assert all(length / 2 <= pause <= length for pause, length in zip(clock.slept, lengths, strict=True))


async def test_a_silent_store_is_waited_for_with_back_off_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, store = HandClock(), Answers(silent=7)
    part = StorePart(store, [Collection("units")], clock)  # type: ignore[arg-type]  # only what the part asks
    with caplog.at_level(logging.INFO):
        await part.start()
    assert_backed_off(clock, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    # What else is logged meanwhile, as by the event loop of a slow machine, is no word of ours.
    assert [line.levelname for line in caplog.records if line.name.startswith("concord.")] == ["WARNING", "INFO"]
    assert store.prepared == 1
    await part.stop()
    assert store.closed


async def test_a_silent_broker_is_waited_for_too() -> None:
    clock, broker = HandClock(), Answers(silent=2)
    part = BrokerPart(broker, clock)  # type: ignore[arg-type]  # only what the part asks
    await part.start()
    assert_backed_off(clock, [0.2, 0.4])
    await part.stop()
    assert broker.closed


async def test_reach_does_not_swallow_other_faults() -> None:
    with pytest.raises(ValueError, match="poison"):
        await reach("the store", raises, StoreUnavailable, HandClock())


async def test_the_last_spans_are_exported_off_the_loop() -> None:
    exported: list[str] = []
    telemetry = Telemetry("tested", InMemorySpanExporter())
    telemetry.shutdown = lambda: exported.append("all")  # type: ignore[method-assign]  # noted instead of done
    part = TelemetryPart(telemetry)
    await part.start()
    await part.stop()
    assert exported == ["all"]


class HandsOver(Noted):
    """A part that lets others have its work, in its own way."""

    async def hand_over(self) -> None:
        self.notes.append(f"hand over {self.name}")
        if self.stopping is not None:
            await self.stopping()


async def test_a_handover_that_fails_or_hangs_keeps_no_other_part_from_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(life, "HAND_OVER_SECONDS_MAX", 0.02)

    async def fail() -> None:
        raise ZeroDivisionError

    async def hang() -> None:
        await asyncio.Event().wait()

    notes: list[str] = []
    parts = [HandsOver("a", notes), HandsOver("b", notes, fail), HandsOver("c", notes, hang), Noted("d", notes)]
    runtime = Runtime("tested", parts)
    await runtime.start()
    notes.clear()
    await runtime.hand_over()
    assert notes == ["hand over c", "hand over b", "hand over a"]


async def test_a_start_waits_for_what_does_not_answer_however_long_and_says_so_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The rebuild of a read model was ended by one page of the journal that came late."""
    clock, left = HandClock(), 100

    async def rebuild() -> None:
        nonlocal left
        left -= 1
        if left:
            raise StoreUnavailable("stream journal: timed out")

    runtime = Runtime("tested", [Hook("read models", start=rebuild)], clock)
    with caplog.at_level(logging.INFO):
        await runtime.start()
    assert runtime.ready
    assert sum("read models" in line.message for line in caplog.records) <= 2 + sum(clock.slept) / 30


async def test_a_part_whose_library_cancels_itself_while_it_is_stopped_leaves_no_other_unstopped() -> None:
    """While the broker is away the client library's stop raises a cancellation that nobody asked for."""
    notes: list[str] = []

    async def cancelled() -> None:
        raise asyncio.CancelledError

    runtime = Runtime("tested", [Noted("store", notes), Noted("consumer", notes, cancelled)])
    await runtime.start()
    await runtime.stop()
    assert notes == ["+store", "+consumer", "-consumer", "-store"]


async def test_a_stop_that_is_itself_cancelled_is_cancelled() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    runtime = Runtime("tested", [Noted("consumer", [], hang)])
    await runtime.start()
    stopping = asyncio.create_task(runtime.stop())
    await asyncio.sleep(0.01)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
