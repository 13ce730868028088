from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.quality import iso_2859, iso_2859_switching
from concord.quality import sequential_plan as sequential_module
from concord.quality.acceptance import (
    Bounds,
    Guarantee,
    PlanImpossible,
    PlanRefused,
    find_double_plan,
    find_single_plan,
    sequential_plan,
    stopping_law,
)
from concord.quality.operating_characteristic import oc_binomial, quality_at_acceptance
from concord.quality.stopping_law import StoppingLaw


@st.composite
def guarantees(draw: st.DrawFn) -> Guarantee:
    aql = draw(st.floats(0.005, 0.15))
    ltpd = min(0.9, aql * draw(st.floats(2.5, 8)))
    lot_size = draw(st.one_of(st.none(), st.integers(1, 600)))
    return Guarantee(aql, draw(st.floats(0.02, 0.2)), ltpd, draw(st.floats(0.02, 0.2)), lot_size)


@given(guarantees())
@settings(max_examples=8)
def test_sequential_plans_keep_both_risks_and_fall_with_the_rate(guarantee: Guarantee) -> None:
    plan = sequential_plan(guarantee)
    producer, consumer = plan.risks()
    assert producer <= guarantee.alpha + 1e-9
    assert consumer <= guarantee.beta + 1e-9
    assert plan.inspected_max <= 2 * find_single_plan(guarantee).sample_size
    law = stopping_law(plan.bounds())
    accepted = law.accept_probability(law.at_rate(np.linspace(0, 1, 40)))
    assert np.all(np.diff(accepted) <= 1e-9)
    assert accepted[0] == 1
    assert accepted[-1] <= 1e-12


@st.composite
def offered(draw: st.DrawFn) -> tuple[float, float, float, float, int]:
    """Return anything that a project's policy may ask for: rates, risks and a lot size, at the ends of each too."""
    aql = draw(st.floats(0.0001, 0.5) | st.sampled_from([0.0001, 0.5]))
    risk = st.floats(0.0001, 0.5) | st.sampled_from([0.0001, 0.5])
    ltpd = draw(st.floats(aql, 1) | st.floats(1e-12, 1e-3).map(lambda apart: aql + apart))
    return aql, draw(risk), ltpd, draw(risk), draw(st.integers(1, 5_000) | st.sampled_from([1, 2, 5_000]))


def _made(numbers: tuple[float, float, float, float, int]) -> Guarantee | PlanRefused:
    try:
        return Guarantee(*numbers)
    except PlanImpossible as refusal:
        return refusal


@given(offered())
@settings(max_examples=25)
def test_whatever_a_guarantee_takes_is_planned_and_keeps_both_risks(
    numbers: tuple[float, float, float, float, int],
) -> None:
    guarantee = _made(numbers)
    if isinstance(guarantee, PlanRefused):
        assert guarantee.field in ("ltpd", "beta")
        assert guarantee.cure.startswith("send")
        return
    plan = sequential_plan(guarantee)
    assert plan.inspected_max <= 2 * find_single_plan(guarantee).sample_size
    assert plan.bounds().inspected_max == plan.inspected_max
    producer, consumer = plan.risks()
    assert producer <= guarantee.alpha + 1e-9
    assert consumer <= guarantee.beta + 1e-9
    with suppress(PlanRefused):
        assert find_double_plan(guarantee).inspected_max <= (guarantee.lot_size or 0)


@pytest.mark.parametrize(
    "numbers", [(0.45, 0.05, 0.46, 0.05, 5000), (0.45, 0.0001, 0.4502, 0.0001, 5000), (0.05, 0.01, 0.07, 0.01, 5000)]
)
def test_dear_policies_are_planned_by_few_looks_at_the_law(
    numbers: tuple[float, float, float, float, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Bounds] = []

    def counted(bounds: Bounds) -> StoppingLaw:
        looks.append(bounds)
        return stopping_law(bounds)

    monkeypatch.setattr(sequential_module, "stopping_law", counted)
    sequential_module.sequential_plan.cache_clear()
    plan = sequential_plan(Guarantee(*numbers))
    assert len(looks) <= 2
    assert plan.guarantee.lot_size == 5000


@given(st.integers(1, 400), st.integers(0, 20), st.floats(0.001, 0.999))
def test_quality_at_acceptance_is_the_inverse(n: int, c: int, pa: float) -> None:
    if c < n:
        assert abs(float(oc_binomial(n, c, quality_at_acceptance(n, c, pa))) - pa) < 1e-8


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=120))
@settings(max_examples=60)
def test_switching_follows_the_history(lots: list[tuple[int, bool]]) -> None:
    state = iso_2859_switching.SwitchingState()
    since_switch: list[bool] = []
    for errors, allowed in lots:
        before = state
        plan = iso_2859.standard_plan(1000, 1.0, inspection=state.inspection)
        state = iso_2859_switching.after_lot(state, plan, 1.0, errors, reduction_allowed=allowed)
        since_switch.append(errors <= plan.accept_max)
        if state.discontinued:
            assert since_switch.count(False) == 5
            state, since_switch = iso_2859_switching.resume(state), []
        elif state.inspection != before.inspection:
            moved = (before.inspection, state.inspection)
            if moved == ("normal", "tightened"):
                assert since_switch[-5:].count(False) == 2
            elif moved == ("tightened", "normal"):
                assert since_switch[-5:] == [True] * 5
            elif moved == ("normal", "reduced"):
                assert allowed
                assert all(since_switch[-10:])
            else:
                assert moved == ("reduced", "normal")
                assert not (since_switch[-1] and allowed)
            since_switch = []
