"""Rates over clusters: what is alike counts for less, and a test that finds nothing where there is nothing."""

from collections.abc import Iterator

import numpy as np
import pytest

from concord.quality.clustered import Clusters, clustered_difference, clustered_rate
from concord.quality.intervals import wilson

RUNS = 600


def crowd(rng: np.random.Generator, people: int, mean: float, alike: float) -> Clusters:
    """People of a mean rate whose own rates differ: `alike` is the correlation of two labels of one person."""
    strength = (1 - alike) / alike
    found = Clusters()
    for rate in rng.beta(mean * strength, (1 - mean) * strength, people):
        labels = int(rng.integers(20, 120))
        found.add(labels, int(rng.binomial(labels, rate)))
    return found


def runs(mean: float, people: int) -> Iterator[tuple[Clusters, Clusters]]:
    rng = np.random.default_rng(11)
    return ((crowd(rng, people, mean, 0.05), crowd(rng, people + 5, mean, 0.05)) for _ in range(RUNS))


@pytest.mark.parametrize(("mean", "people"), [(0.1, 8), (0.3, 15), (0.5, 30)])
def test_between_people_who_differ_nothing_is_found_more_often_than_is_said_where_groups_do_not(
    mean: float, people: int
) -> None:
    found = [clustered_difference(*two, "annotators").p_value for two in runs(mean, people)]
    assert np.mean([p is not None and p < 0.05 for p in found]) < 0.06
    naive = [wilson(clusters.hits, clusters.trials) for clusters, _ in runs(mean, people)]
    covered = np.mean([e.low is not None and e.high is not None and e.low <= mean <= e.high for e in naive])
    assert covered < 0.85, "an interval that takes labels of one person for independent is too short"
    kept = [clustered_rate(clusters, "annotators") for clusters, _ in runs(mean, people)]
    assert np.mean([e.low is not None and e.high is not None and e.low <= mean <= e.high for e in kept]) > 0.93


def test_a_difference_that_is_there_is_found() -> None:
    rng = np.random.default_rng(5)
    found = [
        clustered_difference(crowd(rng, 20, 0.25, 0.03), crowd(rng, 40, 0.1, 0.03), "annotators") for _ in range(200)
    ]
    assert np.mean([difference.p_value is not None and difference.p_value < 0.05 for difference in found]) > 0.9
    assert (
        np.mean(
            [
                difference.low is not None and difference.high is not None and difference.low <= 0.15 <= difference.high
                for difference in found
            ]
        )
        > 0.9
    )


def test_clusters_that_are_all_alike_are_no_certainty() -> None:
    nothing, clusters = clustered_rate(Clusters(), "units"), Clusters()
    clusters.add(10, 0, times=4)
    found = clustered_rate(clusters, "units")
    assert (nothing.value, found.value, found.low) == (None, 0.0, 0.0)
    assert found.high is not None
    assert found.high > 0.4, "four units that never erred, not forty labels"


def test_partial_sums_are_the_sums_and_can_be_taken_out_again() -> None:
    clusters, two, both = Clusters(), Clusters(), Clusters()
    for labels, hits, sums in ((3, 1, clusters), (5, 5, two), (4, 0, two)):
        sums.add(labels, hits)
        both.add(labels, hits)
    assert both - two == clusters


def test_what_cannot_be_is_refused_and_too_few_are_told() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Clusters().add(2, 3)
    few = Clusters()
    few.add(40, 10, times=2)
    assert clustered_difference(few, few, "annotators").reason == "one side has 2 annotators, 3 are needed"
    assert clustered_rate(few, "annotators").low is None
