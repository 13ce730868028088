from pathlib import Path

import numpy as np
import pytest

from concord.quality.competence import ConfusionCounts, crowd_prior
from concord.quality.dawid_skene import dawid_skene
from concord.quality.label_file import read_gold, read_labels
from concord.quality.responses import Indices, Responses, encode, known_classes
from concord.quality.truth import posterior

DATA = Path(__file__).parents[3] / "data"


def data_set(name: str) -> tuple[Responses, Indices]:
    responses, names = encode(read_labels(DATA / name / "labels.csv").triples)
    return responses, known_classes(read_gold(DATA / name / "gold.csv"), names)


@pytest.mark.parametrize(
    ("name", "accuracy", "log_likelihood", "crowd_kit_log_likelihood"),
    # crowd-kit 1.4.2 DawidSkene() on the same rows, its likelihood computed from its errors_ and priors_
    [("rte", 0.9275, -3679.63, -3679.6314728), ("weather_sentiment", 0.8367, -3942.81, -3951.7116562)],
)
def test_likelihood_maximum_on_published_data(
    name: str, accuracy: float, log_likelihood: float, crowd_kit_log_likelihood: float
) -> None:
    responses, gold = data_set(name)
    found = dawid_skene(responses)
    assert found.converged
    assert (found.classes() == gold).mean() == pytest.approx(accuracy, abs=5e-5)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=5e-3)
    assert found.log_likelihood >= crowd_kit_log_likelihood


def test_smoothing_helps_where_annotators_gave_few_labels() -> None:
    responses, gold = data_set("weather_sentiment")
    assert (dawid_skene(responses, smoothing=1.0).classes() == gold).mean() > 0.8533  # the majority vote's


def test_clamped_units_keep_their_gold_and_help_the_others() -> None:
    responses, gold = data_set("rte")
    known = gold.copy()
    known[100:] = -1
    found = dawid_skene(responses, known, smoothing=0.5)
    assert (found.classes()[:100] == gold[:100]).all()
    assert (found.classes()[100:] == gold[100:]).mean() > 0.925


def test_all_gold_leaves_nothing_to_iterate() -> None:
    responses, _ = encode([("ann", 1, 0), ("ann", 2, 1), ("ann", 3, 1), ("bob", 1, 1)])
    found = dawid_skene(responses, np.array([0, 0, 1], dtype=np.int32))
    assert found.confusions[0].tolist() == [[0.5, 0.5], [0.0, 1.0]]
    assert found.prior == pytest.approx([2 / 3, 1 / 3])
    # ann: .5 .5 and 1; bob: 1; classes 2/3 2/3 and 1/3
    assert found.log_likelihood == pytest.approx(np.log(0.5 * 0.5 * (2 / 3) ** 2 / 3))


def test_posteriors_are_those_of_the_online_rule_under_the_matrices_found() -> None:
    responses, _ = data_set("rte")
    found = dawid_skene(responses, smoothing=0.1, tolerance=1e-13)
    mine = responses.units == 7
    labels = [
        (found.confusions[who].tolist(), int(label))
        for who, label in zip(responses.annotators[mine], responses.labels[mine], strict=True)
    ]
    assert found.posteriors[7] == pytest.approx(posterior(labels, found.prior.tolist()), abs=1e-12)


def test_iterations_that_run_out_are_admitted() -> None:
    found = dawid_skene(data_set("rte")[0], iterations_max=3)
    assert (found.iterations, found.converged) == (3, False)


def noisy(units: int = 3_000, annotators: int = 60, classes: int = 4) -> Responses:
    """Return five labels of each unit by people of whom some are hardly better than chance: EM ends slowly here."""
    rng = np.random.default_rng(7)
    truth = rng.integers(classes, size=units)
    who = np.argsort(rng.random((units, annotators)), axis=1)[:, :5]
    right = rng.random((units, 5)) < rng.uniform(0.3, 0.9, annotators)[who]
    array = np.where(right, truth[:, None], rng.integers(classes, size=(units, 5)))
    index = np.repeat(np.arange(units, dtype=np.int32), 5)
    return Responses(index, who.ravel().astype(np.int32), array.ravel().astype(np.int32), units, annotators, classes)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_looking_ahead_ends_where_em_does_in_fewer_steps(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = dawid_skene(noisy(), smoothing=smoothing, tolerance=1e-12)
    monkeypatch.setattr("concord.quality.dawid_skene.REACH_FACTOR", 1.0)  # never further than EM's own steps
    plain = dawid_skene(noisy(), smoothing=smoothing, tolerance=1e-12)
    assert ahead.converged
    assert plain.converged
    assert ahead.iterations <= 0.6 * plain.iterations
    assert ahead.confusions == pytest.approx(plain.confusions, abs=2e-4)
    assert ahead.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-8)


def test_more_steps_are_never_less_likely() -> None:
    found = [dawid_skene(noisy(), iterations_max=most) for most in range(1, 24)]
    rises = np.diff([inference.log_likelihood for inference in found])
    assert [inference.iterations for inference in found] == list(range(1, 24))
    assert (rises >= -1e-9 * abs(found[0].log_likelihood)).all()


def test_an_annotator_or_unit_without_labels_does_no_harm() -> None:
    index = np.array([0, 1, 0, 1], dtype=np.int32)
    labels = np.array([0, 1, 0, 1], dtype=np.int32)
    annotators = np.array([0, 0, 1, 1], dtype=np.int32)
    found = dawid_skene(Responses(index, annotators, labels, unit_count=3, annotator_count=3, class_count=2))
    assert found.posteriors[:2].argmax(axis=1).tolist() == [0, 1]
    assert found.posteriors[2] == pytest.approx(found.prior)
    assert np.isfinite(found.log_likelihood)


def test_one_class_is_certain() -> None:
    responses, _ = encode([("ann", 1, "x"), ("bob", 1, "x")])
    found = dawid_skene(responses)
    assert found.posteriors.tolist() == [[1.0]]
    assert found.log_likelihood == 0.0


@pytest.mark.parametrize("smoothing", [-0.1, float("nan"), [[1.0, -1.0], [0.0, 1.0]]])
def test_pseudo_counts_below_zero_are_refused(smoothing: float | list[list[float]]) -> None:
    responses, _ = encode([("ann", 1, "x"), ("bob", 1, "y")])
    with pytest.raises(ValueError, match="at least 0"):
        dawid_skene(responses, smoothing=smoothing)


def test_at_least_one_iteration_is_made() -> None:
    with pytest.raises(ValueError, match="one iteration"):
        dawid_skene(encode([("ann", 1, "x")])[0], iterations_max=0)


def test_the_crowds_prior_pulls_a_newcomer_to_the_crowd() -> None:
    crowd = crowd_prior(ConfusionCounts(((45, 5), (5, 45))))
    triples = [(who, unit, unit % 2) for who in "abcd" for unit in range(50)] + [("new", 0, 0)]
    found = dawid_skene(encode(triples)[0], smoothing=crowd)
    # of class 0 one label and two imagined ones, of class 1 the imagined ones alone
    assert np.diag(found.confusions[4]) == pytest.approx([(1 + crowd[0][0]) / 3, crowd[1][1] / 2], abs=1e-3)
