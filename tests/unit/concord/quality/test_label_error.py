import pytest

from concord.quality.intervals import clopper_pearson
from concord.quality.label_error import label_error_rate, label_error_rate_by_fallible_auditor


def test_lot_bound_is_tighter_than_the_process_bound() -> None:
    lot = label_error_rate(3, 80, lot_units=400)
    process = label_error_rate(3, 80)
    assert (lot.value, process.value) == pytest.approx((3 / 80, 3 / 80))
    assert (process.low, process.high) == (clopper_pearson(3, 80).low, clopper_pearson(3, 80).high)
    assert lot.low is not None
    assert process.low is not None
    assert lot.high is not None
    assert process.high is not None
    assert process.low < lot.low < lot.high < process.high


def test_full_inspection_leaves_no_doubt() -> None:
    estimate = label_error_rate(3, 100, lot_units=100)
    assert (estimate.low, estimate.value, estimate.high) == (0.03, 0.03, 0.03)


def test_zero_errors_in_59_still_allow_five_percent() -> None:
    assert label_error_rate(0, 59, upper_only=True).high == pytest.approx(0.05, abs=1e-3)


def test_nothing_audited_is_no_rate() -> None:
    estimate = label_error_rate(0, 0, lot_units=100)
    assert estimate.value is None
    assert estimate.reason


def test_more_wrong_than_audited_is_refused() -> None:
    with pytest.raises(ValueError, match="of 5"):
        label_error_rate(6, 5)


def test_an_auditor_without_errors_needs_no_correction() -> None:
    corrected = label_error_rate_by_fallible_auditor(4, 50, detection=1.0, false_alarm=0.0)
    assert (corrected.value, corrected.low, corrected.high) == pytest.approx(
        (0.08, clopper_pearson(4, 50).low, clopper_pearson(4, 50).high)
    )


def test_false_alarms_alone_are_no_label_errors() -> None:
    assert label_error_rate_by_fallible_auditor(5, 100, detection=0.9, false_alarm=0.06).value == 0.0
