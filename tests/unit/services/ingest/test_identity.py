"""Who a unit is: an id says one thing for ever, a content is one unit, and every id is answered."""

from typing import Any

import pytest

from services.ingest.domain.identity import CLAIMS_MAX
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, kept_units, start, told


async def contents(ingest: Ingest) -> dict[str, Any]:
    """Return what each admitted unit shows, by the client's id."""
    repository = ingest.service.application.state.service.handlers.admissions.repository  # type: ignore[attr-defined]  # known as any ASGI application
    found = {
        unit.source_id: await repository.shelf.payload(unit.unit_id) for unit in told(ingest.house, "unit_admitted")
    }
    return {source_id: shown and shown[1] for source_id, shown in found.items()}


def statuses(report: Any) -> dict[str, str]:
    return {unit["source_id"]: unit["status"] for unit in report["units"]}


async def test_content_that_is_known_under_another_id_is_answered_with_the_unit_that_stands_for_it(
    project: Ingest,
) -> None:
    (first,) = (await project.admit({"id": "a", "content": {"x": 1, "y": 2}}))["units"]
    report = await project.admit({"id": "b", "content": {"y": 2, "x": 1}})
    assert (report["admitted"], report["repeated"], report["duplicate_of"]) == (0, 0, 1)
    (second,) = report["units"]
    assert second["duplicate_of"] == {"source_id": "a", "unit_id": first["unit_id"]}
    assert (await project.admit({"id": "b", "content": {"y": 2, "x": 1}}))["units"] == [second]
    (event,) = told(project.house, "unit_duplicated")
    assert (event.source_id, event.unit_id, event.duplicate_of) == ("b", second["unit_id"], first["unit_id"])
    assert await project.find("b", "a", "c") == [
        second,
        {**first, "status": "admitted"},
        {"source_id": "c", "unit_id": (await project.find("c"))[0]["unit_id"], "status": "unknown"},
    ]


async def test_a_project_may_have_each_id_be_a_unit_of_its_own(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"dedupe": "id"}})
    report = await ingest.admit([{"id": "a", "content": "same"}, {"id": "b", "content": "same"}])
    assert statuses(report) == {"a": "admitted", "b": "admitted"}
    assert await contents(ingest) == {"a": "same", "b": "same"}


async def test_an_id_whose_project_turns_to_one_unit_a_content_stays_the_unit_that_it_was(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"dedupe": "id"}})
    await ingest.admit([{"id": "a", "content": "same"}, {"id": "b", "content": "same"}])
    await ingest.define(DEFINITION)
    report = await ingest.admit([{"id": name, "content": "same"} for name in "abc"])
    assert statuses(report) == {"a": "repeated", "b": "repeated", "c": "duplicate_of"}


async def test_gold_and_work_of_one_content_are_two_units(project: Ingest) -> None:
    report = await project.admit(
        [
            {"id": "g", "content": "Fourth.", "gold": "yes"},
            {"id": "row", "content": "Fourth."},
            {"id": "h", "content": "Fourth.", "gold": "yes"},
        ]
    )
    assert statuses(report) == {"g": "admitted", "row": "admitted", "h": "duplicate_of"}
    assert [entry.source_id for entry in told(project.house, "unit_admitted") if entry.HasField("gold_label")] == ["g"]
    other = await project.admit({"id": "i", "content": "Fourth.", "gold": "no"})
    assert [entry["field"] for entry in other["refused"]] == ["gold"], "one content has one known label"


ANEW = {
    "content": "other",
    "gold": "no",
    "media_type": "text/html",
    "priority": 9,
    "skills": ["law"],
    "annotators": ["w1"],
}


@pytest.mark.parametrize("field", ANEW)
async def test_an_id_that_says_anything_else_is_refused_with_the_field(project: Ingest, field: str) -> None:
    body = {"id": "a", "content": "one"}
    await project.admit(body)
    report = await project.admit({**body, field: ANEW[field]})
    assert [entry["field"] for entry in report["refused"]] == [field]
    assert (report["admitted"], report["repeated"], report["refused_count"]) == (0, 0, 1)
    assert await contents(project) == {"a": "one"}
    assert len(kept_units(project.house)) == 1
    assert (await project.admit(body))["repeated"] == 1


