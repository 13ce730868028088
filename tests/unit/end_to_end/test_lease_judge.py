"""The judge of leases: what is right passes, and each thing that may not be is found and said."""

from typing import Any

import pytest
from google.protobuf.message import Message

from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.assignments_pb2 import AssignmentEvent, AssignmentExpired, AssignmentIssued
from concord.contracts.v1.metadata_pb2 import Metadata
from tests.support.lease_judge import faults, told

OVERLAP = 2


def about(name: str, at_us: int) -> Metadata:
    return Metadata(event_id=f"{name}-{at_us}", occurred_at_us=at_us)


def issued(name: str, unit: str, who: str, at_us: int, until_us: int = 100) -> Message:
    lease = AssignmentIssued(unit_id=unit, assignment_id=name, annotator_id=who, lease_until_us=until_us)
    return AssignmentEvent(metadata=about(f"i-{name}", at_us), assignment_issued=lease)


def expired(name: str, unit: str, who: str, at_us: int) -> Message:
    over = AssignmentExpired(unit_id=unit, assignment_id=name, annotator_id=who)
    return AssignmentEvent(metadata=about(f"e-{name}", at_us), assignment_expired=over)


def labelled(name: str, unit: str, who: str, at_us: int, *, late: bool = False) -> Message:
    label = AnnotationSubmitted(unit_id=unit, annotation_id=name, annotator_id=who, late=late)
    return AnnotationEvent(metadata=about(f"l-{name}", at_us), annotation_submitted=label)


GOOD: list[Message] = [
    issued("1", "u", "ann", 1),
    issued("2", "u", "bob", 2),
    expired("2", "u", "bob", 100),
    issued("3", "u", "cem", 100),
    labelled("1", "u", "ann", 50),
    labelled("3", "u", "cem", 120),
    labelled("2", "u", "bob", 130, late=True),
]
OFFERED = {"1": ("u", "ann"), "2": ("u", "bob"), "3": ("u", "cem")}


def found(events: list[Message], offered: dict[str, tuple[str, str]] = OFFERED, units: tuple[str, ...] = ("u",)) -> Any:
    leases = [event for event in events if isinstance(event, AssignmentEvent)]
    labels = [event for event in events if isinstance(event, AnnotationEvent)]
    return list(faults(told(leases, labels), OVERLAP, units, offered, {"1", "2", "3"}))


def test_what_is_right_passes_also_said_twice_and_tells_when_leases_came_back() -> None:
    assert found([*GOOD, *GOOD]) == []
    leases = [event for event in GOOD if isinstance(event, AssignmentEvent)]
    assert told(leases, []).returned_after({"bob"}) == [0.0]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([*GOOD, issued("4", "u", "dan", 60), expired("4", "u", "dan", 160)], "u was with 3 at once"),
        ([*GOOD, issued("4", "u", "ann", 130, 200), expired("4", "u", "ann", 230)], "ann was given u twice"),
        ([*GOOD[:4], *GOOD[5:]], "the lease 1 ended as nothing at all"),
        ([*GOOD[:5], *GOOD[6:]], "u has 1 labels where 2 are wanted"),
        ([*GOOD[:2], expired("2", "u", "bob", 99), *GOOD[3:]], "the lease 2 was ended before its time"),
        ([*GOOD, expired("9", "u", "eve", 120)], "9 ended and was never issued"),
        ([*GOOD[:6]], "the label of 2 was acknowledged and is not told"),
        ([*GOOD, labelled("3", "u", "cem", 140)], "the lease 3 ended as ['labelled', 'labelled']"),
    ],
)
def test_what_may_not_be_is_said(events: list[Message], words: str) -> None:
    assert any(words in fault for fault in found(events)), found(events)


def test_what_somebody_was_offered_and_nobody_was_told_of_is_a_lost_lease() -> None:
    assert found(GOOD, {**OFFERED, "7": ("u", "eve")}) == ["eve was offered u as 7, which was told as None"]
    assert found(GOOD, units=("u", "v")) == ["v has 0 labels where 2 are wanted"]
