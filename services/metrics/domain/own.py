"""What an annotator is told of themselves, in steps by which nobody finds out which of their units were hidden gold.

Whoever saw a figure on gold change with a label of theirs would know that unit for gold, and if they were right. So an
answer on gold is told at the earliest when the day after the one on which it was given is over (by UTC), and only
together with others: a statement ends with a day, and holds STEP_MIN answers more than the one before. A pair of a
known and a given class is told in multiples of CELL_STEP, the rest of all pairs together.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from concord.labels.form import answers_in
from services.metrics.domain.pace import count, percentile
from services.metrics.domain.standing import Names, SaysSame
from services.metrics.domain.sums import Pace
from services.metrics.domain.unit import LABELLED, Unit, judged_by, settled_now
from services.metrics.domain.worked import DAY_US, EARLIER, Day, Days, count_on

STEP_MIN = 10
"""Gold answers that are told together at least."""
LAG_DAYS = 1
"""Whole days that pass after the day of an answer before it is told: by then most labels cannot be revised any more."""
CELL_STEP = 3
"""A pair of classes is told in multiples of this."""
RESOLVED_STEP = 10
"""So are labels on resolved units, or whoever labels one would know at once what it was resolved with."""
PERIODS_MAX = 24
"""The newest that are told one by one; what was before is one."""
PARTS, PART_MIN = 3, 10
"""By pace, answers are told in so many parts of equal size, each of so many answers at least."""
OTHERS_MIN = 5
"""Others of a project whose pace is told together at least: of fewer it would tell whose it is."""


class GoldAnswer(NamedTuple):
    """An answer on gold: both labels as canonical JSON in the newest names, and whether they say the same."""

    at_us: int
    known: str
    given: str
    right: bool
    active_ms: int


class Period(NamedTuple):
    """Gold answers that were told together first; `until_day`, it included, is since 1970-01-01, UTC."""

    until_day: int
    gold_units: int
    gold_correct: int


class Part(NamedTuple):
    """Gold answers of which no other took less, or more, active time than these: from, to, in milliseconds."""

    ms_from: int
    ms_to: int
    gold_units: int
    gold_correct: int


class Confusion(NamedTuple):
    """Pairs of a known and a given class, each as often as it is told; `others`: answers that are in none of them."""

    cells: Mapping[tuple[str, str], int]
    others: int


class Stated(NamedTuple):
    """What is told of somebody's gold: the answers, oldest first, and the periods in which they came to be told."""

    answers: Sequence[GoldAnswer]
    periods: Sequence[Period]


