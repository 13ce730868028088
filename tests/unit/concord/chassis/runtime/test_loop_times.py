"""When the turns of a loop come, in virtual time."""

import asyncio
import itertools

import pytest

from concord.chassis.clock import LoopClock
from concord.chassis.errors import DeploymentFault, Unavailable
from concord.chassis.runtime import repeating
from concord.chassis.telemetry import Telemetry
from simulation.virtual_time import VirtualTimeLoop


def run_for(seconds: float, failures: list[Exception | None]) -> list[float]:
    """Return when rounds began that fail as told, one after the other, and then succeed."""
    began: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def work() -> None:
            began.append(loop.time())
            fault = failures.pop(0) if failures else None
            if fault is not None:
                raise fault

        loop_part = repeating("work", work, LoopClock(0), Telemetry("tested"), lambda: 1.0)
        part = asyncio.create_task(loop_part.run())
        await asyncio.wait([part], timeout=seconds)
        if part.done():
            part.result()
        part.cancel()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    return began


def test_rounds_go_on_whatever_a_round_meets_and_wait_longer_while_nothing_answers() -> None:
    assert run_for(5.5, []) == [1.0, 2.0, 3.0, 4.0, 5.0]
    began = run_for(60.0, [Unavailable("away")] * 6 + [ValueError("one unit")])
    gaps = [later - earlier for earlier, later in itertools.pairwise(began)]
    assert len(began) > 20
    assert max(gaps[:7]) > 2.0
    assert gaps[-1] == pytest.approx(1.0)


def test_a_deployment_fault_ends_it() -> None:
    with pytest.raises(DeploymentFault):
        run_for(60.0, [None, DeploymentFault("a right is missing")])
