import numpy as np
import pytest

from concord.quality.intraclass import FORMS, Form, intraclass_correlation, mean_squares

# Shrout & Fleiss 1979, table 2, and what pingouin 0.6.1 and R psych 2.3 print for it.
SIX_BY_FOUR: list[list[float | None]] = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]
PRINTED: dict[Form, tuple[float, float, float]] = {
    "ICC1": (0.1657, -0.1329, 0.7226),
    "ICC2": (0.2898, 0.0188, 0.7611),
    "ICC3": (0.7148, 0.3425, 0.9459),
    "ICC1k": (0.4428, -0.8844, 0.9124),
    "ICC2k": (0.6201, 0.0711, 0.9272),
    "ICC3k": (0.9093, 0.6757, 0.9859),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_published_example(form: Form) -> None:
    estimate = intraclass_correlation(SIX_BY_FOUR, form)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(PRINTED[form], abs=5e-5)


def test_the_analysis_of_variance_of_the_published_example() -> None:
    squares = mean_squares(np.array(SIX_BY_FOUR, dtype=float))
    printed = (11.24, 6.26, 32.49, 1.02)
    assert (squares.between, squares.within, squares.annotator, squares.residual) == pytest.approx(printed, abs=5e-3)


@pytest.mark.parametrize("form", FORMS)
def test_perfect_agreement_is_one_with_a_closed_interval(form: Form) -> None:
    estimate = intraclass_correlation([[0.1, 0.1, 0.1], [0.7, 0.7, 0.7], [0.3, 0.3, 0.3]], form)
    assert (estimate.low, estimate.value, estimate.high) == (1.0, 1.0, 1.0)


def test_an_annotator_who_is_off_by_a_constant_agrees_in_icc3_only() -> None:
    shifted = [[1, 3], [2, 4], [5, 7]]
    assert intraclass_correlation(shifted, "ICC3").value == pytest.approx(1.0)
    two = intraclass_correlation(shifted, "ICC2").value
    assert two is not None
    assert two < 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [[[1, 2]], [[1], [2]], [[1, None], [2, None]], [[3, 3], [3, 3]]])
def test_too_little_or_too_even_is_not_defined(form: Form, rows: list[list[float | None]]) -> None:
    estimate = intraclass_correlation(rows, form)
    assert estimate.value is None
    assert estimate.reason


def test_units_with_gaps_are_left_out_and_named() -> None:
    estimate = intraclass_correlation([*SIX_BY_FOUR, [1, None, 2, 3]], "ICC1")
    assert estimate.value == intraclass_correlation(SIX_BY_FOUR, "ICC1").value
    assert estimate.units == 6
    assert "1 units with gaps left out" in estimate.method


def test_units_that_do_not_differ_leave_the_mean_undefined_and_the_single_one_negative() -> None:
    rows = [[1, 2], [2, 1]]
    assert intraclass_correlation(rows, "ICC1").value == pytest.approx(-1.0)
    assert intraclass_correlation(rows, "ICC1k").value is None
    balanced = intraclass_correlation([[1, 0, -1], [0, -1, 1]], "ICC2")
    assert balanced.value == pytest.approx(-1.0)
    assert balanced.low is None
    assert "no lower end" in balanced.reason


def test_what_is_no_number_or_no_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form 'ICC4' is not known"):
        intraclass_correlation(SIX_BY_FOUR, "ICC4")  # type: ignore[arg-type] # the fault under test
    with pytest.raises(ValueError, match="could not convert"):
        intraclass_correlation([["a", "b"], ["b", "b"]])
    with pytest.raises(ValueError, match="units by annotators"):
        intraclass_correlation([1, 2, 3])  # type: ignore[list-item] # the fault under test
