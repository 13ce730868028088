"""How often each unit got each label: the form that every agreement over many annotators is computed from."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Matrix = Any
"""A dense array or a scipy.sparse csr_array, which share the operators used here but no type."""
Ratings = Sequence[Sequence[Any]] | NDArray[Any]
"""Labels with a row per unit and a place per annotator; None and NaN are missing."""

MISSING = -1
DENSE_LABELS_MAX = 64
"""Up to so many labels a unit's counts are a dense row; beyond, most of them are zero and are not stored."""

GROUPED_ROWS_MIN = 1000
"""Longer tables are grouped before a statistic is computed; shorter ones are as quick without."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """Units by labels, with how many units share each row.

    Attributes:
        counts: how many annotators gave label k to unit u, shape (rows, labels); dense or scipy.sparse.
        labels: what each column stands for, in the order of the scale, shape (labels,).
        times: how many units have this very row, shape (rows,); a tally groups equal units, a table has ones.
    """

    counts: Matrix
    labels: tuple[Hashable, ...]
    times: Floats

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together and counts that cannot be."""
        if self.counts.ndim != 2 or self.counts.shape != (len(self.times), len(self.labels)):
            raise ValueError(
                f"counts of shape {self.counts.shape} need that many rows in times ({len(self.times)}) "
                f"and columns in labels ({len(self.labels)})"
            )
        values = self.counts.data if isinstance(self.counts, csr_array) else self.counts
        if values.size and not (np.isfinite(values).all() and values.min() >= 0):
            raise ValueError("counts must be finite and not negative")

    def dense(self) -> Floats:
        """Return the counts as an array of floats, shape (rows, labels)."""
        array = self.counts.toarray() if isinstance(self.counts, csr_array) else self.counts
        return np.asarray(array, dtype=np.float64)

    def pairable(self) -> "LabelCounts":
        """Return only the units with two labels or more and the labels that these use."""
        kept = (np.asarray(self.counts.sum(axis=1)) >= 2) & (self.times > 0)
        counts = self.counts[kept] if not kept.all() else self.counts
        used = np.asarray(counts.sum(axis=0)) > 0
        if not used.all():
            counts = counts[:, used]
        labels = tuple(label for label, kept_label in zip(self.labels, used, strict=True) if kept_label)
        return LabelCounts(counts, labels, self.times[kept])

    def grouped(self) -> "LabelCounts":
        """Return the same units with equal rows as one: the statistics are the same and cost far less.

        Dense whole counts whose row fits one integer, in a base above every count, are grouped; a row read as
        one number sorts much faster than rows do. Others are returned as they are.
        """
        if isinstance(self.counts, csr_array) or not self.counts.size:
            return self
        base = self.counts.max() + 1
        width = self.counts.shape[1]
        if width * np.log2(max(base, 2)) > 52 or (self.counts != np.floor(self.counts)).any():
            return self
        key = (self.counts @ (base ** np.arange(width))).astype(np.int64)
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        return LabelCounts(self.counts[first], self.labels, np.bincount(place, weights=self.times).astype(np.float64))


def as_label_counts(counts: "LabelCounts | ArrayLike") -> LabelCounts:
    """Take a bare units-by-labels table as LabelCounts whose labels are 0, 1, 2, ..., and group a long one.

    >>> as_label_counts([[2, 0], [1, 1]]).labels
    (0, 1)
    """
    if not isinstance(counts, LabelCounts):
        table = np.asarray(counts, dtype=np.float64)
        if not table.size:
            table = table.reshape(len(table), 0)
        if table.ndim != 2:
            raise ValueError(f"counts must be units by labels, not of shape {table.shape}")
        counts = LabelCounts(table, tuple(range(table.shape[1])), np.ones(len(table)))
    return counts.grouped() if len(counts.times) > GROUPED_ROWS_MIN else counts


def count_labels(labels_by_unit: Ratings, scale: Sequence[Hashable] | None = None) -> LabelCounts:
    """Count the labels of each unit; None and NaN are missing.

    `labels_by_unit` has a row per unit; who gave which label does not matter here, and rows may differ in
    length. `scale` declares all possible labels in their order; without it the labels seen are taken, sorted.
    ValueError names a label that is not on the declared scale.

    >>> table = count_labels([["no", "yes", None], ["yes", "yes", "yes"]])
    >>> table.labels, table.counts.tolist()
    (('no', 'yes'), [[1.0, 1.0], [0.0, 3.0]])
    """
    codes, labels = encode(labels_by_unit, scale)
    return counts_of_codes(codes, labels)


