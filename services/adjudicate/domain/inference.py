"""A project's labels taken all at once: Dawid and Skene's model, beside what each unit was decided on as it came.

The live posterior weighs a unit's labels by what is known of annotators from gold and resolved units when they come in.
EM over all evidence lets every unit tell of annotators, and annotators of every unit, also of those long settled.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from concord.quality.comparison import crowds_prior
from concord.quality.dawid_skene import Inference, dawid_skene
from concord.quality.responses import Indices, Responses

UNITS_MAX = 200_000
LABELS_MAX = 1_000_000
CELLS_MAX = 4_000_000
"""Units times classes, and annotators times classes squared: an array of so many is 32 MB, and there are some ten."""
FIELDS_LABELS_MAX, FIELDS_CELLS_MAX = 4_000_000, 16_000_000
"""Of all fields of a form together: labels wait for their field's turn, and what was found of each is kept."""
ITERATIONS_MAX = 300
"""Of some 30 ms at the bounds above."""


class TooMuch(ValueError):
    """A project has more labels than are taken at once."""


class Given(NamedTuple):
    """A unit and what is said of it in one field, each as canonical JSON.

    Attributes:
        labels: who gave which, the newest of each last.
        decided: the answer that it was settled with; empty while it is not.
        confidence: how sure that was; of a ruling 1.
        ruled: an adjudicator said so.
    """

    unit_id: str
    labels: tuple[tuple[str, str], ...]
    decided: str
    confidence: float
    ruled: bool


class Inferred(NamedTuple):
    """What EM over all labels of a field says.

    Attributes:
        field: which; empty: the whole label.
        classes: canonical JSON, in the schema's order.
        found: posteriors by unit, confusion matrices by annotator, class shares.
        units: in the order of the posteriors.
        annotators: in that of the matrices.
        labels_by: how many labels each gave.
        decided: the place of the class that each unit was settled with; -1 while it is not.
        confidences: how sure that was.
        labels: how many there are in all.
        likeliest: the place of each unit's likeliest class.
        differing: the places of the units whose likeliest class is not the one that they were settled with.
    """

    field: str
    classes: tuple[str, ...]
    found: Inference
    units: Sequence[str]
    annotators: Sequence[str]
    labels_by: Sequence[int]
    decided: Indices
    confidences: Sequence[float]
    labels: int
    likeliest: Indices
    differing: Indices

    @property
    def settled(self) -> int:
        """Of how many units there is a decision to compare with."""
        return int((self.decided >= 0).sum())

    @property
    def cells(self) -> int:
        """How many numbers it holds."""
        return self.found.posteriors.size + self.found.confusions.size


class Gathering:
    """What units say in one field, taken down as numbers while it is read: some twelve bytes a label.

    As objects of Python's a million labels would stop the event loop for a tenth of a second each time that garbage
    is looked for, in whatever thread they are made.

    Args:
        field: which.
        classes: canonical JSON, in the schema's order; labels that are none of them are left out.
    """

    def __init__(self, field: str, classes: Sequence[str]) -> None:
        self.field = field
        self.classes = tuple(classes)
        self._places = {label: place for place, label in enumerate(classes)}
        self._units: list[str] = []
        self._annotators: dict[str, int] = {}
        self._of_unit, self._by, self._said = array("i"), array("i"), array("i")
        self._decided, self._confidences, self._ruled = array("i"), array("d"), array("b")

    @property
    def labels(self) -> int:
        """How many were taken down."""
        return len(self._said)

    @property
    def cells(self) -> int:
        """How many numbers the answer will hold: units times classes, and annotators times their squares."""
        return len(self._units) * len(self.classes) + len(self._annotators) * len(self.classes) ** 2

    def add(self, given: Given) -> None:
        """Take a unit down, with one label an annotator, the newest.

        Raises:
            TooMuch: see `check`.
        """
        voices = {who: self._places[label] for who, label in given.labels if label in self._places}
        if not voices:
            return
        unit = len(self._units)
        self._units.append(given.unit_id)
        for who, place in voices.items():
            self._of_unit.append(unit)
            self._by.append(self._annotators.setdefault(who, len(self._annotators)))
            self._said.append(place)
        self._decided.append(self._places.get(given.decided, -1))
        self._confidences.append(given.confidence)
        self._ruled.append(given.ruled)
        check(len(self._units), len(self._said), len(self.classes), len(self._annotators))

    def inferred(self, *, rulings: bool) -> Inferred | None:
        """Return what all labels of the field say; None where there are none.

        Every confusion matrix starts from what the crowd of this project is like, so that somebody with three labels
        is taken for one of them.

        Args:
            rulings: whether what adjudicators ruled is taken as known.
        """
        if not self._said:
            return None
        units, by, entry, decided = (_numbers(item) for item in (self._of_unit, self._by, self._said, self._decided))
        responses = Responses(units, by, entry, len(self._units), len(self._annotators), len(self.classes))
        ruled = np.frombuffer(self._ruled, dtype=np.int8) > 0
        known = np.where(ruled, decided, np.int32(-1)).astype(np.int32) if rulings else None
        found = dawid_skene(responses, known, smoothing=crowds_prior(responses), iterations_max=ITERATIONS_MAX)
        likeliest = found.classes().astype(np.int32)
        return Inferred(
            self.field,
            self.classes,
            found,
            self._units,
            tuple(self._annotators),
            np.bincount(by, minlength=len(self._annotators)).tolist(),
            decided,
            self._confidences,
            len(entry),
            likeliest,
            np.flatnonzero((decided >= 0) & (decided != likeliest)).astype(np.int32),
        )


def _numbers(taken: "array[int]") -> Indices:
    return np.frombuffer(taken, dtype=np.intc).astype(np.int32, copy=False)


def check(units: int, labels: int, classes: int, annotators: int) -> None:
    """Raise TooMuch where a run would take more memory or time than it may."""
    for name, count, most in (
        ("units", units, UNITS_MAX),
        ("labels", labels, LABELS_MAX),
        ("units times classes", units * classes, CELLS_MAX),
        ("annotators times squares of classes", annotators * classes**2, CELLS_MAX),
    ):
        if count > most:
            raise _too_much(name, most)


def check_all(fields: Iterable[Gathering]) -> None:
    """Raise TooMuch where all fields together would take more than a run may."""
    labels = cells = 0
    for field in fields:
        labels, cells = labels + field.labels, cells + field.cells
    if labels > FIELDS_LABELS_MAX:
        raise _too_much("labels in all fields", FIELDS_LABELS_MAX)
    if cells > FIELDS_CELLS_MAX:
        raise _too_much("units times classes in all fields", FIELDS_CELLS_MAX)


def _too_much(name: str, most: int) -> TooMuch:
    return TooMuch(f"There are more than {most:,} {name}, and so many are taken at once.")


def inferred(field: str, classes: Sequence[str], given: Iterable[Given], *, rulings: bool) -> Inferred | None:
    """Return what all labels of a field say; see `Gathering`.

    >>> given = [Given(f"u{n}", tuple((who, "ab"[n % 2]) for who in ("ann", "bob")), "a", 0.9, False) for n in range(4)]
    >>> told = inferred("", ["a", "b"], given, rulings=False)
    >>> told.found.classes().tolist(), [told.units[place] for place in told.differing]
    ([0, 1, 0, 1], ['u1', 'u3'])
    """
    gathering = Gathering(field, classes)
    for entry in given:
        gathering.add(entry)
    return gathering.inferred(rulings=rulings)