def stated(answers: Iterable[GoldAnswer], now_us: int) -> Stated:
    """Return what may be told of these answers now; the same answers and the same day always come to the same.

    >>> days = [0] * 9 + [1] * 2 + [2] * 10
    >>> answers = [GoldAnswer(day * DAY_US, '"a"', '"a"', True, 0) for day in days]
    >>> [len(stated(answers, day * DAY_US).answers) for day in (1, 2, 3, 4)]
    [0, 0, 11, 21]
    """
    last_day = now_us // DAY_US - LAG_DAYS - 1
    by_day: defaultdict[int, list[GoldAnswer]] = defaultdict(list)
    for answer in answers:
        if (day := answer.at_us // DAY_US) <= last_day:
            by_day[day].append(answer)
    found, periods, waiting = list[GoldAnswer](), list[Period](), list[GoldAnswer]()
    for day in sorted(by_day):
        waiting += sorted(by_day[day])
        if len(waiting) >= STEP_MIN:
            periods.append(Period(day, len(waiting), sum(answer.right for answer in waiting)))
            found += waiting
            waiting = []
    return Stated(found, _bounded(periods))


def _bounded(periods: Sequence[Period]) -> list[Period]:
    early, newest = periods[: -PERIODS_MAX or None], periods[-PERIODS_MAX:]
    if len(periods) <= PERIODS_MAX:
        return list(newest)
    units, correct = (sum(column) for column in list(zip(*early, strict=True))[1:])
    return [Period(early[-1].until_day, units, correct), *newest]


def confusion(answers: Iterable[GoldAnswer], classes: Sequence[str], field_name: str = "") -> Confusion:
    """Return how often which known class was given as which, of a field where labels have several.

    >>> answers = [GoldAnswer(0, '"a"', given, given == '"a"', 0) for given in ['"a"'] * 7 + ['"b"'] * 2]
    >>> confusion(answers, ['"a"', '"b"'])
    Confusion(cells={('"a"', '"a"'): 6}, others=3)
    """
    counted: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        known, given = answer.known, answer.given
        if field_name:
            known, given = ((answers_in(label) or {}).get(field_name, "") for label in (known, given))
        if known in classes and given in classes:
            counted[known, given] += 1
    cells = {pair: times - times % CELL_STEP for pair, times in sorted(counted.items()) if times >= CELL_STEP}
    return Confusion(cells, counted.total() - sum(cells.values()))


def by_pace(answers: Iterable[GoldAnswer]) -> list[Part]:
    """Return the answers by how long they took, the quickest first; nothing where they are too few, or untold.

    >>> answers = [GoldAnswer(0, '"a"', '"a"', place >= 10, 1_000 * place) for place in range(1, 31)]
    >>> [(part.ms_from, part.ms_to, part.gold_correct) for part in by_pace(answers)]
    [(1000, 10000, 1), (11000, 20000, 10), (21000, 30000, 10)]
    """
    timed = sorted((answer for answer in answers if answer.active_ms), key=lambda answer: answer.active_ms)
    if len(timed) < PARTS * PART_MIN:
        return []
    edges = [len(timed) * part // PARTS for part in range(PARTS + 1)]
    parts = [timed[begin:end] for begin, end in pairwise(edges)]
    return [
        Part(part[0].active_ms, part[-1].active_ms, len(part), sum(answer.right for answer in part)) for part in parts
    ]


def right_in_a_row(answers: Sequence[GoldAnswer]) -> int:
    """Return how many of the newest answers that are told were right, one after another."""
    return next((run for run, answer in enumerate(reversed(answers)) if not answer.right), len(answers))


def days_in_a_row(days: Iterable[int], today: int) -> int:
    """Return on how many days one after another somebody worked, up to today or to the day before.

    >>> days_in_a_row([1, 2, 4, 5, 6], 7), days_in_a_row([1, 2], 7)
    (3, 0)
    """
    on = set(days) - {EARLIER}
    last = today if today in on else today - 1
    run = 0
    while last - run in on:
        run += 1
    return run


class Own:
    """What is known of one annotator in one project.

    Attributes:
        gold: their answers on gold, in no order.
        agreed, differed: their labels on resolved units whose lot is not closed yet, that say what the unit was
            resolved with, and that do not.
        days: their active time.
        active_ms: tally of the time that each label took, where it was told.
    """

    __slots__ = ("active_ms", "agreed", "days", "differed", "gold")

    def __init__(self, days: Mapping[int, Day], active_ms: Mapping[int, int] | None = None) -> None:
        self.gold: list[GoldAnswer] = []
        self.agreed = self.differed = 0
        self.active_ms = Counter(active_ms)
        self.days: Days = {day: Day(found.labels, found.untold, found.active_ms) for day, found in days.items()}

    @property
    def resolved(self) -> tuple[int, int]:
        """How many labels agreed and differed, as it is told."""
        return self.agreed - self.agreed % RESOLVED_STEP, self.differed - self.differed % RESOLVED_STEP


class Owns:
    """What is known of everybody in one project: begun with what closed units added, and one unit after the other.

    Args:
        closed: the pace on closed units, by annotator.
        names: how labels are read.
        says_same: of two labels.
    """

    def __init__(self, closed: Mapping[str, Pace], names: Names, says_same: SaysSame) -> None:
        self.people = {annotator_id: Own(pace.days, pace.active_ms) for annotator_id, pace in closed.items()}
        self._together: Counter[int] | None = None
        self._text: Callable[[str], str] = names.text
        self._aside = names.aside
        self._says_same = says_same

    def add(self, unit: Unit) -> None:
        """Count what was said of a unit."""
        resolved = unit.resolved if settled_now(unit) in LABELLED and not unit.gold and not unit.erased else ""
        for annotation in unit.annotations.values():
            own = self.people.get(annotation.annotator_id)
            if own is None:
                own = self.people[annotation.annotator_id] = Own({})
            count_on(own.days, [annotation])
            if annotation.active_ms:
                count(own.active_ms, annotation.active_ms)
            if resolved:
                same = self._says_same(self._text(resolved), self._text(annotation.label))
                own.agreed, own.differed = own.agreed + same, own.differed + (not same)
            elif known := judged_by(unit, annotation):
                known, given = self._text(known), self._text(annotation.label)
                if known not in self._aside:
                    right = self._says_same(known, given)
                    own.gold.append(GoldAnswer(annotation.at_us, known, given, right, annotation.active_ms))

    def of_others(self, annotator_id: str) -> int | None:
        """Return the median active time of the others' labels, when all units are counted.

        None where they are fewer than OTHERS_MIN, or whoever asks gave no label there.
        """
        own = self.people.get(annotator_id)
        timed = sum(bool(person.active_ms) for person in self.people.values() if person is not own)
        if own is None or not own.active_ms or timed < OTHERS_MIN:
            return None
        if self._together is None:
            self._together = Counter()
            for person in self.people.values():
                self._together.update(person.active_ms)
        return percentile(self._together - own.active_ms, 0.5)
