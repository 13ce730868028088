"""What the newest settled units say of classes: each counted once, whatever is told twice and whoever starts anew."""

import msgspec

from services.adjudicate.domain import class_shares
from services.adjudicate.domain.class_shares import SETTLED_UNITS_MAX, TALLY_UNITS, ClassShares, Tally, tally_of
from services.adjudicate.domain.unit import UnitState


def unit(number: int, label: str, status: str = "consensus", at_us: int = 0) -> UnitState:
    state = UnitState(f"k1-u{number}", "k1-p", admitted=True, label=label, decided_at_us=at_us or number + 1)
    return msgspec.structs.replace(state, status=status)


def settle(shares: ClassShares, first: int, count: int, label: str) -> None:
    for number in range(first, first + count):
        shares.settle(unit(number, label))


def tally(shares: ClassShares) -> Tally:
    due = tally_of(shares.due(0), (), shares.spending)
    assert shares.tallied(due) == []
    return due


def test_a_unit_that_is_told_twice_is_counted_once_and_one_that_waits_for_a_ruling_as_it_leads() -> None:
    shares = ClassShares()
    for _ in range(3):
        settle(shares, 0, 2, "a")
        shares.settle(unit(7, "b", "escalated"))
    assert shares.counts == {"a": 2, "b": 1}
    shares.settle(unit(7, "a", "adjudicated"))
    shares.settle(unit(0, "", "open"))
    assert shares.counts == {"a": 2}
    shares.settle(unit(1, "", "withdrawn"))
    assert shares.counts == {"a": 1}


def test_a_tally_stands_for_its_units_which_are_known_by_their_time_from_then_on() -> None:
    shares = ClassShares()
    settle(shares, 0, TALLY_UNITS - 1, "a")
    assert shares.due(0) == []
    settle(shares, TALLY_UNITS - 1, 1, "b")
    due = tally(shares)
    assert due.total == TALLY_UNITS
    assert shares.counts == {"a": TALLY_UNITS - 1, "b": 1}
    settle(shares, 0, TALLY_UNITS, "a")
    assert shares.counts == {"a": TALLY_UNITS - 1, "b": 1}, "an old unit that somebody reads is not a new one"
    assert shares.tallied(due) == [], "nor is a tally that is read again"
    assert shares.counts == {"a": TALLY_UNITS - 1, "b": 1}


def test_the_next_life_goes_on_from_the_tallies_and_counts_those_that_wait_for_a_ruling_again() -> None:
    before, after = ClassShares(), ClassShares()
    for count, label in ((70, "a"), (TALLY_UNITS - 70, "b")):
        settle(before, 0 if label == "a" else 70, count, label)
    before.settle(unit(900, "c", "escalated"))
    after.tallied(tally(before))
    after.settle(unit(900, "c", "escalated"))
    assert after.counts == before.counts == {"a": 70, "b": TALLY_UNITS - 70, "c": 1}


def test_only_the_newest_are_looked_at_and_older_tallies_are_given_back_to_be_deleted() -> None:
    shares = ClassShares()
    for number in range(SETTLED_UNITS_MAX // TALLY_UNITS):
        settle(shares, number * TALLY_UNITS, TALLY_UNITS, "old")
        tally(shares)
    settle(shares, SETTLED_UNITS_MAX, TALLY_UNITS, "new")
    (dropped,) = shares.tallied(tally_of(shares.due(0), (), shares.spending))
    assert dropped.until_us == TALLY_UNITS
    assert shares.counts == {"old": SETTLED_UNITS_MAX - TALLY_UNITS, "new": TALLY_UNITS}


def test_a_tally_that_another_process_kept_counts_in_its_time_whichever_comes_first() -> None:
    shares = ClassShares()
    settle(shares, 0, 5, "a")
    shares.tallied(Tally(5, {"a": 5}))
    assert shares.counts == {"a": 5}, "what it is of is not counted beside it"
    shares.tallied(Tally(3, {"b": 2}))
    settle(shares, 0, 5, "a")
    assert shares.counts == {"a": 5, "b": 2}


def test_a_label_too_long_to_name_a_class_is_not_counted() -> None:
    shares = ClassShares()
    shares.settle(unit(0, "x" * (class_shares.LABEL_CHARACTERS_MAX + 1)))
    shares.settle(unit(1, "x" * (class_shares.LABEL_CHARACTERS_MAX + 1), "escalated"))
    assert shares.counts == {}
