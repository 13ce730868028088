"""One event on its way to one endpoint: tried again and again, then a dead letter that can be sent again."""

import hashlib
from typing import Literal

import msgspec

from services.audit.domain.endpoint import MICROSECONDS

PAUSES_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600)
"""Before the second attempt, the third and so on; the last one before all further ones."""
SPREAD = 0.2
"""How much earlier or later than said an attempt may come, as a share of the pause: who was away is not met by all at
once."""
GIVE_UP_SECONDS = 86_400
DEAD_SECONDS_MAX = 30 * 86_400
"""How long a dead letter can be sent again."""
OPEN_MAX = 10_000
"""Deliveries of one endpoint that wait or are dead."""


class DeliveryDoesNotExist(LookupError):
    """The endpoint has no such delivery."""


class NotDead(ValueError):
    """Only a dead letter can be sent again."""


class TooManyOpen(ValueError):
    """As many deliveries of the endpoint wait or are dead as may."""


class DeliveryState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event for an endpoint.

    Attributes:
        line: what must stay in order: a lot's id, a target's name, a unit's id.
        number: its place in the line: lower ones go first.
        body: what is sent, the same bytes on every attempt.
        made_at_us: when it fell due.
        since_us: when it fell due, or was sent again, last.
        next_at_us: the next attempt, while it waits; when it is forgotten, while it is dead.
        attempts: since then.
        again: how often it was sent again.
        last_at_us: of the last attempt.
        last: how the last attempt ended, as a sentence.
        traceparent: W3C trace context of the event, where its trace is recorded; else empty.
    """

    delivery_id: str
    project_id: str
    endpoint_id: str
    event_type: str
    line: str
    number: int
    body: str
    made_at_us: int
    since_us: int
    next_at_us: int
    status: Literal["waiting", "delivered", "dead", "dropped"] = "waiting"
    attempts: int = 0
    again: int = 0
    last_at_us: int = 0
    last: str = ""
    traceparent: str = ""

    @property
    def is_open(self) -> bool:
        """Whether something may still become of it."""
        return self.status in ("waiting", "dead")

    @property
    def attempt(self) -> str:
        """What the attempt that is next is called: the same attempt is recorded once."""
        return f"attempt/{self.again}/{self.attempts + 1}"


def delivered(state: DeliveryState, now_us: int, how: str) -> DeliveryState:
    """Return a delivery that its receiver has taken."""
    attempts = state.attempts + 1
    return msgspec.structs.replace(state, status="delivered", attempts=attempts, last_at_us=now_us, last=how)


def failed(state: DeliveryState, now_us: int, why: str) -> DeliveryState:
    """Return a delivery after an attempt that failed: tried again later, for a day, then dead."""
    attempts, end_us = state.attempts + 1, state.since_us + GIVE_UP_SECONDS * MICROSECONDS
    if now_us >= end_us:
        forgotten_us = now_us + DEAD_SECONDS_MAX * MICROSECONDS
        return msgspec.structs.replace(
            state, status="dead", attempts=attempts, last_at_us=now_us, last=why, next_at_us=forgotten_us
        )
    next_us = min(now_us + pause_us(state), end_us)
    return msgspec.structs.replace(state, attempts=attempts, last_at_us=now_us, last=why, next_at_us=next_us)


def pause_us(state: DeliveryState) -> int:
    """Return how long to wait after an attempt that failed, which was the next of this state.

    It follows from the delivery's id and the attempt, so that whoever reckons it comes to the same.
    """
    seconds = PAUSES_SECONDS[min(state.attempts, len(PAUSES_SECONDS) - 1)]
    digest = hashlib.sha256(f"{state.delivery_id}/{state.attempt}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return round(seconds * (1 + SPREAD * (2 * share - 1)) * MICROSECONDS)


def sent_again(state: DeliveryState, now_us: int) -> DeliveryState:
    """Return a dead letter on its way again, with a day of attempts before it.

    Raises:
        NotDead: see there.
    """
    if state.status != "dead":
        raise NotDead(f"Delivery {state.delivery_id} is {state.status}; only a dead letter is sent again.")
    return msgspec.structs.replace(
        state, status="waiting", since_us=now_us, next_at_us=now_us, attempts=0, again=state.again + 1
    )


def dropped(state: DeliveryState) -> DeliveryState:
    """Return a delivery that is given up for good: its endpoint is gone, or nobody sent it again in time."""
    return msgspec.structs.replace(state, status="dropped")
