"""Rules of conduct: whether somebody labels too fast or skips too much, and what comes of it.

What somebody did lately in a project is a bounded list of deeds, each a label with its active time or a skip. A rule
that is broken holds against them until there is reason no more: half as many (note, confirm), an end (break), or a
lead's word (pause). During a break or a pause nothing is judged, and after it nothing is held against them. A rule
that the project asks for no more, or of which something else comes now, holds against nobody from that moment on.
Models are left out by whoever tells deeds here, and so is what becomes of a unit without a person.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import msgspec

DEEDS_MAX = 50
"""Of one annotator in a project: as many as a rule may look at."""
OWN_TIMES_MIN = 10
"""Labels of somebody, below which their own median is none."""
PAGE_RECORDS_MAX = 64
"""Decisions on one page of the records, since an aggregate's past is read whole."""
SKIPPED = -1

Rule = Literal["pace", "skips"]
Then = Literal["note", "confirm", "break", "pause"]
Outcome = Literal["", "upheld", "declined", "over"]
STOPS: tuple[Then, ...] = ("break", "pause")
ANSWERS_MAX = 5
"""Rulings on appeals of one annotator in a project that they are told, the newest."""


class PaceRule(msgspec.Struct, frozen=True):
    """When somebody labels too fast: see `policy.pace`; `floor_ms`, `share`: 0 is no floor."""

    floor_ms: int
    share: float
    own: bool
    hasty: int
    last: int
    then: Then
    break_us: int


class SkipRule(msgspec.Struct, frozen=True):
    """When somebody skips too much: see `policy.skips`; `in_a_row`, `share`: 0 is no bound."""

    in_a_row: int
    share: float
    last: int
    then: Then
    break_us: int


class Rules(msgspec.Struct, frozen=True):
    """What a project asks; None: no such rule."""

    pace: PaceRule | None = None
    skips: SkipRule | None = None

    def __bool__(self) -> bool:
        return self.pace is not None or self.skips is not None

    def then(self, rule: Rule) -> Then | None:
        """Return what comes of a broken rule now; None where it is not asked."""
        asked = self.pace if rule == "pace" else self.skips
        return None if asked is None else asked.then

    def share_of_project(self) -> bool:
        """Return whether what is hasty hangs on how long others take."""
        return self.pace is not None and self.pace.share > 0 and not self.pace.own


NO_RULES = Rules()


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """A label with its active time in milliseconds, or a skip (SKIPPED); `mark` tells a deed that is told again."""

    mark: int
    ms: int


class Appeal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody says to a rule that holds against them, and a lead's word on it; see `domain.appeals`.

    Attributes:
        reason: theirs.
        at_us: when they said it.
        outcome: `upheld`: nothing was held against them from then on; `declined`: it stood; `over`: it ended unruled.
        ruling: why, as they are told it.
        ruled_by: whose word it was.
        ruled_at_us: when; 0: it waits.
    """

    reason: str
    at_us: int
    outcome: Outcome = ""
    ruling: str = ""
    ruled_by: str = ""
    ruled_at_us: int = 0


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that holds against somebody.

    Attributes:
        since_us: since when.
        until_us: when a break ends; 0: no end of its own.
        count, of: how many hasty labels or skips, of how many.
        floor_ms: of pace, by then.
        in_a_row: of skips: it was a streak, and not a share.
        appeal: what they say to it, once.
    """

    rule: Rule
    then: Then
    since_us: int
    count: int
    of: int
    until_us: int = 0
    floor_ms: int = 0
    in_a_row: bool = False
    appeal: Appeal | None = None

    @property
    def reason(self) -> str:
        """Why, as the annotator is told it.

        >>> Held("pace", "note", 0, 4, 5, floor_ms=2_500).reason
        '4 of your last 5 labels took under 2.5 seconds.'
        >>> Held("skips", "note", 0, 6, 6, in_a_row=True).reason
        'You skipped 6 units in a row.'
        """
        return self._worded("You", "your")

    @property
    def finding(self) -> str:
        """The same, as a lead is told it of somebody.

        >>> Held("pace", "note", 0, 4, 5, floor_ms=2_500).finding
        '4 of their last 5 labels took under 2.5 seconds.'
        >>> Held("skips", "note", 0, 6, 8).finding
        'They skipped 6 of their last 8 units.'
        """
        return self._worded("They", "their")

    def _worded(self, who: str, whose: str) -> str:
        if self.rule == "pace":
            return f"{self.count} of {whose} last {self.of} labels took under {self.floor_ms / 1_000:g} seconds."
        if self.in_a_row:
            return f"{who} skipped {self.count} units in a row."
        return f"{who} skipped {self.count} of {whose} last {self.of} units."


