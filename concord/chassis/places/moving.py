"""Requests on a place that changes hands wait a moment at the door: most are answered within it.

Sent away with `Retry-After`, whoever asked would come again a second after a handing over that takes half of one.
"""

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Message, Receive, Send

from concord.chassis.places.owner import Owned, Owner, Standing

MOVING_SECONDS_MAX = 1.5
"""How long one waits; who is not served by then is told to come again. Two may a project be without an answer."""
WAITING_MAX = 200
"""At once; who comes when there are so many is told at once."""
MILLISECONDS_DIGITS_MAX = 9
LOOK_SECONDS = 0.02
"""How often it is looked whether this process has started."""
KEPT_BYTES_MAX = 65_536
"""Of a body, so that the request can go to another process when the first one turns it away."""
MOVING = b"concord-moving"
"""On an answer of one process to another, 503 or 421: nothing was done, for the place is not its own now. On a request:
the process that hands it on leaves and does not know who is next; how long the request may wait yet, and that one's
address (`Asked`)."""


LATER = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.MISDIRECTED_REQUEST})
"""What one process answers another where the request may come again later. The second is the word on a place that is a
third one's: who wrote the mark into a request of their own is told what to leave out, and nobody that we are at
fault."""


class Asked(NamedTuple):
    """What a process says that hands a request on while it leaves.

    Attributes:
        seconds: how long the request may wait yet.
        by: the address of the process; empty where it did not say.
    """

    seconds: float
    by: str

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Asked | None":
        """Return what a request says; None where whoever handed it on does not leave."""
        words = None
        for name, value in headers:  # the last is that process's: who asked it may have said so, too
            words = value if name == MOVING else words
        if words is None:
            return None
        milliseconds, _, by = words.decode("latin-1").partition(" ")
        if not by or not (milliseconds.isascii() and milliseconds.isdigit()):
            return cls(MOVING_SECONDS_MAX, "")  # of a release before, which said no more than that it leaves
        return cls(min(int(milliseconds[:MILLISECONDS_DIGITS_MAX]) / 1_000, MOVING_SECONDS_MAX), by)

    def header(self) -> tuple[bytes, bytes]:
        """Return it as it is said."""
        return MOVING, b"%d %s" % (self.seconds * 1_000, self.by.encode())


def moment(asked: Asked | None = None) -> float:
    """Return until when a request that begins now may wait, by the event loop's time."""
    return asyncio.get_running_loop().time() + (MOVING_SECONDS_MAX if asked is None else asked.seconds)


class Moving:
    """Whoever waits here for a place to be somebody's.

    Args:
        owner: the table.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._waiting = 0

    async def over(self, slot: int, before: Owned, deadline: float) -> Owned:
        """Return how a slot's place stands once it has changed hands, and can be asked; as before when it has not.

        Args:
            slot: of which place.
            before: how it stood when it could not be asked.
            deadline: by the event loop's time.
        """
        owned = before

        def moved() -> bool:
            nonlocal owned
            owned = self._owner.whose(slot)
            return owned != before and _may_be_asked(owned)

        return owned if await self._until(moved, deadline) else before

    async def askable(self, slots: Iterable[int], deadline: float) -> None:
        """Return once each of these slots is somebody's who can be asked, or at the deadline."""
        wanted = list(slots)
        await self._until(lambda: all(_may_be_asked(self._owner.whose(slot)) for slot in wanted), deadline)

    async def whole(self, deadline: float) -> bool:
        """Return whether every place is somebody's who can be asked, waiting for it until the deadline."""
        return await self._until(self._owner.whole, deadline)

    async def started(self, serving: Callable[[], bool], deadline: float) -> bool:
        """Return whether this process serves, waiting for it until the deadline."""
        if self._waiting >= WAITING_MAX:
            return False
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            while not (started := serving()) and loop.time() < deadline:  # noqa: ASYNC110 - a phase has no event
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._waiting -= 1
        return started

    async def _until(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Return whether it holds, at the deadline at the latest; who leaves hears nothing new, and waits for none."""
        if condition():
            return True
        if self._waiting >= WAITING_MAX:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                while not self._owner.leaving:
                    await self._owner.moves()
                    if condition():
                        return True
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return False


def _may_be_asked(owned: Owned) -> bool:
    return owned.standing in (Standing.MINE, Standing.THEIRS)


class KeptBody:
    """A request's body, which can be read from its beginning again while it is short.

    Args:
        receive: the request's.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self._next = 0
        self._bytes = 0

    async def receive(self) -> Message:
        """Return the next message."""
        if self._next < len(self._kept):
            message = self._kept[self._next]
        else:
            message = await self._receive()
            self._bytes += len(message.get("body", b""))
            if self._bytes > KEPT_BYTES_MAX:
                self._kept.clear()
                return message
            if message["type"] == "http.request":
                self._kept.append(message)
        self._next += 1
        return message

    def again(self) -> bool:
        """Go back to the beginning; tell whether that can be."""
        self._next = 0
        return self._bytes <= KEPT_BYTES_MAX


class UnlessLater:
    """Sends an answer on, unless it is that the request may come again later.

    Args:
        send: the request's.
        moving: only where the other process says with it that the place is not its own.

    Attributes:
        later: that it was, and nothing was sent.
    """

    def __init__(self, send: Send, *, moving: bool = False) -> None:
        self._send = send
        self._moving = moving
        self.later = False

    async def __call__(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.later = message["status"] in LATER and (
                not self._moving or any(name == MOVING for name, _ in message["headers"])
            )
        if not self.later:
            await self._send(message)


def said_moving(send: Send) -> Send:
    """Return what says in a refusal that it sends on that the place is not this process's now."""

    async def saying(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (MOVING, b"1")]
        await send(message)

    return saying
