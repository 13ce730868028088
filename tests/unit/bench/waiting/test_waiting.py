"""Assign by how much waits: what is told of is admitted as ingest's own units are, and the table says what grew."""

from typing import Any

from bench.services.load import OVERLAP
from bench.services.site import ColdStart
from bench.waiting.measure import CLAIM, NEXT, SUBMIT, Waiting, admitted, as_json, table
from concord.contracts.codec import decode
from concord.contracts.ids import slot_of, slot_of_project
from concord.contracts.topics import UNITS


def waiting(units: int, claim_us: float) -> Waiting:
    cpu_us = {CLAIM: claim_us, SUBMIT: 300.0, NEXT: 500.0}
    return Waiting(
        units,
        cpu_us,
        dict.fromkeys(cpu_us, 70.0),
        dict.fromkeys(cpu_us, 400.0),
        25.0,
        160.0,
        ColdStart("assign", 1.5, 2.0, 140.0, 0.25),
    )


def test_a_unit_that_is_told_of_has_an_id_of_its_project_and_one_of_its_own() -> None:
    outgoings = [admitted("k7q2-bench", number, 1) for number in range(100)]
    events: list[Any] = [decode(UNITS, outgoing.value) for outgoing in outgoings]
    units = [event.unit_admitted for event in events]
    assert len({unit.unit_id for unit in units}) == 100
    assert {slot_of(unit.unit_id) for unit in units} == {slot_of_project("k7q2-bench")}
    assert {unit.overlap_initial for unit in units} == {OVERLAP}


def test_each_size_says_how_many_times_the_smallest_it_costs() -> None:
    found = [waiting(1_000, 400.0), waiting(1_000_000, 500.0)]
    shown = table(found)
    assert [row[:5] for row in shown.rows] == [
        ["1,000", "400", "1.00", "70", "400"],
        ["1,000,000", "500", "1.25", "70", "400"],
    ]
    assert all(len(row) == len(shown.columns) for row in shown.rows)
    assert [entry["peak_mb"] for entry in as_json(found)] == [160.0, 160.0]
