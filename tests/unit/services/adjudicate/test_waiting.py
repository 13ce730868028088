"""Of every unit that waits it is said why, and for whom."""

from typing import get_args

import pytest

from services.adjudicate.domain.spending import ESCALATIONS
from services.adjudicate.domain.unit import Annotation, Status, UnitState
from services.adjudicate.domain.waiting import For, waits

ONE = (Annotation("a", "ann", '"x"', 1),)


def unit(**more: object) -> UnitState:
    return UnitState(**{"unit_id": "u", "project_id": "p", "admitted": True, **more})  # type: ignore[arg-type]  # as told


@pytest.mark.parametrize(
    ("state", "waits_for", "why"),
    [
        (unit(), "annotators", "It waits for annotators: of 3 labels or more that are asked for, none is in."),
        (unit(annotations=ONE, overlap_asked=5), "annotators", "of 5 labels or more that are asked for, one is in."),
        (unit(named=1), "annotators", "of 1 label or more that are asked for, none is in."),
        (unit(annotations=ONE, overlap_asked=1), "annotators", "It is being weighed: one is in"),
        (unit(stranded=True), "operator", "Nobody is left who may label it"),
        (unit(status="escalated"), "annotators", "somebody who holds it may still label it"),
        (unit(status="escalated", labelling_ended=True), "adjudicator", "It waits for an adjudicator"),
        (
            unit(status="escalated", labelling_ended=True, escalated_for="flagged"),
            "adjudicator",
            "It waits for an adjudicator: an annotator has flagged it.",
        ),
        (unit(status="escalated", question_id="q1"), "client", "(q1): it waits for the answer."),
    ],
)
def test_a_unit_says_whom_it_waits_for(state: UnitState, waits_for: For, why: str) -> None:
    entry = waits(state, 3)
    assert entry.waits_for == waits_for
    assert why in entry.why


@pytest.mark.parametrize("reason", ESCALATIONS)
def test_every_reason_of_an_escalation_has_its_words(reason: str) -> None:
    text = waits(unit(status="escalated", labelling_ended=True, escalated_for=reason), 2).why
    assert text != waits(unit(status="escalated", labelling_ended=True), 2).why


@pytest.mark.parametrize("status", sorted({*get_args(Status)} - {"open", "escalated"}))
def test_what_is_settled_or_gone_waits_for_nobody(status: Status) -> None:
    assert waits(unit(status=status), 2) == ("", "")
    assert waits(unit(status=status), 2, "paused", "Later.") == ("", "")


def test_of_a_project_that_is_paused_or_closed_its_reason_is_told() -> None:
    assert waits(unit(), 2, "paused", "Until Monday.") == (
        "client", "Its project is paused, and it is given to nobody: Until Monday."
    )  # fmt: skip
    assert waits(unit(), 2, "closed").waits_for == "client"
    # A ruling is asked for all the same once a project is closed.
    escalated = unit(status="escalated", labelling_ended=True)
    assert waits(escalated, 2, "closed").waits_for == "adjudicator"
    assert waits(escalated, 2, "paused").waits_for == "client"
