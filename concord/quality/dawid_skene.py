"""Dawid and Skene's model: every annotator's confusion matrix and every unit's class, from labels alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concord.quality.expectation import clamp, expectation, soft_votes
from concord.quality.responses import Floats, Indices, Responses

ITERATIONS_MAX = 1000
TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """What EM found.

    Attributes:
        posteriors: P(class | all labels) of each unit, shape (U, K), rows sum to one.
        confusions: P(reported | true) of each annotator, shape (A, K, K); a row of a true class that this
            annotator met in no unit is all zero without smoothing.
        prior: share of each class, shape (K,).
        log_likelihood: log P(labels | confusions, prior) in nats, gold included where it was given.
        iterations: E steps made.
        converged: whether the likelihood stopped rising before the iterations ran out.
    """

    posteriors: Floats
    confusions: Floats
    prior: Floats
    log_likelihood: float
    iterations: int
    converged: bool

    def classes(self) -> npt.NDArray[np.intp]:
        """Return the most probable class of each unit, shape (U,)."""
        best: npt.NDArray[np.intp] = self.posteriors.argmax(axis=1)
        return best


def dawid_skene(
    responses: Responses,
    gold: Indices | None = None,
    *,
    smoothing: npt.ArrayLike = 0.0,
    tolerance: float = TOLERANCE,
    iterations_max: int = ITERATIONS_MAX,
) -> Inference:
    """Return the maximum-likelihood classes, confusion matrices and class shares by EM, in O(n K) a step.

    Model: the class of unit u is k with probability prior[k]; annotator a reports l with probability
    confusions[a, k, l], independently given k. From soft votes, repeat

    - M: confusions[a, k, l] ~ smoothing + sum over labels l of a of posteriors[u, k]; prior ~ sum of posteriors;
    - E: `expectation`;

    until the log-likelihood rises by no more than ``tolerance * |log-likelihood|``. EM never lowers it. It
    finds a local maximum; soft votes are the start of the original paper. Repeated labels of one annotator
    count as independent responses, as in the paper (`Responses.latest` keeps the last).

    Args:
        responses: the labels.
        gold: known class of each unit or -1, shape (U,): these units keep their class, which makes the run
            semi-supervised, and their likelihood is that of labels and class.
        smoothing: pseudo-counts added to the expected counts of every confusion matrix, a number or an array
            that broadcasts to (A, K, K), such as `competence.crowd_prior`; at least 0. With s > 0 the result is
            the posterior mode under Dirichlet(1 + s) priors and convergence is judged by likelihood times
            prior; 0 is maximum likelihood.
        tolerance: relative rise of the objective at which EM stops.
        iterations_max: bound on E steps.

    Raises:
        ValueError: a pseudo-count is below 0, or there is no E step to make.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equations 2.3 to 2.5.

    >>> from concord.quality.responses import encode
    >>> good = [(who, unit, unit % 2) for who in ("ann", "bob") for unit in range(6)]
    >>> responses, _ = encode([*good, *(("zoe", unit, 0) for unit in range(6))])
    >>> dawid_skene(responses).classes().tolist()
    [0, 1, 0, 1, 0, 1]
    """
    matrix = responses.matrix()
    shape = (responses.annotator_count, responses.class_count, responses.class_count)
    pseudo_counts = np.broadcast_to(np.asarray(smoothing, dtype=np.float64), shape)
    if not pseudo_counts.min() >= 0.0:
        raise ValueError(f"pseudo-counts must be at least 0, not {pseudo_counts.min()}")
    if iterations_max < 1:
        raise ValueError(f"at least one iteration is needed, not {iterations_max}")
    posteriors = clamp(soft_votes(responses.votes()), gold)
    before, converged, iterations = -np.inf, False, 0
    while True:
        iterations += 1
        expected = np.asarray(matrix.T @ posteriors)  # [annotator K + reported, true]
        confusions = _rows_to_one(expected.reshape(shape).transpose(0, 2, 1) + pseudo_counts)
        prior = posteriors.mean(axis=0)
        posteriors, log_likelihood = expectation(matrix, confusions, prior, gold)
        objective = log_likelihood + _log_prior(confusions, pseudo_counts)
        converged = objective - before <= tolerance * abs(objective)
        if converged or iterations == iterations_max:
            return Inference(posteriors, confusions, prior, log_likelihood, iterations, converged)
        before = objective


def _rows_to_one(counts: Floats) -> Floats:
    """Return counts scaled so that the last axis sums to one; rows without counts stay zero."""
    totals = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.zeros_like(counts)
    np.divide(counts, totals, out=shares, where=totals > 0.0)
    return shares


def _log_prior(confusions: Floats, pseudo_counts: Floats) -> float:
    """Return the log density, up to a constant, of the confusion matrices under Dirichlet(1 + pseudo-counts)."""
    imagined = pseudo_counts > 0.0
    return float((pseudo_counts[imagined] * np.log(confusions[imagined])).sum()) if imagined.any() else 0.0