def counts_of_codes(codes: Codes, labels: Sequence[Hashable]) -> LabelCounts:
    """Count label indices, shape (units, annotators) with -1 for missing, into LabelCounts.

    >>> counts_of_codes(np.array([[0, 1], [1, -1]]), "ab").counts.tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    given = codes >= 0
    rows = np.nonzero(given)[0]
    matrix = counts_matrix(rows, codes[given], None, (len(codes), len(labels)))
    return LabelCounts(matrix, tuple(labels), np.ones(len(codes)))


def counts_matrix(rows: Codes, columns: Codes, counts: Codes | None, shape: tuple[int, int]) -> Matrix:
    """Sum cells (row, column, count; one each for None) to a matrix, sparse when it has many columns.

    >>> counts_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), None, (2, 2)).tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    if shape[1] <= DENSE_LABELS_MAX:
        flat = np.bincount(rows * shape[1] + columns, weights=counts, minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float64)
    each = np.ones(len(rows)) if counts is None else counts.astype(np.float64)
    return csr_array((each, (rows, columns)), shape=shape)


def encode(labels_by_unit: Ratings, scale: Sequence[Hashable] | None = None) -> tuple[Codes, tuple[Hashable, ...]]:
    """Return the index of each label on its scale, shape (units, annotators), -1 where missing, and the scale.

    Errors and rules as in `count_labels`; shorter rows are filled up with missing.

    >>> codes, labels = encode([[3, None], [1, 3]])
    >>> codes.tolist(), labels
    ([[1, -1], [0, 1]], (1, 3))
    """
    if isinstance(labels_by_unit, np.ndarray) and labels_by_unit.dtype.kind in "fiu" and scale is None:
        return _encode_numbers(labels_by_unit)
    rows = [list(row) for row in labels_by_unit]
    if scale is None:
        labels = tuple(in_order({label for row in rows for label in row if not _is_missing(label)}))
    else:
        labels = tuple(scale)
    index = {label: i for i, label in enumerate(labels)}
    if len(index) != len(labels):
        raise ValueError("the scale names a label twice")
    width = max(map(len, rows), default=0)
    codes = np.full((len(rows), width), MISSING, dtype=np.int64)
    for u, row in enumerate(rows):
        for a, label in enumerate(row):
            if not _is_missing(label):
                if label not in index:
                    raise ValueError(f"unit {u}: label {label!r} is not on the declared scale")
                codes[u, a] = index[label]
    return codes, labels


def in_order(labels: Iterable[Hashable]) -> list[Hashable]:
    """Sort labels by value, or by kind and spelling where their values cannot be compared.

    >>> in_order([10, 9]), in_order(["b", 1])
    ([9, 10], [1, 'b'])
    """
    distinct = list(labels)
    try:
        return sorted(distinct, key=_by_value)
    except TypeError:
        return sorted(distinct, key=lambda label: (type(label).__name__, repr(label)))


def contingency(
    first: Sequence[Any], second: Sequence[Any], scale: Sequence[Hashable] | None = None
) -> tuple[Floats, tuple[Hashable, ...]]:
    """Cross the labels of two annotators: units that first called i and second called j, shape (K, K).

    Units that either left out do not count. Scale and errors as in `count_labels`.

    >>> contingency(["a", "b", "b"], ["a", "a", None])[0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    codes, labels = encode(list(zip(first, second, strict=True)), scale)
    size = len(labels)
    if not len(codes):
        return np.zeros((size, size)), labels
    both = codes[(codes >= 0).all(axis=1)]
    table = np.bincount(both[:, 0] * size + both[:, 1], minlength=size * size)
    return table.reshape(size, size).astype(np.float64), labels


def counts_of_table(table: ArrayLike) -> LabelCounts:
    """Turn a table that crosses two annotators' labels, shape (K, K), into counts of labels a unit.

    Each cell (i, j) is one row, with label i and label j, that stands for as many units as the cell holds.

    >>> counts_of_table([[3, 1], [0, 2]]).times.tolist()
    [3.0, 1.0, 0.0, 2.0]
    """
    cells = np.asarray(table, dtype=np.float64)
    if not cells.size:
        cells = np.zeros((0, 0))
    if cells.ndim != 2 or cells.shape[0] != cells.shape[1]:
        raise ValueError(f"the table must cross one scale with itself, not have shape {cells.shape}")
    size = len(cells)
    array = np.eye(size)
    rows = (array[:, None, :] + array[None, :, :]).reshape(size * size, size)
    return LabelCounts(rows, tuple(range(size)), cells.ravel())


def _encode_numbers(values: NDArray[Any]) -> tuple[Codes, tuple[Hashable, ...]]:
    given = ~np.isnan(values)
    distinct, index = np.unique(values[given], return_inverse=True)
    codes = np.full(values.shape, MISSING, dtype=np.int64)
    codes[given] = index
    return codes, tuple(distinct.tolist())


def _by_value(label: Hashable) -> Any:
    return label


def _is_missing(label: object) -> bool:
    return label is None or (isinstance(label, float) and label != label)  # noqa: PLR0124 - NaN alone differs from itself
