"""The labels of a whole data set as three parallel index arrays, the input of every method of inference."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Indices = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
CountMatrix: TypeAlias = "csr_array[np.float64, tuple[int, int]]"


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Labels of many units by many annotators, one element per label.

    Attributes:
        units: index of the unit, 0 .. unit_count - 1, shape (n,).
        annotators: index of the annotator, 0 .. annotator_count - 1, shape (n,).
        labels: index of the class reported, 0 .. class_count - 1, shape (n,).
        unit_count: number of units U, at least 1.
        annotator_count: number of annotators A, at least 1.
        class_count: number of classes K, at least 1.

    The order of the elements is the order in time wherever that matters (`latest`).
    """

    units: Indices
    annotators: Indices
    labels: Indices
    unit_count: int
    annotator_count: int
    class_count: int

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together, before they index anything."""
        for name, indices, count in (
            ("units", self.units, self.unit_count),
            ("annotators", self.annotators, self.annotator_count),
            ("labels", self.labels, self.class_count),
        ):
            if indices.shape != self.units.shape or indices.ndim != 1:
                raise ValueError(f"{name} must be one-dimensional and as long as units, not {indices.shape}")
            if count < 1 or (len(indices) and not (indices.min() >= 0 and indices.max() < count)):
                raise ValueError(f"{name} must all lie in 0 .. {count - 1}")

    def latest(self) -> "Responses":
        """Return the responses without all but the last label of each annotator on each unit.

        The rule for repeated labels: a vote and a posterior give each annotator one voice, so the last label
        revises the earlier ones. Dawid and Skene (1979) let every repetition count as a further independent
        response, as `dawid_skene` does with what it is given; hand it `latest()` where a repetition is a
        revision.
        """
        pair = self.units.astype(np.int64) * self.annotator_count + self.annotators
        _, from_end = np.unique(pair[::-1], return_index=True)
        kept = np.sort(len(pair) - 1 - from_end)
        return Responses(
            self.units[kept],
            self.annotators[kept],
            self.labels[kept],
            self.unit_count,
            self.annotator_count,
            self.class_count,
        )

    def votes(self) -> Floats:
        """Return the number of labels of each class on each unit, shape (U, K)."""
        cell = self.units.astype(np.int64) * self.class_count + self.labels
        counts = np.bincount(cell, minlength=self.unit_count * self.class_count)
        return counts.reshape(self.unit_count, self.class_count).astype(np.float64)

    def matrix(self) -> CountMatrix:
        """Return how often each annotator gave each label to each unit, sparse, shape (U, A K).

        Column ``annotator * K + label``: with it the sums over labels in EM are two matrix products.
        """
        column = self.annotators.astype(np.int64) * self.class_count + self.labels
        shape = (self.unit_count, self.annotator_count * self.class_count)
        return csr_array((np.ones(len(column)), (self.units, column)), shape=shape)


@dataclass(frozen=True, slots=True)
class Names:
    """What the indices of `Responses` stand for, in index order."""

    units: tuple[Any, ...]
    annotators: tuple[Any, ...]
    classes: tuple[Any, ...]


def encode(
    triples: Iterable[tuple[Hashable, Hashable, Hashable]], classes: Sequence[Hashable] | None = None
) -> tuple[Responses, Names]:
    """Return (annotator, unit, label) triples as index arrays, with the names of the indices.

    Units and annotators are numbered in order of first appearance; classes as given or, by default, in
    sorted order of the labels seen.

    Raises:
        ValueError: there is no label, or a label is not among the given classes.

    >>> responses, names = encode([("ann", "u1", "yes"), ("bob", "u1", "no"), ("ann", "u2", "no")])
    >>> responses.units.tolist(), responses.annotators.tolist(), responses.labels.tolist()
    ([0, 0, 1], [0, 1, 0], [1, 0, 0])
    >>> names.classes
    ('no', 'yes')
    """
    unit_index: dict[Hashable, int] = {}
    annotator_index: dict[Hashable, int] = {}
    rows = [
        (unit_index.setdefault(unit, len(unit_index)), annotator_index.setdefault(who, len(annotator_index)), label)
        for who, unit, label in triples
    ]
    if not rows:
        raise ValueError("there is not one label to infer from")
    seen = {label for _, _, label in rows}
    ordered = tuple(classes) if classes is not None else tuple(sorted(seen))  # type: ignore[type-var]  # any sortable label
    class_index = {label: index for index, label in enumerate(ordered)}
    if strangers := seen - class_index.keys():
        raise ValueError(f"labels outside the classes {ordered}: {sorted(map(repr, strangers))}")
    responses = Responses(
        np.array([unit for unit, _, _ in rows], dtype=np.int32),
        np.array([who for _, who, _ in rows], dtype=np.int32),
        np.array([class_index[label] for _, _, label in rows], dtype=np.int32),
        len(unit_index),
        len(annotator_index),
        len(ordered),
    )
    return responses, Names(tuple(unit_index), tuple(annotator_index), ordered)


def known_classes(gold: Mapping[Any, Any], names: Names) -> Indices:
    """Return the gold class of each unit, shape (U,), with -1 where the unit has no gold.

    Gold of units that nobody labelled is left out.

    Raises:
        ValueError: the gold of a unit is not among the classes; encode the labels with all `classes`.

    >>> _, names = encode([("ann", "u1", "yes"), ("bob", "u2", "no")])
    >>> known_classes({"u2": "no", "u9": "yes"}, names).tolist()
    [-1, 0]
    """
    index = {label: k for k, label in enumerate(names.classes)}
    known = [(position, gold[unit]) for position, unit in enumerate(names.units) if unit in gold]
    if strangers := {label for _, label in known} - index.keys():
        raise ValueError(f"gold outside the classes {names.classes}: {sorted(map(repr, strangers))}")
    classes = np.full(len(names.units), -1, dtype=np.int32)
    for position, label in known:
        classes[position] = index[label]
    return classes
