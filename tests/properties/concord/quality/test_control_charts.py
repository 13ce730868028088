import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality.control_chart import BernoulliCusum, Cusum, CusumState, bernoulli_reference, ewma_trace
from concord.quality.fatigue import GoldBaseline, Session, after_unit, fatigue
from concord.quality.run_length import cusum_arl_one_sided

VALUES = st.lists(st.floats(-50, 50), max_size=60)


@given(VALUES, VALUES)
def test_a_stored_chart_goes_on_as_if_never_stopped(before: list[float], after: list[float]) -> None:
    chart = Cusum(target=0, sigma=2, k=0.5, h=4)
    whole = chart.start()
    for x in before + after:
        whole = chart.update(whole, x)
    half = chart.start()
    for x in before:
        half = chart.update(half, x)
    half = CusumState(half.upper, half.lower, half.upper_run, half.lower_run)
    for x in after:
        half = chart.update(half, x)
    assert half == whole


@given(VALUES)
def test_cusum_is_the_excursion_above_its_lowest_point(values: list[float]) -> None:
    chart = Cusum(target=0, sigma=1, k=0.5)
    state, walk, low = chart.start(), 0.0, 0.0
    for x in values:
        state = chart.update(state, x)
        walk += x - 0.5
        low = min(low, walk)
    assert state.upper == pytest.approx(walk - low, abs=1e-8)


@given(VALUES)
def test_sides_mirror_each_other(values: list[float]) -> None:
    chart = Cusum(target=0, sigma=1)
    state = mirrored = chart.start()
    for x in values:
        state, mirrored = chart.update(state, x), chart.update(mirrored, -x)
    assert (state.upper, state.upper_run) == (mirrored.lower, mirrored.lower_run)


@given(st.floats(0.1, 1.5), st.floats(0.5, 8), st.floats(0, 3))
@settings(max_examples=30)
def test_larger_shifts_are_found_sooner_and_wider_limits_later(k: float, h: float, shift: float) -> None:
    here = float(cusum_arl_one_sided(k, h, shift))
    assert here >= 1
    assert float(cusum_arl_one_sided(k, h, shift + 0.5)) < here
    assert float(cusum_arl_one_sided(k, h + 0.5, shift)) > here


@given(st.floats(0.01, 0.4), st.floats(0.05, 0.5), st.lists(st.booleans(), max_size=80))
def test_bernoulli_cusum_is_the_likelihood_ratio_since_the_change(p0: float, rise: float, wrong: list[bool]) -> None:
    chart = BernoulliCusum(p0, p0 + rise, h=4)
    gamma = bernoulli_reference(p0, p0 + rise).gamma
    total = chart.start()
    for each in wrong:
        total = chart.update(total, wrong=each)
    tails = [sum(wrong[at:]) - gamma * (len(wrong) - at) for at in range(len(wrong) + 1)]
    assert total == pytest.approx(max(tails), abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(0.05, 1))
def test_ewma_stays_between_the_extremes(values: list[float], weight: float) -> None:
    trace = ewma_trace(values, 0, 1, weight, 3)
    assert trace.values.max() <= max(*values, 0) + 1e-9
    assert trace.values.min() >= min(*values, 0) - 1e-9


@given(st.lists(st.floats(0.5, 3000), min_size=1, max_size=120))
def test_times_that_never_rise_never_alarm(times: list[float]) -> None:
    session = Session(GoldBaseline(3, 40))
    for seconds in sorted(times, reverse=True):
        session = after_unit(session, seconds=seconds, wrong=False)
        assert not fatigue(session).alarm


@given(st.lists(st.floats(0.5, 3000), min_size=1, max_size=80))
def test_fatigue_does_not_depend_on_the_unit_of_time(times: list[float]) -> None:
    plain = doubled = Session()
    for seconds in times:
        plain, doubled = after_unit(plain, seconds=seconds), after_unit(doubled, seconds=2 * seconds)
    assert doubled.slow_sum == plain.slow_sum
