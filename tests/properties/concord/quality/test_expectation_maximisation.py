from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.dawid_skene import dawid_skene
from concord.quality.mace import mace
from concord.quality.responses import Responses, encode

TRIPLES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7), st.integers(0, 2)), min_size=1, max_size=60)


def responses(triples: list[tuple[int, int, int]]) -> Responses:
    return encode(triples, classes=(0, 1, 2))[0]


@settings(max_examples=60)
@given(TRIPLES)
def test_likelihood_never_falls(triples: list[tuple[int, int, int]]) -> None:
    steps = [dawid_skene(responses(triples), iterations_max=n).log_likelihood for n in range(1, 8)]
    assert all(after >= before - 1e-9 for before, after in pairwise(steps))


@settings(max_examples=60)
@given(TRIPLES, st.sampled_from([0.0, 0.5, 2.0]))
def test_results_are_probabilities(triples: list[tuple[int, int, int]], smoothing: float) -> None:
    for found in (dawid_skene(responses(triples), smoothing=smoothing), mace(responses(triples))):
        assert found.posteriors.min() >= 0.0
        assert found.posteriors.sum(axis=1) == pytest.approx(1.0)
        assert found.prior.sum() == pytest.approx(1.0)
        assert np.isfinite(found.log_likelihood)
        assert found.log_likelihood <= 1e-12


@settings(max_examples=60)
@given(TRIPLES, st.permutations([0, 1, 2]))
def test_renaming_classes_renames_the_result(triples: list[tuple[int, int, int]], renamed: list[int]) -> None:
    plain = dawid_skene(responses(triples), smoothing=0.3, iterations_max=20)
    other = dawid_skene(responses([(a, u, renamed[k]) for a, u, k in triples]), smoothing=0.3, iterations_max=20)
    assert other.posteriors[:, renamed] == pytest.approx(plain.posteriors, abs=1e-8)


@settings(max_examples=60)
@given(TRIPLES, st.randoms(use_true_random=False))
def test_order_of_labels_does_not_matter_without_repetitions(
    triples: list[tuple[int, int, int]], rng: np.random.Generator
) -> None:
    once = list({(a, u): (a, u, k) for a, u, k in triples}.values())
    shuffled = [*once]
    rng.shuffle(shuffled)
    plain, other = dawid_skene(responses(once), iterations_max=20), dawid_skene(responses(shuffled), iterations_max=20)
    assert other.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-8)
