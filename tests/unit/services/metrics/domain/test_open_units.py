"""Rows that rest are the rows that they were, cost a third, and are kept and walked through as any other."""

import random

import msgspec
import pytest

from services.metrics.domain.open_units import OpenUnits
from services.metrics.domain.traits import traits_of
from services.metrics.domain.unit import Annotation, Unit, annotated, settled

TOUCHED_MAX = 4


@pytest.fixture(autouse=True)
def _small_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.domain.open_units.TOUCHED_MAX", TOUCHED_MAX)


def changed(unit: Unit, number: int) -> None:
    """Change a row as something that is told of it does."""
    annotation = Annotation(f"ann{number % 5}", '"yes"', at_us=number, active_ms=number * 7)
    annotated(unit, f"k1-u.{number}", annotation)
    if number % 3 == 0:
        settled(unit, "consensus", 0, 2)
    unit.traits = traits_of("law", "text/plain", number, 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_touched_when_the_rows_are_those_that_never_rested(seed: int) -> None:
    generator = random.Random(seed)
    kept, rows = dict[str, Unit](), OpenUnits()
    for number in range(300):
        for unit_id in generator.choices([f"k1-u{entry}" for entry in range(30)], k=generator.randrange(1, 8)):
            unit = rows.get(unit_id)
            assert (unit is None) == (unit_id not in kept)
            if unit is None:
                kept[unit_id] = Unit("k1-p", gold='"yes"' if generator.random() < 0.2 else "")
                unit = msgspec.structs.replace(kept[unit_id], annotations={})
                rows.put(unit_id, unit)
            elif generator.random() < 0.1:
                rows.remove(unit_id)
                del kept[unit_id]
                continue
            changed(unit, number)
            changed(kept[unit_id], number)
        rows.rest()
        assert len(rows) == len(kept)
    assert dict(rows.walk()) == kept
    read: dict[str, Unit] = {}
    for part in rows.parts(7):
        assert len(part) <= 7
        read |= msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=dict[str, Unit])
    assert read == kept
    assert rows.encodable(["k1-unknown"]) == {"k1-unknown": None}


def test_what_nothing_has_touched_for_a_generation_rests_and_gold_does_not() -> None:
    rows = OpenUnits()
    for number in range(4 * TOUCHED_MAX):
        rows.put(f"k1-u{number}", Unit("k1-p", gold='"yes"' if number == 0 else "", traits=traits_of("", "", 3, None)))
        rows.rest()
    resting = {unit_id: rows.get(unit_id) for unit_id in ("k1-u0", "k1-u1")}
    encoded = [row for part in rows.parts(100) for row in part.values() if not isinstance(row, Unit)]
    assert len(encoded) == 3 * TOUCHED_MAX - 2, "the newest generation is there, gold, and what was asked for just now"
    assert all(unit is not None and unit is rows.get(unit_id) for unit_id, unit in resting.items())
    (first, second) = (unit.traits for unit in resting.values() if unit is not None)
    assert first is second, "what units are known by is one object for all that are known by the same"


def test_a_walk_goes_on_when_rows_come_go_and_rest_meanwhile() -> None:
    rows = OpenUnits()
    for number in range(50):
        rows.put(f"k1-u{number}", Unit("k1-p", admitted_at_us=number))
    seen = []
    for unit_id, unit in rows.walk():
        assert unit.admitted_at_us == int(unit_id[4:])
        seen.append(unit_id)
        if len(seen) <= TOUCHED_MAX:
            rows.put(f"k1-u{50 + len(seen)}", Unit("k1-p", admitted_at_us=50 + len(seen)))
        elif len(seen) == 2 * TOUCHED_MAX:
            rows.remove(unit_id)
        rows.rest()
    assert len(seen) == len(set(seen))
    assert {f"k1-u{number}" for number in range(50)} <= set(seen)
