"""A known label in doubt, an appeal of it, and a person's word: in whatever order they come."""

import msgspec
import pytest

from services.adjudicate.domain.gold import (
    APPEALS_MAX,
    GoldAnswer,
    GoldIsRuled,
    GoldRulingRefused,
    GoldState,
    appealed,
    flagged,
    ruled,
)
from services.adjudicate.domain.retraining import Missed, NothingToRetrain, RetrainingState, begun, finished

TOLD = GoldState("k1-g", "k1-p", '"no"')
DOUBT = msgspec.structs.replace(TOLD, said=(GoldAnswer('"yes"', 5),), good=5, disagreeing=5, annotators=("ann", "bob"))


def test_a_doubt_of_what_was_appealed_keeps_the_appeals_and_everybody_who_had_a_part() -> None:
    first = appealed(None, TOLD, "eve", "I was right.", 1)
    assert (first.standing, first.revision) == ("appealed", 0)
    both = flagged(first, DOUBT, 2)
    assert both is not None
    assert (both.standing, both.revision, both.annotators) == ("flagged", 1, ("ann", "bob", "eve"))
    assert [appeal.annotator_id for appeal in both.appeals] == ["eve"]
    assert flagged(both, DOUBT, 3) is None
    assert ruled(both, "senior", "confirmed", "", "It is.", 4).revision == 2
    assert ruled(first, "senior", "confirmed", "", "It is.", 4).revision == 1


def test_an_appeal_of_what_is_in_doubt_joins_it_once_and_of_what_was_ruled_is_refused() -> None:
    doubted = flagged(None, DOUBT, 1)
    joined = appealed(doubted, TOLD, "eve", "I was right.", 2)
    assert (joined.standing, len(joined.appeals), joined.said) == ("flagged", 1, DOUBT.said)
    assert appealed(joined, TOLD, "eve", "Once more.", 3) == joined
    over = ruled(joined, "senior", "retired", "", "It has no label.", 4)
    assert appealed(over, TOLD, "eve", "Once more.", 5) == over, "a reply that was lost is told again"
    with pytest.raises(GoldIsRuled):
        appealed(over, TOLD, "fay", "I too.", 5)
    assert flagged(over, DOUBT, 6) is None


def test_appeals_are_bounded_and_give_a_reason() -> None:
    state = None
    for number in range(APPEALS_MAX):
        state = appealed(state, TOLD, f"a{number}", "I was right.", 1)
    with pytest.raises(GoldIsRuled):
        appealed(state, TOLD, "one more", "I too.", 1)
    with pytest.raises(GoldRulingRefused):
        appealed(None, TOLD, "eve", "  ", 1)


def test_what_is_to_be_looked_at_is_of_the_newest_attempt_and_finished_once() -> None:
    first = RetrainingState("k1-p", "eve", 1, (Missed("k1-g", '"no"', '"yes"'),))
    second = msgspec.structs.replace(first, attempt=2)
    assert begun(None, first) == first
    assert begun(second, first) is None
    over = finished(begun(first, second), 2)
    assert finished(over, 2) == over
    assert begun(over, second) is None, "told again, it does not begin again"
    for state, attempt in ((second, 1), (None, 1)):
        with pytest.raises(NothingToRetrain):
            finished(state, attempt)
