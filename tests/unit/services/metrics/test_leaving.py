"""A process of metrics leaves its group in order, also when handing over takes longer than it may."""

import asyncio
from typing import Any

import pytest

from concord.chassis.broker.port import Deal
from concord.chassis.clock import SystemClock
from concord.chassis.faust_chunks import ChunkedApp
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.settings import KafkaSettings, PatienceSettings
from concord.chassis.telemetry import Telemetry
from services.metrics.agents import FaustPart, FaustParts
from services.metrics.reading import Reading
from services.metrics.repository import Repository

PLACES = 8


async def _answers() -> None:
    return


async def test_leaving_that_was_waited_for_too_briefly_goes_on_and_is_waited_for_by_the_stop() -> None:
    owner, clock, telemetry, letters = Owner(PLACES, "http://one"), SystemClock(), Telemetry("test"), object()
    app: Any = ChunkedApp("test", KafkaSettings(bootstrap="127.0.0.1:9"), 1, owner)
    parts = FaustParts(app, PLACES)
    body: Any = letters
    reading = Reading(owner, Repository(PLACES), parts, "one", body, telemetry, clock)
    owner.dealt(Deal(frozenset({0}), frozenset(), {"http://one": frozenset({0})}))
    owner.opened(0)
    part = FaustPart(app, reading, parts, _answers, clock, telemetry, PatienceSettings())
    gone, stops = asyncio.Event(), []

    async def stop() -> None:
        stops.append("told")
        await gone.wait()
        stops.append("gone")

    app.stop = stop
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await part.hand_over()
    stopping = asyncio.create_task(part.stop())
    await asyncio.sleep(0)
    assert not stopping.done(), "the group still has it as a member"
    assert owner.whose(0).standing is Standing.MINE, "what is known of a place is told until another has it"
    assert not owner.open(), "and nothing of it is measured or told by itself"
    gone.set()
    await stopping
    assert stops == ["told", "gone"], "Faust is told to stop once"
