import pytest

from concord.quality.truth import ImpossibleEvidenceError, UnitPosterior, latest_labels, majority, posterior

GOOD = ((0.9, 0.1), (0.2, 0.8))
COIN = ((0.5, 0.5), (0.5, 0.5))


def test_majority_names_the_winner_its_votes_and_its_margin() -> None:
    vote = majority(["b", "a", "b", "c"])
    assert vote.label == "b"
    assert vote.votes == {"b": 2, "a": 1, "c": 1}
    assert vote.margin == 0.25
    assert not vote.tied


def test_a_tie_is_shown_and_not_settled() -> None:
    vote = majority(["b", "a", "a", "b", "c"])
    assert vote.tied
    assert vote.leaders == ("b", "a")
    assert vote.label is None
    assert vote.margin == 0.0


def test_a_vote_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        majority([])


def test_the_last_label_of_an_annotator_is_the_one_that_votes() -> None:
    assert latest_labels([("ann", 1), ("bob", 2), ("ann", 2)]) == (2, 2)


def test_posterior_follows_bayes_rule() -> None:
    # odds 3:1 for class 0, times .9/.2 for a 0, times .1/.8 for a 1
    odds = 3.0 * (0.9 / 0.2) * (0.1 / 0.8)
    assert posterior([(GOOD, 0), (GOOD, 1)], (0.75, 0.25))[0] == pytest.approx(odds / (1 + odds), abs=1e-12)


def test_an_annotator_who_guesses_changes_nothing() -> None:
    assert posterior([(COIN, 0), (COIN, 1), (COIN, 1)], (0.7, 0.3)) == pytest.approx((0.7, 0.3), abs=1e-12)


def test_without_labels_the_posterior_is_the_prior() -> None:
    assert posterior([], (0.7, 0.2, 0.1)) == pytest.approx((0.7, 0.2, 0.1), abs=1e-12)


def test_thousands_of_labels_do_not_underflow() -> None:
    fair = ((0.9, 0.1), (0.1, 0.9))
    assert posterior([(fair, 0), (fair, 1)] * 3000, (0.5, 0.5)) == pytest.approx((0.5, 0.5), abs=1e-9)


def test_impossible_evidence_is_an_error_with_its_cure() -> None:
    sure = ((1.0, 0.0), (0.0, 1.0))
    with pytest.raises(ImpossibleEvidenceError, match="estimate confusion matrices with a prior"):
        posterior([(sure, 0), (sure, 1)], (0.5, 0.5))


def test_a_class_with_prior_zero_stays_impossible() -> None:
    assert posterior([(GOOD, 1)] * 50, (1.0, 0.0)) == (1.0, 0.0)


@pytest.mark.parametrize("label", [-1, 2])
def test_label_outside_the_classes_is_refused(label: int) -> None:
    with pytest.raises(IndexError):
        UnitPosterior.from_prior((0.5, 0.5)).after(GOOD, label)
