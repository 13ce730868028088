"""Who holds what, and which lease ends next: a hint, loaded from the store."""

import heapq
from collections import defaultdict

import msgspec

from services.assign.domain.unit import UnitState

ENDS_SPARE_MAX = 1_000
"""Ends of leases that are over already, beyond as many as run: leases may last eight hours, and labels come in long
before."""


class Hold(msgspec.Struct, frozen=True):
    """A lease that runs.

    Attributes:
        place: the id of the aggregate that decides on it: the unit's, or for a gold unit the copy's.
    """

    assignment_id: str
    annotator_id: str
    project_id: str
    place: str
    until_us: int


class HeldLeases:
    """The leases that run, by annotator and by their end."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}
        self._of: defaultdict[str, dict[str, Hold]] = defaultdict(dict)
        self._ends: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """How many leases run."""
        return len(self._holds)

    def settle(self, state: UnitState, place: str, not_before_us: int = 0) -> None:
        """Take over what the unit's newest state says of its leases.

        Args:
            state: the newest state.
            place: see Hold.
            not_before_us: no lease is looked at earlier than this, for who could not reach us in between.
        """
        for assignment in state.assignments:
            known = self._holds.get(assignment.id)
            if assignment.status != "leased":
                if known is not None:
                    del self._holds[assignment.id]
                    self._let_go(known)
                    self._forget_ends()
            elif known is None or known.until_us != assignment.lease_until_us:
                hold = Hold(assignment.id, assignment.annotator_id, state.project_id, place, assignment.lease_until_us)
                self._holds[assignment.id] = self._of[assignment.annotator_id][assignment.id] = hold
                heapq.heappush(self._ends, (max(assignment.lease_until_us, not_before_us), assignment.id))

    def _let_go(self, hold: Hold) -> None:
        holds = self._of[hold.annotator_id]
        del holds[hold.assignment_id]
        if not holds:
            del self._of[hold.annotator_id]

    def _forget_ends(self) -> None:
        """Forget the ends of leases that are over, once they are more than those that run."""
        if len(self._ends) > ENDS_SPARE_MAX + 2 * len(self._holds):
            self._ends = [end for end in self._ends if (hold := self._holds.get(end[1])) and end[0] >= hold.until_us]
            heapq.heapify(self._ends)

    def of(self, annotator_id: str) -> list[Hold]:
        """Return what the annotator holds, first issued first."""
        return list(self._of[annotator_id].values()) if annotator_id in self._of else []

    def annotators(self) -> frozenset[str]:
        """Return who holds a lease that runs."""
        return frozenset(self._of)

    def places(self) -> list[str]:
        """Return the ids of the aggregates that decide on the leases that run."""
        return [hold.place for hold in self._holds.values()]

    def due(self, now_us: int, leases_max: int) -> list[Hold]:
        """Return leases that have ended, at most so many, and look at each once; `again` to look once more."""
        ended: list[Hold] = []
        while self._ends and len(ended) < leases_max and self._ends[0][0] <= now_us:
            _, assignment_id = heapq.heappop(self._ends)
            hold = self._holds.get(assignment_id)
            if hold is not None and hold.until_us <= now_us:
                ended.append(hold)
        return ended

    def again(self, holds: list[Hold]) -> None:
        """Look at these once more: nobody could decide on them."""
        for hold in holds:
            heapq.heappush(self._ends, (hold.until_us, hold.assignment_id))
