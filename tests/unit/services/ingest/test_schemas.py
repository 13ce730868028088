"""Label schemas change by mappings: every version can be read, and what is no mapping is refused with its cure."""

from typing import Any

from concord.chassis.identity import Role
from concord.chassis.projects import project_from as project_seen
from concord.contracts.topics import PROJECTS
from services.ingest.announcements import project_from
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.support.service import until


def choice(*classes: str, **change: Any) -> dict[str, Any]:
    body = {"schema_change": change} if change else {}
    return {**DEFINITION, "label_schema": {"kind": "choice", "classes": list(classes)}, **body}


async def read(ingest: Ingest, path: str = "", query: str = "") -> Any:
    answer = await ingest.call("GET", f"/v1/projects/k1-p/schemas{path}", query=query)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_each_version_is_listed_and_read_with_its_steps_and_who_made_it(project: Ingest) -> None:
    renamed = await project.define(choice("no", "surely", rename={"yes": "surely"}))
    assert (renamed["revision"], renamed["schema_version"]) == (2, 2)
    again = await project.define(choice("no", "surely", rename={"yes": "surely"}))
    assert renamed["changed"] == ["label_schema", "schema_version"]
    assert again == {**renamed, "changed": []}, "saying the same again changes nothing"
    await project.define({**choice("no", "surely"), "guideline": "# One"})
    added = await project.define({**choice("no", "surely", "unsure"), "guideline": "# One"})
    assert (added["revision"], added["schema_version"], added["guideline_version"]) == (4, 3, 2)
    listed = (await read(project))["schemas"]
    assert [(entry["version"], entry["revision"], entry["steps"]) for entry in listed] == [
        (1, 1, 0),
        (2, 2, 1),
        (3, 4, 1),
    ]
    assert {(entry["by"], entry["role"]) for entry in listed} == {("key", "client")}
    offered = [(await read(project, f"/{version}"))["label_schema"]["classes"] for version in (1, 2, 3)]
    assert offered == [["no", "yes"], ["no", "surely"], ["no", "surely", "unsure"]]
    steps = (await read(project, "/2"))["steps"]
    assert steps == [{"what": "rename", "field": "", "name": "yes", "into": ["surely"]}]
    answer = await project.call("GET", "/v1/projects/k1-p/schemas/4")
    assert (answer.status, answer.json()["detail"]) == (404, "The label schema has versions 1 to 3, and none 4.")
    other = project.house.token("key", Role.CLIENT, client_id="k2")
    assert (await project.call("GET", "/v1/projects/k1-p/schemas/1", token=other)).status == 404


async def test_what_another_process_took_by_a_class_of_which_this_one_has_not_heard_is_taken_here_too(
    project: Ingest,
) -> None:
    def unit(name: str, label: str) -> dict[str, str]:
        return {"id": name, "content": f"text {name}", "gold": label}

    other = await start(project.house)
    try:
        projects = other.handlers.projects.repository.projects
        await until(lambda: "k1-p" in projects)
        before = projects["k1-p"]
        await project.define(choice("no", "yes", "unsure"))
        assert (await project.admit([unit("a", "unsure")]))["admitted"] == 1
        await until(lambda: projects["k1-p"].schema_version == 2)
        projects["k1-p"] = before  # as if it had not
        report = (await other.call("POST", "/v1/projects/k1-p/units", [unit("a", "unsure"), unit("b", "yes")])).json()
        assert [(entry["source_id"], entry["status"]) for entry in report["units"]] == [
            ("a", "repeated"),
            ("b", "admitted"),
        ]
        assert projects["k1-p"].schema_version == 2
        report = (await other.call("POST", "/v1/projects/k1-p/units", [unit("c", "eggs"), unit("d", "no")])).json()
        assert (report["admitted"], [entry["field"] for entry in report["refused"]]) == (1, ["gold"])
    finally:
        await other.service.runtime.stop()


