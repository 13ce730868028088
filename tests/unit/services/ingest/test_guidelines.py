"""Guidelines: every version with its examples can be read, and a lot has units of one version."""

from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import PROJECTS, UNITS
from services.ingest.announcements import project_from
from services.ingest.domain.lot import OpenLot
from tests.support.ingest import DEFINITION, Ingest, start, told

EXAMPLES = [
    {"class": "yes", "text": "It rains; so it is wet.", "note": "The second follows from the first."},
    {"class": "no", "uri": "https://example.org/no.png"},
]
FORM = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {"name": "how", "schema": {"kind": "text"}},
    ],
}


async def read(ingest: Ingest, path: str, query: str = "") -> Any:
    answer = await ingest.call("GET", f"/v1/projects/k1-p/guidelines{path}", query=query)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_each_version_is_listed_and_read_as_it_was_with_who_wrote_it_and_when(project: Ingest) -> None:
    await project.define({**DEFINITION, "guideline": "# One"})
    await project.define({**DEFINITION, "guideline": "# One", "policy": {"lot": {"size": 4}}})
    body = await project.define({**DEFINITION, "guideline": "# One", "guideline_examples": EXAMPLES})
    assert (body["revision"], body["guideline_version"]) == (4, 3), "examples make a version, a policy does not"
    listed = (await read(project, ""))["guidelines"]
    assert [(entry["version"], entry["revision"], entry["examples"]) for entry in listed] == [
        (1, 1, 0),
        (2, 2, 0),
        (3, 4, 2),
    ]
    assert {(entry["by"], entry["role"]) for entry in listed} == {("key", "client")}
    whole = [await read(project, f"/{version}") for version in (1, 2, 3)]
    assert [entry["guideline"] for entry in whole] == ["", "# One", "# One"]
    shown = whole[2]["guideline_examples"]
    assert [{name: value for name, value in entry.items() if value} for entry in shown] == EXAMPLES
    answer = await project.call("GET", "/v1/projects/k1-p/guidelines/4")
    assert (answer.status, answer.json()["detail"]) == (404, "The guideline has versions 1 to 3, and none 4.")
    other = project.house.token("key", Role.CLIENT, client_id="k2")
    assert (await project.call("GET", "/v1/projects/k1-p/guidelines/1", token=other)).status == 404


async def test_versions_come_by_pages_also_from_another_process(project: Ingest) -> None:
    for number in range(2, 10):
        await project.define({**DEFINITION, "guideline": f"Version {number}."})
    other = await start(project.house)
    try:
        seen, query = [], "limit=4"
        while True:
            page = await read(other, "", query)
            seen += [guideline["version"] for guideline in page["guidelines"]]
            if page["next"] is None:
                break
            query = f"limit=4&after={page['next']}"
        assert seen == list(range(1, 10))
        assert (await read(other, "/7"))["guideline"] == "Version 7."
    finally:
        await other.service.runtime.stop()


async def test_a_version_is_told_with_its_examples_and_read_back_as_it_was(project: Ingest) -> None:
    body = await project.define({**DEFINITION, "guideline": "# One", "guideline_examples": EXAMPLES})
    await project.published()
    event = project.house.events(PROJECTS)[-1]
    told_of = event.project_defined
    assert [
        (guideline_example.class_name, guideline_example.text, guideline_example.uri)
        for guideline_example in told_of.guideline_examples
    ] == [
        ("yes", EXAMPLES[0]["text"], ""),
        ("no", "", EXAMPLES[1]["uri"]),
    ]
    known = project.handlers.projects.repository.projects["k1-p"]
    assert project_from(event).definition == known.definition
    assert (await project.define({**DEFINITION, "guideline": "# One", "guideline_examples": EXAMPLES})) == {
        **body,
        "changed": [],
    }


@pytest.mark.parametrize(
    ("examples", "field"),
    [
        ([{"class": "perhaps", "text": "x"}], "guideline_examples[0].class"),
        ([{"class": "yes", "text": "x"}, {"class": "no"}], "guideline_examples[1]"),
        ([{"class": "yes", "text": "x", "uri": "https://example.org/a.png"}], "guideline_examples[0]"),
        ([{"class": "yes", "uri": "http://169.254.169.254/latest"}], "guideline_examples[0].uri"),
        ([{"class": "yes", "text": "x" * 4_001}], "guideline_examples[0].text"),
        ([{"class": "yes", "text": "x", "field": "how"}], "guideline_examples[0].field"),
        ([{"class": "yes", "text": "x"}] * 201, "guideline_examples"),
        ([{"class": "yes", "text": "x" * 4_000}] * 110, "guideline_examples"),
        ([{"class": "yes", "colour": "x"}], "guideline_examples[0]"),
    ],
)
async def test_an_example_that_shows_nothing_is_refused_with_field_and_cure(
    ingest: Ingest, examples: Any, field: str
) -> None:
    answer = await ingest.call("PUT", "/v1/projects/p", {**DEFINITION, "guideline_examples": examples})
    assert answer.status == 422
    (error,) = answer.json()["errors"]
    assert error["field"].removesuffix(".colour") == field
    assert error["cure"]


async def test_of_a_form_an_example_names_its_field_and_a_field_without_classes_has_none(ingest: Ingest) -> None:
    def with_example(**example: str) -> dict[str, Any]:
        return {"label_schema": FORM, "guideline_examples": [{"text": "x", **example}]}

    await ingest.define(with_example(field="toxic", **{"class": "yes"}))
    for wrong in ({"field": "how", "class": "yes"}, {"class": "yes"}):
        answer = await ingest.call("PUT", "/v1/projects/p", with_example(**wrong))
        assert answer.status == 422, wrong


async def test_a_lot_has_units_that_were_admitted_under_one_version_also_after_a_restart(project: Ingest) -> None:
    def units(*names: str) -> list[dict[str, str]]:
        return [{"id": name, "content": name} for name in names]

    await project.admit(units("a", "b"))
    await project.define({**DEFINITION, "guideline": "Anew."})
    await project.admit(units("c"))
    (first,) = told(project.house, "lot_sealed")
    await project.kill()
    heir = await start(project.house)
    try:
        await heir.admit(units("d", "e"))
        versions = {
            event.unit_admitted.unit_id: event.unit_admitted.guideline_version
            for event in project.house.events(UNITS)
            if event.HasField("unit_admitted")
        }
        lots = [set(lot.unit_ids) for lot in told(project.house, "lot_sealed")]
        assert sorted(map(len, lots)) == [2, 3]
        assert len(first.unit_ids) == 2, "what waited of the version before waits for no more"
        assert [len({versions[unit] for unit in lot}) for lot in lots] == [1, 1]
    finally:
        await heir.service.runtime.stop()


def test_the_versions_of_an_open_lot_are_cut_apart_whatever_the_order_in_which_units_are_heard_of() -> None:
    lot = OpenLot()
    for at_us, (unit, version) in enumerate([("a", 1), ("b", 2), ("c", 1), ("d", 2), ("e", 2)]):
        lot.add(unit, at_us, version)
    assert len(lot) == 5
    assert tuple(lot.due(3, 100, 10)) == ("a", "c"), "not full, and not old, and of a version of which no more come"
    lot.drop(["a", "c", "unknown"])
    assert tuple(lot.due(3, 100, 10)) == ("b", "d", "e")
    assert lot.due(4, 100, 10) == {}
    assert tuple(lot.due(4, 5, 10)) == ("b", "d", "e")
    assert sorted(lot) == ["b", "d", "e"]
