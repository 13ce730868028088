import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.quality.truth import Confusion, UnitPosterior, majority, posterior

CLASSES = 3


def shares(size: int) -> st.SearchStrategy[tuple[float, ...]]:
    weights = st.lists(st.floats(0.01, 1.0), min_size=size, max_size=size)
    return weights.map(lambda drawn: tuple(weight / sum(drawn) for weight in drawn))


CONFUSIONS = st.tuples(*[shares(CLASSES)] * CLASSES)
LABELS = st.lists(st.tuples(CONFUSIONS, st.integers(0, CLASSES - 1)), max_size=8)


@given(LABELS, shares(CLASSES), st.randoms(use_true_random=False))
def test_order_of_labels_does_not_matter(
    labels: list[tuple[Confusion, int]], prior: tuple[float, ...], rng: random.Random
) -> None:
    shuffled = [*labels]
    rng.shuffle(shuffled)
    assert posterior(shuffled, prior) == pytest.approx(posterior(labels, prior), abs=1e-12)


@given(LABELS, shares(CLASSES))
def test_one_label_at_a_time_equals_bayes_over_all(
    labels: list[tuple[Confusion, int]], prior: tuple[float, ...]
) -> None:
    belief = UnitPosterior.from_prior(prior)
    joint = list(prior)
    for confusion, label in labels:
        belief = belief.after(confusion, label)
        joint = [weight * confusion[k][label] for k, weight in enumerate(joint)]
    assert belief.probabilities() == pytest.approx([weight / sum(joint) for weight in joint], abs=1e-12)
    assert posterior(labels, prior) == belief.probabilities()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_a_vote_is_tied_exactly_when_its_margin_is_zero(labels: list[int]) -> None:
    vote = majority(labels)
    assert sum(vote.votes.values()) == len(labels)
    assert vote.tied == (vote.label is None) == (vote.margin == 0.0)
    assert all(vote.votes[leader] == max(vote.votes.values()) for leader in vote.leaders)
