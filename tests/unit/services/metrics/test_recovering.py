"""A process of metrics whose tables are not recovered, though everything answers, ends and is started anew."""

from typing import Any

import pytest

from concord.chassis.consumer import STUCK_SECONDS, Stuck
from concord.chassis.faust_chunks import ChunkedApp
from concord.chassis.places.owner import Owner
from concord.chassis.settings import KafkaSettings, PatienceSettings
from concord.chassis.telemetry import Telemetry
from services.metrics.agents import FaustPart, FaustParts
from services.metrics.reading import Reading
from services.metrics.repository import Repository
from tests.unit.concord.chassis.hand_clock import HandClock

PLACES = 8


async def _answers() -> None:
    return


async def test_recovery_that_gets_nothing_ends_the_process_and_one_that_goes_on_never_does() -> None:
    owner, telemetry, clock = Owner(PLACES, "http://10.0.0.1"), Telemetry("test"), HandClock()
    app: Any = ChunkedApp("test", KafkaSettings(bootstrap="127.0.0.1:9"), 1, owner)
    parts = FaustParts(app, PLACES)
    letters: Any = object()
    reading = Reading(owner, Repository(PLACES), parts, "life", letters, telemetry, clock)
    part = FaustPart(app, reading, parts, _answers, clock, telemetry, PatienceSettings())
    recovery = app.tables.recovery
    recovery.in_recovery = True
    for left in (3, 2, 1):
        recovery.active_highwaters["changelog"], recovery.active_offsets["changelog"] = 3, 3 - left
        await part.watch.look()
        clock.seconds += STUCK_SECONDS
    clock.seconds += 1.0
    with pytest.raises(Stuck, match="1 records wait"):
        await part.watch.look()
