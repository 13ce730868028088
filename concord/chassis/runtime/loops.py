"""The one policy of everything that runs for ever beside the consumer: what a turn raises never ends it unawares."""

import logging
from collections.abc import Awaitable, Callable

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.errors import Kind, kind_of
from concord.chassis.runtime.parts import Loop
from concord.chassis.telemetry import Instrument, Telemetry

LOOP_INSTRUMENTS = (
    Instrument(
        "concord_loop_failures", "counter", "Turns of a loop that raised what nobody foresaw; it goes on.", ("loop",)
    ),
    Instrument(
        "concord_loop_turn_timestamp_seconds",
        "gauge",
        "When a loop last ended a turn in order, seconds since 1970.",
        ("loop",),
    ),
)

log = logging.getLogger(__name__)


def repeating(
    name: str,
    turn: Callable[[], Awaitable[object]],
    clock: Clock,
    telemetry: Telemetry,
    pause: Callable[[], float],
) -> Loop:
    """Return a part that takes turn after turn for ever, with pauses between.

    What a turn raises is obeyed by its kind. What passes is waited for with back-off and said now and then. A
    deployment fault ends the process. Anything else is a fault of ours in one turn: it is logged, counted, and the next
    turn comes after a longer and longer pause, for a lot that cannot be sealed must not shut the door on all others.

    Args:
        name: the part's.
        turn: does one round, and returns when there is nothing more to do now.
        clock: sleeps.
        telemetry: shows when a turn last ended well, and how many failed.
        pause: says how many seconds to wait before the next turn.
    """
    instruments = telemetry.instruments(LOOP_INSTRUMENTS)
    instruments.counter("concord_loop_failures", name)  # zero from the start, so that the first is an increase

    async def run() -> None:
        waits = BackOff(f"the loop of {name}", clock)
        while True:
            await clock.sleep(pause())
            try:
                await turn()
            except Exception as fault:
                if kind_of(fault) is Kind.DEPLOYMENT:
                    raise
                if kind_of(fault) is not Kind.PASSING:
                    instruments.counter("concord_loop_failures", name).inc()
                    log.exception("a turn of %s failed", name)
                await waits.wait(fault)
            else:
                waits.over()
                instruments.gauge("concord_loop_turn_timestamp_seconds", name).set(clock.now_us() / 1_000_000)

    return Loop(name, run)
