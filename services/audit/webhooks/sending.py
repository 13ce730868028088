"""Sending: whatever is due goes out, and what became of it is recorded before anything else of its line goes.

An endpoint that took what was sent last has CONNECTIONS_MAX connections; any other has one, with a pause after each
failure, and all of these together have half of the process's. So a receiver that hangs holds up nothing but what is
meant for it.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode

from concord.chassis.back_off import BackOff
from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import DeploymentFault, Passing
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import ByProject, trace_headers, trace_of
from services.audit.domain.delivery import DeliveryState, delivered, dropped, failed
from services.audit.domain.endpoint import Endpoint, secret_of, signed_headers
from services.audit.webhooks.book import DELIVERY, Queue, delivery_key
from services.audit.webhooks.means import HookMeans
from services.audit.webhooks.sender import Answer

IN_FLIGHT_MAX = 64
"""Attempts of a process at the same time; half of them, of endpoints that did not take what was sent last."""
CONNECTIONS_MAX = 4
"""Of one endpoint."""
PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 1.0, 60.0
"""How long an endpoint is left alone after a failure; twice as long after the next."""
DROPPED_AT_ONCE = 200
LOOK_SECONDS = 15.0
"""How often it is told how much waits, and the longest sleep: the wall's clock may jump."""
NAMED_AFTER_SECONDS = 3_600.0
"""How long a delivery waits before its endpoint is named in the log, and how often it is then."""
TRIES_MAX = 20
"""To record how an attempt ended, over a minute and a half; then it counts as not made, and is made again."""
RESULTS = ("delivered", "failed", "refused")

log = logging.getLogger(__name__)


