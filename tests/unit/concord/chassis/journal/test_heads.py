"""Heads in memory: bounded by their weight, which is not less than what they take."""

import random
import tracemalloc

import msgspec
import pytest

from concord.chassis.journal import heads
from concord.chassis.journal.heads import Heads
from concord.chassis.journal.record import Head, encoded_state, head_bytes
from services.assign.domain.unit import Assignment, UnitState
from tests.support.tallies import Tally


def head(size: int) -> Head[Tally]:
    return Head(1, Tally(1, ()), frozenset(), size)


def test_those_not_met_for_longest_are_let_go_when_the_bound_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEADS_BYTES_MAX", 300)
    kept = Heads()
    for key in "abc":
        kept.keep(key, head(100))
    assert kept.get("a") is not None
    kept.keep("d", head(100))
    assert (list(kept), kept.size) == (["c", "a", "d"], 300)
    kept.keep("c", head(250))
    assert (list(kept), kept.size) == (["c"], 250)
    kept.keep("e", head(1_000))
    assert (list(kept), kept.size) == (["e"], 1_000), "one is kept whatever it weighs"
    kept.drop("e")
    kept.drop("e")
    assert (len(kept), kept.size) == (0, 0)


@pytest.mark.parametrize("labels", [0, 1, 3, 12])
def test_a_head_weighs_what_it_takes_and_at_most_twice_as_much(labels: int) -> None:
    generator = random.Random(labels)

    def name(characters: int) -> str:
        return f"{generator.getrandbits(4 * characters):0{characters}x}"

    def unit() -> tuple[bytes, list[str]]:
        unit_id = f"k7q2-u{name(26)}"
        given = [
            Assignment(f"{unit_id}.{name(10)}", f"w{n}", "submitted", 1_700_000_000_000_000, 1, 0, 0, 12_345, name(24))
            for n in range(labels)
        ]
        state = UnitState(unit_id, "k7q2", "k7q2-rte", admitted=True, assignments=tuple(given), traceparent=name(55))
        return encoded_state(state), [name(36) for _ in range(3 * labels + 1)]

    stored = [unit() for _ in range(500)]
    decode = msgspec.json.Decoder(UnitState).decode
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    made = [
        Head(
            9, decode(state), held := frozenset("".join(list(cause)) for cause in causes), head_bytes(len(state), held)
        )
        for state, causes in stored
    ]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # What the interpreter keeps at hand for itself makes a percent of it differ from run to run.
    assert 0.99 * taken <= sum(entry.size for entry in made) <= 2.02 * taken
