"""What an audit policy comes to, as it is drawn."""

import msgspec
import pytest

from concord.quality.iso_2859 import Inspection
from services.audit.domain.verdict import Terms, plan_for
from workbench.plans import LINE_POINTS_MAX, PlanWish, plan_of

WISH = PlanWish("sequential", 0.05, 0.01, 0.05, 0.05, 0.10, 500)


@pytest.mark.parametrize("kind", ["sequential", "single"])
def test_the_lines_are_those_by_which_audit_decides(kind: str) -> None:
    wish = msgspec.structs.replace(WISH, plan=kind)
    plan, decides = plan_of(wish), plan_for(kind, 0.05, 0.01, 0.05, 0.05, 0.10, 500)  # type: ignore[arg-type]  # one of its kinds
    bounds = decides.bounds()
    assert plan.sample_max == decides.sample_size
    assert plan.accept_at == [bounds.accept_at[n] for n in plan.inspected]
    assert plan.reject_at == [bounds.reject_at[n] for n in plan.inspected]


@pytest.mark.parametrize(
    ("fraction", "aql", "lot_units", "size", "accept_max"),
    [(0.05, 0.01, 500, 25, 0), (0.07, 0.05, 100, 7, 0), (1.0, 0.29, 100, 100, 29), (0.05, 0.01, 5, 1, 0)],
)
def test_a_percentage_is_judged_at_its_end(
    fraction: float, aql: float, lot_units: int, size: int, accept_max: int
) -> None:
    """Of numbers that are no binary fractions, too: 7 of 100 are seven, and 29 of 100 wrong are within .29."""
    plan = plan_of(msgspec.structs.replace(WISH, plan="fraction", fraction=fraction, aql=aql, lot_units=lot_units))
    decides = plan_for("fraction", fraction, aql, 0.5, 0.05, 0.10, lot_units)
    assert (plan.sample_max, plan.accept_at[-1]) == (decides.sample_size, decides.accept_max) == (size, accept_max)


@pytest.mark.parametrize("inspection", ["normal", "tightened", "reduced"])
@pytest.mark.parametrize("lot_units", [1, 2, 20, 500, 5_000])
def test_a_plan_of_the_standard_is_the_one_by_which_audit_decides(inspection: Inspection, lot_units: int) -> None:
    series = Terms("I", inspection)
    decides = plan_for("iso_2859_1", 0.05, 0.01, 0.05, 0.05, 0.10, lot_units, series)
    wish = msgspec.structs.replace(WISH, plan="iso_2859_1", level="I", inspection=inspection, lot_units=lot_units)
    plan = plan_of(wish)
    assert (plan.sample_max, plan.accept_at[-1]) == (decides.sample_size, decides.accept_max)
    assert plan.reject_at[-1] == decides.accept_max + 1


def test_a_sequential_plan_costs_less_than_its_most_where_the_lot_is_good() -> None:
    plan = plan_of(WISH)
    assert 40 < plan.mean_at_aql < plan.sample_max


def test_a_long_plan_is_told_at_few_points_the_last_among_them() -> None:
    plan = plan_of(msgspec.structs.replace(WISH, plan="single", ltpd=0.02, lot_units=5_000))
    assert len(plan.inspected) <= LINE_POINTS_MAX + 1
    assert plan.inspected[-1] == plan.sample_max


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0001},
        {"ltpd": 0.012},
        {"lot_units": 0},
        {"lot_units": 1_000_000},
        {"aql": 0.9},
        {"plan": "iso_2859_1", "aql": 0.011},
        {"plan": "iso_2859_1", "level": "IV"},
        {"plan": "iso_2859_1", "inspection": "odd"},
    ],
)
def test_what_would_be_no_plan_or_cost_too_much_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        plan_of(msgspec.structs.replace(WISH, **changes))
