"""Dawid and Skene's model: every annotator's confusion matrix and every unit's class, from labels alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concord.quality.expectation import clamp, expectation, soft_votes
from concord.quality.responses import CountMatrix, Floats, Indices, Responses

ITERATIONS_MAX = 1000
TOLERANCE = 1e-10
REACH_FIRST, REACH_FACTOR = 1.0, 4.0
"""How many times as far as EM two steps of it are followed at first, and by what that grows when it went well."""
FLOOR = 0.01


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
    look_ahead: bool = True,
) -> Inference:
    """Return the maximum-likelihood classes, confusion matrices and class shares by EM, in O(n K) a step.

    Model: the class of unit u is k with probability prior[k]; annotator a reports l with probability
    confusions[a, k, l], independently given k. From soft votes, repeat

    - M: confusions[a, k, l] ~ smoothing + sum over labels l of a of posteriors[u, k]; prior ~ sum of posteriors;
    - E: `expectation`;

    until the log-likelihood rises in an M and an E step by no more than ``tolerance * |log-likelihood|``. EM never
    lowers it, and goes on slowly at its end; so after every second step it is tried how it stands further ahead
    (SQUAREM), which counts where it is no lower, so it never falls here either. EM finds a local maximum; soft
    votes are the start of the original paper. Repeated labels of one annotator
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
        look_ahead: whether it is tried how it stands further ahead; without, it is the paper's EM step by step.

    Raises:
        ValueError: a pseudo-count is below 0, or there is no E step to make.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equations 2.3 to 2.5; Varadhan and Roland,
    Scandinavian Journal of Statistics 35 (2008) 335-353, scheme S3.

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
    steps = _Steps(matrix, shape, pseudo_counts, gold)
    now = steps.expect(*steps.maximise(clamp(soft_votes(responses.votes()), gold)))
    reach = REACH_FIRST
    while steps.made < iterations_max:
        once = steps.expect(*steps.maximise(now.posteriors))
        if once.objective - now.objective <= tolerance * abs(once.objective):
            return once.inference(steps.made, converged=True)
        if steps.made == iterations_max:
            return once.inference(steps.made, converged=False)
        if not look_ahead:
            now = once
            continue
        twice = steps.maximise(once.posteriors)
        ahead, length = _ahead((now.confusions, now.prior), (once.confusions, once.prior), twice, reach)
        now = steps.expect(*ahead)
        if not now.objective >= once.objective:
            reach = max(REACH_FIRST, reach / REACH_FACTOR)
            now = steps.expect(*twice) if steps.made < iterations_max else once
        elif length >= reach:
            reach *= REACH_FACTOR
    return now.inference(steps.made, converged=False)


@dataclass(frozen=True, slots=True)
class _Point:
    """Confusion matrices and class shares, with what follows from them."""

    confusions: Floats
    prior: Floats
    posteriors: Floats
    log_likelihood: float
    objective: float

    def inference(self, iterations: int, *, converged: bool) -> Inference:
        return Inference(self.posteriors, self.confusions, self.prior, self.log_likelihood, iterations, converged)


class _Steps:
    """The two steps of EM on some labels; `made` counts the E steps."""

    def __init__(
        self, matrix: CountMatrix, shape: tuple[int, int, int], pseudo_counts: Floats, gold: Indices | None
    ) -> None:
        self.made = 0
        self._matrix = matrix
        self._turned = matrix.T
        self._shape = shape
        self._pseudo_counts = pseudo_counts
        self._gold = gold

    def maximise(self, posteriors: Floats) -> tuple[Floats, Floats]:
        expected = np.asarray(self._turned @ posteriors)  # [annotator K + reported, true]
        confusions = _rows_to_one(expected.reshape(self._shape).transpose(0, 2, 1) + self._pseudo_counts)
        return confusions, posteriors.mean(axis=0)

    def expect(self, confusions: Floats, prior: Floats) -> _Point:
        self.made += 1
        posteriors, log_likelihood = expectation(self._matrix, confusions, prior, self._gold)
        objective = log_likelihood + _log_prior(confusions, self._pseudo_counts)
        return _Point(confusions, prior, posteriors, log_likelihood, objective)


_Shares = tuple[Floats, Floats]


def _ahead(zero: _Shares, row: _Shares, two: _Shares, reach: float) -> tuple[_Shares, float]:
    """Return where two steps of EM point to, and how far that is; at 1 it is where the second step ends.

    The third scheme of SQUAREM: with r the first step and v how the second differs from it, zero + 2 a r + a^2 v for
    a = |r| / |v|, at most `reach`. What would be negative is a hundredth of what the second step gives.
    """
    first = [b - a for a, b in zip(zero, row, strict=True)]
    bend = [(c - b) - step for b, c, step in zip(row, two, first, strict=True)]
    across = float(np.sqrt(sum((step * step).sum() for step in first)))
    bent = float(np.sqrt(sum((step * step).sum() for step in bend)))
    length = min(max(across / bent, 1.0), reach) if bent > 0.0 else 1.0
    points = []
    for a, step, turn, end in zip(zero, first, bend, two, strict=True):
        far = a + 2.0 * length * step + length * length * turn
        points.append(_rows_to_one(np.where(far > 0.0, far, end * FLOOR)))
    return (points[0], points[1]), length


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
