import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concord.quality import agreement
from concord.quality.estimate import Estimate
from concord.quality.label_counts import contingency, count_labels
from concord.quality.tally import AnnotationTally

DATA = Path(__file__).parents[3] / "data"

OF_COUNTS: list[Callable[..., Estimate]] = [
    agreement.percent_agreement,
    agreement.fleiss_kappa,
    agreement.randolph_kappa,
    agreement.gwet_ac1,
    agreement.gwet_ac2,
    agreement.krippendorff_alpha,
]


def real(name: str, read: Callable[[str], Any] = str) -> AnnotationTally:
    tally = AnnotationTally()
    with (DATA / name / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assignment = f"{row['item']} {row['annotator']}"
            tally.put(row["item"], assignment, row["annotator"], read(row["label"]))
    return tally


@pytest.mark.parametrize(
    ("name", "distance", "alpha", "digits"),
    [
        ("rte", "nominal", 0.24148, 5),
        ("weather_sentiment", "nominal", 0.5209, 4),
        ("person_video", "nominal", 0.79773, 5),
        ("wordsim", "nominal", 0.22193, 5),
        ("wordsim", "ordinal", 0.70076, 5),
        ("wordsim", "interval", 0.67008, 5),
    ],
)
def test_alpha_of_real_data(name: str, distance: Any, alpha: float, digits: int) -> None:
    counts = real(name, float if name == "wordsim" else str).labels.label_counts()
    estimate = agreement.krippendorff_alpha(counts, distance)
    assert estimate.value is not None
    assert round(estimate.value, digits) == alpha
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < alpha < estimate.high


@pytest.mark.parametrize("statistic", OF_COUNTS)
@pytest.mark.parametrize("rows", [[], [[]], [[None, None]], [["a"], ["b"]], [["a", None], [None, "b"]]])
def test_without_a_pair_it_is_not_defined(statistic: Callable[..., Estimate], rows: list[list[Any]]) -> None:
    estimate = statistic(count_labels(rows, ["a", "b"]))
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert estimate.reason == "no unit has two labels to compare"


@pytest.mark.parametrize("statistic", OF_COUNTS)
def test_an_empty_table_is_not_defined(statistic: Callable[..., Estimate]) -> None:
    assert statistic([]).value is None
    assert statistic(count_labels([])).value is None


@pytest.mark.parametrize("statistic", OF_COUNTS)
def test_perfect_agreement_is_one_and_the_fewer_units_show_it_the_less_certain(
    statistic: Callable[..., Estimate],
) -> None:
    few, many = statistic([[3, 0], [0, 3], [3, 0]]), statistic([[3, 0], [0, 3]] * 200)
    assert (few.value, few.high) == pytest.approx((1.0, 1.0))
    assert few.low == pytest.approx(1 - (1 - 0.025 ** (1 / 3)))
    assert many.low == pytest.approx(0.025 ** (1 / 400))
    assert few.units == 3


@pytest.mark.parametrize("statistic", OF_COUNTS)
def test_one_unit_has_a_value_at_most(statistic: Callable[..., Estimate]) -> None:
    estimate = statistic([[2, 1]])
    assert estimate.value is not None
    assert estimate.low is estimate.high is None
    assert "one unit" in estimate.reason


@pytest.mark.parametrize("statistic", [agreement.fleiss_kappa, agreement.krippendorff_alpha])
def test_one_label_only_leaves_chance_correction_undefined(statistic: Callable[..., Estimate]) -> None:
    estimate = statistic([[3, 0], [3, 0]])
    assert estimate.value is None
    assert "0/0" in estimate.reason


def test_one_label_of_a_declared_scale_is_still_agreement_for_gwet_and_randolph() -> None:
    assert agreement.gwet_ac1([[3, 0], [3, 0]]).value == 1.0
    assert agreement.randolph_kappa([[3, 0], [3, 0]]).value == 1.0


@pytest.mark.parametrize("statistic", [agreement.gwet_ac1, agreement.randolph_kappa])
def test_a_scale_of_one_label_asks_for_the_scale(statistic: Callable[..., Estimate]) -> None:
    assert "declare the scale" in statistic([[3], [3]]).reason


@pytest.mark.parametrize("statistic", OF_COUNTS)
@pytest.mark.parametrize("counts", [[[1, -1]], [[1, float("nan")]], [1, 2]])
def test_counts_that_cannot_be_are_refused(statistic: Callable[..., Estimate], counts: Any) -> None:
    with pytest.raises(ValueError, match="counts must be"):
        statistic(counts)


def test_percent_agreement_stays_within_zero_and_one() -> None:
    estimate = agreement.percent_agreement([[1, 1], [1, 1], [2, 0]])
    assert estimate.low == 0.0


def test_kappa_of_a_table_says_why_it_is_not_defined() -> None:
    for empty in ([[0, 0], [0, 0]], []):
        assert agreement.cohen_kappa(empty).reason == "no unit has two labels to compare"
        assert agreement.scott_pi(empty).reason == "no unit has two labels to compare"
    assert "0/0" in agreement.cohen_kappa([[9, 0], [0, 0]]).reason
    assert agreement.scott_pi([[9, 0], [0, 0]]).value is None
    assert agreement.cohen_kappa([[0, 9], [0, 0]]).value == 0.0


def test_perfect_kappa_is_one_and_eleven_units_are_no_certainty() -> None:
    for weights in ("identity", "linear", "quadratic"):
        estimate = agreement.cohen_kappa([[7, 0, 0], [0, 3, 0], [0, 0, 1]], weights)
        assert (estimate.value, estimate.high) == pytest.approx((1.0, 1.0))
        assert estimate.low == pytest.approx(0.025 ** (1 / 11))


@pytest.mark.parametrize("table", [[[1, 2, 3]], [1, 2], [[-1, 2], [0, 3]]])
def test_a_table_that_crosses_nothing_is_refused(table: Any) -> None:
    with pytest.raises(ValueError, match="table"):
        agreement.cohen_kappa(table)


def test_equal_scores_leave_weighted_kappa_undefined() -> None:
    assert agreement.cohen_kappa([[1, 2], [3, 4]], "linear", scores=[5, 5]).value is None
    assert agreement.cohen_kappa_disagreement([[1, 2], [3, 4]], [[0, 0], [0, 0]]).value is None


def test_the_declared_scale_changes_weighted_kappa_and_not_the_plain_one() -> None:
    a, b = [1, 5, 5, 5, 2], [1, 5, 2, 5, 2]
    seen, declared = contingency(a, b)[0], contingency(a, b, [1, 2, 3, 4, 5])[0]
    for table in (seen, declared):
        assert agreement.cohen_kappa(table).value == pytest.approx(11 / 16)
    assert agreement.cohen_kappa(seen, "linear").value == pytest.approx(16 / 21)  # 2 and 5 are neighbours
    assert agreement.cohen_kappa(declared, "linear").value == pytest.approx(32 / 47)  # 2 and 5 are three apart


def test_conger_needs_two_annotators() -> None:
    assert agreement.conger_kappa([["a", None], ["b", None]]).reason == "fewer than two annotators gave labels"
    assert agreement.conger_kappa([[None, None]]).value is None


def test_congers_weights_go_by_the_declared_scale_and_for_two_are_cohens() -> None:
    low, high = ["low", "high", "high", "mid", "low", "low"], ["low", "high", "mid", "mid", "high", "low"]
    rows, scale = list(zip(low, high, strict=True)), ["low", "mid", "high", "highest"]
    table = contingency(low, high, scale)[0]
    for weights in ("identity", "linear", "quadratic"):
        wanted = agreement.cohen_kappa(table, weights)
        assert agreement.conger_kappa(rows, weights, scale=scale).value == pytest.approx(wanted.value)
    by_letters = agreement.conger_kappa(rows, "quadratic")
    assert by_letters.value != pytest.approx(agreement.cohen_kappa(table, "quadratic").value, abs=0.01)
    with pytest.raises(ValueError, match="'low' is not on the declared scale"):
        agreement.conger_kappa(rows, scale=["mid", "high"])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        agreement.fleiss_kappa([[2, 0], [1, 1]], confidence=confidence)
    with pytest.raises(ValueError, match="confidence"):
        agreement.cohen_kappa([[2, 1], [1, 1]], confidence=confidence)


def test_kappa_warns_of_prevalence_in_a_sentence() -> None:
    gwet_2008 = [[2, 0]] * 118 + [[1, 1]] * 7
    text = agreement.kappa_warning(gwet_2008)
    assert text == (
        "97 % of the labels are 0, so kappa (-0.03) misleads: annotators agree on 94 % of pairs and AC1 is 0.94."
    )


def test_kappa_warns_when_it_is_not_defined() -> None:
    assert "not defined although annotators agree on 100 % of pairs" in agreement.kappa_warning([[2, 0], [2, 0]])


@pytest.mark.parametrize(
    "counts",
    [
        [[2, 0]] * 5 + [[1, 1]] * 4 + [[0, 2]] * 5,  # balanced
        [[2, 0]] * 90 + [[0, 2]] * 10,  # one label prevails and kappa is 1
        [[1, 0], [0, 1]],  # nothing to compare
        [],
    ],
)
def test_kappa_is_taken_at_its_word_otherwise(counts: Any) -> None:
    assert agreement.kappa_warning(counts) == ""


def test_the_prevalence_index_of_two_labels_is_their_difference() -> None:
    assert agreement.prevalence_index([[2, 0]] * 9 + [[0, 2]]) == pytest.approx(0.8)
    assert agreement.prevalence_index([[2], [2]]) is None
    assert agreement.prevalence_index([[0, 0]]) is None


def test_missing_is_none_or_not_a_number_and_a_label_off_the_scale_is_named() -> None:
    assert count_labels([[1, None, float("nan")]]).counts.tolist() == [[1.0]]
    assert count_labels(np.array([[1.0, np.nan], [2.0, 2.0]])).labels == (1.0, 2.0)
    with pytest.raises(ValueError, match="unit 1: label 'c' is not on the declared scale"):
        count_labels([["a"], ["c"]], ["a", "b"])
    with pytest.raises(ValueError, match="twice"):
        count_labels([["a"]], ["a", "a"])
