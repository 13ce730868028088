"""One project's part of the ready queue: its lanes, gold, and annotators' own lines."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from services.assign.domain.eligibility import fit
from services.assign.domain.fresh import LaneKey, Pages
from services.assign.domain.gold import GoldPool
from services.assign.domain.gold_stock import NO_BOUNDS, GoldBounds, Shown, spent, stale
from services.assign.domain.line import Line
from services.assign.domain.models import PERSON, Part
from services.assign.domain.overlap import open_to_models
from services.assign.domain.unit import UnitState


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who wants work, and what they are able to do.

    Attributes:
        gold_alone: they are qualifying: hidden gold is all that they are given.
        bounds: which of the project's gold may be shown to anybody.
        part: whether they are a model, and what that is to the project.
        fresh: whether units that nobody had may be theirs: a model's may not where all that they want first are people.
    """

    annotator_id: str
    abilities: frozenset[str]
    gold_alone: bool = False
    bounds: GoldBounds = NO_BOUNDS
    part: Part = PERSON
    fresh: bool = True


class Waiting(msgspec.Struct):
    """What the queue knows of a waiting unit; of a gold one, what of it was `shown`, and which unit it was made of.

    Attributes:
        left: see `overlap.left_by_models`.
    """

    project_id: str
    lane: LaneKey
    gold: bool
    seen: frozenset[str]
    names: tuple[str, ...]
    since_us: int = 0
    shown: Shown | None = None
    gold_of: str = ""
    left: int = 0


class Backlog(NamedTuple):
    """How much of a project waits: units, and when the oldest of them was admitted; 0 where none is known."""

    units: int
    since_us: int


WINDOW_UNITS = 32
"""A claim draws at random from the first so many, so that claims of several processes rarely collide."""


class Lane:
    """What waits with one priority and one set of skills.

    Attributes:
        begun: units that somebody had.
        fresh: units that nobody had, though something was told of each alone.
        pages: units that nobody had, and of which nothing is known but their admission.
        deep: how far each annotator looked beyond the window, all in it being seen by them.
    """

    def __init__(self) -> None:
        self.begun = Line()
        self.fresh = Line()
        self.pages = Pages()
        self.deep: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.begun or self.fresh or self.pages)

    @property
    def untouched(self) -> int:
        """How many units in it nobody had."""
        return len(self.fresh) + len(self.pages)


class ProjectQueue:
    """One project's lanes, gold, and annotators' own lines.

    Attributes:
        waiting: what waits, but for what waits in pages.
        picked: what is hidden, and what was told of it since.
    """

    def __init__(self) -> None:
        self.lanes: dict[LaneKey, Lane] = {}
        self.order: list[LaneKey] = []
        self.gold = GoldPool()
        self.own: dict[str, dict[int, Line]] = {}
        self.waiting: dict[str, Waiting] = {}
        self.picked: dict[str, UnitState | None] = {}

    def backlog(self) -> Backlog:
        """Return how many units wait, gold left out, and since when the oldest of them does, as far as is in memory."""
        own = [waiting.since_us for waiting in self.waiting.values() if not waiting.gold]
        pages = [lane.pages for lane in self.lanes.values()]
        since_us = [at_us for at_us in (*own, *(page.since_us for page in pages)) if at_us]
        return Backlog(len(own) + sum(map(len, pages)), min(since_us, default=0))

    def fits(self, unit_id: str, seeker: Seeker) -> bool:
        """Return whether the seeker has the skills that a unit takes, and whether gold may still be shown to them."""
        waiting = self.waiting[unit_id]
        if (shown := waiting.shown) is not None and (
            seeker.annotator_id in waiting.seen or spent(shown, seeker.bounds) or stale(shown, seeker.bounds)
        ):
            return False
        return fit(seeker.abilities, waiting.lane[1])

    def unseen(self, unit_ids: Iterator[str], seeker: Seeker) -> Iterator[str]:
        """Yield those units that the seeker may be offered."""
        if seeker.part.leaves_room:
            unit_ids = (
                unit_id for unit_id in unit_ids if open_to_models(self.waiting[unit_id].left, seeker.part.humans_min)
            )
        return (unit_id for unit_id in unit_ids if seeker.annotator_id not in self.waiting[unit_id].seen)

    def untouched(self, lane: Lane, seeker: Seeker) -> Iterator[str]:
        """Yield the units of a lane that nobody had, as far as they are in memory, those left out that are picked."""
        if not seeker.fresh:
            return
        yield from lane.fresh.first(WINDOW_UNITS)
        for page in lane.pages.in_memory():
            yield from (unit_id for unit_id in page.rows or () if unit_id not in self.picked)

    def lane(self, key: LaneKey) -> Lane:
        """Return a lane, made when it is not there."""
        if key not in self.lanes:
            self.lanes[key] = Lane()
            insort(self.order, key)
        return self.lanes[key]

    def leave_lane(self, key: LaneKey, unit_id: str) -> None:
        """Let a unit wait in its lane no longer."""
        lane = self.lanes.get(key)
        if lane is None:
            return
        lane.begun.discard(unit_id)
        lane.fresh.discard(unit_id)
        self.close_lane(key)

    def close_lane(self, key: LaneKey) -> None:
        """Forget a lane in which nothing waits."""
        if key in self.lanes and not self.lanes[key]:
            del self.lanes[key]
            del self.order[bisect_left(self.order, key)]

    def join_own(self, name: str, rank: int, unit_id: str) -> None:
        """Let a unit wait for one annotator."""
        self.own.setdefault(name, {}).setdefault(rank, Line()).add(unit_id)

    def leave_own(self, name: str, rank: int, unit_id: str) -> None:
        """Let a unit wait for one annotator no longer."""
        lines = self.own.get(name, {})
        if rank not in lines:
            return
        lines[rank].discard(unit_id)
        if not lines[rank]:
            del lines[rank]
            if not lines:
                del self.own[name]