class Change(msgspec.Struct, frozen=True):
    """A rule that begins to hold against somebody, or is over; `released_by`: the lead who ended it, if one did."""

    held: Held
    begins: bool
    released_by: str = ""


class ConductState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of what somebody did lately in a project, and what holds against them.

    Attributes:
        deeds: oldest first.
        held: one a rule at most.
        records: decisions on this page.
        closed: the next page goes on from here.
        answers: what they appealed and what became of it, the oldest first.
    """

    project_id: str
    annotator_id: str
    page: int = 0
    deeds: tuple[Deed, ...] = ()
    held: tuple[Held, ...] = ()
    records: int = 0
    closed: bool = False
    answers: tuple[Held, ...] = ()

    def against(self, rule: Rule) -> Held | None:
        """Return what holds by a rule."""
        return next((held for held in self.held if held.rule == rule), None)


def floor_ms(deeds: Sequence[Deed], rule: PaceRule, project_median_ms: float) -> int:
    """Return under how many milliseconds a label is hasty; 0: none is.

    >>> floor_ms((), PaceRule(1_000, 0.5, False, 4, 5, "note", 0), 8_000.0)
    4000
    """
    times = [deed.ms for deed in deeds if deed.ms != SKIPPED]
    own = float(median(times)) if rule.own and len(times) >= OWN_TIMES_MIN else 0.0
    return max(rule.floor_ms, round(rule.share * (own if rule.own else project_median_ms)))


def in_force(state: ConductState | None, rules: Rules, now_us: int) -> tuple[Held, ...]:
    """Return what holds against somebody now."""
    return tuple(
        held
        for held in (state.held if state is not None else ())
        if rules.then(held.rule) == held.then and not 0 < held.until_us <= now_us
    )


def stopped(state: ConductState | None, rules: Rules, now_us: int) -> Held | None:
    """Return why somebody is given nothing new now: a pause before a break, for it lasts longer; None: they may be."""
    stops = [held for held in in_force(state, rules, now_us) if held.then in STOPS]
    return max(stops, key=lambda held: (held.then == "pause", held.until_us), default=None)


def must_confirm(state: ConductState | None, rules: Rules, ms: int, project_median_ms: float, now_us: int) -> int:
    """Return the floor in milliseconds where a label that took so long takes a second yes; 0: it takes none."""
    if rules.pace is None or not any(held.then == "confirm" for held in in_force(state, rules, now_us)):
        return 0
    assert state is not None, "something holds against them"
    floor = floor_ms(state.deeds, rules.pace, project_median_ms)
    return floor if ms < floor else 0


def observed(
    state: ConductState, deeds: Iterable[Deed], rules: Rules, project_median_ms: float, now_us: int
) -> tuple[ConductState, list[Change]] | None:
    """Return the page once somebody did this, and which rules begin to hold or are over; None where nothing changes.

    Args:
        state: an open page.
        deeds: what they did; what is known already is left out.
        rules: what the project asks.
        project_median_ms: of active times of all who label it; 0: not known.
        now_us: the time.
    """
    now, changes = _lapsed(state, rules, now_us)
    known = {deed.mark for deed in now.deeds}
    new = [deed for deed in deeds if deed.mark not in known]
    if stopped(now, rules, now_us) is not None:
        new = []
    if not new and not changes:
        return None
    now = msgspec.structs.replace(now, deeds=(*now.deeds, *new)[-DEEDS_MAX:], records=state.records + 1)
    for rule in ("pace", "skips"):
        held, broken = now.against(rule), _broken(now.deeds, rule, rules, project_median_ms, now_us)
        if held is None and broken is not None:
            now = _with(now, rule, broken)
            changes.append(Change(broken, begins=True))
        elif held is not None and held.then not in STOPS and _is_well(now.deeds, rule, rules, project_median_ms):
            now = _with(ended(now, [held]), rule, None)
            changes.append(Change(held, begins=False))
    return now, changes


def released(state: ConductState | None, by: str) -> tuple[ConductState, list[Change]] | None:
    """Return the page once a lead has let somebody go on, with nothing held against them; None where nothing was."""
    if state is None or not state.held:
        return None
    changes = [Change(held, begins=False, released_by=by) for held in state.held]
    now = ended(state, state.held)
    return msgspec.structs.replace(now, deeds=(), held=(), records=state.records + 1), changes


def ended(state: ConductState, over: Iterable[Held]) -> ConductState:
    """Return the page with the appeals against what is over that nobody has ruled on, as they are told."""
    appealed = [held for held in over if held.appeal is not None and not held.appeal.outcome]
    for held in appealed:
        assert held.appeal is not None, "it was just looked at"
        unruled = msgspec.structs.replace(held, appeal=msgspec.structs.replace(held.appeal, outcome="over"))
        state = msgspec.structs.replace(state, answers=(*state.answers, unruled)[-ANSWERS_MAX:])
    return state


def is_full(state: ConductState, rules: Rules, now_us: int) -> bool:
    """Return whether an open page is to be closed: never while somebody is stopped, so that a start finds that."""
    return state.records >= PAGE_RECORDS_MAX and stopped(state, rules, now_us) is None


def closed(state: ConductState) -> ConductState:
    """Return the page closed."""
    return msgspec.structs.replace(state, closed=True, records=state.records + 1)


def next_page(page: ConductState) -> ConductState:
    """Return the page that takes over from a closed one."""
    return msgspec.structs.replace(page, page=page.page + 1, records=0, closed=False)


def is_open(state: ConductState) -> bool:
    """Return whether something holds against somebody: a start reads that, and nothing else."""
    return bool(state.held) and not state.closed


def _lapsed(state: ConductState, rules: Rules, now_us: int) -> tuple[ConductState, list[Change]]:
    """Return the page without what holds no more; after a break or a pause nothing before it counts."""
    holds = in_force(state, rules, now_us)
    over = [held for held in state.held if held not in holds]
    if not over:
        return state, []
    deeds = () if any(held.then in STOPS for held in over) else state.deeds
    changes = [Change(held, begins=False) for held in over]
    return msgspec.structs.replace(ended(state, over), deeds=deeds, held=holds), changes


def _with(state: ConductState, rule: Rule, held: Held | None) -> ConductState:
    others = tuple(other for other in state.held if other.rule != rule)
    return msgspec.structs.replace(state, held=others if held is None else (*others, held))


def _broken(deeds: Sequence[Deed], rule: Rule, rules: Rules, project_median_ms: float, now_us: int) -> Held | None:
    if rule == "pace" and rules.pace is not None:
        asked = rules.pace
        count, of, floor = _hasty(deeds, asked, project_median_ms)
        until_us = now_us + asked.break_us if asked.then == "break" else 0
        return Held(rule, asked.then, now_us, count, of, until_us, floor) if count >= asked.hasty else None
    if rule == "skips" and rules.skips is not None:
        bound = rules.skips
        until_us = now_us + bound.break_us if bound.then == "break" else 0
        run, skips, of = _skips(deeds, bound)
        if bound.in_a_row and run >= bound.in_a_row:
            return Held(rule, bound.then, now_us, run, run, until_us, in_a_row=True)
        if bound.share and of == bound.last and skips >= bound.share * of:
            return Held(rule, bound.then, now_us, skips, of, until_us)
    return None


def _is_well(deeds: Sequence[Deed], rule: Rule, rules: Rules, project_median_ms: float) -> bool:
    """Return whether there are half as many as break the rule, or fewer: no single one turns it on and off again."""
    if rule == "pace" and rules.pace is not None:
        return _hasty(deeds, rules.pace, project_median_ms)[0] <= rules.pace.hasty // 2
    assert rules.skips is not None, "it holds, so it is asked"
    run, skips, of = _skips(deeds, rules.skips)
    return run <= rules.skips.in_a_row // 2 and (not rules.skips.share or skips <= rules.skips.share * of / 2)


def _hasty(deeds: Sequence[Deed], rule: PaceRule, project_median_ms: float) -> tuple[int, int, int]:
    """Return how many of the last labels were hasty, of how many, and the floor."""
    floor = floor_ms(deeds, rule, project_median_ms)
    last = [deed.ms for deed in deeds if deed.ms != SKIPPED][-rule.last :]
    return sum(ms < floor for ms in last), len(last), floor


def _skips(deeds: Sequence[Deed], rule: SkipRule) -> tuple[int, int, int]:
    """Return how many skips came last in a row, and how many there are among the last units, of how many."""
    last = deeds[-rule.last :]
    run = next((count for count, deed in enumerate(reversed(deeds)) if deed.ms != SKIPPED), len(deeds))
    return run, sum(deed.ms == SKIPPED for deed in last), len(last)
