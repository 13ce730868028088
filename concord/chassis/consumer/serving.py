"""Serving a topic's batch: one bad record neither stops the good ones nor is passed over, whatever does not answer."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import Incoming
from concord.chassis.clock import Clock
from concord.chassis.consumer.delivery import Delivery, Handler, decoded
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.errors import Kind, Passing, kind_of, logged
from concord.chassis.telemetry import Instruments, Tracing
from concord.contracts.codec import Undecodable

log = logging.getLogger(__name__)


class Superseded(Exception):
    """The group was dealt anew while a batch was served, and something in it failed: whoever has it now serves it."""


class Serving:
    """Calls the handlers, and decides by an error's kind what becomes of the records.

    A batch that fails is halved until the record at fault stands alone: one in a thousand costs twenty calls. Records
    of one partition stay in their order.

    Args:
        handlers: by topic.
        needs: returns when everything that handlers need answers, raises Passing when something does not: an error
            that nobody foresaw makes a dead letter only then.
        progressed: called whenever something was served, or is waited for that is known to be away.

    Attributes:
        expects: awaited with the projects that a batch names, before it is served: so that what is on its way to our
            tables is waited for once and not record by record.
        superseded: tells whether the batch in hand may be another member's by now.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        dead_letters: DeadLetters,
        needs: Callable[[], Awaitable[None]],
        instruments: Instruments,
        tracing: Tracing,
        clock: Clock,
        progressed: Callable[[], None],
    ) -> None:
        self.handlers = handlers
        self.dead_letters = dead_letters
        self.needs = needs
        self.instruments = instruments
        self.tracing = tracing
        self.progressed = progressed
        self.expects: list[Callable[[Sequence[str]], Awaitable[None]]] = []
        self.superseded: Callable[[], bool] = lambda: False
        self._waits = {topic: BackOff(topic, clock) for topic in handlers}

    async def serve(self, topic: str, batch: Sequence[Incoming]) -> None:
        """Serve one topic's batch; whatever becomes of each record, all are done when this returns.

        Raises:
            DeploymentFault: see there; nothing of the batch is to be committed.
            UnknownSchemaVersion: the same.
            Superseded: see there; the same.
        """
        good: list[Delivery] = []
        for record in batch:
            try:
                good.append(decoded(record))
            except Undecodable as fault:
                await self._set_aside(record, fault, attempts=1)
        projects = sorted({delivery.project_id for delivery in good} - {""})
        for expect in self.expects if projects else ():
            await self._available(topic, lambda: expect(projects))  # noqa: B023 - awaited before the next
        if good and (failed := await self._tried(topic, good)) is not None:
            log.warning("a batch of %s failed (%s); halving it", topic, logged(failed))
            await self._find(topic, good, failed)
        self.instruments.counter("concord_consumer_records", topic).inc(len(batch))

    async def _find(self, topic: str, deliveries: Sequence[Delivery], fault: Exception) -> None:
        """Find the records at fault among these, which failed together, and serve the others."""
        if len(deliveries) == 1:
            await self._serve_alone(topic, deliveries[0], fault)
            return
        middle = len(deliveries) // 2
        for half in (deliveries[:middle], deliveries[middle:]):
            if (again := await self._tried(topic, half)) is not None:
                await self._find(topic, half, again)

    async def _serve_alone(self, topic: str, delivery: Delivery, fault: Exception) -> None:
        """Try a record that failed alone again, and set it aside."""
        attempt, last = 1, fault
        while kind_of(last) is not Kind.POISON:
            if attempt >= ATTEMPTS_MAX:
                waited = await self._available(topic, self.needs)
                if not waited:
                    break
                attempt = 0  # what it needs was away: that may have been its whole fault
            attempt += 1
            again = await self._tried(topic, [delivery])
            if again is None:
                return
            last = again
        await self._set_aside(delivery.record, last, attempt)

    async def _tried(self, topic: str, deliveries: Sequence[Delivery]) -> Exception | None:
        """Call the handler, and again while what it needs does not answer; return what else it raised."""

        async def serve() -> None:
            with self.tracing.batch_span(f"process {topic}", [delivery.record for delivery in deliveries]):
                await self.handlers[topic](deliveries)

        try:
            await self._available(topic, serve)
        except Exception as fault:
            if isinstance(fault, Superseded) or kind_of(fault) is Kind.DEPLOYMENT:
                raise
            return fault
        return None

    async def _available(self, topic: str, ask: Callable[[], Awaitable[None]]) -> bool:
        """Return when `ask` has; tell whether it had to be waited for.

        Raises:
            Superseded: see there, whatever went wrong.
        """
        back_off, waited = self._waits[topic], False
        while True:
            try:
                await ask()
            except Exception as fault:
                if self.superseded():
                    raise Superseded from fault
                if not isinstance(fault, Passing):
                    raise
                waited = True
                # Known and passing: ending the process would not bring back what is away.
                self.progressed()
                await back_off.wait(fault)
            else:
                self.progressed()
                back_off.over()
                return waited

    async def _set_aside(self, record: Incoming, fault: Exception, attempts: int) -> None:
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, logged(fault))
        await self._available(record.topic, lambda: self.dead_letters.set_aside(record, fault, attempts))
        self.instruments.counter("concord_dead_letters", record.topic).inc()
