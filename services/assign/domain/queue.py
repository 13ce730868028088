"""The ready queue: which unit an annotator is offered next, at a cost that does not grow with what waits.

A hint, loaded from the store: whether an annotator may have a unit is decided by the unit's own state. Within a
project the units that anyone may label wait in lanes by priority and skills; in each, those that others have begun
come before fresh ones, which nobody has seen. Named units wait in lines of their annotators' own. A unit that is
picked is hidden until what became of it is known, so that two claims of one process never want the same.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from services.assign.domain.eligibility import fit
from services.assign.domain.fresh import LOW_ROWS, FreshRow, FreshUnits, Page, PageHead, Pages, RowsInMemory, unit_of
from services.assign.domain.gold_stock import Shown
from services.assign.domain.outlook import NOTHING, Outlook, outlook
from services.assign.domain.overlap import left_by_models, seen_by, slots_open, turns
from services.assign.domain.project_queue import WINDOW_UNITS, Backlog, Lane, ProjectQueue, Seeker, Waiting
from services.assign.domain.unit import UnitState

__all__ = ["DEEP_LOOKS_MAX", "WINDOW_UNITS", "Pick", "ReadyQueue", "Seeker", "Waiting"]

LANES_MAX = 256
"""Lanes that a claim looks at; more only where priorities or sets of skills are as good as unique."""
GOLD_ASKED_MAX = 50
"""Gold units of which a claim asks the store whether the annotator had them: one round trip."""
DEEP_LOOKS_MAX = 1_024
"""Units looked at when all in the windows were seen by the annotator; the next claim goes on from there."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A unit picked for an annotator, and what was known of it.

    Attributes:
        fresh: the unit as it was admitted, where it waited in a page: it may have no record yet.
        page: that page.
    """

    unit_id: str
    waiting: Waiting
    fresh: UnitState | None = None
    page: Page | None = None

    @property
    def gold(self) -> bool:
        """Whether it is a gold unit, of which the annotator gets a copy."""
        return self.waiting.gold


class ReadyQueue:
    """All units that wait for annotators.

    Args:
        generator: draws from the windows.
        memory: bounds the rows of pages that are in memory.

    Attributes:
        fresh: the units that wait in pages.
        projects: what waits, or waited, of each project, by its id.
    """

    def __init__(self, generator: random.Random, memory: RowsInMemory | None = None) -> None:
        self.fresh = FreshUnits(memory or RowsInMemory())
        self._generator = generator
        self.projects: dict[str, ProjectQueue] = {}

    def __len__(self) -> int:
        """How many units wait."""
        lanes = (lane for project in self.projects.values() for lane in project.lanes.values())
        return sum(len(project.waiting) for project in self.projects.values()) + sum(len(lane.pages) for lane in lanes)

    def backlogs(self) -> dict[str, Backlog]:
        """Return how much of each project waits."""
        return {project_id: project.backlog() for project_id, project in self.projects.items()}

    def waiting(self) -> Iterator[str]:
        """Yield the units that wait and have a record of their own, those left out that are picked."""
        for project in self.projects.values():
            yield from project.waiting

    def waiting_in(self, project_id: str) -> list[str]:
        """Return the units of a project that wait and have a record of their own, those left out that are picked."""
        return [] if (project := self.projects.get(project_id)) is None else list(project.waiting)

    def pages_in(self, project_id: str) -> list[Page]:
        """Return the pages in which units of a project wait."""
        lanes = project.lanes.values() if (project := self.projects.get(project_id)) is not None else ()
        return [page for lane in lanes for page in lane.pages.pages.values()]

    def put_page(self, document_id: str, head: PageHead, rows: Sequence[FreshRow]) -> None:
        """Let the rows of a stored document wait, those that do already left as they are."""
        project = self.projects.setdefault(head.project_id, ProjectQueue())
        new = [row for row in rows if row.unit_id not in project.waiting]
        self.fresh.put(project.lane(head.lane).pages, document_id, head, new)
        project.close_lane(head.lane)

    def bring(self, page: Page, stored: Sequence[FreshRow]) -> None:
        """Have a page's rows in memory, as its documents hold them."""
        if (pages := self._pages_of(page)) is not None:
            self.fresh.bring(pages, page, stored)
            self.projects[page.head.project_id].close_lane(page.head.lane)

    def to_bring(self, project_id: str, seeker: Seeker) -> Page | None:
        """Return the page whose rows the seeker's next claims may want and that is not in memory; None: all are."""
        project = self.projects.get(project_id)
        if project is None:
            return None
        lacking = LOW_ROWS + len(project.picked)
        for key in project.order[:LANES_MAX]:
            if lacking > 0 and fit(seeker.abilities, key[1]):
                page, there = project.lanes[key].pages.low(lacking)
                if page is not None:
                    return page
                lacking -= there
        return None

    def admitted(self, unit_id: str, project_id: str) -> UnitState | None:
        """Return a unit as it was admitted, where it waits in a page whose rows are in memory."""
        page = self.fresh.find(unit_id)
        row = page.rows.get(unit_id) if page is not None and page.rows is not None else None
        if page is None or row is None or page.head.project_id != project_id:
            return None
        return unit_of(page.head, row)

    def met(self, state: UnitState) -> bool:
        """Return whether it is known here that the unit was admitted."""
        project = self.projects.get(state.project_id)
        known = project is not None and (state.unit_id in project.waiting or state.unit_id in project.picked)
        return known or self.fresh.met(state.unit_id)

    def has(self, page: Page) -> bool:
        """Return whether the page is still there."""
        return self._pages_of(page) is not None

    def doubt_first_pages(self) -> None:
        """Note that somebody else may have begun units of the pages that come next in each project."""
        for project in self.projects.values():
            first = next((project.lanes[key].pages for key in project.order if project.lanes[key].pages), None)
            page = next(iter(first.pages.values())) if first is not None else None
            if page is not None:
                page.doubtful = True

    def _pages_of(self, page: Page) -> Pages | None:
        """Return the pages of the lane in which a page stands, if it still does."""
        project = self.projects.get(page.head.project_id)
        lane = project.lanes.get(page.head.lane) if project is not None else None
        return lane.pages if lane is not None and page.number in lane.pages.pages else None

    def next_in_pages(self, wanted: Callable[[str], bool]) -> Iterator[str]:
        """Yield the units of pages in memory, of the projects that are wanted, those first that are picked first."""
        for project in [project_queue for project_id, project_queue in self.projects.items() if wanted(project_id)]:
            for key in project.order[:LANES_MAX]:
                for page in project.lanes[key].pages.in_memory():
                    yield from page.rows or ()

    def fresh_of(self, project_id: str) -> list[tuple[tuple[str, ...], int]]:
        """Return, for each lane of a project, the skills that it takes and how many units in it nobody has had."""
        project = self.projects.get(project_id)
        lanes = project.lanes.items() if project is not None else ()
        return [(key[1], lane.untouched) for key, lane in lanes]

    def skills_wanted(self, project_id: str) -> set[tuple[str, ...]]:
        """Return the sets of skills that what waits for anyone in a project takes."""
        project = self.projects.get(project_id)
        return {skills for _, skills in project.lanes} if project is not None else set()

    def gold_shown(self, project_id: str) -> list[Shown]:
        """Return what was shown of each gold unit of a project that is for anybody, and not retired or in doubt."""
        project = self.projects.get(project_id)
        waiting = () if project is None else (project.waiting[unit_id] for unit_id in project.gold)
        return [unit.shown for unit in waiting if unit.shown is not None]

    def with_gold(self) -> list[str]:
        """Return the projects that have gold for anybody."""
        return [project_id for project_id, project in self.projects.items() if any(project.gold)]

    def outlook(self, project_id: str, seeker: Seeker) -> Outlook:
        """Return how much waits in a project for somebody, and how soon it is wanted; nothing is picked."""
        project = self.projects.get(project_id)
        return NOTHING if project is None else outlook(project, seeker)

    def settle(self, state: UnitState, *, found: bool = False) -> None:
        """Let the unit wait where its newest state belongs, or nowhere; saying it again changes nothing.

        One that is picked stays hidden, whatever is told of it, until the pick is released.

        Args:
            state: the newest state.
            found: it was found in the store: who was shown a gold unit before is not known, and to be asked.
        """
        project = self.projects.get(state.project_id)
        if project is None:
            project = self.projects[state.project_id] = ProjectQueue()
        if state.copy_for:
            self._settle_copy(project, state)
            return
        if state.unit_id in project.picked:
            project.picked[state.unit_id] = state
            return
        self._begun(project, state)
        now = _waiting(state)
        before = project.waiting.get(state.unit_id)
        if before is not None and (now is None or now.lane != before.lane):
            self._leave(project, state.unit_id, before)
            before = None
        if now is None:
            if state.gold:
                project.gold.discard(state.unit_id)
            return
        project.waiting[state.unit_id] = now
        # Of one that was held it was forgotten who had seen it.
        if state.gold and (found or state.gold_revision):
            project.gold.doubt(state.unit_id)
        if state.named:
            self._settle_own(project, state.unit_id, now, before.names if before else ())
        elif state.gold:
            project.gold.add(state.unit_id)
        else:
            lane = project.lane(now.lane)
            begun = bool(state.assignments) or state.unit_id in lane.begun
            (lane.fresh if begun else lane.begun).discard(state.unit_id)
            (lane.begun if begun else lane.fresh).add(state.unit_id)

    def _begun(self, project: ProjectQueue, state: UnitState) -> None:
        """Take a unit that has a record of its own out of its page; not before that tells of its admission."""
        page = self.fresh.find(state.unit_id) if state.admitted else None
        if page is not None and (pages := self._pages_of(page)) is not None:
            self.fresh.begun(pages, page, state.unit_id)
            project.close_lane(page.head.lane)

    def _settle_copy(self, project: ProjectQueue, state: UnitState) -> None:
        project.gold.saw(state.copy_for, state.unit_id)
        waiting = project.waiting.get(state.unit_id)
        if waiting is not None and waiting.names:
            project.leave_own(state.copy_for, waiting.lane[0], state.unit_id)

    def _settle_own(self, project: ProjectQueue, unit_id: str, now: Waiting, before: tuple[str, ...]) -> None:
        rank = now.lane[0]
        for name in before:
            if name not in now.names:
                project.leave_own(name, rank, unit_id)
        for name in now.names:
            if not project.gold.seen(name, unit_id):
                project.join_own(name, rank, unit_id)

    def _leave(self, project: ProjectQueue, unit_id: str, waiting: Waiting) -> None:
        del project.waiting[unit_id]
        for name in waiting.names:
            project.leave_own(name, waiting.lane[0], unit_id)
        project.gold.discard(unit_id)
        project.leave_lane(waiting.lane, unit_id)

    def gold_in_doubt(self, project_id: str, seeker: Seeker, gold_rate: float) -> list[str]:
        """Return gold units that the seeker's next picks would pass over, until it is `gold_asked` who had them."""
        project = self.projects.get(project_id)
        if project is None:
            return []
        doubted = []
        lines = project.own.get(seeker.annotator_id)
        for rank in sorted(lines)[:LANES_MAX] if lines else ():
            assert lines is not None, "it has ranks"
            own = lines[rank].first(WINDOW_UNITS)
            doubted += [unit_id for unit_id in own if not project.gold.known(seeker.annotator_id, unit_id)]
        if gold_rate > 0:
            doubted += project.gold.to_ask(
                seeker.annotator_id, lambda unit_id: project.fits(unit_id, seeker), self._generator
            )
        return doubted[:GOLD_ASKED_MAX]

    def gold_asked(self, project_id: str, seeker: Seeker, unit_ids: Iterable[str]) -> None:
        """Note that what is known of these gold units and the seeker is all: their copies were settled, if any."""
        if (project := self.projects.get(project_id)) is not None:
            project.gold.asked(seeker.annotator_id, [unit_id for unit_id in unit_ids if unit_id in project.waiting])

    def pick(self, project_id: str, seeker: Seeker, gold_rate: float) -> Pick | None:
        """Return the seeker's next unit and hide it until the pick is released or undone; None when none is to be had.

        Args:
            project_id: of which project.
            seeker: who wants it.
            gold_rate: how often, instead of a unit that waits, a gold unit is shown.
        """
        project = self.projects.get(project_id)
        if project is None:
            return None
        if seeker.gold_alone:
            return self._gold(project, seeker)
        own = self._own(project, seeker)
        unit_id = self._from_lanes(project, seeker) if own is None else None
        if unit_id is None:
            return own
        if self._generator.random() < gold_rate and (pick := self._gold(project, seeker)) is not None:
            return pick
        if unit_id not in project.waiting:
            return self._from_page(project, unit_id)
        waiting = project.waiting.pop(unit_id)
        project.leave_lane(waiting.lane, unit_id)
        project.picked[unit_id] = None
        return Pick(unit_id, waiting)

    def _gold(self, project: ProjectQueue, seeker: Seeker) -> Pick | None:
        gold_id = project.gold.pick(seeker.annotator_id, lambda unit_id: project.fits(unit_id, seeker), self._generator)
        if gold_id is None:
            return None
        project.gold.saw(seeker.annotator_id, gold_id)
        return Pick(gold_id, project.waiting[gold_id])

    def _from_page(self, project: ProjectQueue, unit_id: str) -> Pick:
        page = self.fresh.find(unit_id)
        assert page is not None, "what is drawn from a page is in one"
        assert page.rows is not None, "and the page is in memory"
        self.fresh.picked_from(page)
        project.picked[unit_id] = None
        waiting = Waiting(page.head.project_id, page.head.lane, False, frozenset(), ())
        return Pick(unit_id, waiting, unit_of(page.head, page.rows[unit_id]), page)

    def _own(self, project: ProjectQueue, seeker: Seeker) -> Pick | None:
        lines = project.own.get(seeker.annotator_id)
        for rank in sorted(lines)[:LANES_MAX] if lines else ():
            assert lines is not None, "it has ranks"
            window = [
                candidate
                for candidate in lines[rank].first(WINDOW_UNITS)
                if project.fits(candidate, seeker) and project.gold.known(seeker.annotator_id, candidate)
            ]
            if window:
                unit_id = self._generator.choice(window)
                project.leave_own(seeker.annotator_id, rank, unit_id)
                waiting = project.waiting[unit_id]
                if waiting.gold:
                    project.gold.saw(seeker.annotator_id, unit_id)
                return Pick(unit_id, waiting)
        return None

    def _from_lanes(self, project: ProjectQueue, seeker: Seeker) -> str | None:
        keys = [key for key in project.order[:LANES_MAX] if fit(seeker.abilities, key[1])]
        for key in keys:
            lane = project.lanes[key]
            window = list(project.unseen(lane.begun.first(WINDOW_UNITS), seeker)) or list(
                islice(project.untouched(lane, seeker), WINDOW_UNITS)
            )
            if window:
                return self._generator.choice(window)
        for key in keys:
            if (unit_id := self._deep(project, project.lanes[key], seeker)) is not None:
                return unit_id
        return None

    def _deep(self, project: ProjectQueue, lane: Lane, seeker: Seeker) -> str | None:
        """Look further than the window, and remember how far, so that all is looked at in the end."""
        found = None
        for place, unit_id in lane.begun.round_from(lane.deep.get(seeker.annotator_id, 0), DEEP_LOOKS_MAX):
            lane.deep[seeker.annotator_id] = place
            if next(project.unseen(iter((unit_id,)), seeker), None) is not None:
                found = unit_id
                break
        return found

    def release(self, picks: Iterable[Pick]) -> None:
        """Hide these no longer: what was told of them meanwhile is taken over, and without news they wait again."""
        for pick in picks:
            project = self.projects.get(pick.waiting.project_id)
            if project is None or pick.unit_id not in project.picked:
                continue
            picked = project.picked.pop(pick.unit_id)
            if picked is not None:
                self.settle(picked)
            elif pick.fresh is None and pick.unit_id not in project.waiting:
                project.waiting[pick.unit_id] = pick.waiting
                project.lane(pick.waiting.lane).begun.add(pick.unit_id)

    def undo(self, pick: Pick, annotator_id: str) -> None:
        """Take back a pick that led to nothing, or of which nobody knows what became: it waits, or is refused later."""
        project = self.projects.get(pick.waiting.project_id)
        if project is None:
            return
        if pick.gold:
            project.gold.unsaw(annotator_id, pick.unit_id)
        if pick.waiting.names:
            now = project.waiting.get(pick.unit_id)
            if now is not None and annotator_id in now.names:
                project.join_own(annotator_id, pick.waiting.lane[0], pick.unit_id)
        self.release([pick])


def _waiting(state: UnitState) -> Waiting | None:
    """Return what the queue is to know of the unit; None when it does not wait."""
    names = turns(state)
    if not (
        names or (state.gold and not state.named and state.wants_labels) or (not state.named and slots_open(state))
    ):
        return None
    lane = (-state.priority, tuple(sorted(state.skills)))
    since_us = state.admitted_at_us
    if not state.gold:
        return Waiting(state.project_id, lane, False, seen_by(state), names, since_us, left=left_by_models(state))
    shown = Shown(state.exposures, state.shown_by_day, since_us, state.guideline_version)
    return Waiting(state.project_id, lane, True, frozenset(state.not_for), names, since_us, shown, state.gold_of)
