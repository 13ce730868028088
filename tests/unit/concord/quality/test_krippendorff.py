from itertools import permutations
from typing import Any, Literal

import numpy as np
import pytest

from concord.quality.krippendorff import alpha_linearised, krippendorff_alpha
from concord.quality.label_counts import LabelCounts, count_labels

# Krippendorff 2011, section C.
KRIPPENDORFF_C: list[list[Any]] = [
    [1, 1, None, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [None, 5, 5, 5],
    [None, None, 1, 1],
    [None, None, 3, None],
]


def by_definition(rows: list[list[Any]], distance: str) -> float | None:
    """Alpha from every pair of labels, as section C of the paper writes it out."""
    units = [[x for x in row if x is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    everything = [x for unit in units for x in unit]

    def delta(a: Any, b: Any) -> float:
        if distance == "ordinal":
            low, high = min(a, b), max(a, b)
            between = sum(low <= x <= high for x in everything)
            return float((between - (everything.count(a) + everything.count(b)) / 2) ** 2) if a != b else 0.0
        if distance == "ratio":
            return ((a - b) / (a + b)) ** 2 if a + b else 0.0
        return float(a != b) if distance == "nominal" else float((a - b) ** 2)

    observed = sum(delta(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2))
    expected = sum(delta(a, b) for a, b in permutations(everything, 2)) / max(len(everything) - 1, 1)
    return 1 - observed / expected if expected else None


@pytest.mark.parametrize("distance", ["nominal", "ordinal", "interval", "ratio"])
def test_the_jackknife_is_the_one_of_leaving_units_out_one_by_one(distance: Any) -> None:
    rows = [row for row in KRIPPENDORFF_C if sum(x is not None for x in row) > 1]
    estimate = krippendorff_alpha(count_labels(rows), distance)
    assert estimate.value == pytest.approx(by_definition(rows, distance), abs=1e-12)
    without = np.array([by_definition(rows[:i] + rows[i + 1 :], distance) for i in range(len(rows))])
    error = np.sqrt((len(rows) - 1) / len(rows) * ((without - without.mean()) ** 2).sum())
    assert estimate.low == pytest.approx(estimate.value - 2.2281388520 * error, abs=1e-9)  # t, 10 degrees of freedom


def test_any_function_of_two_labels_is_a_distance() -> None:
    counts = count_labels(KRIPPENDORFF_C)
    squared = krippendorff_alpha(counts, lambda a, b: (a - b) ** 2)
    interval = krippendorff_alpha(counts, "interval")
    assert squared.value == pytest.approx(interval.value, abs=1e-12)
    assert squared.low == pytest.approx(interval.low, abs=1e-12)


@pytest.mark.parametrize("answer", [-1.0, float("nan"), float("inf")])
def test_a_distance_that_is_none_is_refused(answer: float) -> None:
    with pytest.raises(ValueError, match="not zero or more"):
        krippendorff_alpha([[1, 1]], lambda _a, _b: answer)


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(ValueError, match="not known"):
        krippendorff_alpha([[1, 1]], "euclid")  # type: ignore[arg-type] # the fault under test


def test_labels_of_a_declared_scale_that_nobody_used_change_nothing() -> None:
    for distance in ("nominal", "ordinal", "interval", "ratio"):
        seen = krippendorff_alpha(count_labels(KRIPPENDORFF_C), distance)
        declared = krippendorff_alpha(count_labels(KRIPPENDORFF_C, [-9, 1, 2, 3, 4, 5, 6]), distance)
        assert (declared.value, declared.low, declared.units) == pytest.approx((seen.value, seen.low, 11), abs=1e-12)


def test_ratio_of_negative_labels_is_not_defined_and_of_zeros_is() -> None:
    assert "zero or more" in krippendorff_alpha(count_labels([[-1, 2], [2, 2]]), "ratio").reason
    zeros = krippendorff_alpha(count_labels([[0, 0], [0, 3], [3, 3]]), "ratio")
    assert zeros.value == pytest.approx(by_definition([[0, 0], [0, 3], [3, 3]], "ratio"))


@pytest.mark.parametrize("distance", ["interval", "ratio"])
def test_numeric_distances_of_text_are_not_defined(distance: Any) -> None:
    assert "numbers" in krippendorff_alpha(count_labels([["a", "b"], ["b", "b"]]), distance).reason


def test_text_is_ordinal_in_the_order_of_its_declared_scale() -> None:
    words = {1: "poor", 2: "fair", 3: "good", 4: "great", 5: "best", None: None}
    rows = [[words[x] for x in row] for row in KRIPPENDORFF_C]
    estimate = krippendorff_alpha(count_labels(rows, list(words.values())[:5]), "ordinal")
    assert estimate.value == pytest.approx(0.8153875038, abs=1e-10)


def test_when_one_unit_carries_all_variation_there_is_no_interval() -> None:
    estimate = krippendorff_alpha([[2, 0]] * 20 + [[1, 1]])
    assert estimate.value is not None
    assert estimate.low is estimate.high is None
    assert "one unit" in estimate.reason


@pytest.mark.parametrize("distance", ["nominal", "ordinal", "interval"])
def test_agreement_worse_than_chance_is_negative_and_cut_at_minus_one(distance: Any) -> None:
    estimate = krippendorff_alpha(count_labels([[0, 1], [1, 0], [0, 1]]), distance)
    assert estimate.value is not None
    assert estimate.value < 0
    assert estimate.low is None or estimate.low >= -1


def test_equal_fractions_agree_perfectly_in_spite_of_rounding() -> None:
    estimate = krippendorff_alpha(count_labels([[0.1, 0.1, 0.1], [0.7, 0.7, 0.7], [1e9 + 0.1] * 3]), "interval")
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.025 ** (1 / 3))


@pytest.mark.parametrize("distance", ["nominal", "ordinal", "interval", "ratio"])
def test_many_distinct_numbers_are_held_sparse_and_give_the_same(distance: Any) -> None:
    numbers = np.random.default_rng(4).integers(0, 90, size=(60, 3))
    rows = np.where(np.random.default_rng(5).random((60, 3)) < 0.5, numbers[:, :1], numbers).tolist()
    counts = count_labels(rows, range(90))
    dense = LabelCounts(counts.dense(), counts.labels, counts.times)
    assert counts.counts is not dense.counts
    sparse_estimate, dense_estimate = krippendorff_alpha(counts, distance), krippendorff_alpha(dense, distance)
    assert sparse_estimate.value == pytest.approx(by_definition(rows, distance), abs=1e-12)
    assert sparse_estimate.low == pytest.approx(dense_estimate.low, abs=1e-12)


def test_too_many_distinct_labels_for_a_table_of_pairs_say_so() -> None:
    counts = count_labels(np.arange(10_000.0).reshape(5000, 2))
    assert "too many to compare" in krippendorff_alpha(counts, "ratio").reason
    assert "too many to compare" in krippendorff_alpha(counts, lambda a, b: float(a != b)).reason
    assert krippendorff_alpha(counts, "interval").value is not None


def test_linearised_and_jackknife_intervals_agree_on_many_units() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(3, size=(2000, 1))
    rows = np.where(rng.random((2000, 4)) < 0.7, truth, rng.integers(3, size=(2000, 4)))
    counts = count_labels(rows)
    jackknife = krippendorff_alpha(counts)
    linearised = krippendorff_alpha(counts, interval="linearised")
    assert linearised.value == jackknife.value
    assert linearised.low == pytest.approx(jackknife.low, abs=1e-4)


def test_linearised_alpha_says_why_it_is_not_defined() -> None:
    assert alpha_linearised([[1, 0]]).reason
    assert alpha_linearised([[2, 0]]).reason
    assert alpha_linearised([[1, 1]]).standard_error is None
    assert "numbers" in alpha_linearised(count_labels([["a", "b"]]), "interval").reason


def test_the_jackknife_interval_covers_what_it_says() -> None:
    rng = np.random.default_rng(7)
    # Four annotators who know the label half the time and guess otherwise: alpha is 0.25 for even labels.
    covered = 0
    for _ in range(400):
        truth = rng.integers(3, size=(60, 1))
        rows = np.where(rng.random((60, 4)) < 0.5, truth, rng.integers(3, size=(60, 4)))
        estimate = krippendorff_alpha(count_labels(rows))
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0.25 <= estimate.high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize("unit", [1e308, 1e-300, 1.0])
@pytest.mark.parametrize("distance", ["interval", "ratio"])
def test_the_unit_of_numbers_changes_no_alpha(unit: float, distance: Literal["interval", "ratio"]) -> None:
    rows = [[1.0, 0.5], [0.25, 0.25], [1.0, 1.0], [0.0, 0.5]]
    scaled = krippendorff_alpha(count_labels([[label * unit for label in row] for row in rows]), distance)
    plain = krippendorff_alpha(count_labels(rows), distance)
    assert scaled.value == pytest.approx(plain.value)
    assert scaled.low == pytest.approx(plain.low)


def test_an_integer_that_no_float_holds_leaves_alpha_undefined_with_the_reason() -> None:
    assert (
        "needs labels that are numbers" in krippendorff_alpha(count_labels([[10**400, 1], [1, 1]]), "interval").reason
    )
