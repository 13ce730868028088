"""Waiting for what does not answer: longer each time up to a limit, by lot, and said so that a log stays readable."""

import logging
import random
from collections.abc import Awaitable, Callable

from concord.chassis.clock import Clock
from concord.chassis.errors import Kind, kind_of

SECONDS_FIRST = 0.2
SECONDS_MAX = 5.0
SAY_SECONDS = 30.0
"""How often it is said that something is still waited for."""

log = logging.getLogger(__name__)


class BackOff:
    """The pauses between tries of one thing that may not answer.

    Each is drawn between half of its length and the whole: processes that lost the same broker must not come back in
    step. What is drawn follows from the clock, so that a simulation repeats itself.

    Args:
        what: what is waited for, or who waits, for the log.
        clock: sleeps.
        seconds_max: the longest pause.
    """

    def __init__(self, what: str, clock: Clock, seconds_max: float = SECONDS_MAX) -> None:
        self.what = what
        self.clock = clock
        self.seconds_max = seconds_max
        self._length = SECONDS_FIRST
        self._since: float | None = None
        self._said_at = 0.0
        self._generator: random.Random | None = None

    async def wait(self, fault: BaseException) -> None:
        """Return after a pause; what is waited for is said at the first, and then once in SAY_SECONDS."""
        now = self.clock.monotonic()
        if self._since is None:
            self._since = self._said_at = now
            log.warning("%s waits: %s", self.what, fault)
        elif now - self._said_at >= SAY_SECONDS:
            self._said_at = now
            log.warning("%s still waits, for %.0f s now: %s", self.what, now - self._since, fault)
        if self._generator is None:
            self._generator = random.Random(f"{self.what}/{self.clock.now_us()}")
        await self.clock.sleep(self._length * self._generator.uniform(0.5, 1.0))
        self._length = min(2 * self._length, self.seconds_max)

    def over(self) -> None:
        """Say that it went on, if it had waited, and begin with short pauses the next time."""
        if self._since is not None:
            log.info("%s goes on after %.0f s", self.what, self.clock.monotonic() - self._since)
            self._since = None
            self._length = SECONDS_FIRST

    async def attempt(self, turn: Callable[[], Awaitable[object]]) -> bool:
        """Take one turn of what runs for ever, and return whether it went well; after a fault, when the pause is over.

        Raises:
            what is a fault of the deployment. Anything else passes, or is logged as a fault of ours in one turn.
        """
        try:
            await turn()
        except Exception as fault:
            kind = kind_of(fault)
            if kind is Kind.DEPLOYMENT:
                raise
            if kind is not Kind.PASSING:
                log.exception("a turn of %s failed", self.what)
            await self.wait(fault)
            return False
        self.over()
        return True
