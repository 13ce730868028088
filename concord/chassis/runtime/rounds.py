"""Work that is done again and again for as long as a process lives: one policy for what goes wrong in it."""

import logging
from collections.abc import Awaitable, Callable

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.errors import Kind, kind_of
from concord.chassis.runtime.parts import Loop

log = logging.getLogger(__name__)


def rounds(name: str, seconds: float, clock: Clock, work: Callable[[], Awaitable[object]]) -> Loop:
    """Return a part that does its work every so many seconds, until it is cancelled.

    What does not answer is waited for, longer each time. What nobody expects is logged, and the next round tries again
    after a pause as long: one unit that cannot be decided on must not end a service for all. A deployment fault ends
    the process.

    Args:
        name: of the loop, for the log.
        seconds: from the end of one round to the beginning of the next.
        clock: sleeps.
        work: one round.
    """

    async def run() -> None:
        waits = BackOff(name, clock)
        while True:
            await clock.sleep(seconds)
            try:
                await work()
            except Exception as fault:
                kind = kind_of(fault)
                if kind is Kind.DEPLOYMENT:
                    raise
                if kind is not Kind.PASSING:
                    log.exception("a round of %s failed", name)
                await waits.wait(fault)
            else:
                waits.over()

    return Loop(name, run)
