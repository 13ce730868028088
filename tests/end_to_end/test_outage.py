"""The broker, and then the store, is away for a time on the real stack: nothing ends, nothing is lost, all catch up.

`CONCORD_OUTAGE_SECONDS=600` makes it the real ten minutes, with the patience that is deployed and with the deployed
alerts held to it; the figures are printed with `-s`.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.judge import Evidence, heard
from tests.end_to_end.lag import unread
from tests.end_to_end.load import REQUEST_SECONDS_MAX, Load
from tests.support.live_prometheus import Live, prometheus_over
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

OUTAGE_SECONDS = float(os.environ.get("CONCORD_OUTAGE_SECONDS", "66"))
LONG = OUTAGE_SECONDS >= 150
"""Long enough for the alerts, which want a minute, and for the patience that is deployed."""
IMPATIENT = {"CONCORD_STUCK_SECONDS": "55", "CONCORD_UNJOINED_SECONDS": "60", "CONCORD_PROBE_SECONDS": "1"}
"""Less than the outage, and five times what it takes to join a group again on a quiet machine, which waits for a
session of 10 s to run out."""
CALM_SECONDS = 5.0
CATCH_UP_SECONDS_MAX = 60.0
"""After a long outage, which nobody sits out on a machine that does something else; else it is told and not judged."""
SHARE_MIN, ACKNOWLEDGED_MIN = 0.5, 6
"""Of the units and labels that a quiet machine would take each second, how many are taken while the broker is away; and
how many of each in all, of a short outage: that one ends when they are."""
LINES_MAX, LINES_A_SECOND_MAX = 60, 1.0
ALERT_SECONDS_MAX = 120.0
NAMES = {"kafka": ("broker", "BrokerNotAnswering"), "mongodb": ("store", "StoreNotAnswering")}
WITH_STORE = ("ingest", "assign", "adjudicate", "audit")


class Outage:
    """One part of a stack that goes away and comes back, and what is seen meanwhile.

    Attributes:
        seen: the figures.
    """

    def __init__(self, stack: Stack, load: Load, part: str, live: Live | None) -> None:
        self.stack, self.load, self.part, self.live = stack, load, part, live
        self.called, self.alert = NAMES[part]
        self.seen: dict[str, Any] = {"part": part, "seconds": OUTAGE_SECONDS}

    async def run(self) -> None:
        """Let the load run, take the part away and give it back, and wait until all have caught up."""
        loop = asyncio.get_running_loop()
        pids = {name: self.stack.pid(name) for name in self.stack.services}
        lines = self._lines()
        working = asyncio.create_task(self.load.run())
        await asyncio.sleep(CALM_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.load.count.labels:  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(1)
        began = loop.time()
        await asyncio.to_thread(self.stack.kill, self.part)
        firing = await self._meanwhile(began)
        ended = loop.time()
        self.seen["acknowledged_meanwhile"] = self.load.count.between(began, ended)
        self.seen["lines_a_service"] = {name: count - lines[name] for name, count in self._lines().items()}
        self.seen["firing_after_seconds"] = firing
        await asyncio.to_thread(self.stack.restart, self.part)
        self.load.end()
        returned = loop.time()
        await working
        self.seen["catch_up_seconds"] = await self._caught_up(returned)
        self.seen["alive"] = {name: self.stack.pid(name) for name in self.stack.services} == pids
        self.seen["back_up"] = await self._shown(lambda shown: shown == 1)

    async def _meanwhile(self, began: float) -> dict[str, float]:
        """Look on while the part is away; return when each alert began to fire."""
        loop, firing = asyncio.get_running_loop(), dict[str, float]()
        self.seen["shown_away"] = await self._shown(lambda shown: shown == 0)
        while loop.time() < began + OUTAGE_SECONDS or not self._goes_on(began):
            for alert in (await asyncio.to_thread(self.live.ask, "alerts"))["alerts"] if self.live else ():
                if alert["state"] == "firing":
                    firing.setdefault(alert["labels"]["alertname"], round(loop.time() - began, 1))
            await asyncio.sleep(1)
        self.seen["ready_says"] = [await self._ready(name) for name in self._needing()]
        return firing

    def _goes_on(self, began: float) -> bool:
        """Return whether what must go on has been seen to, or is no longer waited for."""
        now = asyncio.get_running_loop().time()
        enough = min(self.load.count.between(began, now)) >= ACKNOWLEDGED_MIN
        return LONG or self.part != "kafka" or enough or now > began + PATIENCE_SECONDS

    async def _shown(self, good: Any) -> bool:
        """Return whether every service that needs the part comes to show it so."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            if all([good(await self._up(name)) for name in self._needing()]):
                return True
            await asyncio.sleep(1)
        return False

    async def _up(self, service: str) -> float | None:
        async with self.load.session.get(self.stack.addresses[service] + "/metrics") as answer:
            for line in (await answer.text()).splitlines():
                if line.startswith(f'concord_dependency_up{{dependency="{self.called}"}}'):
                    return float(line.split()[-1])
        return None

    async def _ready(self, service: str) -> tuple[int, str]:
        async with self.load.session.get(self.stack.addresses[service] + "/ready") as answer:
            return answer.status, await answer.text()

    def _needing(self) -> tuple[str, ...]:
        return WITH_STORE if self.part == "mongodb" else self.stack.services

    async def _caught_up(self, since: float) -> float | None:
        """Return after how long every acknowledged label is counted and every labelled unit decided."""
        loop, wanted = asyncio.get_running_loop(), len(self.load.count.labels)
        while loop.time() < since + PATIENCE_SECONDS:
            self.seen["counted"] = await self.load.counted()
            if self.seen["counted"] == (wanted, wanted):
                return round(loop.time() - since, 1)
            await asyncio.sleep(0.5)
        return None

    def _lines(self) -> dict[str, int]:
        return {name: len(self.stack.log(name).read_text().splitlines()) for name in self.stack.services}


