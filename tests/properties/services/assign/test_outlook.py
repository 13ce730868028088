"""What somebody is told to wait for them is what they are given, whoever has had what before."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.lease import issue
from services.assign.domain.outlook import UNITS_SHOWN_MAX
from services.assign.domain.queue import ReadyQueue, Seeker
from services.assign.domain.unit import UnitState, copy_for, with_overlap

PROJECT = "c1-p"
SKILLS = st.sampled_from([(), ("de",), ("law",), ("de", "law")])
PEOPLE = ("ann", "bob")
UNITS = st.lists(
    st.fixed_dictionaries(
        {
            "skills": SKILLS,
            "priority": st.integers(0, 2),
            "named": st.sampled_from([(), (), ("ann",), ("bob",), ("ann", "bob")]),
            "had_by": st.sampled_from(["", "ann", "bob"]),
            "gold": st.booleans(),
        }
    ),
    max_size=12,
)


def queue_of(units: list[dict[str, object]]) -> ReadyQueue:
    queue = ReadyQueue(random.Random(3))
    for number, entry in enumerate(units):
        name, gold, had_by = f"c1-u{number}", entry["gold"] and not entry["named"], str(entry["had_by"])
        state = UnitState(name, "c1", PROJECT, admitted=True, admitted_at_us=number + 1, gold=bool(gold))
        state = with_overlap(
            msgspec.structs.replace(state, skills=entry["skills"], priority=entry["priority"], named=entry["named"]), 2
        )
        queue.settle(state)
        if had_by and (not state.named or had_by in state.named):
            whose = copy_for(state, had_by) if gold else state
            queue.settle(issue(whose, had_by, f"{name}.{had_by}", 0, 100, 1))
    return queue


@given(UNITS, st.sampled_from(PEOPLE), SKILLS, st.booleans())
def test_as_much_is_told_to_wait_as_is_given_out(
    units: list[dict[str, object]], name: str, skills: tuple[str, ...], gold_alone: bool
) -> None:
    queue, seeker = queue_of(units), Seeker(name, frozenset(skills), gold_alone)
    outlook = queue.outlook(PROJECT, seeker)
    first = queue.pick(PROJECT, seeker, 0.0)
    picks = [first] if first else []
    while (pick := queue.pick(PROJECT, seeker, 0.0)) is not None:
        picks.append(pick)
    assert outlook.units == min(len(picks), UNITS_SHOWN_MAX)
    if first is not None and not gold_alone and not first.waiting.names:
        assert outlook.priority == -first.waiting.lane[0]
    assert all(pick.gold for pick in picks) or not gold_alone