async def test_versions_come_by_pages_also_from_another_process(project: Ingest) -> None:
    for number in range(1, 5):
        await project.define(choice("no", "yes", *(f"c{entry}" for entry in range(number))))
    other = await start(project.house)
    try:
        page = await read(other, query="limit=3")
        assert ([schema["version"] for schema in page["schemas"]], page["next"]) == ([1, 2, 3], 3)
        rest = await read(other, query="limit=3&after=3")
        assert ([schema["version"] for schema in rest["schemas"]], rest["next"]) == ([4, 5], None)
    finally:
        await other.service.runtime.stop()


async def test_what_is_told_is_whole_and_every_service_offers_what_the_client_said(project: Ingest) -> None:
    await project.define(choice("no", "maybe", retire=["yes"]))
    await project.published()
    event = project.house.events(PROJECTS)[-1]
    known = project.handlers.projects.repository.projects["k1-p"]
    assert project_from(event).definition == known.definition
    assert project_from(event).schema_steps == known.schema_steps
    seen = project_seen(event)
    assert (seen.schema_version, seen.classed.classes) == (2, ("no", "yes", "maybe"))  # type: ignore[union-attr]  # it has classes
    assert [seen.offered(version).spec()["classes"] for version in (1, 2)] == [["no", "yes"], ["no", "maybe"]]
    again = await project.define(choice("no", "maybe", "other"))
    assert again["schema_version"] == 3, "the process that told it reads on from what it keeps"


async def test_what_is_no_mapping_is_refused_with_field_and_cure_and_changes_nothing(project: Ingest) -> None:
    for wish, field in (
        (choice("no", "maybe"), "label_schema.classes"),
        (choice("no", "maybe", rename={"si": "maybe"}), "schema_change.rename.si"),
        ({**DEFINITION, "label_schema": {"kind": "text"}}, "label_schema.kind"),
    ):
        answer = await project.call("PUT", "/v1/projects/p", wish)
        (error,) = answer.json()["errors"]
        assert (answer.status, error["field"]) == (422, field)
        assert error["cure"]
    assert len((await read(project))["schemas"]) == 1
    first = await project.call("PUT", "/v1/projects/new", choice("no", "yes", retire=["maybe"]))
    assert (first.status, first.json()["errors"][0]["field"]) == (422, "schema_change")


async def test_gold_is_given_in_what_is_offered_now(project: Ingest) -> None:
    await project.define(choice("no", "maybe", retire=["yes"]))
    report = await project.admit(
        [{"id": "g1", "content": "One.", "gold": "yes"}, {"id": "g2", "content": "Two.", "gold": "maybe"}]
    )
    assert (report["admitted"], [entry["field"] for entry in report["refused"]]) == (1, ["gold"])


async def test_a_unit_sent_again_is_the_same_whatever_became_of_its_class(project: Ingest) -> None:
    await project.define(choice("no", "yes", "unsure", "odd"))
    suggestion = {"label": "yes", "model": "m"}
    known = ("no", "yes", "unsure", "odd")
    first: list[dict[str, Any]] = [{"id": name, "content": f"text {name}", "gold": name} for name in known]
    first.append({"id": "work", "content": "text of work", "suggestion": suggestion})
    assert (await project.admit(first))["admitted"] == 5
    change = {"rename": {"yes": "surely"}, "merge": {"unsure": "no"}, "split": {"odd": ["even", "odder"]}}
    await project.define(choice("no", "surely", "even", "odder", **change))
    again = await project.admit(first)
    assert (again["repeated"], again["refused"]) == (5, []), "a repeat says what it said"
    new = [{**entry, "id": f"new {entry['id']}", "content": f"new {entry['content']}"} for entry in first]
    report = await project.admit(new)
    assert report["admitted"] == 4
    (refused,) = report["refused"]
    assert (refused["line"], refused["field"]) == (4, "gold"), "nothing stands for a class that was split"
    await project.published()
    labels = {entry.source_id: entry.gold_label for entry in told(project.house, "unit_admitted")}
    assert (labels["yes"], labels["new yes"], labels["new unsure"]) == (b'"yes"', b'"surely"', b'"no"')
    (other,) = (await project.admit([{**first[1], "gold": "no"}]))["refused"]
    assert other["field"] == "gold", "another label under its name is refused as before"