async def test_what_else_a_duplicate_says_is_held_against_what_it_said_before(project: Ingest) -> None:
    await project.admit([{"id": "a", "content": "one"}, {"id": "b", "content": "one"}])
    report = await project.admit([{"id": "b", "content": "two"}, {"id": "b", "content": "one", "priority": 3}])
    assert [entry["field"] for entry in report["refused"]] == ["content", "priority"]
    assert statuses(await project.admit({"id": "c", "content": "two"})) == {"c": "admitted"}


async def test_a_content_whose_claim_is_void_is_admitted_under_its_own_id_also_in_one_batch(project: Ingest) -> None:
    await project.admit({"id": "1", "content": "Y"})
    report = await project.admit([{"id": "1", "content": "X"}, {"id": "2", "content": "X"}])
    assert statuses(report) == {"2": "admitted"}
    assert await contents(project) == {"1": "Y", "2": "X"}
    assert statuses(await project.admit({"id": "3", "content": "X"})) == {"3": "duplicate_of"}


async def test_void_claims_of_one_content_are_passed_over_up_to_a_bound(project: Ingest) -> None:
    taken = [{"id": f"{n}", "content": f"own {n}"} for n in range(CLAIMS_MAX)]
    await project.admit(taken)
    for entry in taken[:-1]:
        await project.admit({**entry, "content": "X"})
    assert statuses(await project.admit({"id": "new", "content": "X"})) == {"new": "admitted"}
    assert statuses(await project.admit({"id": "newer", "content": "X"})) == {"newer": "duplicate_of"}


async def test_one_batch_may_say_the_same_many_times(project: Ingest) -> None:
    report = await project.admit(
        [
            {"id": "a", "content": "X"},
            {"id": "a", "content": "X"},
            {"id": "b", "content": "X"},
            {"id": "a", "content": "Z"},
            {"id": "b", "content": "X"},
        ]
    )
    assert [unit["status"] for unit in report["units"]] == ["admitted", "repeated", "duplicate_of", "duplicate_of"]
    assert [(entry["line"], entry["field"]) for entry in report["refused"]] == [(4, "content")]


async def test_what_was_let_in_under_a_higher_rate_stays_in(ingest: Ingest) -> None:
    units = [{"id": f"{n}", "content": f"text {n}"} for n in range(40)]
    await ingest.define({**DEFINITION, "policy": {"sampling": {"rate": 1.0}}})
    await ingest.admit(units[:20])
    await ingest.define({**DEFINITION, "policy": {"sampling": {"rate": 0.1}}})
    report = await ingest.admit(units)
    assert report["repeated"] == 20
    assert 0 < report["left_out"] < 20 + 1
    assert {entry["status"] for entry in await ingest.find(*(unit["id"] for unit in units))} == {"admitted", "left_out"}


async def test_gold_is_no_data_to_be_sampled(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"sampling": {"rate": 0.0}}})
    report = await ingest.admit([{"id": f"g{n}", "content": f"{n}", "gold": "yes"} for n in range(20)])
    assert (report["admitted"], report["left_out"]) == (20, 0)


async def test_two_processes_come_to_one_owner_of_a_content() -> None:
    house = House()
    ingest, other = await start(house), await start(house)
    await ingest.define()
    await ingest.admit({"id": "a", "content": "X"})
    assert statuses(await other.admit({"id": "b", "content": "X"})) == {"b": "duplicate_of"}
    assert statuses(await other.admit({"id": "a", "content": "X"})) == {"a": "repeated"}
    assert statuses(await ingest.admit({"id": "b", "content": "X"})) == {"b": "duplicate_of"}
    for life in (ingest, other):
        await life.service.runtime.stop()
