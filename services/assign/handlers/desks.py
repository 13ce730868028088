"""Places on annotators' desks: taken before a lease is issued, so that nobody holds more than fits."""

from collections.abc import Sequence

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unavailable
from concord.chassis.journal.record import Cause, Decision
from services.assign.domain.caps import NO_CAPS, Caps, Reached, Spent, reached
from services.assign.domain.desk import (
    LEASES_MAX,
    PLACE_SECONDS,
    DeskState,
    Place,
    close,
    next_page,
    take,
    under_caps,
)
from services.assign.domain.lease import handed_on, over, spent
from services.assign.domain.unit import UnitState
from services.assign.handlers.deciding import Requests
from services.assign.repository import Repository, desk_key

TURNS_MAX = 20
"""Pages that are turned for one claim: others may fill them meanwhile."""


class Desks:
    """What annotators may hold.

    Args:
        repository: where facts are found.
        requests: names requests.
        clock: time.
    """

    def __init__(self, repository: Repository, requests: Requests, clock: Clock) -> None:
        self.repository = repository
        self.requests = requests
        self.clock = clock

    async def take(
        self,
        annotator_id: str,
        project_id: str,
        keys: Sequence[str],
        free: frozenset[Place] = frozenset(),
        caps: Caps = NO_CAPS,
    ) -> dict[str, Place]:
        """Take a place on the annotator's desk for each of these aggregates, as far as there is room; return them.

        Args:
            annotator_id: whose desk.
            project_id: in which project.
            keys: the aggregates that decide on the leases.
            free: places of which it is known that no lease will be issued for them.
            caps: how much of the project may be given to the annotator.
        """
        for _ in range(TURNS_MAX):
            desk = await self.repository.desk(project_id, annotator_id)
            ended, spent = await self._over(desk, caps)
            ended, spent = ended | free, [pair for pair in spent if pair[0] not in free]
            page = next_page(desk) if desk.closed else desk
            taken: dict[str, Place] = {}
            turned = False

            def decide(
                state: DeskState | None,
                now_us: int,
                page: DeskState = page,
                ended: frozenset[Place] = ended,
                spent: Sequence[tuple[Place, Spent]] = spent,
            ) -> Decision[DeskState] | None:
                nonlocal taken, turned
                now = state or page
                shut = close(now)
                turned = now.closed or shut is not None
                after = shut if turned else take(now, keys, ended, now_us, caps, spent)
                now_on = () if turned or after is None else after.places
                taken = {place.key: place for place in now_on if place.at_us == now_us and place.key in keys}
                return None if after is None else Decision(after)

            await self.repository.take_places(Cause(desk_key(page), self.requests.next(), decide))
            if not turned:
                return taken
        raise Unavailable("Others claim for you again and again; try again.")

    async def reached(self, annotator_id: str, project_id: str, caps: Caps) -> Reached | None:
        """Return which of a project's caps leaves an annotator no room now."""
        desk = await self.repository.desk(project_id, annotator_id)
        ended, spent = await self._over(desk, caps)
        now_us = self.clock.now_us()
        count, _ = under_caps(desk, ended, now_us, caps, spent)
        return reached(count, [place.at_us for place in desk.places if place not in ended], caps, now_us)

    async def _over(self, desk: DeskState, caps: Caps) -> tuple[frozenset[Place], list[tuple[Place, Spent]]]:
        """Return the places whose leases have ended, and of these what counts under caps.

        Where no room is left, as the store knows it and not the cache.
        """
        ended, _, spent = await self._ended(desk)
        _, left = under_caps(desk, ended, self.clock.now_us(), caps, spent)
        if len(desk.places) - len(ended) >= LEASES_MAX or (not left and len(ended) < len(desk.places)):
            ended, _, spent = await self._ended(desk, anew=True)
        return ended, spent

    async def _ended(
        self, desk: DeskState, *, anew: bool = False
    ) -> tuple[frozenset[Place], list[str], list[tuple[Place, Spent]]]:
        """Return the places whose leases have ended, and the aggregates to whose leases the others have come.

        Beside them, of the places that have ended, those that count under caps.
        """
        ends, units = {place: place for place in desk.places}, dict[str, UnitState]()
        going = list(ends)
        while going:
            keys = [ends[place].key for place in going]
            if anew:
                self.repository.journal.forget(keys)
            units |= await self.repository.units(keys)
            onward = {
                place: handed_on(units.get(end.key), desk.annotator_id, end.at_us)
                for place, end in ends.items()
                if place in going
            }
            ends |= {place: Place(*to) for place, to in onward.items() if to is not None}
            going = [place for place, to in onward.items() if to is not None]
        now_us, waited_us = self.clock.now_us(), PLACE_SECONDS * MICROSECONDS
        ended = frozenset(
            place
            for place, end in ends.items()
            if over(units.get(end.key), desk.annotator_id, end.at_us, waited_us, now_us)
        )
        active_ms = [
            (place, spent(units.get(end.key), desk.annotator_id, end.at_us))
            for place, end in ends.items()
            if place in ended
        ]
        counting = [(place, Spent(place.at_us, ms)) for place, ms in active_ms if ms is not None]
        return ended, [end.key for place, end in ends.items() if place not in ended], counting

    async def running(self, annotator_id: str, project_id: str) -> list[str]:
        """Return the aggregates whose leases the annotator's desk knows to run, or to be about to."""
        desk = await self.repository.desk(project_id, annotator_id)
        _, keys, _ = await self._ended(desk, anew=len(desk.places) >= LEASES_MAX)
        return keys
