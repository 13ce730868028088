"""Which labels are taken for one another: what annotators said of units that were settled otherwise."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from concord.labels.form import answers_in

CELLS_MAX = 300
"""Of one tally; those of the most units are kept."""
EXAMPLES_MAX = 3
WHOLE = ""
"""The name of the field of a label that has one."""


class Confused(msgspec.Struct, frozen=True, array_like=True):
    """In how many units somebody said one thing that was settled as another.

    Attributes:
        field: of labels that have several; empty for the label.
        settled, given: canonical JSON.
        examples: some of these units.
        flagged: how many of them an annotator flagged.
    """

    field: str
    settled: str
    given: str
    units: int
    examples: tuple[str, ...] = ()
    flagged: int = 0

    @property
    def key(self) -> "Key":
        """The pair that both are."""
        return key_of(self.field, self.settled, self.given)


class SettledUnit(NamedTuple):
    """A settled unit: its label, what its annotators said, each as canonical JSON, and whether one flagged it."""

    unit_id: str
    label: str
    given: Sequence[str]
    flagged: bool = False


class Pair(NamedTuple):
    """Two labels that are taken for one another, in either direction.

    Attributes:
        labels: both, canonical JSON, the lesser text first.
        units: in which that happened; one in which it happened both ways counts twice.
        flagged: how many of them an annotator flagged.
    """

    field: str
    labels: tuple[str, str]
    units: int
    flagged: int
    examples: tuple[str, ...]


Key = tuple[str, tuple[str, str]]
"""A pair by field and labels."""


def confused(units: Iterable[SettledUnit], fields: Collection[str]) -> list[Confused]:
    """Return what was taken for what in some units, by most units first.

    Args:
        units: settled ones.
        fields: those that have classes; `WHOLE` for a label that does.

    >>> units = [SettledUnit("u1", '"no"', ['"no"', '"yes"']), SettledUnit("u2", '"no"', ['"yes"', '"yes"'])]
    >>> [(pair.settled, pair.given, pair.units) for pair in confused(units, [WHOLE])]
    [('"no"', '"yes"', 2)]
    """
    times: Counter[tuple[str, str, str]] = Counter()
    flagged: Counter[tuple[str, str, str]] = Counter()
    examples: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for unit in units:
        settled = _answers(unit.label, fields)
        answers = [_answers(label, fields) for label in unit.given]
        cells = {
            (field, right, other[field])
            for field, right in settled.items()
            for other in answers
            if field in other and other[field] != right
        }
        for cell in cells:
            times[cell] += 1
            flagged[cell] += unit.flagged
            if len(examples[cell]) < EXAMPLES_MAX:
                examples[cell].append(unit.unit_id)
    most = sorted(times, key=lambda cell: (-times[cell], cell))[:CELLS_MAX]
    return [Confused(*cell, times[cell], tuple(examples[cell]), flagged[cell]) for cell in most]


def _answers(label: str, fields: Collection[str]) -> Mapping[str, str]:
    """Return what a label says in each of these fields."""
    if not label:
        return {}
    if WHOLE in fields:
        return {WHOLE: label}
    return {name: answer for name, answer in (answers_in(label) or {}).items() if name in fields}


ReadAnswer = Callable[[str, str], tuple[str, str] | None]
"""Returns a field's name now, and what an answer to it, canonical JSON, says; None where it says one of several."""


def as_told(field_name: str, answer: str) -> tuple[str, str]:
    """Read an answer as it was given: of a label schema that has had one version."""
    return field_name, answer


def read_key(key: Key, read: ReadAnswer) -> Key | None:
    """Return a pair as it reads now; None where that is none any more: both say the same, or one of them several.

    >>> renamed = {'"bug"': '"defect"'}
    >>> read_key(("", ('"bug"', '"idea"')), lambda field, one: (field, renamed.get(one, one)))
    ('', ('"defect"', '"idea"'))
    >>> read_key(("", ('"bug"', '"defect"')), lambda field, one: (field, renamed.get(one, one)))
    """
    field, labels = key
    first, other = (read(field, label) for label in labels)
    if first is None or other is None or first == other:
        return None
    return key_of(first[0], first[1], other[1])


def as_read(cell: Confused, read: ReadAnswer) -> Confused | None:
    """Return what was taken for what as it reads now; None where nothing was, by what labels say now."""
    settled, given = read(cell.field, cell.settled), read(cell.field, cell.given)
    if settled is None or given is None or settled == given:
        return None
    return msgspec.structs.replace(cell, field=settled[0], settled=settled[1], given=given[1])


def key_of(field: str, first: str, other: str) -> Key:
    """Return the pair that two labels are.

    >>> key_of("", '"yes"', '"no"')
    ('', ('"no"', '"yes"'))
    """
    return field, (min(first, other), max(first, other))


def pairs(cells: Iterable[Confused]) -> dict[Key, Pair]:
    """Return the pairs that cells come to, newest examples first."""
    found: dict[Key, Pair] = {}
    for cell in cells:
        key = cell.key
        before = found.get(key) or Pair(key[0], key[1], 0, 0, ())
        examples = tuple(dict.fromkeys((*cell.examples, *before.examples)))[:EXAMPLES_MAX]
        found[key] = Pair(*key, before.units + cell.units, before.flagged + cell.flagged, examples)
    return found
