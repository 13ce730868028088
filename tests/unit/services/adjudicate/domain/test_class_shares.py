"""What the newest settled units say of classes: each counted once, whatever is told twice and whoever starts anew."""

import msgspec

from concord.labels import ClassedSchema, schema_from
from concord.quality.resolved import Learnt, ResolvedUnit
from services.adjudicate.domain import class_shares
from services.adjudicate.domain.class_shares import (
    SETTLED_UNITS_MAX,
    TALLY_UNITS,
    ClassShares,
    Fresh,
    Tally,
    resolved_units,
    tally_of,
)
from services.adjudicate.domain.unit import Annotation, UnitState


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
    assert shares.counts() == {"a": 2, "b": 1}
    shares.settle(unit(7, "a", "adjudicated"))
    shares.settle(unit(0, "", "open"))
    assert shares.counts() == {"a": 2}
    shares.settle(unit(1, "", "withdrawn"))
    assert shares.counts() == {"a": 1}


def test_a_tally_stands_for_its_units_which_are_known_by_their_time_from_then_on() -> None:
    shares = ClassShares()
    settle(shares, 0, TALLY_UNITS - 1, "a")
    assert shares.due(0) == []
    settle(shares, TALLY_UNITS - 1, 1, "b")
    due = tally(shares)
    assert due.total == TALLY_UNITS
    assert shares.counts() == {"a": TALLY_UNITS - 1, "b": 1}
    settle(shares, 0, TALLY_UNITS, "a")
    assert shares.counts() == {"a": TALLY_UNITS - 1, "b": 1}, "an old unit that somebody reads is not a new one"
    assert shares.tallied(due) == [], "nor is a tally that is read again"
    assert shares.counts() == {"a": TALLY_UNITS - 1, "b": 1}


def test_the_next_life_goes_on_from_the_tallies_and_counts_those_that_wait_for_a_ruling_again() -> None:
    before, after = ClassShares(), ClassShares()
    for count, label in ((70, "a"), (TALLY_UNITS - 70, "b")):
        settle(before, 0 if label == "a" else 70, count, label)
    before.settle(unit(900, "c", "escalated"))
    after.tallied(tally(before))
    after.settle(unit(900, "c", "escalated"))
    assert after.counts() == before.counts() == {"a": 70, "b": TALLY_UNITS - 70, "c": 1}


def test_only_the_newest_are_looked_at_and_older_tallies_are_given_back_to_be_deleted() -> None:
    shares = ClassShares()
    for number in range(SETTLED_UNITS_MAX // TALLY_UNITS):
        settle(shares, number * TALLY_UNITS, TALLY_UNITS, "old")
        tally(shares)
    settle(shares, SETTLED_UNITS_MAX, TALLY_UNITS, "new")
    (dropped,) = shares.tallied(tally_of(shares.due(0), (), shares.spending))
    assert dropped.until_us == TALLY_UNITS
    assert shares.counts() == {"old": SETTLED_UNITS_MAX - TALLY_UNITS, "new": TALLY_UNITS}


def test_a_tally_that_another_process_kept_counts_in_its_time_whichever_comes_first() -> None:
    shares = ClassShares()
    settle(shares, 0, 5, "a")
    shares.tallied(Tally(5, {"a": 5}))
    assert shares.counts() == {"a": 5}, "what it is of is not counted beside it"
    shares.tallied(Tally(3, {"b": 2}))
    settle(shares, 0, 5, "a")
    assert shares.counts() == {"a": 5, "b": 2}


def test_a_label_too_long_to_name_a_class_is_not_counted() -> None:
    shares = ClassShares()
    shares.settle(unit(0, "x" * (class_shares.LABEL_CHARACTERS_MAX + 1)))
    shares.settle(unit(1, "x" * (class_shares.LABEL_CHARACTERS_MAX + 1), "escalated"))
    assert shares.counts() == {}


YES, NO = '{"answers":{"severity":3,"toxic":"yes"}}', '{"answers":{"note":"x","toxic":"no"}}'
NOTE = '{"answers":{"note":"%s","toxic":"no"}}'


def test_labels_of_several_fields_are_counted_by_the_answers_to_each() -> None:
    shares = ClassShares()
    for number, label in enumerate((YES, YES, NO)):
        shares.settle(unit(number, label))
    shares.settle(unit(3, YES, "escalated"))
    assert shares.counts("toxic") == {'"yes"': 3, '"no"': 1}
    assert shares.counts("severity") == {"3": 3}
    assert shares.counts() == {}
    shares.settle(unit(0, NO))
    shares.settle(unit(3, "", "withdrawn"))
    assert shares.counts("toxic") == {'"yes"': 1, '"no"': 2}


def test_a_tally_of_several_fields_counts_units_and_stands_for_each_field() -> None:
    before, after = ClassShares(), ClassShares()
    settle(before, 0, TALLY_UNITS, YES)
    learnt = {"toxic": (Learnt("ann", 1, 1, 2.0),), "severity": ()}
    due = msgspec.json.decode(msgspec.json.encode(tally_of(before.due(0), (), {}, learnt)), type=Tally)
    assert due.total == TALLY_UNITS
    for shares in (before, after):
        assert shares.tallied(due) == []
        assert shares.counts("toxic") == {'"yes"': TALLY_UNITS}
        assert shares.counts("severity") == {"3": TALLY_UNITS}
        assert shares.learnt("toxic")["ann"].units == 2.0
        assert (shares.learnt(), shares.learnt("severity"), shares.learnt("other")) == ({}, {}, {})


def test_a_long_answer_names_no_class_and_takes_no_room() -> None:
    shares = ClassShares()
    shares.settle(unit(0, NOTE % ("x" * class_shares.ANSWER_CHARACTERS_MAX)))
    assert shares.counts("toxic") == {'"no"': 1}
    assert shares.counts("note") == {}
    (fresh,) = shares.due(2**62)
    assert fresh.label == '{"answers":{"toxic":"no"}}'


def test_what_a_field_tells_of_annotators_is_of_units_that_answer_it() -> None:
    schema = schema_from({"kind": "choice", "classes": ["no", "yes"]})
    assert isinstance(schema, ClassedSchema)
    annotations = (Annotation("1", "ann", YES, 1), Annotation("2", "bob", NO, 1))
    units = [Fresh(1, YES, annotations, ruled=True), Fresh(2, NO, annotations, ruled=False)]
    assert resolved_units(schema, units, "toxic") == [
        ResolvedUnit([("ann", 1), ("bob", 0)], 1),
        ResolvedUnit([("ann", 1), ("bob", 0)], None),
    ]
    rating = schema_from({"kind": "rating", "lowest": 1, "highest": 5})
    assert isinstance(rating, ClassedSchema)
    assert resolved_units(rating, units, "severity") == [ResolvedUnit([("ann", 2)], 2)]
