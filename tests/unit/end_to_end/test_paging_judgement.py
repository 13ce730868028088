"""The judge of pages: what is right passes, and each thing that may not be is found."""

import pytest

from tests.end_to_end.paging.judgement import ALERT, Notification, paged, resolved, spared


def page(at: float, receiver: str = "quality-on-call", status: str = "firing", project: str = "k-p") -> Notification:
    return Notification(at, receiver, ALERT, status, project)


@pytest.mark.parametrize(
    ("heard", "holds"),
    [
        ([page(280.0)], [True, True, True]),
        ([page(280.5)], [True, False, True]),
        ([], [False, False, False]),
        ([page(110.0), page(230.0)], [False, True, True]),
        ([page(110.0), page(110.0, "tickets")], [False, True, False]),
        ([page(110.0, "platform-on-call")], [True, True, False]),
        ([page(110.0, project="k-other")], [False, False, False]),
        ([page(110.0, status="resolved")], [False, False, False]),
    ],
)
def test_a_page_is_held_to_its_number_its_time_and_its_receiver(heard: list[Notification], holds: list[bool]) -> None:
    assert [line.holds for line in paged(heard, "k-p", 100.0)] == holds


def test_whoever_is_on_call_hears_nothing_of_too_few_units() -> None:
    assert spared([page(1.0), page(1.0, "tickets", project="k-few")], "k-few").holds
    assert not spared([page(1.0, "platform-on-call", project="k-few")], "k-few").holds


@pytest.mark.parametrize(
    ("heard", "holds"),
    [
        ([page(1.0), page(9.0, status="resolved")], True),
        ([page(1.0)], False),
        ([page(9.0), page(1.0, status="resolved")], False),
        ([page(1.0), page(9.0, status="resolved"), page(10.0, status="resolved")], False),
        ([page(1.0), page(9.0, "tickets", status="resolved")], False),
    ],
)
def test_the_end_is_heard_once_by_whoever_was_woken(heard: list[Notification], holds: bool) -> None:
    assert resolved(heard, "k-p").holds is holds
