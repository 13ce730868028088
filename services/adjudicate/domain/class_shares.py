"""What a project's newest resolved units tell: how many have which label, and how their annotators did.

From the labels the shares of its classes are estimated, from the annotations how each of its annotators errs. A unit is
counted when it is settled, and one that waits for a ruling as it leads: else rare classes would seem rarer than they
are. What is tallied, some hundred units each, outlives the process, so that a start reads no settled unit but those
that are in no tally yet, which are noted.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from concord.labels import ClassedSchema, decoded
from concord.labels.form import FORM_BEGINS, answers_in
from concord.quality.crowd import SparseAnswers
from concord.quality.resolved import Learnt, ResolvedUnit, added
from services.adjudicate.domain.confusion import Confused, ReadAnswer, SettledUnit, as_read, as_told, confused
from services.adjudicate.domain.spending import Spending, Spent, reason_of, spent_on, together
from services.adjudicate.domain.unit import RESOLVED, Annotation, UnitState

TALLY_UNITS = 200
"""Settled units after which a tally is due."""
TALLY_US = 3_600_000_000
"""Microseconds after which one is due of fewer: of a project that is done with, no unit is noted for ever."""
SETTLED_UNITS_MAX = 2_000
"""Newest settled units that are looked at; older tallies are dropped."""
LABEL_CHARACTERS_MAX = 1_000
ANSWER_CHARACTERS_MAX = 410
"""A longer label, or answer to one of several fields, names no class, and is not counted."""


class Tally(msgspec.Struct, frozen=True):
    """Some units of a project that were settled one after the other.

    Attributes:
        until_us: when the last of them was.
        units: by label, canonical JSON text; of labels of several fields, by answer, as `said` writes it.
        learnt: what they tell of their annotators, classes by their places in the schema's order.
        spending: what labels were spent on since the project began, these units among them.
        count: how many units it counts; 0 where each has one label.
        fields: as `learnt`, of each field of labels that have several.
        confused: what their annotators took for what.
    """

    until_us: int
    units: dict[str, int]
    learnt: tuple[Learnt, ...] = ()
    spending: Spending = {}
    count: int = 0
    fields: dict[str, tuple[Learnt, ...]] = {}
    confused: tuple[Confused, ...] = ()

    @property
    def total(self) -> int:
        """How many units it counts."""
        return self.count or sum(self.units.values())


def brief(label: str) -> str:
    """Return a label as far as it can name classes: of several fields the short answers; nothing of what is too long.

    >>> brief('"yes"'), brief('{"answers":{"note":"' + "x" * 500 + '","toxic":"yes"}}')
    ('"yes"', '{"answers":{"toxic":"yes"}}')
    """
    answers = answers_in(label)
    if answers is None:
        return label if len(label) <= LABEL_CHARACTERS_MAX else ""
    short = (f'"{name}":{answer}' for name, answer in answers.items() if len(answer) <= ANSWER_CHARACTERS_MAX)
    return f"{FORM_BEGINS}{{{','.join(short)}}}}}"


def said(label: str) -> list[str]:
    """Return what is counted of a brief label: itself, or of several fields each one's answer after its name.

    >>> said('"yes"'), said('{"answers":{"severity":3,"toxic":"yes"}}')
    (['"yes"'], ['severity=3', 'toxic="yes"'])
    """
    answers = answers_in(label)
    if answers is None:
        return [label] if label else []
    return [f"{name}={answer}" for name, answer in answers.items()]


class Fresh(NamedTuple):
    """A unit that is settled and in no tally yet. Labels are brief.

    Attributes:
        at_us: when it was.
        label: its label; empty where that names no class.
        annotations: its labels, where they may name classes and were given unseen.
        ruled: whether a person ruled.
        spent: what was spent on it, by why it was given no more.
        unit_id: its id.
    """

    at_us: int
    label: str
    annotations: tuple[Annotation, ...]
    ruled: bool
    spent: Mapping[str, Spent] = {}
    unit_id: str = ""


class ClassShares:
    """What one project's newest settled units tell.

    What is told twice is counted once: a unit that is not tallied yet is known by its id, and one that was settled
    before the newest tally is not counted any more.
    """

    def __init__(self) -> None:
        self._tallies: list[Tally] = []
        self._fresh: dict[str, Fresh] = {}
        self._leading: dict[str, str] = {}
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._learnt: dict[str, Mapping[str, SparseAnswers]] = {}
        self._notes: dict[str, set[str]] = {}
        self._noted: set[str] = set()

    def learnt(self, field: str = "") -> Mapping[str, SparseAnswers]:
        """Return what the tallied units tell of their annotators; of one field, where labels have several."""
        return self._learnt.get(field, {})

    @property
    def spending(self) -> Spending:
        """What labels were spent on since the project began."""
        before = [self._tallies[-1].spending] if self._tallies else []
        return together([*before, *(fresh.spent for fresh in self._fresh.values())])

    @property
    def tallied_until_us(self) -> int:
        """When the newest unit that is tallied was settled; 0 before any."""
        return self._tallies[-1].until_us if self._tallies else 0

    def counts(self, field: str = "") -> Mapping[str, int]:
        """Return how many of the newest settled units have which label, or which answer to one of several fields."""
        return self._counts[field]

    def confused(self, fields: Collection[str], read: ReadAnswer = as_told) -> Iterator[tuple[int, Confused]]:
        """Yield what the newest settled units' annotators took for what, each with when the last of them was settled.

        In these fields, and as labels read now; see `confusion.confused`.
        """
        for tally in self._tallies:
            tallied = (as_read(pair, read) for pair in tally.confused)
            yield from ((tally.until_us, entry) for entry in tallied if entry is not None and entry.field in fields)
        for unit in self._fresh.values():
            tallied = (as_read(pair, read) for pair in confused_in([unit], fields))
            # What is one class now was taken for another once in a unit, whatever it was called.
            yield from (
                (unit.at_us, pair) for pair in {each.key: each for each in tallied if each is not None}.values()
            )

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state."""
        label = brief(unit.label) if unit.status == "escalated" or unit.status in RESOLVED else ""
        self._lead(unit.unit_id, label if unit.status == "escalated" else "")
        if unit.status in RESOLVED:
            if unit.decided_at_us > self.tallied_until_us:
                self._forget_fresh(unit.unit_id)
                self._fresh[unit.unit_id] = _fresh(unit, label)
                self._count(said(label), 1)
        else:
            self._forget_fresh(unit.unit_id)

    def _lead(self, unit_id: str, label: str) -> None:
        if before := self._leading.pop(unit_id, ""):
            self._count(said(before), -1)
        if label:
            self._leading[unit_id] = label
            self._count(said(label), 1)

    def _forget_fresh(self, unit_id: str) -> None:
        if unit_id in self._fresh:
            self._count(said(self._fresh.pop(unit_id).label), -1)

    def due(self, now_us: int) -> list[Fresh]:
        """Return the units of the next tally once there are enough; it is then to be kept, and `tallied` told."""
        units = list(self._fresh.values())
        if len(units) >= TALLY_UNITS or (units and min(unit.at_us for unit in units) <= now_us - TALLY_US):
            return units
        return []

    def unnoted(self, unit_ids: Iterable[str]) -> list[str]:
        """Return those of some units that are in no tally and on no note."""
        return [unit_id for unit_id in unit_ids if unit_id in self._fresh and unit_id not in self._noted]

    def noted(self, note_id: str, unit_ids: Iterable[str]) -> None:
        """Count some units as noted: a start reads them."""
        ids = self._notes.setdefault(note_id, set())
        ids.update(unit_ids)
        self._noted |= ids

    def spent(self) -> list[str]:
        """Return the notes all of whose units are in a tally by now, and forget them."""
        found = [note_id for note_id, ids in self._notes.items() if ids.isdisjoint(self._fresh)]
        for note_id in found:
            self._noted -= self._notes.pop(note_id)
        return found

    def tallied(self, tally: Tally) -> list[Tally]:
        """Count a tally that is kept for the units that it is of, and return those that are too old by now."""
        if any(kept.until_us == tally.until_us for kept in self._tallies):
            return []
        self._tallies.append(tally)
        self._tallies.sort(key=lambda kept: kept.until_us)
        for name, units in tally.units.items():
            self._count([name], units)
        for unit_id in [fresh_id for fresh_id, fresh in self._fresh.items() if fresh.at_us <= self.tallied_until_us]:
            self._forget_fresh(unit_id)
        dropped = []
        while sum(kept.total for kept in self._tallies[1:]) >= SETTLED_UNITS_MAX:
            dropped.append(self._tallies.pop(0))
            for name, units in dropped[-1].units.items():
                self._count([name], -units)
        fields = {name for kept in self._tallies for name in kept.fields}
        self._learnt = {name: added(kept.fields.get(name, ()) for kept in self._tallies) for name in fields}
        self._learnt[""] = added(kept.learnt for kept in self._tallies)
        return dropped

    def _count(self, labels: Iterable[str], units: int) -> None:
        for text in labels:
            name, answer, label = text.partition("=")
            # A field's name begins with a letter, and no JSON of a label that names a class does.
            if not (answer and name[:1].isalpha()):
                name, label = "", text
            counts = self._counts[name]
            counts[label] += units
            if not counts[label]:
                del counts[label]


