"""Who tires is offered nothing new within seconds: metrics finds it, assign hears it. All in virtual time."""

import asyncio
import random

from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.contracts.topics import QUALITY
from simulation.house import ENVIRONMENT, House
from simulation.lives import SERVICES
from simulation.virtual_time import VirtualTimeLoop
from tests.support.five import NOW_US, Five

STOPPED_SECONDS_MAX = 5.0
RESTED_UNITS, UNITS = 60, 90
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "guideline": "Say yes or no.",
    "policy": {
        "overlap": {"initial": 1, "max": 1},
        "gold": {"rate": 0.0},
        "lease": {"seconds": 600},
        "fatigue": {"breaks": True, "break_seconds": 600},
    },
}


def test_the_stream_of_whoever_tires_stops_within_five_seconds_of_the_label_that_showed_it() -> None:
    async def run() -> None:
        five = Five(House(clock=LoopClock(NOW_US)))
        for name in ("ingest", "assign", "metrics"):
            settings, wire = SERVICES[name]
            five.services[name] = wire(settings.from_environment(ENVIRONMENT), five.house.ports(name))
        await asyncio.gather(*(service.runtime.start() for service in five.services.values()))
        try:
            await work_until_stopped(five)
        finally:
            for service in five.services.values():
                await service.runtime.stop()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


async def work_until_stopped(five: Five) -> None:
    """Let one annotator work, slower from some unit on, until a claim is refused."""
    generator, key, ann = random.Random(5), "client/key/k1", "annotator/ann"
    await five.told("assign", "PUT", "/v1/annotators/ann", "operator/op", {})
    project = (await five.told("ingest", "PUT", "/v1/projects/p", key, DEFINITION))["project_id"]
    units = [{"id": f"n{number}", "content": f"text {number}"} for number in range(UNITS)]
    await five.told("ingest", "POST", f"/v1/projects/{project}/units", key, units)
    await asyncio.sleep(STOPPED_SECONDS_MAX)
    last_us = 0
    for number in range(UNITS):
        claimed = await five.call("assign", "POST", f"/v1/projects/{project}/claims", ann, {"units": 1})
        if claimed.status == 409:
            assert claimed.json()["detail"].startswith("You are on a break until 20")
            break
        (held,) = claimed.json()["assignments"]
        tired = number >= RESTED_UNITS
        seconds = generator.lognormvariate(0.7, 0.4) * (3.0 if tired else 1.0)
        await asyncio.sleep(seconds)
        body = {"label": "yes", "active_ms": int(1_000 * seconds)}
        await five.told("assign", "POST", f"/v1/assignments/{held['assignment_id']}/submission", ann, body)
        last_us = five.house.clock.now_us()
        if tired:
            await asyncio.sleep(STOPPED_SECONDS_MAX)
    else:
        raise AssertionError("nobody stopped it")
    (asked,) = [event for event in five.house.events(QUALITY) if event.HasField("break_required")]
    assert number > RESTED_UNITS, "not before it was so"
    showed_us = asked.metadata.occurred_at_us
    assert abs(showed_us - last_us) < MICROSECONDS, "it was the last label that showed it: none was offered after it"
