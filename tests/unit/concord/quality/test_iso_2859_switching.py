from collections.abc import Iterable

import pytest

from concord.quality.iso_2859 import standard_plan
from concord.quality.iso_2859_switching import SwitchingState, after_lot, resume


def run(state: SwitchingState, errors: Iterable[int], aql: float = 1.0, *, allowed: bool = True) -> SwitchingState:
    for count in errors:
        plan = standard_plan(1000, aql, inspection=state.inspection)
        state = after_lot(state, plan, aql, count, reduction_allowed=allowed)
    return state


def test_two_of_five_rejected_tighten() -> None:
    assert run(SwitchingState(), [9, 0, 0, 0]).inspection == "normal"
    assert run(SwitchingState(), [9, 0, 0, 0, 9]).inspection == "tightened"


def test_two_of_six_rejected_do_not_tighten() -> None:
    assert run(SwitchingState(), [9, 0, 0, 0, 0, 9]).inspection == "normal"


def test_five_accepted_in_a_row_relax() -> None:
    tightened = SwitchingState("tightened")
    assert run(tightened, [0, 0, 0, 0]).inspection == "tightened"
    assert run(tightened, [0, 0, 9, 0, 0, 0, 0]).inspection == "tightened"
    assert run(tightened, [0, 0, 9, 0, 0, 0, 0, 0]) == SwitchingState("normal")


def test_fifth_rejected_on_tightened_discontinues() -> None:
    state = run(SwitchingState("tightened"), [9, 0, 9, 9, 0, 9])
    assert not state.discontinued
    state = run(state, [9])
    assert state.discontinued
    with pytest.raises(ValueError, match="discontinued"):
        run(state, [0])
    assert resume(state) == SwitchingState("tightened")


def test_score_of_thirty_reduces() -> None:
    # J, AQL 1.0: Ac 2; one step tighter Ac 1, so a lot with at most 1 error scores 3.
    assert run(SwitchingState(), [1] * 9) == SwitchingState("normal", (True,) * 5, score=27)
    assert run(SwitchingState(), [1] * 10).inspection == "reduced"


def test_score_of_small_plans_grows_by_two() -> None:
    # J, AQL .65: Ac 1.
    assert run(SwitchingState(), [1] * 14, aql=0.65).score == 28
    assert run(SwitchingState(), [1] * 15, aql=0.65).inspection == "reduced"


def test_score_starts_again_at_a_lot_that_barely_passes() -> None:
    assert run(SwitchingState(), [0] * 9 + [2]).score == 0


def test_reduction_needs_leave() -> None:
    state = run(SwitchingState(), [0] * 12, allowed=False)
    assert state.inspection == "normal"
    assert run(state, [0]).inspection == "reduced"


@pytest.mark.parametrize(("errors", "allowed"), [(9, True), (0, False)])
def test_reduced_falls_back_to_normal(errors: int, allowed: bool) -> None:
    assert run(SwitchingState("reduced"), [0, 0]).inspection == "reduced"
    assert run(SwitchingState("reduced"), [errors], allowed=allowed) == SwitchingState("normal")


def test_only_a_discontinued_series_is_resumed() -> None:
    with pytest.raises(ValueError, match="not discontinued"):
        resume(SwitchingState())