def _fresh(unit: UnitState, label: str) -> Fresh:
    counted = tuple(msgspec.structs.replace(annotation, label=brief(annotation.label)) for annotation in unit.counted())
    # After an adjudicator's comment labels tell of it, and no more of those who gave them.
    classed = label and not unit.referrals and all(annotation.label for annotation in counted)
    ruled, spent = unit.status == "adjudicated", {str(reason_of(unit)): spent_on(unit)}
    return Fresh(unit.decided_at_us, label, counted if classed else (), ruled, spent, unit.unit_id)


def confused_in(units: Iterable[Fresh], fields: Collection[str]) -> list[Confused]:
    """Return what the annotators of some units took for what; see `confusion.confused`."""
    pairs = (
        SettledUnit(
            unit.unit_id,
            unit.label,
            [each.label for each in unit.annotations],
            any(each.flag for each in unit.annotations),
        )
        for unit in units
    )
    return confused(pairs, fields)


def in_names(unit: Fresh, read: Callable[[str], str]) -> Fresh:
    """Return a settled unit with its labels as they read now; one that says one of several stays as it is."""
    annotations = tuple(
        msgspec.structs.replace(annotation, label=read(annotation.label)) for annotation in unit.annotations
    )
    return unit._replace(label=read(unit.label), annotations=annotations)


