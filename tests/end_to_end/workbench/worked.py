"""A person with weeks of work behind them: what the services before metrics would have told of it."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.clock import SystemClock
from concord.contracts.ids import client_of
from services.metrics.domain.worked import DAY_US
from tests.support.pages import Pages
from tests.support.upstream import Teller

CLASSES = ["even", "odd"]
OTHERS = 6


class Earlier(SystemClock):
    """A clock that stands some days back, a little after noon: no day ends while it is read."""

    def __init__(self) -> None:
        self.days_back = 0
        self._began_us = super().now_us()

    def now_us(self) -> int:
        noon_us = self._began_us // DAY_US * DAY_US + DAY_US // 2
        return noon_us + super().now_us() - self._began_us - self.days_back * DAY_US


def weeks_of_work(pages: Pages, slug: str, annotator_id: str, days: int = 20, gold_a_day: int = 4) -> str:
    """Return a project in which somebody labelled hidden gold and work on each of these days, and others a little."""
    policy = {"overlap": {"initial": 1, "max": 1}, "gold": {"rate": 0.3}, "fatigue": {"breaks": True}}
    project_id = pages.project(slug, {"kind": "choice", "classes": CLASSES}, [], policy=policy)
    # In a thread of its own: the browser's driver has this one's loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_told(pages, project_id, annotator_id, days, gold_a_day))).result()
    return project_id


async def _told(pages: Pages, project_id: str, annotator_id: str, days: int, gold_a_day: int) -> None:
    clock, chance = Earlier(), random.Random(7)
    broker = KafkaBroker(pages.stack.kafka_bootstrap, "earlier")
    await broker.start()
    teller = Teller(broker, clock, client_of(project_id))
    teller.project_id = project_id
    try:
        for day in range(days, 0, -1):
            clock.days_back = day
            for place in range(2 * gold_a_day):
                unit_id = f"{project_id}-{day}-{place}"
                known = chance.choice(CLASSES)
                await teller.unit(unit_id, gold=known if place % 2 else None)
                right = chance.random() < 0.6 + 0.3 * (days - day) / days
                said = known if right else next(name for name in CLASSES if name != known)
                spent = chance.randrange(3_000, 15_000)
                await teller.annotation(unit_id, 1, annotator_id, said, active_ms=spent)
                if day == days and place < OTHERS:
                    await teller.annotation(unit_id, 2, f"other-{place}", said, active_ms=2 * spent)
    finally:
        await broker.stop()
