"""The ready queue: whom it offers what, in which order, and how it forgets."""

import random

import msgspec

from services.assign.domain.lease import expire, issue
from services.assign.domain.queue import DEEP_LOOKS_MAX, WINDOW_UNITS, ReadyQueue, Seeker
from services.assign.domain.unit import UnitState, copy_for, with_overlap

PROJECT = "c1-p"


def unit(number: int, overlap: int = 1, **fields: object) -> UnitState:
    """Return a waiting unit."""
    state = with_overlap(UnitState(f"c1-u{number}", "c1", PROJECT, admitted=True, admitted_at_us=number), overlap)
    state = msgspec.structs.replace(state, **fields)
    return with_overlap(state, overlap)


def queue_of(*states: UnitState) -> ReadyQueue:
    queue = ReadyQueue(random.Random(5))
    for state in states:
        queue.settle(state)
    return queue


def seeker(name: str = "ann", *abilities: str) -> Seeker:
    return Seeker(name, frozenset(abilities))


def pick(queue: ReadyQueue, who: Seeker, gold_rate: float = 0.0) -> str | None:
    found = queue.pick(PROJECT, who, gold_rate)
    queue.release([found] if found else [])
    return found.unit_id if found else None


def leased(state: UnitState, name: str) -> UnitState:
    return issue(state, name, f"{state.unit_id}.{name}", 0, 100, 1)


def test_higher_priority_goes_first_and_age_decides_within_the_window() -> None:
    queue = queue_of(*(unit(n, priority=n % 2) for n in range(200)))
    first = [pick(queue, seeker()) for _ in range(100)]
    numbers = [int(name.removeprefix("c1-u")) for name in first if name]
    assert all(number % 2 for number in numbers)
    assert all(number < 2 * (place + WINDOW_UNITS) for place, number in enumerate(numbers))


def test_a_picked_unit_is_hidden_until_it_is_released_or_put_back() -> None:
    state = unit(1, overlap=2)
    queue = queue_of(state)
    taken = queue.pick(PROJECT, seeker("ann"), 0.0)
    assert taken is not None
    assert pick(queue, seeker("bob")) is None
    queue.settle(state)
    assert pick(queue, seeker("bob")) is None, "whatever is told of it meanwhile"
    queue.undo(taken, "ann")
    assert pick(queue, seeker("bob")) == "c1-u1"
    queue.settle(leased(state, "bob"))
    assert pick(queue, seeker("bob")) is None
    assert pick(queue, seeker("cem")) == "c1-u1"


def test_what_others_have_begun_comes_before_what_nobody_has_seen() -> None:
    begun = leased(unit(9, overlap=2), "bob")
    queue = queue_of(*(unit(n) for n in range(9)), begun)
    assert pick(queue, seeker("ann")) == "c1-u9"
    assert pick(queue, seeker("bob")) != "c1-u9"


def test_a_lone_annotator_is_never_kept_by_what_it_has_seen() -> None:
    count = 3 * DEEP_LOOKS_MAX
    queue = ReadyQueue(random.Random(1))
    states = {state.unit_id: state for state in (unit(n, overlap=2) for n in range(count))}
    for state in states.values():
        queue.settle(state)
    for _ in range(count):
        name = pick(queue, seeker("ann"))
        assert name is not None
        queue.settle(leased(states[name], "ann"))
    assert pick(queue, seeker("ann")) is None
    assert len(queue) == count
    last = f"c1-u{count}"
    queue.settle(leased(unit(count, overlap=2), "bob"))
    assert last in {pick(queue, seeker("ann")) for _ in range(5)}, "far behind all that was seen, and found in the end"


def test_only_who_has_the_skills_is_offered_the_unit() -> None:
    queue = queue_of(unit(1, skills=("law", "de")))
    assert pick(queue, seeker("ann", "law")) is None
    assert pick(queue, seeker("bob", "de", "law", "en")) == "c1-u1"


def test_gold_comes_instead_of_a_waiting_unit_at_the_rate_and_never_alone() -> None:
    gold = [unit(1_000 + n, gold=True) for n in range(50)]
    queue = queue_of(*(unit(n) for n in range(500)), *gold)
    picks = [queue.pick(PROJECT, seeker(), 0.2) for _ in range(200)]
    shown = [entry.unit_id for entry in picks if entry and entry.gold]
    assert len(set(shown)) == len(shown)
    assert 20 <= len(shown) <= 50
    assert pick(queue_of(*gold), seeker(), 1.0) is None


def test_gold_that_was_shown_in_an_earlier_life_is_not_shown_again() -> None:
    gold = unit(7, gold=True)
    queue = queue_of(copy_for(gold, "ann"), gold, *(unit(n) for n in range(5)))
    assert all(pick(queue, seeker("ann"), 1.0) != "c1-u7" for _ in range(5))
    queue.settle(unit(8))
    assert pick(queue, seeker("bob"), 1.0) == "c1-u7"


def test_named_gold_waits_in_the_line_of_each_name_until_its_copy_is_made() -> None:
    gold = unit(7, gold=True, named=("ann", "bob"))
    queue = queue_of(gold)
    first = queue.pick(PROJECT, seeker("ann"), 0.0)
    assert first is not None
    queue.undo(first, "ann")
    assert pick(queue, seeker("ann")) == "c1-u7"
    queue.settle(copy_for(gold, "ann"))
    queue.settle(gold)
    assert pick(queue, seeker("ann")) is None
    assert pick(queue, seeker("bob")) == "c1-u7"


def test_a_closed_unit_waits_nowhere() -> None:
    states = [unit(1), unit(2, named=("ann",)), unit(3, gold=True)]
    queue = queue_of(*states)
    for state in states:
        queue.settle(msgspec.structs.replace(state, status="closed"))
    assert len(queue) == 0
    assert pick(queue, seeker(), 1.0) is None


def test_a_pick_that_is_undone_after_the_turn_has_passed_leaves_nothing_behind() -> None:
    state = unit(1, named=("ann", "bob"))
    queue = queue_of(state)
    taken = queue.pick(PROJECT, seeker("ann"), 0.0)
    assert taken is not None
    ended = expire(leased(state, "ann"), "c1-u1.ann", 100)
    assert ended is not None
    queue.settle(ended)
    queue.undo(taken, "ann")
    assert pick(queue, seeker("ann")) is None
    queue.settle(msgspec.structs.replace(ended, status="closed"))
    assert pick(queue, seeker("ann")) is None
    assert pick(queue, seeker("bob")) is None
