import numpy as np
import pytest

from concord.quality.prevalence import corrected_prevalence, corrected_prevalence_from_gold, corrected_shares


def test_published_correction_of_a_blood_test() -> None:
    # Moujaber et al. 2008, the example of epiR's epi.prev: 0 (0 to 1.3) cases in 100
    estimate = corrected_prevalence(6, 151, sensitivity=0.964, specificity=0.927)
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high == pytest.approx(0.013, abs=5e-4)


def test_known_rates_are_inverted_exactly() -> None:
    reported = 0.3 * 0.9 + 0.7 * 0.2
    assert corrected_prevalence(round(reported * 1000), 1000, 0.9, 0.8).value == pytest.approx(0.3)


def test_guessing_says_nothing() -> None:
    estimate = corrected_prevalence(10, 20, sensitivity=0.4, specificity=0.6)
    assert estimate.value is None
    assert "chance" in estimate.reason


def test_rates_must_be_probabilities() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        corrected_prevalence(1, 2, sensitivity=1.1, specificity=0.9)


def test_estimated_rates_widen_the_interval_and_large_gold_sets_do_not() -> None:
    known = corrected_prevalence(300, 1000, 0.9, 0.95)
    few = corrected_prevalence_from_gold(300, 1000, (18, 20), (19, 20))
    many = corrected_prevalence_from_gold(300, 1000, (90_000, 100_000), (95_000, 100_000))
    assert few.value == pytest.approx(known.value)
    assert few.high is not None
    assert few.low is not None
    assert known.high is not None
    assert known.low is not None
    assert few.high - few.low > 1.5 * (known.high - known.low)
    assert (many.low, many.high) == pytest.approx((known.low, known.high), abs=3e-3)


@pytest.mark.parametrize("gold", [((0, 0), (5, 5)), ((5, 5), (0, 0)), ((1, 4), (2, 4))])
def test_gold_that_cannot_correct_is_said_to_be_so(gold: tuple[tuple[int, int], tuple[int, int]]) -> None:
    estimate = corrected_prevalence_from_gold(3, 10, *gold)
    assert estimate.value is None
    assert estimate.reason


def test_two_classes_agree_with_rogan_and_gladen() -> None:
    first, second = corrected_shares([300, 700], [[90, 10], [4, 76]])
    assert first.value == pytest.approx(corrected_prevalence(300, 1000, 0.9, 0.95).value)
    assert first.value is not None
    assert second.value == pytest.approx(1.0 - first.value)


def test_shares_that_cannot_be_are_moved_to_the_nearest_that_can() -> None:
    # no class at all would be reported so rarely as class 0, confusions alone give 10 of 100
    shares = [share.value for share in corrected_shares([2, 49, 49], [[80, 10, 10], [10, 80, 10], [10, 10, 80]])]
    assert shares == pytest.approx([0.0, 0.5, 0.5], abs=1e-6)


def test_intervals_cover_the_shares_of_simulated_populations() -> None:
    rng = np.random.default_rng(11)
    truth, confusion = np.array([0.5, 0.3, 0.2]), np.array([[0.8, 0.1, 0.1], [0.15, 0.7, 0.15], [0.05, 0.05, 0.9]])
    covered = np.zeros(3)
    for _ in range(400):
        gold = np.array([rng.multinomial(60, row) for row in confusion])
        shares = corrected_shares(rng.multinomial(500, truth @ confusion), gold)
        covered += [
            share.low is not None and share.high is not None and share.low <= p <= share.high
            for share, p in zip(shares, truth, strict=True)
        ]
    # nominal .95; four standard errors of 400 runs
    assert covered / 400 == pytest.approx(0.95, abs=0.044)


def test_classes_that_are_not_told_apart_have_no_shares() -> None:
    shares = corrected_shares([5, 5], [[5, 5], [5, 5]])
    assert [share.value for share in shares] == [None, None]
    assert "tell the classes apart" in shares[0].reason


def test_a_class_without_gold_leaves_all_undefined() -> None:
    assert {share.value for share in corrected_shares([5, 5], [[5, 0], [0, 0]])} == {None}


def test_counts_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="must be counts"):
        corrected_shares([1, 2, 3], [[1, 0], [0, 1]])
