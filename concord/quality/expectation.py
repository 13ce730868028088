"""The step that all methods of truth inference by EM share: the posterior of every unit at once."""

import numpy as np

from concord.quality.responses import CountMatrix, Floats, Indices

BLOCK_UNITS = 16_384


def soft_votes(votes: Floats) -> Floats:
    """Return each unit's votes as shares, shape (U, K); uniform for a unit without labels.

    Where EM starts, as Dawid and Skene (1979) did (their equation 3.1).

    >>> soft_votes(np.array([[3.0, 1.0], [0.0, 0.0]])).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    totals = votes.sum(axis=1, keepdims=True)
    shares: Floats = np.full_like(votes, 1.0 / votes.shape[1])
    np.divide(votes, totals, out=shares, where=totals > 0.0)
    return shares


def clamp(posteriors: Floats, gold: Indices | None) -> Floats:
    """Set the posterior of every unit with gold to its known class, in place, and return it.

    Args:
        posteriors: shape (U, K).
        gold: known class of each unit, -1 where unknown, shape (U,); None: nothing is known.

    >>> clamp(np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([1, -1], dtype=np.int32)).tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        posteriors[known] = 0.0
        posteriors[known, gold[known]] = 1.0
    return posteriors


def expectation(
    responses: CountMatrix,
    confusions: Floats,
    prior: Floats,
    gold: Indices | None = None,
) -> tuple[Floats, float]:
    """Return P(class | labels) of every unit and the log-likelihood of all labels (the E step).

    log w[u, k] = log prior[k] + sum over labels (a, l) of u of log confusions[a, k, l]; the posterior is w
    scaled to one, the likelihood of u is the sum of w over k, or w of the known class where u has gold. In log
    space throughout, so that units with any number of labels neither underflow nor lose their order.

    Args:
        responses: label counts, shape (U, A K), as `Responses.matrix`.
        confusions: shape (A, K, K), ``[annotator, true, reported]``; zeros are allowed.
        prior: shape (K,).
        gold: known class of each unit or -1, shape (U,).

    Returns:
        posteriors of shape (U, K), log-likelihood in nats.

    Source: Dawid and Skene, Applied Statistics 28 (1979) 20-28, equations 2.5 and 2.6.

    >>> from concord.quality.responses import encode
    >>> responses, _ = encode([("ann", "u1", 0), ("bob", "u1", 1)])
    >>> careful, hasty = [[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]]
    >>> posteriors, log_likelihood = expectation(responses.matrix(), np.array([careful, hasty]), np.array([0.5, 0.5]))
    >>> posteriors.round(4).tolist(), round(float(np.exp(log_likelihood)), 4)
    ([[0.8571, 0.1429]], 0.21)
    """
    classes = len(prior)
    with np.errstate(divide="ignore"):  # log 0 = -inf is what a zero means here
        log_confusions = np.log(confusions.transpose(0, 2, 1).reshape(-1, classes))
        log_prior = np.log(prior)
    weights: Floats = responses @ log_confusions
    weights += log_prior
    if gold is None:
        return weights, float(_scale_to_one(weights).sum())
    known = np.flatnonzero(gold >= 0)
    joint = weights[known, gold[known]]
    per_unit = _scale_to_one(weights)
    per_unit[known] = joint
    return clamp(weights, gold), float(per_unit.sum())


def _scale_to_one(weights: Floats) -> Floats:
    """Turn log weights of shape (U, K) into probabilities in place; return the log of each row's sum of weights.

    Works on blocks of units turned so that classes are rows: numpy is several times faster along long rows
    than along short ones, and a block stays in the processor's cache.
    """
    log_totals = np.empty(len(weights))
    for start in range(0, len(weights), BLOCK_UNITS):
        rows = weights[start : start + BLOCK_UNITS]
        block = np.ascontiguousarray(rows.T)
        top = block.max(axis=0)
        block -= top
        np.exp(block, out=block)
        totals = block.sum(axis=0)
        block /= totals
        rows[:] = block.T
        log_totals[start : start + BLOCK_UNITS] = np.log(totals) + top
    return log_totals