def tally_of(
    units: Sequence[Fresh],
    learnt: tuple[Learnt, ...],
    spending: Spending,
    fields: Mapping[str, tuple[Learnt, ...]] | None = None,
    classed: Collection[str] = (),
) -> Tally:
    """Return the tally of some units: what was learnt of them, in each field too, and what was spent until then.

    What was taken for what is in it of the fields that are `classed`.
    """
    labelled = [unit.label for unit in units if unit.label]
    counts = Counter(answer for label in labelled for answer in said(label))
    count = 0 if counts.total() == len(labelled) else len(labelled)
    return Tally(
        max(unit.at_us for unit in units),
        dict(counts),
        learnt,
        spending,
        count,
        dict(fields or {}),
        tuple(confused_in(units, classed)),
    )


def resolved_units(classed: ClassedSchema, units: Sequence[Fresh], field: str = "") -> list[ResolvedUnit]:
    """Return some settled units as `concord.quality.resolved` takes them.

    Args:
        classed: the schema, or that of the field.
        units: which.
        field: of labels that have several: the units whose label answers it, and the annotators whose own does.
    """
    known: dict[str, int | None] = {}

    def place(label: str) -> int | None:
        if label not in known:
            answer = (answers_in(label) or {}).get(field) if field else label
            known[label] = None if not answer else classed.index(decoded(answer.encode()))
        return known[label]

    found = []
    for unit in units:
        answers = [
            (annotation.annotator_id, at)
            for annotation in unit.annotations
            if (at := place(annotation.label)) is not None
        ]
        resolved = place(unit.label)
        if resolved is not None:
            found.append(ResolvedUnit(answers, resolved if unit.ruled else None))
    return found
