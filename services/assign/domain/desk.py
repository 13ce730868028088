"""An annotator's desk in one project: what they were promised and may still hold, so that nobody takes more than fits.

A lease is decided by its unit, and units know nothing of each other. So a place on the desk is taken first, by an
insert that only one process wins, and leases are issued for taken places alone: however many claims run at once, in
however many processes, no more than LEASES_MAX leases of one annotator run in a project.

A desk's records are kept in pages, for an aggregate's past is read whole: a full page is closed, and the next one takes
over what stands on it.
"""

from collections.abc import Iterable, Sequence, Set

import msgspec

from services.assign.domain.caps import ANY_ROOM, NO_CAPS, Caps, Count, Spent, counted, room

LEASES_MAX = 50
"""Leases that one annotator may hold in one project."""
PLACE_SECONDS = 60
"""For how long a place is kept whose lease is not seen: it may be on its way in another process."""
PAGE_RECORDS_MAX = 64
"""Decisions on one page."""


class Place(msgspec.Struct, frozen=True):
    """One place on a desk: the key of the aggregate that decides on the lease, and when it was taken."""

    key: str
    at_us: int


class DeskState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of an annotator's desk in a project.

    Attributes:
        places: what is held, or may be.
        records: decisions on this page.
        closed: the next page goes on from here.
        count: what was counted, where the project has caps.
    """

    project_id: str
    annotator_id: str
    page: int = 0
    places: tuple[Place, ...] = ()
    records: int = 0
    closed: bool = False
    count: Count = Count()


def take(
    state: DeskState,
    wanted: Sequence[str],
    over: Set[Place],
    now_us: int,
    caps: Caps = NO_CAPS,
    spent: Iterable[tuple[Place, Spent]] = (),
) -> DeskState | None:
    """Return the desk with as many of the wanted places taken as fit, the first ones; None when none does.

    Args:
        state: an open page.
        wanted: keys of units, no two the same.
        over: places whose leases are known to have ended, or never to come. The key alone would not do: the same unit
            may have been given to the annotator once more since, under another place.
        now_us: the time.
        caps: how much of the project may be given to the annotator.
        spent: of the places that are over, those that count under caps.
    """
    kept = [place for place in state.places if place not in over]
    held = {place.key for place in kept}
    count, left = under_caps(state, over, now_us, caps, spent)
    taken = [Place(key, now_us) for key in wanted if key not in held][: min(left, max(0, LEASES_MAX - len(kept)))]
    if not taken:
        return None
    return msgspec.structs.replace(state, places=(*kept, *taken), records=state.records + 1, count=count)


def under_caps(
    state: DeskState, over: Set[Place], now_us: int, caps: Caps, spent: Iterable[tuple[Place, Spent]]
) -> tuple[Count, int]:
    """Return what is counted once the places that are over have left the desk, and what room the caps leave then."""
    if not caps:
        return state.count, ANY_ROOM
    there = frozenset(state.places)
    count = counted(state.count, (spending for place, spending in spent if place in there and place in over), now_us)
    return count, room(count, [place.at_us for place in state.places if place not in over], caps, now_us)


def close(state: DeskState) -> DeskState | None:
    """Return the page closed, when it is full and open."""
    if state.closed or state.records < PAGE_RECORDS_MAX:
        return None
    return msgspec.structs.replace(state, closed=True, records=state.records + 1)


def next_page(closed: DeskState) -> DeskState:
    """Return the page that takes over from a closed one."""
    return msgspec.structs.replace(closed, page=closed.page + 1, records=0, closed=False)
