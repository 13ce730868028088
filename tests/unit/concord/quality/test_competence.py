import pytest
from scipy.stats import beta

from concord.quality.competence import (
    ConfusionCounts,
    accuracy,
    accuracy_lower_bound,
    class_prior,
    confusion_matrix,
    crowd_prior,
    expected_accuracy,
    gold_units_to_pass,
)


def test_accuracy_is_the_mean_and_the_quantiles_of_the_beta_posterior() -> None:
    estimate = accuracy(correct=17, units=20, confidence=0.9, prior=(2.0, 1.0))
    assert estimate.value == pytest.approx(19 / 23)
    assert (estimate.low, estimate.high) == pytest.approx(beta(19, 4).ppf([0.05, 0.95]))
    assert estimate.units == 20


def test_without_gold_nothing_is_known() -> None:
    estimate = accuracy(0, 0)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.5, 0.025, 0.975))


@pytest.mark.parametrize(("correct", "units"), [(3, 2), (-1, 4)])
def test_impossible_counts_are_refused(correct: int, units: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        accuracy(correct, units)


@pytest.mark.parametrize(("correct", "units"), [(0, 0), (9, 10), (15, 20), (3, 8)])
def test_so_many_more_right_answers_pass_and_one_fewer_does_not(correct: int, units: int) -> None:
    more = gold_units_to_pass(correct, units, pass_accuracy=0.8)
    assert more is not None
    assert accuracy_lower_bound(correct + more, units + more) >= 0.8
    assert accuracy_lower_bound(correct + more - 1, units + more - 1) < 0.8


def test_who_is_over_the_bar_needs_no_more_gold() -> None:
    assert gold_units_to_pass(30, 30, pass_accuracy=0.8) == 0


def test_who_stays_under_the_bar_never_passes() -> None:
    assert gold_units_to_pass(7, 10, pass_accuracy=0.8, accuracy_from_now=0.79) is None


def test_who_is_a_little_over_the_bar_needs_many_more() -> None:
    more = gold_units_to_pass(0, 0, pass_accuracy=0.8, accuracy_from_now=0.85)
    assert more is not None
    assert 100 < more < 300


def test_bar_outside_the_open_unit_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        gold_units_to_pass(1, 1, pass_accuracy=1.0)


def test_observing_adds_one_to_one_cell_only() -> None:
    counts = ConfusionCounts.empty(3).observed(gold=1, reported=2)
    assert counts.counts == ((0, 0, 0), (0, 0, 1), (0, 0, 0))
    assert (counts.units, counts.correct) == (1, 0)


@pytest.mark.parametrize(("gold", "reported"), [(-1, 0), (0, 2)])
def test_classes_outside_the_matrix_are_refused(gold: int, reported: int) -> None:
    with pytest.raises(IndexError):
        ConfusionCounts.empty(2).observed(gold, reported)


def test_a_newcomer_is_as_good_as_the_crowd() -> None:
    crowd = ConfusionCounts(((35, 5), (5, 35)))
    newcomer = confusion_matrix(ConfusionCounts.empty(2), crowd_prior(crowd))
    assert newcomer[0][0] == newcomer[1][1] == pytest.approx(71 / 82)


def test_own_gold_outweighs_the_crowd() -> None:
    prior = crowd_prior(ConfusionCounts(((80, 20), (20, 80))))
    spammer = confusion_matrix(ConfusionCounts(((50, 50), (50, 50))), prior)
    assert spammer[0] == pytest.approx((0.5, 0.5), abs=0.02)


def test_no_entry_is_zero_and_rows_sum_to_one() -> None:
    matrix = confusion_matrix(ConfusionCounts(((9, 0, 0), (0, 0, 0), (1, 0, 5))), crowd_prior(ConfusionCounts.empty(3)))
    assert min(map(min, matrix)) > 0.0
    assert [sum(row) for row in matrix] == pytest.approx([1.0, 1.0, 1.0])


def test_one_class_has_no_confusions() -> None:
    with pytest.raises(ValueError, match="one class"):
        crowd_prior(ConfusionCounts.empty(1))


def test_prior_without_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="strength"):
        crowd_prior(ConfusionCounts.empty(2), strength=0.0)


def test_no_class_is_held_to_be_impossible() -> None:
    assert class_prior((9, 0)) == pytest.approx((10 / 11, 1 / 11))


def test_expected_accuracy_weighs_classes_by_their_share() -> None:
    assert expected_accuracy(((0.9, 0.1), (0.5, 0.5)), (0.75, 0.25)) == pytest.approx(0.8)
