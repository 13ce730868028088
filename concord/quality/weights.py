"""Agreement weights: how much of an agreement it is when two annotators choose labels k and l."""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Weights = Literal["identity", "linear", "quadratic", "ordinal"]


def agreement_weights(weights: "Weights | ArrayLike", scores: Sequence[Hashable] | ArrayLike) -> Floats:
    """Return w, shape (K, K): 1 on the diagonal, 0 for the labels furthest apart.

        identity   w = [k = l]
        linear     w = 1 - |x_k - x_l| / (x_max - x_min)
        quadratic  w = 1 - (x_k - x_l)² / (x_max - x_min)²
        ordinal    w = 1 - C(|k - l| + 1, 2) / C(K, 2)

    `scores` are the places x of the labels; labels that are not numbers are placed 1 apart in their order.
    A matrix is taken as it is, if its shape fits (ValueError if not).
    Source: Cicchetti & Allison 1971; Fleiss & Cohen 1973; Gwet 2014, Handbook of Inter-Rater Reliability,
    ch. 3.

    >>> agreement_weights("linear", [1, 2, 3]).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    """
    places = _places(scores)
    size = len(places)
    if not isinstance(weights, str):
        matrix = np.asarray(weights, dtype=np.float64)
        if matrix.shape != (size, size):
            raise ValueError(f"weights of shape {matrix.shape} do not fit {size} labels")
        return matrix
    apart = np.abs(places[:, None] - places[None, :])
    steps = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    reach = (apart.max() if size else 0.0) or 1.0
    match weights:
        case "identity":
            return np.eye(size)
        case "linear":
            return np.asarray(1 - apart / reach)
        case "quadratic":
            return np.asarray(1 - (apart / reach) ** 2)
        case "ordinal":
            return np.asarray(1 - steps * (steps + 1) / max(size * (size - 1), 1))
    raise ValueError(f"weights {weights!r} are not known; use identity, linear, quadratic, ordinal or a matrix")


def _places(scores: Sequence[Hashable] | ArrayLike) -> Floats:
    """Return the scores as floats; the order alone where they are not numbers."""
    values = list(scores) if not isinstance(scores, np.ndarray) else scores.tolist()  # type: ignore[arg-type] # a sequence here
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, dtype=np.float64)
    return np.arange(len(values), dtype=np.float64)
