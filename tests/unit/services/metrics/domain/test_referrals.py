"""A unit that an adjudicator sent back counts as it stands since, and agreement is that of before, in any order."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest

from services.metrics.domain.unit import Annotation, Share, Unit, annotated, sent_back, settled, share

Word = Callable[[Unit], object]


def labelled(name: str, label: str, at_us: int, referral: int = 0) -> Word:
    annotation = Annotation(name, f'"{label}"', at_us=at_us, referral=referral)
    return lambda unit: annotated(unit, f"{name}/{referral}", annotation)


BEFORE = (
    labelled("ann", "no", 1),
    labelled("bob", "yes", 2),
    partial(settled, settlement="escalated", rework=0, asked=2),
)
BACK: Word = partial(sent_back, rework=0, referral=1)
AGAIN = (labelled("ann", "yes", 3, 1), labelled("bob", "yes", 4, 1))
REACHED: Word = partial(settled, settlement="consensus", rework=0, asked=2, label='"yes"', referral=1)
DISAGREED = (('"no"', 1), ('"yes"', 1))


def shares(*words: Word) -> set[Share]:
    """Return what the unit adds, over every order in which these may be heard of, each twice."""
    found = set()
    for order in permutations(words):
        unit = Unit("k1-p")
        for word in (*order, *order):
            word(unit)
        found.add(share(unit))
    return found


def test_it_waits_for_labels_again_and_those_that_it_had_count_no_more() -> None:
    (found,) = shares(*BEFORE, BACK)
    assert (found.settlement, found.labels, found.settled_labels) == ("", 0, 0)


def test_agreement_is_of_what_was_said_unseen_and_not_of_both() -> None:
    (found,) = shares(*BEFORE[:2], BACK, *AGAIN, REACHED)
    assert found == Share(DISAGREED, labels=2, settlement="consensus", settled_labels=2)


def test_a_second_escalation_stands_over_the_first_and_a_later_rework_over_both() -> None:
    twice: Word = partial(settled, settlement="escalated", rework=0, asked=2, referral=1)
    (found,) = shares(*BEFORE, BACK, twice)
    assert (found.settlement, found.row) == ("escalated", DISAGREED)
    (anew,) = shares(BACK, twice, REACHED, partial(sent_back, rework=1))
    assert anew == Share()


@pytest.mark.parametrize("late", [False, True])
def test_what_a_holder_of_before_sends_counts_in_nothing(late: bool) -> None:
    held = Annotation("cem", '"no"', at_us=5, late=late)
    (found,) = shares(*BEFORE[:2], BACK, *AGAIN, lambda unit: annotated(unit, "cem", held))
    assert found.labels == 2
