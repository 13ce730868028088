"""What the checkers reckon anew agrees with what is known, and with the services where these are right."""

import math

import pytest

from concord.quality.acceptance import PlanRefused
from services.audit.domain.verdict import plan_for
from simulation.calibration import Settled, too_sure
from simulation.checkers.agreement import alpha
from simulation.checkers.plans import Plan, chance_of_acceptance, most_wrong_when_clean, risks_kept, verdict


def kept(kind: str, lot_units: int, aql: float, ltpd: float) -> tuple[Plan, object]:
    found = plan_for(kind, 0.5, aql, ltpd, 0.05, 0.10, lot_units)  # type: ignore[arg-type]  # one of its kinds
    numbers = {name: getattr(found, name) for name in Plan._fields}
    return Plan.of(numbers), found.bounds()


@pytest.mark.parametrize("kind", ["sequential", "single", "fraction"])
@pytest.mark.parametrize("lot_units", [1, 2, 7, 12, 40])
@pytest.mark.parametrize(("aql", "ltpd"), [(0.1, 0.4), (0.01, 0.05), (0.0001, 0.99)])
def test_a_plan_reckoned_anew_says_what_audits_own_table_says(
    kind: str, lot_units: int, aql: float, ltpd: float
) -> None:
    try:
        plan, bounds = kept(kind, lot_units, aql, ltpd)
    except PlanRefused:
        pytest.skip("nothing plans such a lot")
    reached = {(0, 0)}
    while reached:
        inspected, errors = reached.pop()
        for place in ((inspected + 1, errors), (inspected + 1, errors + 1)):
            early = kind == "fraction" and place[0] < plan.sample_size  # inspected to its end: audit looks up no table
            body = "continue" if early else bounds.decide(*place)  # type: ignore[attr-defined]  # the services' own
            assert verdict(plan, *place) == body, (plan, place)
            if body == "continue":
                reached.add(place)
    assert risks_kept(plan)


def test_a_plan_that_is_too_kind_does_not_keep_its_risks() -> None:
    plan, _ = kept("single", 40, 0.1, 0.4)
    kind = plan._replace(accept_max=plan.accept_max + 3)
    assert chance_of_acceptance(kind, kind.errors_bad) > chance_of_acceptance(plan, plan.errors_bad)
    assert not risks_kept(kind)


def test_a_clean_sample_leaves_room_for_so_many_wrong_units() -> None:
    # Of 10 units, 5 without error: with one wrong that happens half of the time, with 3 in 1 of 12, with 4 in 1 of 42.
    assert most_wrong_when_clean(10, 5, 0.1) == 2
    assert most_wrong_when_clean(10, 5, 0.025) == 3
    assert most_wrong_when_clean(10, 5, 0.02) == 4
    assert most_wrong_when_clean(10, 10, 0.025) == 0


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    # Two coders, ten units: Krippendorff 2011, section A, .095.
    first, second = "0100000000", "1110010010"
    found = alpha([list(pair) for pair in zip(first, second, strict=True)])
    assert found is not None
    assert math.isclose(found, 0.095, abs_tol=0.0005)
    assert alpha([[1.0, 1.0], [5.0, 5.0]]) == 1.0
    assert alpha([["yes", "yes"]]) is None


def test_a_crowd_that_is_too_sure_of_itself_is_told_and_an_honest_one_is_not() -> None:
    honest = [Settled(0.9, place % 10 != 0) for place in range(200)]
    boastful = [Settled(0.99, place % 4 != 0) for place in range(200)]
    assert list(too_sure([honest])) == []
    assert list(too_sure([boastful[:100], boastful[100:]])) != []
    assert list(too_sure([boastful[:10]])) == [], "ten units say nothing"
