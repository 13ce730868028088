"""Of every lot that waits it is said why, and for whom."""

from typing import get_args

import msgspec
import pytest

from services.audit.domain.lot import LotState, Status
from services.audit.domain.waiting import FOR_ANOTHER, For, Repeating, waits


def lot(status: Status) -> LotState:
    return LotState("l", "p", ("a", "b", "c"), status=status, order=(0, 1, 2))


@pytest.mark.parametrize(
    ("status", "unsettled", "waits_for", "why"),
    [
        ("sealed", 2, "people", "It waits for annotators, or an adjudicator: 2 of its 3 units have no label yet."),
        ("sealed", None, "people", "some of its units have no label yet."),
        ("sealed", 0, "", "All its units are settled: its sample is drawn now."),
        (
            "relabelling",
            1,
            "annotators",
            "It was rejected, and waits for annotators: 1 of its 3 units has no new label",
        ),
        ("auditing", 0, "auditor", "It waits for an auditor: 3 units of it at most are to be inspected."),
        (
            "inspecting_all",
            0,
            "auditor",
            "It was rejected, and waits for an auditor: all its 3 units",
        ),
        ("gathering", None, "acceptances", "until enough units have left"),
        ("rechecking", 0, "auditor", "3 units are to be inspected once more."),
    ],
)
def test_a_lot_says_whom_it_waits_for(status: Status, unsettled: int | None, waits_for: For, why: str) -> None:
    entry = waits(lot(status), unsettled, "", None, lacks_auditor=False)
    assert entry.waits_for == waits_for
    assert why in entry.why


@pytest.mark.parametrize("status", get_args(Status))
def test_only_what_is_over_waits_for_nobody_and_what_stands_still_says_its_problem(status: Status) -> None:
    is_over = status in ("accepted", "rechecked")
    entry = waits(lot(status), 1, "Its plan needs more units.", None, lacks_auditor=False)
    assert entry == (("", "") if is_over else ("operator", "Its plan needs more units."))
    paused = waits(lot(status), 1, "", "Until Monday.", lacks_auditor=True)
    assert paused.waits_for == ("" if is_over else "client")
    assert is_over or "Until Monday." in paused.why


def test_a_lot_that_waits_for_repeats_says_how_many_and_that_somebody_else_makes_them() -> None:
    entry = waits(lot("auditing"), 0, "", None, lacks_auditor=True, repeating=Repeating(2, 3, decided=True))
    assert entry.waits_for == "another_auditor"
    assert "3 of its units were inspected" in entry.why
    assert "2 inspections are still to be repeated by somebody who did not make them" in entry.why
    before = waits(lot("auditing"), 0, "", None, lacks_auditor=False, repeating=Repeating(1, 2))
    assert before.waits_for == "auditor"
    assert "2 are so far. 1 inspection is to be repeated by another auditor." in before.why


def test_a_rejected_lot_says_what_was_found_and_owns_that_not_all_its_units_were_looked_at() -> None:
    rejected = msgspec.structs.replace(lot("relabelling"), inspected=2, errors=1)
    why = waits(rejected, 1, "", None, lacks_auditor=False, at_least=True).why
    assert why.startswith(
        "It was rejected (1 of 2 inspected were wrong), and waits for annotators: at least 1 of its 3"
    )


def test_who_had_a_part_in_all_of_it_leaves_it_to_another() -> None:
    assert waits(lot("auditing"), 0, "", None, lacks_auditor=True) == ("another_auditor", FOR_ANOTHER)
    assert waits(lot("sealed"), 1, "", None, lacks_auditor=True).waits_for == "people"
