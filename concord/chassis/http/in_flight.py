"""How many requests are served at once: by address until a credential holds, then by whom it names."""

from collections import Counter
from typing import Any

from starlette.types import Scope

from concord.chassis.errors import TooManyRequests, Unavailable

CONNECTION_KEY = "concord.connection"
"""Where a request's scope holds its connection, if that wants to hear whose credential held, and tells when what was
answered is taken."""


class InFlight:
    """The requests that a process serves now.

    What a stranger sends counts for its address alone, and never among those of callers who are known: however many
    strangers there are, they take no place from anybody.

    Args:
        per_address_max: requests of one address whose credential does not hold yet.
        per_caller_max: requests of one caller.
        callers_max: requests of all callers.
    """

    def __init__(self, per_address_max: int, per_caller_max: int, callers_max: int) -> None:
        self.per_address_max, self.per_caller_max, self.callers_max = per_address_max, per_caller_max, callers_max
        self.strangers: Counter[str] = Counter()
        self.callers: Counter[str] = Counter()
        self.held = 0

    def place(self, scope: Scope) -> "Place":
        """Return a place for one request, not yet counted: let a stranger `enter` or a caller `hold` it."""
        return Place(self, scope)


class Place:
    """One request's place. `leave` it whatever became of the request."""

    __slots__ = ("_address", "_connection", "_counts", "_in", "_name")

    def __init__(self, counts: InFlight, scope: Scope) -> None:
        client = scope.get("client")
        self._counts = counts
        self._address = "" if client is None else str(client[0])
        self._connection: Any = scope.get(CONNECTION_KEY)
        self._in: Counter[str] | None = None
        self._name = ""

    def enter(self) -> None:
        """Count the request for its address.

        Raises:
            TooManyRequests: the address has as many as strangers may.
        """
        counts = self._counts
        if counts.strangers[self._address] >= counts.per_address_max:
            raise TooManyRequests(
                f"Your address has {counts.per_address_max} requests in flight whose credential is not yet known to "
                "hold, which is the most; wait for answers before you send more."
            )
        self._take(counts.strangers, self._address)

    def hold(self, caller: str) -> None:
        """Count the request for a caller whose credential held, and for its address no more.

        Raises:
            TooManyRequests: the caller has as many as it may.
            Unavailable: all callers together have.
        """
        counts = self._counts
        if counts.callers[caller] >= counts.per_caller_max:
            raise TooManyRequests(
                f"You have {counts.per_caller_max} requests in flight, which is the most; "
                "wait for answers before you send more."
            )
        if counts.held >= counts.callers_max:
            raise Unavailable("The service has as many requests in flight as it takes; try again in a moment.")
        self.leave()
        self._take(counts.callers, caller)
        counts.held += 1
        if self._connection is not None:
            self._connection.known(caller)

    async def answered(self) -> None:
        """Return when the answer has been taken: until then it lies here, and is in flight."""
        if self._connection is not None:
            await self._connection.taken()

    def leave(self) -> None:
        """Count the request no more."""
        counted, self._in = self._in, None
        if counted is None:
            return
        counted[self._name] -= 1
        if not counted[self._name]:
            del counted[self._name]
        if counted is self._counts.callers:
            self._counts.held -= 1

    def _take(self, counter: Counter[str], name: str) -> None:
        counter[name] += 1
        self._in, self._name = counter, name
