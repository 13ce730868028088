"""Store and broker are asked without any traffic; what does not answer is shown, named and said, and ends nothing."""

import asyncio
import logging

import pytest

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.runtime import Dependencies, Hook, Runtime
from concord.chassis.runtime import dependencies as module
from concord.chassis.runtime.dependencies import SAY_SECONDS
from concord.chassis.store.mongo import StoreRefused
from concord.chassis.telemetry import Telemetry
from tests.support.service import until
from tests.unit.concord.chassis.hand_clock import HandClock


class World:
    """A store and a broker that answer until something is raised in their name."""

    def __init__(self) -> None:
        self.clock, self.telemetry = HandClock(), Telemetry("tested")
        self.faults: dict[str, Exception | None] = {"store": None, "broker": None}
        pings = {"store": lambda: self.ping("store"), "broker": lambda: self.ping("broker")}
        self.part = Dependencies(pings, self.telemetry, self.clock)

    async def ping(self, name: str) -> None:
        if (fault := self.faults[name]) is not None:
            raise fault

    def up(self, name: str) -> float | None:
        return self.telemetry.registry.get_sample_value("concord_dependency_up", {"dependency": name})


@pytest.mark.parametrize(
    "fault", [BrokerUnavailable("away"), StoreRefused("not authorized"), OSError("what nobody foresaw")], ids=repr
)
async def test_what_does_not_answer_is_shown_and_named_and_the_other_is_not(fault: Exception) -> None:
    world = World()
    for name in ("store", "broker"):
        await world.part.ask(name)
    assert (world.up("store"), world.up("broker"), world.part.lacking()) == (1, 1, [])
    world.faults["broker"] = fault
    await world.part.ask("broker")
    world.clock.seconds += 65
    await world.part.ask("broker")
    assert (world.up("store"), world.up("broker")) == (1, 0)
    assert world.part.lacking() == ["the broker has not answered for 65 s"]
    world.faults["broker"] = None
    await world.part.ask("broker")
    assert (world.up("broker"), world.part.lacking()) == (1, [])


async def test_no_answer_at_all_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS_MAX", 0.01)
    part = Dependencies({"store": asyncio.Event().wait}, telemetry := Telemetry("tested"), HandClock())  # type: ignore[dict-item]  # a wait that never ends
    await part.ask("store")
    assert telemetry.registry.get_sample_value("concord_dependency_up", {"dependency": "store"}) == 0


async def test_ten_minutes_away_are_said_every_half_minute_and_ready_stays_ready(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.faults["store"] = BrokerUnavailable("away")
    runtime = Runtime("tested", [world.part, Hook("else")], world.clock)
    with caplog.at_level(logging.INFO):
        await runtime.start()
        began = world.clock.seconds
        await until(lambda: world.clock.seconds - began > 600)
        assert runtime.ready
        assert runtime.lacking()[0].startswith("the store has not answered for")
    await runtime.stop()
    lines = sum("the store" in line.message for line in caplog.records)
    assert 15 <= lines <= 2 + (world.clock.seconds - began) / SAY_SECONDS
