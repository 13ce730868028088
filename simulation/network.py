"""The way from people to services: requests and replies get lost, come twice, and are sent again."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulation.faults import LOST_CHANCE, Fault, Weather
from simulation.house import Answer
from simulation.lives import HungUp, Lives
from simulation.trace import Trace

REPLY_SECONDS_MAX = 15.0
RETRY_SECONDS = (0.2, 4.0)
TRIES_MAX = 8
AGAIN = (429, 503)


class Lost(Exception):
    """No reply came. What was asked for may have been done, or may be done yet."""


@dataclass
class Network:
    """Carries requests.

    Attributes:
        lives: who answers.
        weather: what gets lost.
        trace: where requests are told.
        statuses: how many replies of each status there were.
        failures: replies that no service may give: what is asked, and the status.
    """

    lives: Lives
    weather: Weather
    trace: Trace
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    async def ask(self, generator: random.Random, service: str, method: str, path: str, **more: Any) -> Answer:
        """Ask once.

        Raises:
            Lost: no reply came.
        """
        life = self.lives.pick(service, generator)
        if life is None or self.weather.strikes(Fault.LOST_MESSAGES, LOST_CHANCE, generator):
            await asyncio.sleep(1.0)
            raise Lost
        sent = (method, path, more.get("token", ""), more.get("body"), more.get("headers", ()), more.get("query", ""))
        replies = [asyncio.create_task(life.serve(*sent))]
        if self.weather.strikes(Fault.LOST_MESSAGES, LOST_CHANCE, generator):
            replies.append(asyncio.create_task(life.serve(*sent)))
        await asyncio.wait(replies[:1], timeout=REPLY_SECONDS_MAX)
        for late in replies[1:]:
            late.add_done_callback(lambda done: done.cancelled() or done.exception())
        first = replies[0]
        if not first.done():
            first.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise Lost
        try:
            answer = first.result()
        except (HungUp, ConnectionError):
            # The life died, or the one to which it had handed the request on did, with half an answer out.
            raise Lost from None
        self.statuses[answer.status] += 1
        if answer.status >= 500 and answer.status != 503:
            self.failures.append(f"{service} answered {answer.status} to {method} {path}")
        if self.weather.strikes(Fault.LOST_MESSAGES, LOST_CHANCE, generator):
            raise Lost
        self.trace.tell("reply", service, method, path, answer.status, len(answer.body))
        return answer

    async def insist(
        self,
        generator: random.Random,
        service: str,
        method: str,
        path: str,
        *,
        tries_max: int = TRIES_MAX,
        again: Sequence[int] = AGAIN,
        **more: Any,
    ) -> Answer | None:
        """Ask again and again, as clients do, while no reply comes or the service cannot now; None: gave up."""
        for _ in range(tries_max):
            try:
                answer = await self.ask(generator, service, method, path, **more)
            except Lost:
                answer = None
            if answer is not None and answer.status not in again:
                return answer
            await asyncio.sleep(generator.uniform(*RETRY_SECONDS))
        return None