class Sending:
    """The loop over endpoints in whose queues something is due; a part of the process.

    What is kept is one entry for each endpoint at most.
    """

    name = "webhooks"

    def __init__(self, means: HookMeans) -> None:
        self.means = means
        self._looks: list[tuple[int, str, str]] = []
        self._look_at: dict[tuple[str, str], int] = {}
        self._ready: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._news = asyncio.Event()
        self._in_flight = 0
        self._doubtful = 0
        self._told_at = 0.0
        self._hours_named: dict[str, int] = {}
        self._oldest = ByProject(means.instruments, "concord_audit_project_webhook_oldest_seconds")
        means.book.news = self.note
        for result in RESULTS:
            # Shown as zero from the start, so that the first one is an increase.
            means.instruments.counter("concord_audit_webhook_attempts", result)
        means.instruments.counter("concord_audit_webhook_dead_letters")
        means.instruments.counter("concord_audit_webhooks_left_out")

    def note(self, project_id: str, endpoint_id: str) -> None:
        """Hear that something changed in an endpoint's queue."""
        self._ready[(project_id, endpoint_id)] = None
        self._news.set()

    async def start(self) -> None:
        """Nothing is to be done: whenever a place is loaded there is news of all that is open in it."""

    async def stop(self) -> None:
        """Nothing is to be finished: an attempt that is cut short is made again by the next process."""

    async def run(self) -> None:
        """Send until cancelled, anywhere: what was not recorded is sent again under the same id."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                self._wake()
                for place in list(self._ready):
                    if self._serve(group, *place):
                        self._ready.pop(place, None)
                self._tell()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._seconds()):
                        await self._news.wait()

    def _wake(self) -> None:
        """Take the endpoints whose time has come."""
        now_us = self.means.clock.now_us()
        while self._looks and self._looks[0][0] <= now_us:
            at_us, *place = heappop(self._looks)
            key = (place[0], place[1])
            if self._look_at.get(key) == at_us:
                del self._look_at[key]
                self._ready[key] = None

    def _look(self, at_us: int, project_id: str, endpoint_id: str) -> None:
        """Look at an endpoint at that time, unless it is looked at before."""
        key = (project_id, endpoint_id)
        if at_us < self._look_at.get(key, at_us + 1):
            self._look_at[key] = at_us
            heappush(self._looks, (at_us, project_id, endpoint_id))

    def _seconds(self) -> float:
        """Return how long nothing is to come."""
        if not self._looks:
            return LOOK_SECONDS
        return min(max((self._looks[0][0] - self.means.clock.now_us()) / MICROSECONDS, 0.0), LOOK_SECONDS)

    def _serve(self, group: asyncio.TaskGroup, project_id: str, endpoint_id: str) -> bool:
        """Start what an endpoint may have now; return whether it has nothing more until it is noted again."""
        hooks = self.means.book.known(project_id)
        queue = hooks.queues.get(endpoint_id) if hooks is not None else None
        if hooks is None or queue is None:
            return True
        endpoint = hooks.endpoints.get(endpoint_id)
        if endpoint is None:
            if queue.open and not queue.in_flight:
                gone = list(queue.open)[:DROPPED_AT_ONCE]
                queue.in_flight.update(gone)
                group.create_task(self._counted(queue, project_id, endpoint_id, gone, self._drop(gone)))
            elif not queue.open:
                del hooks.queues[endpoint_id]
            return True
        now_us = self.means.clock.now_us()
        while now_us >= queue.paused_until_us and len(queue.in_flight) < (CONNECTIONS_MAX if queue.trusted else 1):
            if self._in_flight >= IN_FLIGHT_MAX or not (queue.trusted or self._doubtful < IN_FLIGHT_MAX // 2):
                return False  # it keeps its turn until one of another's has ended
            state = queue.next(now_us)
            if state is None:
                break
            dead = state.status == "dead"
            work = self._drop([state.delivery_id]) if dead else self._attempt(queue, endpoint, state)
            group.create_task(self._counted(queue, project_id, endpoint_id, [state.delivery_id], work))
        at_us = queue.next_at_us()
        if at_us is not None and at_us > now_us:
            self._look(at_us, project_id, endpoint_id)
        return True

    def _counted(
        self,
        queue: Queue,
        project_id: str,
        endpoint_id: str,
        deliveries: Sequence[str],
        work: Coroutine[Any, Any, None],
    ) -> Coroutine[Any, Any, None]:
        """Return the work as a task is made of it: counted from now on, and nothing but a deployment's fault raised."""
        trusted = queue.trusted
        self._in_flight += 1
        self._doubtful += not trusted

        async def counted() -> None:
            try:
                await work
            except DeploymentFault:
                raise
            except Exception as fault:
                if not isinstance(fault, Passing):
                    log.exception("deliveries of webhook %s cannot be worked on; they are tried again", endpoint_id)
                queue.paused_until_us = self.means.clock.now_us() + round(PAUSE_SECONDS_MAX * MICROSECONDS)
            finally:
                self._in_flight -= 1
                self._doubtful -= not trusted
                for delivery_id in deliveries:
                    queue.done(delivery_id)
                self.note(project_id, endpoint_id)

        return counted()

    async def _attempt(self, queue: Queue, endpoint: Endpoint, known: DeliveryState) -> None:
        """Send a delivery once and record how it ended."""
        state = await self.means.book.delivery(known.delivery_id)
        if state is None or state.status != "waiting" or state.attempt != known.attempt:
            return  # another process has moved it on, and the read models are told
        now_us = self.means.clock.now_us()
        secrets = [secret_of(self.means.secret, endpoint.endpoint_id, salt) for salt in endpoint.salts(now_us)]
        headers = signed_headers(secrets, state.delivery_id, state.body, now_us)
        answer = await self._sent(endpoint, headers, state)
        self._learn(queue, answer)
        after = await self._record(state, answer)
        result = "delivered" if answer.taken else "refused" if answer.refused else "failed"
        self.means.instruments.counter("concord_audit_webhook_attempts", result).inc()
        if after is not None and after.status == "dead":
            self.means.instruments.counter("concord_audit_webhook_dead_letters").inc()

    async def _sent(self, endpoint: Endpoint, headers: Mapping[str, str], state: DeliveryState) -> Answer:
        """Send it, as a step of the event's trace that goes on at the receiver where it is recorded."""
        attributes: dict[str, str | int] = {
            "concord.project.id": state.project_id,
            "concord.webhook.endpoint": endpoint.endpoint_id,
            "concord.webhook.delivery": state.delivery_id,
            "concord.webhook.event": state.event_type,
            "concord.webhook.attempt": state.attempts + 1,
        }
        origins = [trace_of(state.traceparent)]
        with self.means.tracing.continued("deliver webhook", origins, attributes, kind=SpanKind.CLIENT) as span:
            if span.is_recording():
                headers = {**headers, **{name: value.decode() for name, value in trace_headers()}}
            answer = await self.means.sender.post(endpoint.url, headers, state.body.encode())
            if not answer.taken:
                span.set_status(Status(StatusCode.ERROR, answer.how))
            return answer

    def _learn(self, queue: Queue, answer: Answer) -> None:
        """Take what an attempt says of its endpoint."""
        queue.trusted = answer.taken
        queue.failures = 0 if answer.taken else queue.failures + 1
        if answer.taken:
            queue.paused_until_us = 0
            return
        seconds = min(PAUSE_SECONDS_FIRST * 2 ** min(queue.failures - 1, 10), PAUSE_SECONDS_MAX)
        queue.paused_until_us = self.means.clock.now_us() + round(seconds * MICROSECONDS)

    async def _record(self, state: DeliveryState, answer: Answer) -> DeliveryState | None:
        """Record how an attempt ended, once; wait for the store if need be."""

        def decide(now: DeliveryState | None, now_us: int) -> Decision[DeliveryState] | None:
            if now is None or now.status != "waiting" or now.attempt != state.attempt:
                return None
            return Decision(delivered(now, now_us, answer.how) if answer.taken else failed(now, now_us, answer.how))

        cause: Cause[DeliveryState] = Cause(delivery_key(state.delivery_id), state.attempt, decide)
        waits = BackOff("recording how a webhook's attempt ended", self.means.clock)
        for _ in range(TRIES_MAX):
            try:
                outcome = await self.means.journal.decide(DELIVERY, cause, owed=True)
            except Passing as fault:
                await waits.wait(fault)
            else:
                waits.over()
                return outcome.state
        return None

    async def _drop(self, deliveries: Sequence[str]) -> None:
        """Give deliveries up for good: their endpoint is gone, or nobody had them sent again in time."""

        def decide(now: DeliveryState | None, now_us: int) -> Decision[DeliveryState] | None:
            del now_us
            return None if now is None or not now.is_open else Decision(dropped(now))

        causes: list[Cause[DeliveryState]] = [
            Cause(delivery_key(delivery), "dropped", decide) for delivery in deliveries
        ]
        await self.means.journal.apply(DELIVERY, causes)

    def _tell(self) -> None:
        """Tell how much waits and for how long, every LOOK_SECONDS."""
        now = self.means.clock.monotonic()
        if self._told_at and now - self._told_at < LOOK_SECONDS:
            return
        self._told_at = now
        queues = [
            (project_id, endpoint_id, queue)
            for project_id, hooks in self.means.book
            for endpoint_id, queue in hooks.queues.items()
        ]
        now_us = self.means.clock.now_us()
        since = [
            (at_us, project_id, endpoint_id)
            for project_id, endpoint_id, queue in queues
            if (at_us := queue.oldest_us()) is not None
        ]
        ages = [(of, which, max(0, now_us - at_us) / MICROSECONDS) for at_us, of, which in since]
        self._name_waiting(ages)
        oldest: dict[str, float] = {}
        for project_id, _, seconds in ages:
            oldest[project_id] = max(seconds, oldest.get(project_id, 0.0))
        self._oldest.tell(oldest)
        waiting = sum(queue.waiting() for _, _, queue in queues)
        self.means.instruments.gauge("concord_audit_webhooks_waiting").set(waiting)

    def _name_waiting(self, waiting: Sequence[tuple[str, str, float]]) -> None:
        """Name in the log once an hour each endpoint that takes nothing: what is shown names its project alone."""
        hours = {endpoint_id: int(seconds // NAMED_AFTER_SECONDS) for _, endpoint_id, seconds in waiting}
        for project_id, endpoint_id, seconds in waiting:
            if hours[endpoint_id] > self._hours_named.get(endpoint_id, 0):
                log.warning("webhook %s of %s has taken nothing for %.0f s", endpoint_id, project_id, seconds)
        self._hours_named = hours
