from pathlib import Path

import numpy as np
import pytest

from concord.quality.comparison import compare, expected_accuracies, leading, shares_right
from concord.quality.label_file import read_gold, read_labels
from concord.quality.responses import encode, known_classes

DATA = Path(__file__).parents[3] / "data"


@pytest.mark.parametrize(
    ("name", "vote", "tied", "dawid_skene", "log_likelihood"),
    [("rte", 0.8969, 65, 0.9275, -3679.63), ("weather_sentiment", 0.8533, 8, 0.8367, -3942.81)],
)
def test_published_accuracies_are_reported_as_they_are(
    name: str, vote: float, tied: int, dawid_skene: float, log_likelihood: float
) -> None:
    responses, names = encode(read_labels(DATA / name / "labels.csv").triples)
    by_method = {
        result.method: result
        for result in compare(responses, known_classes(read_gold(DATA / name / "gold.csv"), names))
    }
    assert by_method["majority vote"].accuracy.value == pytest.approx(vote, abs=5e-5)
    assert by_method["majority vote"].tied == tied
    assert by_method["majority vote"].log_likelihood is None
    assert by_method["Dawid-Skene"].accuracy.value == pytest.approx(dawid_skene, abs=5e-5)
    assert by_method["Dawid-Skene"].log_likelihood == pytest.approx(log_likelihood, abs=5e-3)
    assert by_method["MACE"].accuracy.value is not None
    assert by_method["MACE"].accuracy.value > vote


def test_ties_count_as_fractions_of_those_in_the_lead() -> None:
    votes = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [2.0, 0.0, 0.0], [0.0, 2.0, 2.0], [9.0, 9.0, 9.0]])
    right = shares_right(votes, np.array([0, 2, 0, 0, -1], dtype=np.int32))
    assert right == pytest.approx([1 / 2, 1 / 3, 1.0, 0.0])


def test_equal_but_for_rounding_is_a_tie() -> None:
    assert leading(np.array([[0.1 + 0.2, 0.3], [0.5, 0.4999]])).tolist() == [[True, True], [True, False]]


def test_the_vote_counts_an_annotator_once() -> None:
    triples = [("ann", 1, 0), ("ann", 1, 0), ("bob", 1, 1), ("zoe", 1, 1)]
    vote = compare(encode(triples)[0], np.array([1], dtype=np.int32))[0]
    assert (vote.accuracy.value, vote.tied) == (1.0, 0)


def test_without_gold_there_is_no_accuracy_but_a_likelihood() -> None:
    responses, _ = encode([("ann", 1, 0), ("bob", 1, 1), ("bob", 2, 1)])
    results = compare(responses, np.array([-1, -1], dtype=np.int32))
    assert {result.accuracy.value for result in results} == {None}
    assert [result.log_likelihood is None for result in results] == [True, False, False, False]


def test_an_annotator_without_labels_has_no_accuracy() -> None:
    responses, _ = encode([("ann", 1, 0)], classes=(0, 1))
    assert expected_accuracies(responses, np.array([[0.25, 0.75]])).tolist() == [0.25]
