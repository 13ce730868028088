"""A project's labels taken all at once: Dawid and Skene's model, beside what each unit was decided on as it came.

The live posterior weighs a unit's labels by what is known of annotators from gold and resolved units when they come in.
EM over all evidence lets every unit tell of annotators, and annotators of every unit, also of those long settled.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from concord.quality.comparison import crowds_prior
from concord.quality.dawid_skene import Inference, dawid_skene
from concord.quality.responses import Indices, encode

UNITS_MAX = 200_000
LABELS_MAX = 1_000_000
CELLS_MAX = 4_000_000
"""Units times classes, and annotators times classes squared: an array of so many is 32 MB, and there are some ten."""
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
    """

    field: str
    classes: tuple[str, ...]
    found: Inference
    units: tuple[str, ...]
    annotators: tuple[str, ...]
    labels_by: tuple[int, ...]
    decided: Indices
    confidences: tuple[float, ...]
    labels: int

    @property
    def settled(self) -> int:
        """Of how many units there is a decision to compare with."""
        return int((self.decided >= 0).sum())

    def differing(self) -> list[int]:
        """Return the places of the units whose likeliest class is not the one that they were settled with."""
        inferred = self.found.classes()
        return np.flatnonzero((self.decided >= 0) & (self.decided != inferred)).tolist()


def check(units: int, labels: int, classes: int, annotators: int) -> None:
    """Raise TooMuch where a run would take more memory or time than one may."""
    for name, count, most in (
        ("units", units, UNITS_MAX),
        ("labels", labels, LABELS_MAX),
        ("units times classes", units * classes, CELLS_MAX),
        ("annotators times squares of classes", annotators * classes**2, CELLS_MAX),
    ):
        if count > most:
            raise TooMuch(f"There are {count:,} {name}, and {most:,} are taken at once.")


def inferred(field: str, classes: Sequence[str], given: Iterable[Given], *, rulings: bool) -> Inferred | None:
    """Return what all labels of a field say; None where there are none.

    Every confusion matrix starts from what the crowd of this project is like, so that somebody with three labels is
    taken for one of them.

    Args:
        field: which.
        classes: canonical JSON, in the schema's order; labels that are none of them are left out.
        given: the units.
        rulings: whether what adjudicators ruled is taken as known.

    Raises:
        TooMuch: see `check`.

    >>> given = [Given(f"u{n}", tuple((who, "ab"[n % 2]) for who in ("ann", "bob")), "a", 0.9, False) for n in range(4)]
    >>> told = inferred("", ["a", "b"], given, rulings=False)
    >>> told.found.classes().tolist(), [told.units[place] for place in told.differing()]
    ([0, 1, 0, 1], ['u1', 'u3'])
    """
    places = {label: place for place, label in enumerate(classes)}
    kept = [one for one in given if any(label in places for _, label in one.labels)]
    triples = [(who, one.unit_id, label) for one in kept for who, label in _voices(one, places)]
    if not triples:
        return None
    annotators = {who for who, _, _ in triples}
    check(len(kept), len(triples), len(classes), len(annotators))
    responses, names = encode(triples, list(classes))
    decided = np.array([places.get(one.decided, -1) for one in kept], dtype=np.int32)
    known = np.where([one.ruled for one in kept], decided, np.int32(-1)).astype(np.int32) if rulings else None
    found = dawid_skene(responses, known, smoothing=crowds_prior(responses), iterations_max=ITERATIONS_MAX)
    labels_by = np.bincount(responses.annotators, minlength=responses.annotator_count)
    return Inferred(
        field,
        tuple(classes),
        found,
        names.units,
        names.annotators,
        tuple(labels_by.tolist()),
        decided,
        tuple(one.confidence for one in kept),
        len(triples),
    )


def _voices(given: Given, places: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield one label an annotator, the newest, of those that are a class."""
    yield from {who: label for who, label in given.labels if label in places}.items()
