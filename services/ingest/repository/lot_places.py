"""Places in lots: which lots have units of an arrival, by an insert of their own.

Before a lot is sealed it takes a place with each arrival that its units came in, under the next number there. So
whoever is about to seal one knows of all lots in which units of these arrivals may be, and looks at those with a lower
number, which are sealed: lots of a project are numbered without gaps. A place with a lot that was sealed without the
arrival's units says nothing.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from concord.chassis.store import port
from concord.chassis.store.port import READ_IDS_MAX, Store
from services.ingest.domain.lot import LotState
from services.ingest.repository.first_come import first_of

PLACES = port.Collection("lot_places")
"""Numbers of lots, by arrival and turn."""
ARRIVALS_REMEMBERED_MAX = 5_000
"""Arrivals whose lots are remembered; an entry is a list of numbers. What is forgotten is read again."""


class LotPlaces:
    """The places of all units.

    Args:
        store: where they lie.
        lots: returns a project's sealed lots of some numbers, by number.
    """

    def __init__(self, store: Store, lots: Callable[[str, Sequence[int]], Awaitable[Mapping[int, LotState]]]) -> None:
        self.store = store
        self._lots = lots
        self._numbers: OrderedDict[str, list[int]] = OrderedDict()

    async def claim(self, project_id: str, number: int, units: Mapping[str, str]) -> list[str]:
        """Claim a project's n-th lot a place with each arrival; return the units that are in an earlier lot.

        So a unit is in one lot, whichever processes cut lots at the same time, and whatever they have heard of one
        another: of two lots with one unit, the one that comes later at its arrival knows of the other.

        Args:
            project_id: whose.
            number: of the lot that is about to be sealed; all lower ones are.
            units: who is to be in it, each with the arrival that it came in.
        """
        known = {arrival: list(self._numbers.get(arrival, ())) for arrival in dict.fromkeys(units.values())}
        while wanting := [arrival for arrival, numbers in known.items() if number not in numbers]:
            keys = {arrival: f"{arrival}/{len(known[arrival]) + 1}" for arrival in wanting}
            taken = await first_of(self.store, PLACES, [{"_id": key, "number": number} for key in keys.values()])
            for arrival, key in keys.items():
                known[arrival].append(taken[key]["number"] if key in taken else number)
            await self._read_on({behind: known[behind] for behind, key in keys.items() if key in taken})
        self._remember(known)
        return await self._within(
            project_id, units, known, {place for some in known.values() for place in some if place < number}
        )

    async def sealed(self, project_id: str, units: Mapping[str, str]) -> list[str]:
        """Return those of some units, each told with its arrival, that are in a lot, whichever process sealed it."""
        known: dict[str, list[int]] = {arrival: [] for arrival in dict.fromkeys(units.values())}
        await self._read_on(known)
        return await self._within(project_id, units, known, {place for some in known.values() for place in some})

    async def _read_on(self, known: Mapping[str, list[int]]) -> None:
        """Add to each arrival's numbers what is there beyond them: one more is looked for, then two, four and so on."""
        reading, ahead = dict(known), 1
        while reading:
            keys = {
                arrival: [f"{arrival}/{len(some) + step}" for step in range(1, ahead + 1)]
                for arrival, some in reading.items()
            }
            found = await self.store.get(PLACES.name, [key for some in keys.values() for key in some])
            for arrival, some in keys.items():
                there = [found[key]["number"] for key in some if key in found]
                reading[arrival].extend(there)
                if len(there) < ahead:
                    del reading[arrival]
            ahead = min(2 * ahead, READ_IDS_MAX)

    def _remember(self, known: Mapping[str, list[int]]) -> None:
        for arrival, numbers in known.items():
            self._numbers[arrival] = numbers
            self._numbers.move_to_end(arrival)
        while len(self._numbers) > ARRIVALS_REMEMBERED_MAX:
            self._numbers.popitem(last=False)

    async def _within(
        self, project_id: str, units: Mapping[str, str], known: Mapping[str, Collection[int]], numbers: Collection[int]
    ) -> list[str]:
        """Return which of some units are in one of the lots of these numbers that their arrival is known to be in."""
        lots = await self._lots(project_id, sorted(numbers)) if numbers else {}
        members = {number: units.keys() & lot.unit_ids for number, lot in lots.items()}
        return [
            unit_id
            for unit_id, arrival in units.items()
            if any(unit_id in members.get(number, ()) for number in known[arrival])
        ]
