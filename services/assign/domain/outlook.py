"""How much waits in a project for somebody, without picking any of it: what they are told before they choose."""

from collections.abc import Iterator
from itertools import chain, islice

import msgspec

from services.assign.domain.eligibility import fit
from services.assign.domain.project_queue import Lane, ProjectQueue, Seeker

UNITS_SHOWN_MAX = 200
"""So many, or more: who has as much before them does not ask how much more."""
LANES_LOOKED_AT_MAX = 64
LOOKS_MAX = 1_024
"""Units that are looked at in a lane before it is said that somebody has seen all of it."""


class Outlook(msgspec.Struct, frozen=True):
    """What waits in a project for somebody.

    Attributes:
        units: how many, UNITS_SHOWN_MAX at most. Hidden gold is among them for nobody who is not qualifying.
        priority: of what they would be given first.
        since_us: when the first of that was admitted, microseconds since the epoch, UTC; 0: not known.
    """

    units: int = 0
    priority: int = 0
    since_us: int = 0


NOTHING = Outlook()


def outlook(project: ProjectQueue, seeker: Seeker) -> Outlook:
    """Return what waits in a project for a seeker."""
    if seeker.gold_alone:
        unseen = project.gold.unseen(seeker.annotator_id, lambda unit_id: project.fits(unit_id, seeker))
        return Outlook(sum(1 for _ in islice(unseen, UNITS_SHOWN_MAX)))
    own = project.own.get(seeker.annotator_id, {})
    found = Outlook()
    for rank in sorted(own):
        units = (unit_id for unit_id in own[rank].first(UNITS_SHOWN_MAX) if project.fits(unit_id, seeker))
        found = _with(found, -rank, ((project.waiting[unit].since_us) for unit in units))
    for key in project.order[:LANES_LOOKED_AT_MAX]:
        if found.units < UNITS_SHOWN_MAX and fit(seeker.abilities, key[1]):
            found = _with(found, -key[0], _admissions(project, project.lanes[key], seeker))
    return found


def _with(found: Outlook, priority: int, admissions: Iterator[int]) -> Outlook:
    """Return an outlook with units of a priority added, which were admitted then."""
    first = next(admissions, None)
    if first is None:
        return found
    units = min(UNITS_SHOWN_MAX, found.units + 1 + sum(1 for _ in islice(admissions, UNITS_SHOWN_MAX)))
    if found.units:
        return msgspec.structs.replace(found, units=units)
    return Outlook(units, priority, first)


def _admissions(project: ProjectQueue, lane: Lane, seeker: Seeker) -> Iterator[int]:
    """Yield when what waits for a seeker in a lane was admitted: begun units first, 0 for what is not in memory."""
    begun = (project.waiting[unit_id].since_us for unit_id in project.unseen(lane.begun.first(LOOKS_MAX), seeker))
    if not seeker.fresh:
        return begun
    fresh = (project.waiting[unit_id].since_us for unit_id in lane.fresh.first(UNITS_SHOWN_MAX))
    return chain(begun, fresh, _in_pages(lane))


def _in_pages(lane: Lane) -> Iterator[int]:
    for page in lane.pages.pages.values():
        if page.rows is None:
            yield from (0 for _ in range(len(page)))
        else:
            yield from (row.admitted_at_us for row in page.rows.values())
