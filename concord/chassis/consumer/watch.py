"""The watch over a consumer: it ends the process when records wait and none is served although everything answers."""

import logging
import math
from collections.abc import Awaitable, Callable

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import DeploymentFault, Passing
from concord.chassis.telemetry import Instrument, Instruments

WATCH_SECONDS = 2.0
STUCK_SECONDS = 60.0
UNJOINED_SECONDS = 300.0
"""A rebalance waits for members that finish what they have in hand; none takes so long."""

CONSUMER_INSTRUMENTS = (
    Instrument("concord_consumer_records", "counter", "Records served, dead letters among them.", ("topic",)),
    Instrument(
        "concord_consumer_lag_records",
        "gauge",
        "Records of this member's partitions that are not committed; NaN while nobody can say.",
    ),
    Instrument(
        "concord_consumer_progress_timestamp_seconds", "gauge", "When a batch was last committed, seconds since 1970."
    ),
    Instrument("concord_dead_letters", "counter", "Records set aside on the dead-letter topic.", ("topic",)),
)

log = logging.getLogger(__name__)


class Stuck(DeploymentFault):
    """Everything answers, and for long no record has come though some wait: the process must end and start anew.

    The client libraries are known to stop without a word, https://github.com/aio-libs/aiokafka/issues/1154.
    """


class Watch:
    """Tells a consumer that is stuck from one whose broker or store is away: ending the process cures only the first.

    Args:
        lag: how many records are not done; raises BrokerUnavailable when nobody can say, as in a rebalance.
        needs: returns when broker and store answer, asked on connections of their own; raises Passing when not.
        instruments: of CONSUMER_INSTRUMENTS.
        clock: paces it.
        stuck_seconds: how long records may wait while none is served.
        unjoined_seconds: how long the group may be dealt anew.

    Attributes:
        loading: tells whether places are being loaded: their records wait then, and nothing is stuck.
    """

    def __init__(
        self,
        lag: Callable[[], Awaitable[int]],
        needs: Callable[[], Awaitable[None]],
        instruments: Instruments,
        clock: Clock,
        stuck_seconds: float = STUCK_SECONDS,
        unjoined_seconds: float = UNJOINED_SECONDS,
    ) -> None:
        self.stuck_seconds = stuck_seconds
        self.unjoined_seconds = unjoined_seconds
        self.lag = lag
        self.needs = needs
        self.instruments = instruments
        self.clock = clock
        self.loading: Callable[[], bool] = lambda: False
        self.progress_at = clock.monotonic()

    def progressed(self) -> None:
        """Note that something was served, or that it is known why not."""
        self.progress_at = self.clock.monotonic()

    def committed(self) -> None:
        """Note that a batch is done."""
        self.progressed()
        self.instruments.gauge("concord_consumer_progress_timestamp_seconds").set(self.clock.now_us() / MICROSECONDS)

    async def run(self) -> None:
        """Look for ever, from beside: a handler that never returns is no progress either.

        Raises:
            Stuck: see there.
        """
        while True:
            await self.clock.sleep(WATCH_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look whether there is something to come, and for how long nothing has come of it.

        Raises:
            Stuck: see there.
        """
        lag_records: int | None
        try:
            lag_records = await self.lag()
        except BrokerUnavailable:
            lag_records = None
        self.instruments.gauge("concord_consumer_lag_records").set(math.nan if lag_records is None else lag_records)
        patience = self.unjoined_seconds if lag_records is None else self.stuck_seconds
        if lag_records == 0 or self.loading():
            self.progressed()
        elif lag_records is None or self.clock.monotonic() - self.progress_at > patience / 2:
            # Before it is over: whoever waits for a store that has just come back is not stuck yet.
            await self._ask(lag_records, patience)

    async def _ask(self, lag_records: int | None, patience: float) -> None:
        """Raise Stuck when patience is over and everything answers."""
        try:
            await self.needs()
        except Passing:
            self.progressed()
            return
        if self.clock.monotonic() - self.progress_at <= patience:
            return
        if lag_records is None:
            raise Stuck(f"not joined to its group for {patience:g} s, and the broker answers")
        raise Stuck(f"{lag_records} records wait and none has come for {patience:g} s")
