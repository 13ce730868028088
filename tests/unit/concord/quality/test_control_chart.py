import numpy as np
import pytest

from concord.quality.control_chart import (
    BernoulliCusum,
    Cusum,
    CusumState,
    bernoulli_reference,
    cusum_trace,
    ewma_trace,
    shewhart_trace,
)

# Montgomery, table 9.1: mean 10 for 20 observations, then 11.
MONTGOMERY = [
    *(9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08),
    *(9.37, 10.62, 10.31, 8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31, 10.52),
]


def test_montgomery_cusum_signals_at_29_and_dates_the_change() -> None:
    chart = Cusum(target=10, sigma=1, k=0.5, h=5)
    trace = cusum_trace(chart, MONTGOMERY)
    assert trace.first_signal == 28
    assert trace.at_signal is not None
    assert trace.at_signal.upper == pytest.approx(5.28)
    assert trace.at_signal.upper_run == 7
    assert chart.estimated_mean(trace.at_signal) == pytest.approx(10 + 0.5 + 5.28 / 7)


def test_falling_mean_is_estimated_below_target() -> None:
    chart = Cusum(target=0, sigma=2, h=2)
    trace = cusum_trace(chart, [-4.0, -4.0, -4.0])
    assert trace.first_signal == 1
    assert trace.at_signal is not None
    assert chart.estimated_mean(trace.at_signal) == pytest.approx(-4.0)
    assert chart.estimated_mean(CusumState()) is None


def test_head_start_signals_earlier() -> None:
    shifted = np.full(20, 1.5)
    slow = cusum_trace(Cusum(0, 1, h=5), shifted).first_signal
    fast = cusum_trace(Cusum(0, 1, h=5, headstart=2.5), shifted).first_signal
    assert fast is not None
    assert slow is not None
    assert fast < slow


def test_ewma_limits_widen_to_the_asymptotic_ones() -> None:
    exact = ewma_trace(MONTGOMERY, 10, 1, 0.1, 2.7)
    fixed = ewma_trace(MONTGOMERY, 10, 1, 0.1, 2.7, exact_limits=False)
    assert exact.values[[0, 22, 28]] == pytest.approx([9.945, 10.2495, 10.6468], abs=1e-4)  # table 9.10
    assert exact.first_signal == 28
    assert exact.upper_limits[0] == pytest.approx(10.27)
    assert np.all(np.diff(exact.upper_limits) > 0)
    assert np.all(exact.upper_limits < fixed.upper_limits)
    assert fixed.upper_limits[0] == pytest.approx(10.62, abs=0.005)


def test_weight_one_is_a_shewhart_chart() -> None:
    ewma, shewhart = ewma_trace(MONTGOMERY, 10, 1, 1.0, 2.0), shewhart_trace(MONTGOMERY, 10, 1, 2.0)
    assert ewma.values == pytest.approx(shewhart.values)
    assert ewma.upper_limits == pytest.approx(shewhart.upper_limits)
    assert ewma.first_signal == shewhart.first_signal == 1


def test_quiet_series_gives_no_signal() -> None:
    assert shewhart_trace([0.0, 1.0], 0, 1).first_signal is None
    assert cusum_trace(Cusum(0, 1), []).at_signal is None


def test_bernoulli_chart_counts_errors_against_the_reference() -> None:
    chart = BernoulliCusum(0.02, 0.05, h=1.5)
    gamma = bernoulli_reference(0.02, 0.05).gamma
    total = chart.update(chart.update(chart.start(), wrong=True), wrong=True)
    assert total == pytest.approx(2 - 2 * gamma)
    assert chart.signals(total)
    assert chart.update(0.0, wrong=False) == 0.0


def test_reference_lies_between_the_rates_either_way() -> None:
    for p0, p1 in ((0.02, 0.05), (0.3, 0.1)):
        assert min(p0, p1) < bernoulli_reference(p0, p1).gamma < max(p0, p1)


@pytest.mark.parametrize(
    "numbers", [{"sigma": 0}, {"h": 0}, {"k": -1}, {"headstart": 6}], ids=["sigma", "h", "k", "headstart"]
)
def test_charts_that_cannot_work_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Cusum(**{"target": 0.0, "sigma": 1.0, **numbers})


def test_rates_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="different rates"):
        bernoulli_reference(0.1, 0.1)
    with pytest.raises(ValueError, match="p0 < p1"):
        BernoulliCusum(0.2, 0.1, 3)
    with pytest.raises(ValueError, match="headstart"):
        BernoulliCusum(0.1, 0.2, 3, headstart=3)
    with pytest.raises(ValueError, match="weight"):
        ewma_trace([1.0], 0, 1, 0, 3)
    with pytest.raises(ValueError, match="sigma"):
        shewhart_trace([1.0], 0, 0)
