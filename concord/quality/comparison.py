"""Compare methods of truth inference on labels whose gold is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concord.quality.calibration import Bin, binned
from concord.quality.crowd import ROW_STRENGTH
from concord.quality.dawid_skene import Inference, dawid_skene
from concord.quality.estimate import Estimate, undefined
from concord.quality.expectation import soft_votes
from concord.quality.intervals import wilson
from concord.quality.mace import mace
from concord.quality.responses import Floats, Indices, Responses

CROWDS_PRIOR = "Dawid-Skene, crowd's prior"


@dataclass(frozen=True, slots=True)
class MethodResult:
    """How one method fared against gold.

    Attributes:
        method: its name.
        accuracy: share of units with gold that it settled right, each tie counted as a fraction: 1/2 where the
            right class shares the lead with one other, 1/3 with two; Wilson interval at the rounded count.
        tied: units on which two classes or more share the lead.
        confidence: mean probability of the leading class on units with gold; far over the accuracy, the
            method is too sure of itself.
        log_likelihood: of all labels under what the method found, in nats; None for the vote, which has none.
        iterations: steps of EM; 0 for the vote.
        bins: the reliability curve: units with gold by how sure the method was, as shares for the vote. Ties are none
            of it: nothing is stated of them.
    """

    method: str
    accuracy: Estimate
    tied: int
    confidence: float | None
    log_likelihood: float | None
    iterations: int
    bins: tuple[Bin, ...] = ()


def compare(responses: Responses, gold: Indices, confidence: float = 0.95) -> tuple[MethodResult, ...]:
    """Return how majority vote, Dawid-Skene, the same under the crowd's prior, and MACE do on the units with gold.

    Gold is used to judge and never shown to the methods. The vote takes the last label of each annotator on
    each unit; the others take every response, as their sources do.

    Args:
        responses: the labels.
        gold: known class of each unit or -1, shape (U,).
        confidence: coverage of the intervals.

    Source: the comparison of Zheng, Li, Li, Shan, Cheng, "Truth inference in crowdsourcing", VLDB 2017.

    >>> from concord.quality.responses import encode
    >>> responses, _ = encode([("ann", 1, "a"), ("bob", 1, "b"), ("ann", 2, "b"), ("bob", 2, "b")])
    >>> vote = compare(responses, np.array([0, 1], dtype=np.int32))[0]
    >>> vote.method, vote.accuracy.value, vote.tied
    ('majority vote', 0.75, 1)
    """
    shares = soft_votes(responses.latest().votes())
    runs: list[tuple[str, Inference]] = [
        ("Dawid-Skene", dawid_skene(responses)),
        (CROWDS_PRIOR, dawid_skene(responses, smoothing=crowds_prior(responses))),
        ("MACE", mace(responses)),
    ]
    return (
        _judged("majority vote", shares, gold, None, 0, confidence),
        *(_judged(name, run.posteriors, gold, run.log_likelihood, run.iterations, confidence) for name, run in runs),
    )


def crowds_prior(responses: Responses) -> Floats:
    """Return the pseudo-counts of every confusion matrix, (K, K), under which who labelled little is average.

    ROW_STRENGTH imagined units of each class, answered as the crowd agrees with itself: rightly with probability
    q = (a + 1) / (n + K), where a of the n labels are those of their unit's most frequent class, and else with each
    other class alike.

    >>> from concord.quality.responses import encode
    >>> said = [("ann", "b"), ("bob", "b"), ("zoe", "a")]
    >>> responses, _ = encode([(who, unit, label) for who, label in said for unit in "uv"])
    >>> crowds_prior(responses).round(2).tolist()
    [[6.25, 3.75], [3.75, 6.25]]
    """
    votes, classes = responses.latest().votes(), responses.class_count
    if classes < 2:
        return np.full((classes, classes), ROW_STRENGTH)
    own = (float(votes.max(axis=1).sum()) + 1.0) / (float(votes.sum()) + classes)
    prior: Floats = np.full((classes, classes), ROW_STRENGTH * (1.0 - own) / (classes - 1))
    np.fill_diagonal(prior, ROW_STRENGTH * own)
    return prior


def leading(probabilities: Floats) -> npt.NDArray[np.bool_]:
    """Return which classes lead on each unit, shape (U, K); two or more in a row are a tie.

    Equal but for rounding is equal: a tie must not be settled by the last bit.

    >>> leading(np.array([[0.5, 0.5], [0.9, 0.1]])).tolist()
    [[True, True], [True, False]]
    """
    leads: npt.NDArray[np.bool_] = probabilities >= probabilities.max(axis=1, keepdims=True) * (1.0 - 1e-12)
    return leads


def shares_right(probabilities: Floats, gold: Indices) -> Floats:
    """Return how far each unit with gold is settled right, 0 to 1; units without gold are left out.

    1 / (number of leading classes) where the gold class is among them, else 0.

    Args:
        probabilities: votes, shares or posteriors, shape (U, K).
        gold: known class or -1, shape (U,).

    >>> shares_right(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]), np.array([1, 1, -1], np.int32)).tolist()
    [0.5, 0.0]
    """
    known = np.flatnonzero(gold >= 0)
    leads = leading(probabilities[known])
    right: Floats = leads[np.arange(len(known)), gold[known]] / leads.sum(axis=1)
    return right


def expected_accuracies(responses: Responses, posteriors: Floats) -> Floats:
    """Return each annotator's share of labels that are right by the posteriors, shape (A,); NaN without labels.

    The mean over the annotator's labels of posteriors[unit, label]. With gold clamped it is the share right.

    >>> from concord.quality.responses import encode
    >>> responses, _ = encode([("ann", 1, 0), ("ann", 2, 1), ("bob", 1, 1)])
    >>> expected_accuracies(responses, np.array([[0.9, 0.1], [0.3, 0.7]])).tolist()
    [0.8, 0.1]
    """
    count = np.bincount(responses.annotators, minlength=responses.annotator_count)
    right = np.bincount(
        responses.annotators,
        weights=posteriors[responses.units, responses.labels],
        minlength=responses.annotator_count,
    )
    accuracies: Floats = np.full(len(count), np.nan)
    np.divide(right, count, out=accuracies, where=count > 0)
    return accuracies


def _judged(
    method: str,
    probabilities: Floats,
    gold: Indices,
    log_likelihood: float | None,
    iterations: int,
    confidence: float,
) -> MethodResult:
    """Hold one method's probabilities against gold."""
    right, tied = shares_right(probabilities, gold), int((leading(probabilities).sum(axis=1) > 1).sum())
    if not len(right):
        nothing = undefined("no labelled unit has gold", 0, "accuracy on gold")
        return MethodResult(method, nothing, tied, None, log_likelihood, iterations)
    interval = wilson(round(right.sum()), len(right), confidence)
    accuracy = Estimate(
        float(right.mean()), interval.low, interval.high, len(right), "accuracy on gold, Wilson score interval"
    )
    stated = probabilities[gold >= 0].max(axis=1)
    settled = leading(probabilities[gold >= 0]).sum(axis=1) == 1
    # Rounding may leave a probability a bit over 1.
    found = [(min(1.0, float(each)), bool(share)) for each, share in zip(stated[settled], right[settled], strict=True)]
    return MethodResult(method, accuracy, tied, float(stated.mean()), log_likelihood, iterations, tuple(binned(found)))
