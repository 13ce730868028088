"""What touches many places: asked of all processes at once and merged, or split by owner and put together again."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Protocol, TypeVar

from starlette.requests import Request

from concord.chassis.errors import TooManyRequests, Unavailable
from concord.chassis.http.bodies import whole_body
from concord.chassis.places.moving import Moving, moment
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.places.peers import Fetched, Peers, handed_on_already, is_forwarded, target_of

T = TypeVar("T")
R = TypeVar("R")


class Ordered(Protocol):
    """What can be sorted."""

    def __lt__(self, other: Any, /) -> bool:
        """Return whether it comes first."""
        ...


class Gather:
    """Asks the service's other processes in a caller's name.

    One request to each of them, whatever is asked: the work is bounded by their number.

    Args:
        owner: the table of places.
        peers: reaches them.
    """

    def __init__(self, owner: Owner, peers: Peers) -> None:
        self._owner = owner
        self._peers = peers
        self._moving = Moving(owner)

    async def pages(self, request: Request, instead: bytes = b"") -> list[bytes]:
        """Return what every other process answers to this very request; nothing when it comes from one of them.

        Each answers with what it has of its own places, so the caller's handler does the same and merges. A cursor
        is a position in the order of all, so that it means the same to everybody.

        Args:
            request: what is asked, in whose name.
            instead: a path and query that is got in place of the request's own.

        Raises:
            Unavailable: a place is being dealt or loaded for longer than a moment, here or at another process, or one
                does not answer: a list without its part would look whole.
            TooManyRequests: the caller has as much in flight at another process as it may.
        """
        if not await self._moving.whole(moment()):
            raise _partly()
        if is_forwarded(request.scope["headers"]):
            return []
        method, target, body = "GET", instead, b""
        if not instead:
            method, target, body = request.method, target_of(request.scope), await whole_body(request)
        found = await asyncio.gather(
            *(
                self._peers.fetch(address, method, target, request.scope["headers"], body)
                for address in self._owner.others()
            )
        )
        return [_checked(answer) for answer in found]

    async def at(
        self, request: Request, slot: int, target: bytes, body: bytes, serve: Callable[[], Awaitable[bytes]]
    ) -> tuple[int, bytes]:
        """Return status and answer of the process that owns a slot to something that is posted in the caller's name.

        Args:
            request: in whose name.
            slot: of what it is about.
            target: where it is posted.
            body: what is posted.
            serve: does the same here, where the slot is this process's.

        Raises:
            Unavailable: it is nobody's for longer than a moment, or its owner does not answer.
            whatever `serve` raises.
        """
        await self._moving.askable([slot], moment())
        address = self._owner_of(slot)
        if not address:
            with self._owner.in_hand(slot):
                return HTTPStatus.OK, await serve()
        answer = await self._peers.fetch(address, "POST", target, request.scope["headers"], body)
        return answer.status, answer.body

    async def split(
        self,
        request: Request,
        items: Sequence[T],
        slot: Callable[[T], int | None],
        serve: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        written: Callable[[Sequence[T]], bytes],
        read: Callable[[bytes], Sequence[R]],
    ) -> list[R]:
        """Return one result an item, in the items' order, each served by the owner of its place.

        Args:
            request: a request whose body holds the items.
            items: what is asked; one without a slot is served here.
            slot: of an item.
            serve: serves those that are ours.
            written: a body with some of the items, as this very route takes it.
            read: the results in another process's answer, one an item.

        Raises:
            Unavailable: some are nobody's for longer than a moment. What others have served already is told as repeated
                when the same request is sent again.
        """
        await self._moving.askable({there for item in items if (there := slot(item)) is not None}, moment())
        parts: defaultdict[str, list[int]] = defaultdict(list)
        for position, item in enumerate(items):
            parts[self._owner_of(slot(item))].append(position)
        forwarded = is_forwarded(request.scope["headers"])
        if forwarded and any(parts):
            raise handed_on_already()

        async def ask(address: str, positions: Sequence[int]) -> Sequence[R]:
            some = [items[position] for position in positions]
            if not address:
                first = next((there for entry in some if (there := slot(entry)) is not None), 0)
                with self._owner.in_hand(first):  # one request, whichever of its places it is counted on
                    return await serve(some)
            answer = await self._peers.fetch(
                address, request.method, target_of(request.scope), request.scope["headers"], written(some)
            )
            return read(_checked(answer))

        answers = await asyncio.gather(*(ask(address, positions) for address, positions in parts.items()))
        results: dict[int, R] = {}
        for positions, answer in zip(parts.values(), answers, strict=True):
            results.update(zip(positions, answer, strict=True))
        return [results[position] for position in range(len(items))]

    def _owner_of(self, slot: int | None) -> str:
        """Return the owner's address, empty for this process."""
        if slot is None:
            return ""
        owned = self._owner.whose(slot)
        if owned.standing is Standing.MINE:
            return ""
        if owned.standing is Standing.THEIRS:
            return owned.address
        raise _partly()


def merged(pages: Iterable[Iterable[T]], key: Callable[[T], Ordered], items_max: int) -> list[T]:
    """Return the first of all pages, each of which is sorted by the key.

    >>> merged([[1, 4], [2, 3, 5]], key=lambda one: one, items_max=3)
    [1, 2, 3]
    """
    return list(islice(heapq.merge(*pages, key=key), items_max))


def _checked(answer: Fetched) -> bytes:
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TooManyRequests("You have as many requests in flight as you may; wait for answers before you send more.")
    if answer.status != HTTPStatus.OK:
        raise _partly()
    return answer.body


def _partly() -> Unavailable:
    return Unavailable(
        "Some projects are being taken over by another process; send the same request again in a second.",
        retry_after_seconds=1,
    )
