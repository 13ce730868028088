"""The ready queue against a model that scans everything."""

import random
from collections.abc import Sequence
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.eligibility import fit
from services.assign.domain.fresh import FreshRow, PageHead, may_be_row, row_of
from services.assign.domain.lease import expire, issue
from services.assign.domain.line import Line
from services.assign.domain.overlap import offered_to, slots_open, turns
from services.assign.domain.queue import ReadyQueue, Seeker
from services.assign.domain.unit import UnitState, close, raise_overlap, send_back, with_overlap

PROJECT = "c1-p"
SEEKERS = (Seeker("ann", frozenset()), Seeker("bob", frozenset({"law"})), Seeker("cem", frozenset({"law", "de"})))

units = st.builds(
    lambda skills, named, priority, overlap: (tuple(sorted(skills)), tuple(sorted(named)), priority, overlap),
    st.sets(st.sampled_from(["law", "de"])),
    st.one_of(st.just(set()), st.sets(st.sampled_from(["ann", "bob", "cem"]))),
    st.integers(0, 2),
    st.integers(1, 3),
)
steps = st.one_of(
    st.tuples(st.just("claim"), st.integers(0, 2)),
    st.tuples(st.just("claim"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["expire", "close", "raise", "send back", "settle"]), st.integers(0, 50)),
)


def to_be_had(state: UnitState, seeker: Seeker) -> bool:
    return offered_to(state, seeker.annotator_id) and fit(seeker.abilities, state.skills)


class Shelves:
    """A queue in which units wait as records, or as rows of pages in a store of which little is in memory."""

    def __init__(self, seed: int, as_rows: bool) -> None:
        self.queue = ReadyQueue(random.Random(seed))
        self.as_rows = as_rows
        self.stored: dict[str, list[FreshRow]] = {}

    def admit(self, states: Sequence[UnitState]) -> None:
        """Let units wait that were admitted together."""
        groups: dict[PageHead, list[FreshRow]] = {}
        for state in states:
            if self.as_rows and may_be_row(state):
                head, row = row_of(state)
                groups.setdefault(head, []).append(row)
            else:
                self.queue.settle(state)
        for head, rows in groups.items():
            document_id = f"d{len(self.stored)}"
            self.stored[document_id] = rows
            self.queue.put_page(document_id, head, rows)

    def bring(self, seeker: Seeker) -> None:
        """Bring what the seeker's claim wants."""
        while (page := self.queue.to_bring(PROJECT, seeker)) is not None:
            self.queue.bring(page, [row for document in page.documents for row in self.stored[document]])


@given(
    st.lists(st.lists(units, min_size=1, max_size=6), min_size=1, max_size=5),
    st.lists(steps, max_size=60),
    st.integers(),
    st.booleans(),
)
def test_a_pick_is_to_be_had_and_none_is_picked_only_when_none_is(
    batches: list[list[tuple[tuple[str, ...], tuple[str, ...], int, int]]],
    history: list[tuple[str, int]],
    seed: int,
    as_rows: bool,
) -> None:
    with (
        patch("services.assign.domain.fresh.PAGE_ROWS_MAX", 4),
        patch("services.assign.domain.fresh.LOW_ROWS", 2),
        patch("services.assign.domain.queue.LOW_ROWS", 2),
        patch("services.assign.domain.fresh.ROWS_IN_MEMORY_MAX", 7),
    ):
        walk(batches, history, Shelves(seed, as_rows))


def walk(
    batches: list[list[tuple[tuple[str, ...], tuple[str, ...], int, int]]],
    history: list[tuple[str, int]],
    shelves: Shelves,
) -> None:
    queue = shelves.queue
    states: dict[str, UnitState] = {}
    for place, batch in enumerate(batches):
        admitted = []
        for number, (skills, named, priority, overlap) in enumerate(batch):
            unit_id = f"c1-u{place}{number}"
            state = UnitState(unit_id, "c1", PROJECT, admitted=True, skills=skills, named=named, priority=priority)
            admitted.append(with_overlap(state, overlap))
        states |= {state.unit_id: state for state in admitted}
        shelves.admit(admitted)
    for step, number in history:
        waiting = [
            unit_state
            for unit_state in states.values()
            if (unit_state.named and turns(unit_state)) or (not unit_state.named and slots_open(unit_state))
        ]
        assert len(queue) == len(waiting), "what waits is counted, wherever it does"
        if step == "claim":
            seeker = SEEKERS[number]
            shelves.bring(seeker)
            pick = queue.pick(PROJECT, seeker, 0.0)
            had = [unit_state for unit_state in states.values() if to_be_had(unit_state, seeker)]
            if pick is None:
                assert had == []
                continue
            queue.release([pick])
            before = states[pick.unit_id]
            assert pick.fresh is None or pick.fresh == before, "a row says all that was admitted"
            assert to_be_had(before, seeker)
            if not before.named:
                assert before.priority == max(unit_state.priority for unit_state in had if not unit_state.named)
            assignment_id = f"{before.unit_id}.{seeker.annotator_id}{before.rework}"
            now = issue(before, seeker.annotator_id, assignment_id, 0, 100, 1)
        else:
            before = list(states.values())[number % len(states)]
            now = changed(before, step)
        states[now.unit_id] = now
        queue.settle(now)


def changed(state: UnitState, step: str) -> UnitState:
    match step:
        case "expire":
            leased = [assignment.id for assignment in state.assignments if assignment.status == "leased"]
            return (expire(state, leased[0], 100) if leased else None) or state
        case "close":
            return close(state, state.rework) or state
        case "raise":
            return raise_overlap(state, state.rework, state.overlap_wanted + 1) or state
        case "send back":
            return send_back(state, state.rework + 1) or state
        case _:
            return msgspec.structs.replace(state)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=400))
def test_a_line_is_an_ordered_set(history: list[tuple[bool, int]]) -> None:
    line, model = Line(), dict[str, None]()
    for comes, number in history:
        name = f"u{number}"
        if comes:
            line.add(name)
            model.setdefault(name)
        else:
            line.discard(name)
            model.pop(name, None)
        assert len(line) == len(model)
        assert list(line.first(10_000)) == list(model)
        assert {name for _, name in line.round_from(history[0][1], 10_000)} == set(model)
