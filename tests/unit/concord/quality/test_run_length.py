import numpy as np
import pytest

from concord.quality import run_length as arl
from concord.quality.control_chart import BernoulliCusum, Cusum


def test_montgomery_table_of_cusum_run_lengths() -> None:
    shifts = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4]
    printed = [465, 139, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57, 2.01]  # table 9.3, h = 5
    assert arl.cusum_arl_two_sided(0.5, 5, shifts) == pytest.approx(printed, rel=0.005)


def test_lucas_and_crosier_head_start() -> None:
    assert arl.cusum_arl_two_sided(0.5, 5, [0, 1], headstart=2.5) == pytest.approx([430.3908, 6.34685], rel=1e-5)


def test_run_length_of_a_simulated_cusum() -> None:
    chart, generator = Cusum(0, 1, k=0.5, h=3), np.random.default_rng(5)
    lengths = []
    for _ in range(1500):
        state, length = chart.start(), 0
        while not chart.signals(state):
            state, length = chart.update(state, generator.normal(0.5)), length + 1
        lengths.append(length)
    expected = float(arl.cusum_arl_two_sided(0.5, 3, 0.5))
    assert np.mean(lengths) == pytest.approx(expected, abs=4 * np.std(lengths) / np.sqrt(1500))


@pytest.mark.parametrize("rate", [0.1, 0.25])
def test_run_length_of_a_simulated_bernoulli_cusum(rate: float) -> None:
    chart, generator = BernoulliCusum(0.1, 0.25, h=2.0), np.random.default_rng(6)
    lengths = []
    for _ in range(600):
        total, length = chart.start(), 0
        while not chart.signals(total):
            total, length = chart.update(total, wrong=bool(generator.random() < rate)), length + 1
        lengths.append(length)
    expected = float(arl.bernoulli_cusum_arl(0.1, 0.25, 2.0, rate))
    assert np.mean(lengths) == pytest.approx(expected, abs=4 * np.std(lengths) / np.sqrt(600))


@pytest.mark.parametrize(("weight", "width", "printed"), [(0.4, 3.054, 14.3), (0.2, 2.962, 10.5), (0.05, 2.615, 11.4)])
def test_lucas_and_saccucci_ewma(weight: float, width: float, printed: float) -> None:
    at_rest, moved = arl.ewma_arl_two_sided(weight, width, [0, 1])
    assert at_rest == pytest.approx(500, rel=0.002)
    assert moved == pytest.approx(printed, abs=0.06)


def test_weight_one_ewma_is_the_shewhart_run_length() -> None:
    shifts = np.array([0.0, 0.5, 2.0])
    assert arl.ewma_arl_two_sided(1.0, 3.0, shifts) == pytest.approx(arl.shewhart_arl(3.0, shifts), rel=1e-8)


@pytest.mark.parametrize(("k", "two_sided", "arl0"), [(0.5, True, 465.4), (0.25, True, 370), (1.0, False, 5000)])
def test_threshold_gives_the_wanted_run_length(k: float, two_sided: bool, arl0: float) -> None:
    h = arl.cusum_h_for_arl(k, arl0, two_sided=two_sided)
    run = arl.cusum_arl_two_sided if two_sided else arl.cusum_arl_one_sided
    assert float(run(k, h)) == pytest.approx(arl0, rel=1e-7)


def test_hawkins_thresholds_for_370() -> None:
    # Hawkins 1993, in Montgomery table 9.4.
    for k, printed in ((0.25, 8.01), (0.5, 4.77), (0.75, 3.34), (1.0, 2.52), (1.25, 1.99), (1.5, 1.61)):
        assert arl.cusum_h_for_arl(k, 370.4) == pytest.approx(printed, abs=0.006)


def test_bernoulli_threshold_is_the_smallest_that_does() -> None:
    h = arl.bernoulli_cusum_h_for_arl(0.05, 0.2, 500)
    assert float(arl.bernoulli_cusum_arl(0.05, 0.2, h)) >= 500
    assert float(arl.bernoulli_cusum_arl(0.05, 0.2, h - 0.01)) < 500


def test_uncertain_rates_share_the_wanted_frequency_of_signals() -> None:
    rates = [0.05, 0.10, 0.15]
    h = arl.bernoulli_cusum_h_for_arl(0.10, 0.30, 930, rates)
    frequency = np.mean(1 / arl.bernoulli_cusum_arl(0.10, 0.30, h, rates))
    assert 1 / frequency == pytest.approx(930, rel=0.1)
    assert h > arl.bernoulli_cusum_h_for_arl(0.10, 0.30, 930)


def test_run_lengths_no_limit_can_give_are_refused() -> None:
    with pytest.raises(ValueError, match="below what any limit"):
        arl.cusum_h_for_arl(0.5, 0.9)
    with pytest.raises(ValueError, match="more than one"):
        arl.shewhart_width_for_arl(1.0)
    with pytest.raises(ValueError, match="must hold"):
        arl.cusum_arl_one_sided(0.5, 0)
    with pytest.raises(ValueError, match="must hold"):
        arl.ewma_arl_two_sided(0, 3)


@pytest.mark.parametrize(
    ("p0", "p1", "h", "simulated"),
    [
        (0.005, 0.01, 3.0, 5_032),
        (0.003, 0.006, 3.0, 7_327),
        (0.001, 0.003, 2.0, 11_082),
        (0.0001, 0.0003, 2.0, 108_238),
    ],
)
def test_run_lengths_of_bernoulli_cusums_at_small_rates_are_those_simulated(
    p0: float, p1: float, h: float, simulated: float
) -> None:
    # 300 simulated runs each: twice their standard error is about 12 %.
    assert float(arl.bernoulli_cusum_arl(p0, p1, h)) == pytest.approx(simulated, rel=0.15)
