"""Rules of conduct: how many are too many, what comes of it, and how it is over."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assign.domain import rules as domain
from services.assign.domain.rules import (
    DEEDS_MAX,
    SKIPPED,
    Change,
    ConductState,
    Deed,
    Held,
    PaceRule,
    Rules,
    SkipRule,
    Then,
)

HALF_HOUR_US = 1_800_000_000
EMPTY = ConductState("c1-p", "ann")


def pace(then: Then = "note", floor: int = 3_000, hasty: int = 4, last: int = 5) -> Rules:
    return Rules(pace=PaceRule(floor, 0.0, False, hasty, last, then, HALF_HOUR_US))


def skips(then: Then = "note", in_a_row: int = 3, share: float = 0.0, last: int = 10) -> Rules:
    return Rules(skips=SkipRule(in_a_row, share, last, then, HALF_HOUR_US))


class Person:
    """Somebody who does things, one after another, a second apart."""

    def __init__(self, rules: Rules, median_ms: float = 0.0) -> None:
        self.rules, self.median_ms, self.state, self.now_us = rules, median_ms, EMPTY, 0
        self.changes: list[Change] = []

    def did(self, *times_ms: int) -> list[tuple[str, bool]]:
        before = len(self.changes)
        for ms in times_ms:
            self.now_us += 1_000_000
            found = domain.observed(self.state, [Deed(self.now_us, ms)], self.rules, self.median_ms, self.now_us)
            if found is not None:
                self.state, changes = found
                self.changes += changes
        return [(change.held.rule, change.begins) for change in self.changes[before:]]

    def stopped(self) -> Held | None:
        return domain.stopped(self.state, self.rules, self.now_us)


def test_so_many_hasty_labels_of_the_last_are_too_many_and_no_fewer() -> None:
    ann = Person(pace())
    assert ann.did(500, 500, 500, 9_000, 9_000, 500, 500, 500) == []
    assert ann.did(500) == [("pace", True)]
    (held,) = domain.in_force(ann.state, ann.rules, ann.now_us)
    assert (held.count, held.of, held.floor_ms) == (4, 5, 3_000)
    assert held.reason == "4 of your last 5 labels took under 3 seconds."
    assert ann.stopped() is None, "a note stops nobody"


def test_a_note_is_over_when_half_as_many_are_hasty_and_not_with_the_first_slow_label() -> None:
    ann = Person(pace())
    ann.did(500, 500, 500, 500)
    assert ann.did(9_000, 9_000) == [], "three of five are hasty"
    assert ann.did(9_000) == [("pace", False)]
    assert ann.state.held == ()


def test_the_floor_is_the_higher_of_what_is_declared_and_a_share_of_a_median() -> None:
    of_project = PaceRule(1_000, 0.25, False, 4, 5, "note", 0)
    of_own = msgspec.structs.replace(of_project, own=True)
    times = [Deed(mark, 6_000) for mark in range(10)]
    assert domain.floor_ms(times, of_project, 0.0) == 1_000
    assert domain.floor_ms(times, of_project, 20_000.0) == 5_000
    assert domain.floor_ms(times, of_own, 20_000.0) == 1_500
    assert domain.floor_ms(times[:9], of_own, 20_000.0) == 1_000, "of nine labels there is no median of their own"


def test_a_break_stops_and_ends_by_itself_with_nothing_held_against_who_comes_back() -> None:
    ann = Person(pace("break"))
    ann.did(500, 500, 500, 500)
    held = ann.stopped()
    assert held is not None
    assert held.until_us == ann.now_us + HALF_HOUR_US
    assert ann.did(500, 500) == [], "what is finished in a break is not judged"
    ann.now_us += HALF_HOUR_US
    assert ann.stopped() is None
    assert ann.did(500) == [("pace", False)]
    assert [deed.ms for deed in ann.state.deeds] == [500]
    assert ann.did(500, 500) == []
    assert ann.did(500) == [("pace", True)]


def test_a_pause_waits_for_a_lead_however_long_that_is() -> None:
    ann = Person(skips("pause"))
    assert ann.did(SKIPPED, SKIPPED, SKIPPED) == [("skips", True)]
    ann.now_us += 1_000 * HALF_HOUR_US
    held = ann.stopped()
    assert held is not None
    assert held.reason == "You skipped 3 units in a row."
    found = domain.released(ann.state, "eve")
    assert found is not None
    ann.state, (change,) = found
    assert (change.begins, change.released_by) == (False, "eve")
    assert (ann.stopped(), ann.did(SKIPPED, SKIPPED)) == (None, []), "they begin at zero"
    assert domain.released(ann.state, "eve") is None


@pytest.mark.parametrize("rules", [Rules(), pace("note"), pace("break", hasty=5), skips()])
def test_what_is_asked_no_more_or_comes_to_something_else_stops_nobody_from_that_moment_on(rules: Rules) -> None:
    ann = Person(pace("pause"))
    ann.did(500, 500, 500, 500)
    assert ann.stopped() is not None
    ann.rules = rules
    assert ann.stopped() is None
    assert ann.did(9_000) == [("pace", False)]


def test_skips_are_too_many_in_a_row_or_as_a_share_of_as_many_as_are_looked_at() -> None:
    ann = Person(skips(in_a_row=0, share=0.5, last=4))
    assert ann.did(SKIPPED, SKIPPED, SKIPPED) == [], "three units are not four"
    assert ann.did(9_000) == [("skips", True)]
    (held,) = ann.state.held
    assert held.reason == "You skipped 3 of your last 4 units."
    assert ann.did(9_000) == []
    assert ann.did(9_000) == [("skips", False)]
    bob = Person(skips())
    assert bob.did(SKIPPED, SKIPPED, 9_000, SKIPPED, SKIPPED, 9_000) == []


def test_a_hasty_label_takes_a_second_yes_only_while_too_many_were() -> None:
    ann = Person(pace("confirm"))

    def asked(ms: int) -> int:
        return domain.must_confirm(ann.state, ann.rules, ms, 0.0, ann.now_us)

    ann.did(500, 500, 500)
    assert asked(500) == 0
    ann.did(500)
    assert (asked(500), asked(3_000)) == (3_000, 0)
    ann.did(9_000, 9_000, 9_000)
    assert asked(500) == 0


def test_what_is_told_again_changes_nothing() -> None:
    found = domain.observed(EMPTY, [Deed(7, 500)], pace(), 0.0, 1)
    assert found is not None
    assert domain.observed(found[0], [Deed(7, 500)], pace(), 0.0, 2) is None


deeds = st.lists(st.sampled_from([SKIPPED, 100, 5_000]), max_size=120)


@settings(max_examples=200, deadline=None)
@given(times=deeds, then=st.sampled_from(["note", "confirm", "break", "pause"]), hasty=st.integers(1, 5))
def test_whatever_somebody_does_memory_is_bounded_and_who_is_stopped_broke_the_rule(
    times: list[int], then: Then, hasty: int
) -> None:
    both = Rules(pace=pace(then, hasty=hasty).pace, skips=skips("note" if then == "confirm" else then).skips)
    ann = Person(both)
    for ms in times:
        began = [rule for rule, begins in ann.did(ms) if begins]
        assert len(ann.state.deeds) <= DEEDS_MAX
        assert len({held.rule for held in ann.state.held}) == len(ann.state.held)
        for rule in began:
            last = [deed.ms for deed in ann.state.deeds]
            labels = [deed for deed in last if deed != SKIPPED][-5:]
            assert sum(deed < 3_000 for deed in labels) >= hasty if rule == "pace" else last[-3:] == [SKIPPED] * 3
    assert domain.is_open(ann.state) == bool(ann.state.held)
