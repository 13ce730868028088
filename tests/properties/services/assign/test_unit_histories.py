"""Whatever happens to a unit, in whatever order: never over its overlap, never twice to one annotator."""

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.lease import expire, give_up, issue
from services.assign.domain.overlap import holds, seen_by, slots_open, turns
from services.assign.domain.refusals import Refusal
from services.assign.domain.submission import submit
from services.assign.domain.unit import (
    UnitState,
    admit,
    close,
    raise_overlap,
    send_back,
    unheard_of,
    with_overlap,
    withdraw,
)

NAMES = ("ann", "bob", "cem", "dan", "eve")
UNIT = with_overlap(UnitState("c1-u1", "c1", "c1-p", admitted=True), 2)
Move = Callable[[UnitState], UnitState | None]


def assignment_id(state: UnitState, name: str) -> str:
    return f"{state.unit_id}.{name}{state.rework}"


def lease_to(name: str) -> Move:
    return lambda state: issue(state, name, assignment_id(state, name), 0, 100, 1)


def of(name: str, rework: int, move: Callable[..., UnitState | None], *more: object) -> Move:
    return lambda state: move(state, f"c1-u1.{name}{rework}", *more)


names = st.sampled_from(NAMES)
reworks = st.integers(0, 2)
moves: st.SearchStrategy[Move] = st.one_of(
    names.map(lease_to),
    names.map(lease_to),
    st.builds(lambda name, rework: of(name, rework, submit, name, "d", 1, 50), names, reworks),
    st.builds(lambda name, rework: of(name, rework, give_up, name, "skipped"), names, reworks),
    st.builds(lambda name, rework: of(name, rework, give_up, name, "returned"), names, reworks),
    st.builds(lambda name, rework: of(name, rework, expire, 100), names, reworks),
    st.builds(lambda rework, wanted: partial(raise_overlap, rework=rework, wanted=wanted), reworks, st.integers(1, 5)),
    reworks.map(lambda rework: partial(close, rework=rework)),
    reworks.map(lambda rework: partial(send_back, rework=rework, at_fault=NAMES[:rework])),
    st.just(withdraw),
)


def after(state: UnitState, move: Move) -> UnitState:
    """Return the state after a move; one that is refused or changes nothing leaves it."""
    try:
        return move(state) or state
    except Refusal:
        return state


@given(st.lists(moves, max_size=40), st.sampled_from([(), NAMES]))
def test_no_history_gives_a_unit_to_more_than_it_wants_or_to_one_twice(
    history: list[Move], named: tuple[str, ...]
) -> None:
    state = UnitState("c1-u1", "c1", "c1-p", admitted=True, named=named)
    state = with_overlap(state, 2)
    for move in history:
        before, state = state, after(state, move)
        holders = [assignment.annotator_id for assignment in state.current if holds(assignment)]
        assert len(holders) <= state.overlap_wanted
        assert len(set(holders)) == len(holders)
        ids = [assignment.id for assignment in state.assignments]
        assert len(set(ids)) == len(ids)
        labelled = [assignment for assignment in before.assignments if assignment.status in ("submitted", "late")]
        assert all(assignment in state.assignments for assignment in labelled), "a label that is in stays as it is"
        assert not set(turns(state)) & seen_by(state)
        assert len(turns(state)) <= slots_open(state)
        if state.status != "open":
            assert slots_open(state) == 0


told_of_a_rework = st.builds(
    lambda wanted, closed: [partial(raise_overlap, wanted=entry) for entry in wanted] + [close] * closed,
    st.lists(st.integers(1, 5), max_size=2),
    st.integers(0, 1),
)


@given(st.lists(told_of_a_rework, min_size=1, max_size=3), st.booleans(), st.randoms(use_true_random=False))
def test_what_is_told_in_any_order_and_twice_ends_the_same(
    rounds: list[list[Callable[..., UnitState | None]]], withdrawn: bool, generator: object
) -> None:
    rows: list[Move] = [lambda state: admit(state, UNIT)]
    for rework, changes in enumerate(rounds):
        rows += [partial(change, rework=rework) for change in changes]
        if rework:
            rows.append(partial(send_back, rework=rework, at_fault=NAMES[:rework]))
    if withdrawn:
        rows.append(withdraw)

    def ended(order: list[Move]) -> tuple[object, ...]:
        state = unheard_of("c1-u1", "c1", "c1-p")
        for move in order:
            state = after(state, move)
        if state.status == "withdrawn":
            return ("withdrawn", slots_open(state))
        return (state.status, state.rework, state.overlap_wanted, slots_open(state))

    in_order = sorted(rows, key=lambda move: getattr(move, "keywords", {}).get("rework", -1))
    shuffled = rows * 2
    generator.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert ended(shuffled) == ended(in_order)
