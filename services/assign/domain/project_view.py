"""What assign knows at a glance of one project: hints, loaded from the store, dropped with its place."""

import msgspec

from services.assign.domain.active_time import ActiveTimes
from services.assign.domain.breaks import Breaks
from services.assign.domain.held import HeldLeases
from services.assign.domain.overlap import LET_GO, left_by_models, seen_by, slots_open, turns
from services.assign.domain.qualification import QualificationState
from services.assign.domain.revision import Delays, RecentLabels
from services.assign.domain.rules import ConductState
from services.assign.domain.stranding import LET_GO_MAX
from services.assign.domain.unit import UnitState


class Lacking(msgspec.Struct, frozen=True):
    """A unit that lacks labels and was had by somebody, or names who is to label it.

    Attributes:
        key: its aggregate's.
        skills: what it takes.
        seen: who cannot be offered it now.
        turns: for a named unit, whose turn it is; None for others.
        let_go: how often it was let go since it was sent back.
        left: see `overlap.left_by_models`.
        referred: an adjudicator referred it back to those whom it names.
        barred: somebody is barred from it while there is anybody else.
    """

    key: str
    skills: tuple[str, ...]
    seen: frozenset[str]
    turns: tuple[str, ...] | None
    let_go: int
    left: int = 0
    referred: bool = False
    barred: bool = False

    def perhaps_nobody(self, fit: frozenset[str]) -> bool:
        """Return whether it may be that nobody of these can be offered the unit: the unit itself is asked then."""
        if self.let_go >= LET_GO_MAX:
            return True
        if self.turns is not None:
            return not fit.intersection(self.turns)
        return len(fit) <= len(self.seen) and fit <= self.seen


class ProjectView:
    """One project's running leases, units that lack labels, active times, and whom nobody can serve.

    Attributes:
        lacking: see Lacking, by unit.
        nobody_since_us: since when nobody was found for a unit, on the monotonic clock in microseconds.
        idle_since_us: since when nobody was found for it among those who ask for work in the project.
        asked_us: when each annotator last asked for work in the project, on the same clock.
        without_gold_us: when somebody who is given hidden gold alone last asked and was given none, on the same clock.
        stranded: units that were told to be stranded, and still are.
        breaks: who is on a break.
        qualifications: how those stand who were told to have answered gold, where the project asks for it.
        desk_pages: the newest known page of each annotator's desk.
        conduct_pages: the newest known page of what each annotator did lately, where the project has rules for that.
        conducts: what holds against annotators by these rules.
        acknowledged: the newest version of the guideline that each annotator is known to have acknowledged.
        recent: labels that came in lately and may be revised.
        delays: how long units take from a label to their resolution.

    Args:
        since_us: since when this process has the project.
    """

    def __init__(self, since_us: int = 0) -> None:
        self.held = HeldLeases()
        self.active_times = ActiveTimes()
        self.lacking: dict[str, Lacking] = {}
        self.nobody_since_us: dict[str, int] = {}
        self.idle_since_us: dict[str, int] = {}
        self.asked_us: dict[str, int] = {}
        self.without_gold_us: dict[str, int] = {}
        self.stranded: dict[str, None] = {}
        self.breaks = Breaks()
        self.qualifications: dict[str, QualificationState] = {}
        self.desk_pages: dict[str, int] = {}
        self.conduct_pages: dict[str, int] = {}
        self.conducts: dict[str, ConductState] = {}
        self.acknowledged: dict[str, int] = {}
        self.recent = RecentLabels(since_us)
        self.delays = Delays()

    def settle(self, state: UnitState, key: str, not_before_us: int = 0) -> None:
        """Take over a unit's newest state; saying it again changes nothing.

        Args:
            state: the newest state.
            key: its aggregate's key.
            not_before_us: see HeldLeases.settle.
        """
        self.held.settle(state, key, not_before_us)
        self.recent.settle(state, key)
        self.delays.settle(state)
        for assignment in state.assignments:
            self.active_times.add(assignment.id, assignment.annotator_id, assignment.active_ms, assignment.issued_at_us)
        lacks = not state.gold and slots_open(state) > 0
        if lacks and (state.named or state.current or state.referral or state.barred):
            whose = turns(state) if state.named else None
            let_go = sum(lease.status in LET_GO for lease in state.current)
            self.lacking[state.unit_id] = Lacking(
                key,
                state.skills,
                seen_by(state),
                whose,
                let_go,
                left_by_models(state),
                state.named_first is not None,
                bool(state.barred),
            )
        else:
            self.lacking.pop(state.unit_id, None)
            self.nobody_since_us.pop(state.unit_id, None)
            self.idle_since_us.pop(state.unit_id, None)
        if lacks and state.stranded:
            self.stranded[state.unit_id] = None
        else:
            self.stranded.pop(state.unit_id, None)

    def asked(self, since_us: int) -> frozenset[str]:
        """Return who has asked for work since then, those among them who are given hidden gold alone."""
        times = (*self.asked_us.items(), *self.without_gold_us.items())
        return frozenset(who for who, at_us in times if at_us >= since_us)

    def without_gold(self, since_us: int) -> int:
        """Return how many asked since then and were given no gold, who are given nothing else; others are forgotten."""
        left = {who: at_us for who, at_us in self.without_gold_us.items() if at_us >= since_us}
        self.without_gold_us = left
        return len(left)

    def asking(self, since_us: int) -> frozenset[str]:
        """Return who has asked for work since then; who has not is forgotten."""
        self.asked_us = {who: at_us for who, at_us in self.asked_us.items() if at_us >= since_us}
        return frozenset(self.asked_us)
