"""What a verdict costs does not grow with its lot."""

import gc
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain import place
from services.audit.domain.lot import LOOK_AHEAD_UNITS, LotState, decided, progress
from services.audit.domain.place import OpenLot
from services.audit.domain.unit import Evidence, Inspection, UnitState
from services.audit.domain.verdict import Plan, plan_for


class Counted(dict[str, bool]):
    """Verdicts that count how often they are looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


def plan(units: int) -> Plan:
    return plan_for("sequential", 0.05, 0.01, 0.05, 0.05, 0.10, units)


def lot(units: int, status: Any = "inspecting_all") -> OpenLot:
    ids = tuple(f"u{number:05d}" for number in range(units))
    made = plan(units)
    found = OpenLot(LotState("l1", "k1-p", ids, status, plan=made, order=tuple(reversed(range(units)))))
    found.bounds = made.bounds()
    return found


@pytest.mark.parametrize("units", [100, 5_000])
def test_a_verdict_looks_at_two_units_in_a_lot_of_any_size(units: int) -> None:
    here = lot(units)
    here.found = Counted()
    for unit_id in here.sample[:90]:
        before = here.found.looks
        here.found_right(unit_id, True)
        assert here.progress().verdict == "continue"
        assert here.found.looks - before <= 3
    assert here.progress().inspected == 90


@pytest.mark.parametrize("units", [100, 5_000])
def test_what_stands_in_the_sample_is_known_without_walking_it(units: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here, walked = lot(units), []
    honest = LotState.in_order

    def walking(state: LotState) -> list[str]:
        walked.append(state.lot_id)
        return list(honest.__get__(state))

    monkeypatch.setattr(LotState, "in_order", property(walking))
    for unit_id in here.state.unit_ids[:20]:
        assert here.holds(unit_id)
        here.found_right(unit_id, True)
        here.progress()
        here.wanted()
    assert not here.holds("u9")
    assert len(walked) == 1


def wanted(state: LotState, bounds: Any, found: Mapping[str, bool]) -> list[str]:
    """Return what is wanted the long way: from the first unit on."""
    sample = state.sample
    if state.status == "auditing":
        errors = 0
        for count, unit_id in enumerate(sample, start=1):
            errors += found.get(unit_id) is False
            if decided(state, bounds, count, errors) != "continue":
                sample = sample[: count + LOOK_AHEAD_UNITS]
                break
    return [unit_id for unit_id in sample if unit_id not in found]


@given(
    st.lists(st.tuples(st.integers(0, 59), st.sampled_from([True, True, True, False])), max_size=80),
    st.sampled_from(["auditing", "inspecting_all"]),
)
def test_counting_on_comes_to_what_counting_anew_does(verdicts: list[tuple[int, bool]], status: Any) -> None:
    here = lot(60, status)
    for number, right in verdicts:
        here.found_right(here.state.unit_ids[number], right)
        anew = progress(here.state, here.bounds, here.found.get)
        assert here.progress() == anew
        assert here.wanted() == wanted(here.state, here.bounds, here.found)


def test_another_state_is_counted_from_its_beginning() -> None:
    here = lot(60)
    for unit_id in here.sample[:5]:
        here.found_right(unit_id, True)
    assert here.progress().inspected == 5
    before = here.state
    here.moved_on(LotState("l1", "k1-p", before.unit_ids, "auditing", rework=1, plan=plan(60), order=before.order))
    assert (here.progress(), here.bounds is None) == (place.NOTHING, False)


def test_what_is_kept_of_units_and_lots_is_nothing_that_the_collector_looks_through() -> None:
    """A full collection stops the loop for as long as all that it looks at takes: 5,000 units were a third of it."""
    inspection = Inspection("aud", '"yes"', 0, correct=True, fields=(("topic", True),))
    evidence = tuple(Evidence(f"w{number}", '"yes"', 1) for number in range(3))
    unit = UnitState(
        "u1", "k1-p", "source", label='"yes"', evidence=evidence, inspection=inspection, history=("{}",) * 4
    )
    decoded = msgspec.json.decode(msgspec.json.encode(unit), type=UnitState)
    state = lot(60).state
    gc.collect()  # a tuple is let go of when it is looked at and holds nothing that could be in a cycle
    for kept in (
        unit,
        decoded,
        decoded.evidence,
        decoded.history,
        decoded.inspection,
        state,
        state.unit_ids,
        state.plan,
    ):
        assert not gc.is_tracked(kept), kept
