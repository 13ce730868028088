"""What assign knows at a glance of one place's projects: hints, loaded from the store and dropped with the place."""

import random
from collections.abc import Iterator

from services.assign.domain.fresh import RowsInMemory
from services.assign.domain.held import Hold
from services.assign.domain.project_view import ProjectView
from services.assign.domain.queue import ReadyQueue
from services.assign.domain.unit import UnitState


class Place:
    """The ready queue of one place, and a view of each of its projects.

    Args:
        generator: draws from the queue's windows.
        not_before_us: leases that are found when the place is loaded are ended no earlier: nobody could renew or
            submit while it was dealt.
        memory: bounds the rows of pages that are in memory, over all places.
        since_us: since when this process has the place.

    Attributes:
        loaded: whether all that was open when it was read is in; until then nobody is served from here.
    """

    def __init__(
        self, generator: random.Random, not_before_us: int = 0, memory: RowsInMemory | None = None, since_us: int = 0
    ) -> None:
        self.queue = ReadyQueue(generator, memory)
        self.views: dict[str, ProjectView] = {}
        self.loaded = False
        self._not_before_us = not_before_us
        self._since_us = since_us
        self._read: dict[str, UnitState] = {}
        self._told: set[str] | None = None

    def view(self, project_id: str) -> ProjectView:
        """Return what is known at a glance of a project."""
        found = self.views.get(project_id)
        if found is None:
            found = self.views[project_id] = ProjectView(self._since_us)
        return found

    def told(self, key: str, state: UnitState) -> None:
        """Take over a unit's newest state, as it was just stored or read; saying it again changes nothing."""
        if not self.loaded:
            self._read[key] = state
            return
        if self._told is not None:
            self._told.add(key)
        self.queue.settle(state)
        self.view(state.project_id).settle(state, key)

    def found(self, key: str, state: UnitState) -> None:
        """Take over a unit's state that was read from the store, unless it was told already."""
        if not self.loaded:
            self._read.setdefault(key, state)
        else:
            self.told(key, state)

    def take_in(self) -> Iterator[None]:
        """Take in all that was read, in the order of admission, a unit a step; what is told meanwhile is newer.

        Copies of gold units come first: who has seen a unit that is shown no more is forgotten with it.
        """
        self.loaded, self._told = True, set()
        read, self._read = self._read, {}
        in_order = sorted((state.admitted_at_us, not state.copy_for, key) for key, state in read.items())
        for _, _, key in in_order:
            if key not in self._told:
                state = read.pop(key)
                self.queue.settle(state, found=True)
                self.view(state.project_id).settle(state, key, self._not_before_us)
            yield
        self._told = None

    def held_or_lacking(self) -> Iterator[str]:
        """Yield the keys of the aggregates that are held, or lack labels and were had by somebody."""
        for view in self.views.values():
            yield from view.held.places()
            yield from (lacking.key for lacking in view.lacking.values())

    def holds_of(self, annotator_id: str) -> list[Hold]:
        """Return what the annotator holds, first issued first within each project."""
        return [hold for view in self.views.values() for hold in view.held.of(annotator_id)]

    def due(self, now_us: int, leases_max: int) -> list[Hold]:
        """Return leases that have ended, at most so many; each is looked at once, unless it is given to `again`."""
        ended: list[Hold] = []
        for view in self.views.values():
            if len(ended) == leases_max:
                break
            ended += view.held.due(now_us, leases_max - len(ended))
        return ended

    @property
    def leases_running(self) -> int:
        """How many leases run."""
        return sum(len(view.held) for view in self.views.values())
