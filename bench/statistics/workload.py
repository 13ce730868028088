"""The annotations that every package is given: seeded, so that all count the same labels.

The children of both environments import this: it needs numpy alone, of whatever version.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UNITS = 200_000
ANNOTATORS = 2_000
CLASSES = 5
LABELS_PER_UNIT = 5
SEED = 20_260_101

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Labels by annotators of beta-distributed accuracy, mean 8/11, whose errors fall on any class alike.

    Attributes:
        truth: class of each unit, shape (units,).
        annotators: who labelled, shape (units, LABELS_PER_UNIT); no annotator twice in a row of it.
        labels: the class reported, of the same shape.
        annotator_count: how many annotators there are.
    """

    truth: Indices
    annotators: Indices
    labels: Indices
    annotator_count: int

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.truth)


def annotators_for(units: int) -> int:
    """Return how many annotators label so many units: fewer units have fewer, with as many labels each."""
    return max(2 * LABELS_PER_UNIT, units * ANNOTATORS // UNITS)


def workload(units: int = UNITS, seed: int = SEED) -> Workload:
    """Return the annotations of so many units, the same for the same seed."""
    rng = np.random.default_rng(seed)
    annotator_count = annotators_for(units)
    accuracy = rng.beta(8.0, 3.0, annotator_count)
    truth = rng.integers(CLASSES, size=units, dtype=np.int32)
    # Neighbours of a random first annotator, at a random distance of each unit's own: no one is drawn twice.
    stride = rng.integers(1, annotator_count // LABELS_PER_UNIT, size=(units, 1), dtype=np.int32)
    first = rng.integers(annotator_count, size=(units, 1), dtype=np.int32)
    annotators = (first + stride * np.arange(LABELS_PER_UNIT, dtype=np.int32)) % annotator_count
    right = rng.random((units, LABELS_PER_UNIT)) < accuracy[annotators]
    guesses = rng.integers(CLASSES, size=(units, LABELS_PER_UNIT), dtype=np.int32)
    labels = np.where(right, truth[:, None], guesses)
    return Workload(truth, annotators.astype(np.int32), labels.astype(np.int32), annotator_count)
