"""Who owns which place, as this process was last told: what the doors ask before they serve, forward or say "later"."""

import asyncio
import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from concord.chassis.broker.port import Deal
from concord.contracts.ids import place_of
from concord.contracts.topics import check_places


class Standing(enum.Enum):
    """How a place stands to this process."""

    MINE = "mine"
    LOADING = "loading"
    """Ours, and its read models are not there yet, or are being given up."""
    THEIRS = "theirs"
    UNKNOWN = "unknown"
    """The group was not dealt yet, or its owner told no address."""


class Owned(NamedTuple):
    """How a place stands.

    Attributes:
        standing: to this process.
        address: of its owner where that is another process; of who had it before while it is loading here, where that
            one still answers what is only read.
        lingers: it is another's, and what is only read is still answered from here where its owner cannot yet.
    """

    standing: Standing
    address: str = ""
    lingers: bool = False


_MINE, _LOADING, _UNKNOWN = Owned(Standing.MINE), Owned(Standing.LOADING), Owned(Standing.UNKNOWN)


class Owner:
    """The table of places of one process: its seat in the service's group.

    While the group is being dealt anew the table of before holds: who had a place goes on serving it until told that it
    is another's. Two owners for a moment are two processes of which one loses at the insert.

    Args:
        places: how many the cluster has.
        address: where the service's other processes reach this one.
        lingering: of a place that goes, what is only read is answered by who had it until its next owner has begun; for
            a service of which things are only read.

    Attributes:
        changed: set whenever the group was dealt anew.
        closes: called when a place that was served here is no more: whoever waits for something of it is to go on
            elsewhere, and a process that leaves waits for them.
    """

    def __init__(self, places: int, address: str, *, lingering: bool = False) -> None:
        self.places = check_places(places)
        self.address = address
        self.lingering = lingering
        self.changed = asyncio.Event()
        self._moves = asyncio.Event()
        self.closes: list[Callable[[], None]] = []
        self._given: dict[int, int] = {}
        self._open: set[int] = set()
        self._leaving = self._answering = False
        self._deals = 0
        self._addresses: tuple[str, ...] = ()
        self._whose = [_UNKNOWN] * places
        self._before: dict[int, str] = {}
        self._lingers: set[int] = set()
        self._in_hand = [0] * places

    def dealt(self, deal: Deal) -> None:
        """Take the table that the group was told; what is new here is loading from now on, what is gone is closed."""
        self._deals += 1
        served = self.open()
        self._given = {
            place: self._given.get(place, self._deals) if place in deal.kept else self._deals for place in deal.mine
        }
        self._open &= deal.kept
        self._addresses = tuple(sorted(address for address in deal.table if address != self.address))
        if self.lingering:
            self._remember(served)
        self._whose = [_UNKNOWN._replace(lingers=place in self._lingers) for place in range(self.places)]
        for address in self._addresses:
            for place in deal.table[address]:
                if place < self.places:
                    self._whose[place] = Owned(Standing.THEIRS, address, place in self._lingers)
        for place in self._given:
            self._say(place)
        self.changed.set()
        self._moved()
        self._tell_closed(served)

    def _remember(self, served: frozenset[int]) -> None:
        """Note, before the table is another, who had what is gained, and what of ours was served and is lost."""
        had = {place: self._whose[place] for place in self._given if place not in self._open}
        self._before = {
            place: owned.address if owned.standing is Standing.THEIRS else self._before.get(place, "")
            for place, owned in had.items()
        }
        self._lingers = (self._lingers | served) - self._given.keys()

    def let_go(self, place: int) -> None:
        """Answer nothing more of a place that lingered: what was known of it is forgotten."""
        self._lingers.discard(place)
        self._whose[place] = self._whose[place]._replace(lingers=False)

    def opened(self, place: int) -> None:
        """Serve a place of ours from now on: it is loaded."""
        assert place in self._given, "only a place that is ours is opened"
        self._open.add(place)
        self._before.pop(place, None)
        self._say(place)
        self._moved()

    def leave(self, *, answering: bool = False) -> None:
        """Serve no place any more: this process is about to leave its group.

        Args:
            answering: what is asked of our places is still answered from here, by what was known of them until now;
                for a service of which things are only read. Nothing is done or told of them any more: none is open.
        """
        served = self.open()
        self._leaving, self._answering = True, answering
        for place in self._given:
            self._say(place)
        self._moved()
        self._tell_closed(served)

    @property
    def leaving(self) -> bool:
        """Whether this process serves no place any more, for good."""
        return self._leaving

    async def moves(self) -> None:
        """Return when some place stands otherwise than at the call."""
        await self._moves.wait()

    def _moved(self) -> None:
        self._moves.set()
        self._moves = asyncio.Event()

    def _tell_closed(self, served: frozenset[int]) -> None:
        if served - self.open():
            for close in self.closes:
                close()

    def _say(self, place: int) -> None:
        if place in self._open and (self._answering or not self._leaving):
            self._whose[place] = _MINE
        else:
            before = self._before.get(place, "")
            self._whose[place] = Owned(Standing.LOADING, before) if before else _LOADING

    def lingers(self, place: int) -> bool:
        """Return whether what is only read of a place is still answered from here, though it is another's."""
        return place in self._lingers

    def whose(self, slot: int) -> Owned:
        """Return how the place of a slot stands."""
        return self._whose[place_of(slot, self.places)]

    def given(self) -> dict[int, int]:
        """Return this process's places, each with the deal since which nobody else can have had it."""
        return dict(self._given)

    def open(self) -> frozenset[int]:
        """Return the places that this process serves."""
        return frozenset() if self._leaving else frozenset(self._open)

    def answered(self) -> frozenset[int]:
        """Return the places of which this process answers: those it serves, or did before it left and answers on."""
        return frozenset(self._open) if self._answering else self.open()

    def others(self) -> tuple[str, ...]:
        """Return the addresses of the service's other processes, sorted."""
        return self._addresses

    def whole(self) -> bool:
        """Return whether every place is served by somebody who can be reached."""
        return all(owned.standing in (Standing.MINE, Standing.THEIRS) for owned in self._whose)

    @contextmanager
    def in_hand(self, slot: int) -> Iterator[None]:
        """Count a request that may change something of a place of ours while the block lasts."""
        place = place_of(slot, self.places)
        self._in_hand[place] += 1
        try:
            yield
        finally:
            self._in_hand[place] -= 1

    def requests_in_hand(self) -> int:
        """Return how many requests that may change something of places that are or were ours are being served."""
        return sum(self._in_hand)
