"""What runs for ever obeys an error's kind: it waits, it ends the process, or it goes on and is counted."""

import asyncio
import logging

import pytest

from concord.chassis.errors import Backlogged, DeploymentFault
from concord.chassis.runtime import Loop, repeating
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Telemetry
from tests.support.service import until
from tests.unit.concord.chassis.hand_clock import HandClock


class Turns:
    """A loop whose turns raise what is written, and then nothing."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.clock, self.telemetry = HandClock(), Telemetry("tested")
        self.done = 0

    async def turn(self) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.done += 1

    def loop(self) -> Loop:
        return repeating("lots", self.turn, self.clock, self.telemetry, lambda: 1.0)

    def failures(self) -> float | None:
        return self.telemetry.registry.get_sample_value("concord_loop_failures_total", {"loop": "lots"})


async def runs_on(turns: Turns) -> None:
    running = asyncio.create_task(turns.loop().run())
    await until(lambda: turns.done >= 3)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


async def test_what_passes_is_waited_for_with_back_off_and_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    turns = Turns(*[StoreUnavailable("away"), Backlogged("full")] * 30)
    began = turns.clock.seconds
    with caplog.at_level(logging.INFO):
        await runs_on(turns)
    assert turns.failures() == 0
    waited = turns.clock.seconds - began
    names = [line.levelname for line in caplog.records if "the loop of lots" in line.message]
    assert len(names) <= 2 + waited / 30, "said once, and then every half minute"
    assert names[-1] == "INFO"


async def test_a_turn_that_fails_for_a_reason_nobody_foresaw_is_counted_and_the_loop_goes_on() -> None:
    turns = Turns(ValueError("one lot's data"), KeyError("another's"))
    await runs_on(turns)
    assert turns.failures() == 2


async def test_a_deployment_fault_ends_the_loop_and_with_it_the_process() -> None:
    with pytest.raises(DeploymentFault):
        await Turns(DeploymentFault("a right is missing")).loop().run()