def lost_or_double(evidence: Evidence, load: Load) -> dict[str, tuple[int, int, int]]:
    """Return, of what was acknowledged: how many, how many the topics lack, how many they hold twice."""
    units = [event.unit_id for event in evidence.events("units", "unit_admitted")]
    labels = [event.annotation_id for event in evidence.events("annotations", "annotation_submitted")]
    per_unit = [event.unit_id for event in evidence.events("annotations", "annotation_submitted")]
    decided = [event.unit_id for event in evidence.events("resolutions", "consensus_reached")]
    return {
        name: (len(acknowledged), len(set(acknowledged) - set(rows)), len(rows) - len(set(rows)))
        for name, acknowledged, rows in (
            ("units", load.count.units, units),
            ("labels", load.count.labels, labels),
            ("labelled units", dict.fromkeys(per_unit), per_unit),
            ("decided units", dict.fromkeys(per_unit), decided),
        )
    }


async def settled(stack: Stack, load: Load) -> dict[str, tuple[int, int, int]]:
    """Return what `lost_or_double` does once nothing is lost, or what stays lost: all is told a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        judged = lost_or_double(await heard(stack.kafka_bootstrap), load)
        if not any(lost for _, lost, _ in judged.values()) or time.monotonic() > give_up_at:
            return judged


@pytest.fixture(params=list(NAMES))
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if not LONG:
        for name, value in IMPATIENT.items():
            monkeypatch.setenv(name, value)
    return str(request.param)


async def test_what_is_away_ends_nothing_and_all_catch_up(part: str, folder: Path, tmp_path: Path) -> None:
    stack = Stack(folder, Ports.free())
    async with stack, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)) as session:
        load = Load(stack, session)
        await load.prepare(OUTAGE_SECONDS + 3 * CALM_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Else there is nothing to label while the broker is away.
            while await unread(stack.kafka_bootstrap):  # noqa: ASYNC110 - it sets no event of ours
                await asyncio.sleep(1)
        with ExitStack() as exits:
            live = None
            if LONG:
                addresses = {name: stack.addresses[name].removeprefix("http://") for name in stack.services}
                live = exits.enter_context(prometheus_over(tmp_path, addresses, 5))
            outage = Outage(stack, load, part, live)
            try:
                await outage.run()
            finally:
                if (ended := stack.ended()) is not None:
                    sys.stdout.write(f"{ended} ended:\n{stack.tail(ended)}\n")
        judged = await settled(stack, load)
        ended = stack.ended()
        sys.stdout.write(json.dumps({**outage.seen, "judged": judged, "ended": ended}, indent=1))
    assert ended is None
    assert outage.seen["alive"]
    assert outage.seen["shown_away"]
    assert outage.seen["back_up"]
    assert load.count.refused == []
    assert {(lost, double) for _, lost, double in judged.values()} == {(0, 0)}
    assert outage.seen["catch_up_seconds"] is not None
    for status, entry in outage.seen["ready_says"]:
        assert status == 200
        assert f"the {outage.called} has not answered" in entry
    units, labels = outage.seen["acknowledged_meanwhile"]
    if part == "kafka":
        wanted = OUTAGE_SECONDS * SHARE_MIN if LONG else ACKNOWLEDGED_MIN
        assert min(units, labels) >= wanted, "the doors go on"
    for name, count in outage.seen["lines_a_service"].items():
        assert count <= LINES_MAX + LINES_A_SECOND_MAX * OUTAGE_SECONDS, f"{name} wrote {count} lines"
    if LONG:
        assert outage.seen["catch_up_seconds"] <= CATCH_UP_SECONDS_MAX
        assert 60 <= outage.seen["firing_after_seconds"][outage.alert] <= ALERT_SECONDS_MAX
