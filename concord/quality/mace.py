"""MACE: each annotator either knows the answer or guesses from habit; few parameters, so it suits few labels."""

import numpy as np

from concord.quality.dawid_skene import ITERATIONS_MAX, TOLERANCE, Inference
from concord.quality.expectation import clamp, expectation, soft_votes
from concord.quality.responses import Floats, Indices, Responses


def mace(
    responses: Responses,
    gold: Indices | None = None,
    *,
    smoothing: float = 0.1,
    tolerance: float = TOLERANCE,
    iterations_max: int = ITERATIONS_MAX,
) -> Inference:
    """Return the most probable classes under the model of competence and guessing, by EM, in O(n K) a step.

    Model: classes are uniform; annotator a knows with probability c[a] and then reports the true class, else
    draws a label from the habit h[a]. So

        confusions[a, k, l] = c[a] [k = l] + (1 - c[a]) h[a, l],

    Dawid and Skene's model with K parameters an annotator in place of K (K - 1). From soft votes, repeat

    - M: a label l given where the class was l was known with probability c / (c + (1 - c) h[l]), any other
      was guessed; c and h are the shares of the expected known and guessed labels, each with `smoothing`;
    - E: `expectation`;

    until likelihood times prior rises by no more than ``tolerance`` of itself. Deterministic: unlike the
    original, no random restarts. Repeated labels count as independent responses.

    Args:
        responses: the labels.
        gold: known class of each unit or -1, shape (U,).
        smoothing: pseudo-counts on knowing, on guessing, and on each guessed label, above 0: the prior is
            Beta and Dirichlet with all parameters 1 + smoothing.
        tolerance: relative rise of the objective at which EM stops.
        iterations_max: bound on E steps.

    Returns:
        As `dawid_skene`, with a uniform ``prior`` and confusion matrices of the form above.

    Raises:
        ValueError: smoothing is not above 0 (without it, the habit of one who never guesses is undefined), or
            there is no E step to make.

    Source: Hovy, Berg-Kirkpatrick, Vaswani, Hovy, "Learning Whom to Trust with MACE", NAACL 2013.

    >>> from concord.quality.responses import encode
    >>> good = [(who, unit, unit % 2) for who in ("ann", "bob") for unit in range(6)]
    >>> responses, _ = encode([*good, *(("zoe", unit, 0) for unit in range(6))])
    >>> mace(responses).classes().tolist()
    [0, 1, 0, 1, 0, 1]
    """
    if not smoothing > 0.0:
        raise ValueError(f"smoothing must be above 0, not {smoothing}")
    if iterations_max < 1:
        raise ValueError(f"at least one iteration is needed, not {iterations_max}")
    matrix = responses.matrix()
    annotators, classes = responses.annotator_count, responses.class_count
    prior = np.full(classes, 1.0 / classes)
    given: Floats = np.asarray(matrix.sum(axis=0)).reshape(annotators, classes)
    knows = np.full((annotators, 1), 0.5)
    habit = np.full((annotators, classes), 1.0 / classes)
    posteriors = clamp(soft_votes(responses.votes()), gold)
    before, converged, iterations = -np.inf, False, 0
    while True:
        iterations += 1
        expected = np.asarray(matrix.T @ posteriors).reshape(annotators, classes, classes)
        right = np.diagonal(expected, axis1=1, axis2=2)
        known = right * knows / (knows + (1.0 - knows) * habit)
        guessed = given - known
        knows = (known.sum(axis=1, keepdims=True) + smoothing) / (given.sum(axis=1, keepdims=True) + 2 * smoothing)
        habit = (guessed + smoothing) / (guessed.sum(axis=1, keepdims=True) + classes * smoothing)
        confusions = _confusions(knows, habit)
        posteriors, log_likelihood = expectation(matrix, confusions, prior, gold)
        objective = log_likelihood + smoothing * float(
            np.log(knows).sum() + np.log1p(-knows).sum() + np.log(habit).sum()
        )
        converged = objective - before <= tolerance * abs(objective)
        if converged or iterations == iterations_max:
            return Inference(posteriors, confusions, prior, log_likelihood, iterations, converged)
        before = objective


def _confusions(knows: Floats, habit: Floats) -> Floats:
    """Return P(reported | true) of each annotator, shape (A, K, K), from c of shape (A, 1) and h of (A, K)."""
    classes = habit.shape[1]
    return knows[:, :, None] * np.eye(classes) + ((1.0 - knows) * habit)[:, None, :]
