"""Every kind of label goes the whole way over all five services: asked, disputed, ruled, inspected, certified."""

import asyncio
import json
from typing import Any

import pytest

from concord.labels import KINDS, Json, label_of, schema_from
from services.audit.domain.verification import verify
from tests.support.five import SETTLE_SECONDS, Five, with_five
from tests.support.label_kinds import FIELDS, FORM, OF_KIND, POLICY, TEXT, Kind, form, span

CLIENT, ADJUDICATOR, AUDITOR = "client/key/k1", "adjudicator/adj-1", "auditor/aud-1"
PEOPLE = ("ann-1", "ann-2", "ann-3")


async def define(five: Five, slug: str, schema: dict[str, Json]) -> str:
    body = {"label_schema": schema, "guideline": "g", "policy": POLICY}
    project_id = (await five.told("ingest", "PUT", f"/v1/projects/{slug}", CLIENT, body))["project_id"]
    for name in PEOPLE:
        await five.told("assign", "PUT", f"/v1/annotators/{name}", "operator/op", {})
    await asyncio.sleep(SETTLE_SECONDS)
    return str(project_id)


async def admit(five: Five, project_id: str, units: list[dict[str, Json]]) -> dict[str, str]:
    body = await five.told("ingest", "POST", f"/v1/projects/{project_id}/units", CLIENT, units)
    await asyncio.sleep(SETTLE_SECONDS)
    return {unit["unit_id"]: unit["source_id"] for unit in body["units"]}


async def label_all(five: Five, project_id: str, names: dict[str, str], kind: Kind) -> None:
    """Have everybody label what they are offered; ann-2 alone is wrong about the disputed unit."""
    for _ in range(2):
        for person in PEOPLE:
            who, path = f"annotator/{person}", f"/v1/projects/{project_id}/claims"
            for offer in (await five.told("assign", "POST", path, who, {"units": 9}))["assignments"]:
                disputed = names[offer["unit_id"]] == "disputed"
                label = kind.bad if disputed and person == "ann-2" else kind.good
                at = f"/v1/assignments/{offer['assignment_id']}/submission"
                body = await five.told("assign", "POST", at, who, {"label": label})
                assert body["status"] == "accepted"
            await asyncio.sleep(SETTLE_SECONDS)


async def whole_way(five: Five, kind: Kind, slug: str, schema: dict[str, Json]) -> dict[str, Any]:
    project_id = await define(five, slug, schema)
    work: list[dict[str, Json]] = [{"id": name, "content": f"{name}. {TEXT}"} for name in ("agreed", "disputed")]
    names = await admit(five, project_id, [*work, {"id": "gold", "content": f"gold. {TEXT}", "gold": kind.good}])
    await label_all(five, project_id, names, kind)
    path = f"/v1/escalations?project_id={project_id}"
    (escalated,) = (await five.told("adjudicate", "GET", path, ADJUDICATOR))["escalations"]
    assert names[escalated["unit_id"]] == "disputed"
    assert sorted(side["annotations"] for side in escalated["sides"]) == [1, 2]
    ruling = {"label": kind.good, "reason": "the other is wrong"}
    await five.told("adjudicate", "POST", f"/v1/escalations/{escalated['unit_id']}/ruling", ADJUDICATOR, ruling)
    await asyncio.sleep(SETTLE_SECONDS)
    own, path = {"agreed": kind.near, "disputed": kind.bad}, f"/v1/inspections?project_id={project_id}"
    while wanted := (await five.told("audit", "GET", path, AUDITOR))["inspections"]:
        verdict = {"unit_id": wanted[0]["unit_id"], "label": own[names[wanted[0]["unit_id"]]]}
        await five.told("audit", "POST", "/v1/inspections", AUDITOR, {"verdicts": [verdict]})
        await asyncio.sleep(SETTLE_SECONDS)
    base = f"/v1/projects/{project_id}"
    key = (await five.told("audit", "GET", "/v1/keys", CLIENT))["public_key"]
    certificate = (await five.call("audit", "GET", f"{base}/certificate", CLIENT)).body
    export = await five.call("audit", "GET", f"{base}/export", CLIENT)
    return {
        "claims": verify(certificate, [export.body], [key]).statement["lots"],
        "rows": {row["source_id"]: row for row in map(json.loads, export.body.split(b"\n")[:-1])},
        "quality": await five.told("metrics", "GET", f"{base}/quality", CLIENT),
    }


def test_every_kind_has_its_way_here() -> None:
    assert set(OF_KIND) == set(KINDS)


@pytest.mark.parametrize("name", OF_KIND)
def test_a_label_goes_from_the_project_to_the_verified_export(name: str) -> None:
    kind, spec = OF_KIND[name], {"kind": name, **OF_KIND[name].schema}
    found = with_five(lambda five: whole_way(five, kind, f"whole-{name}", spec))
    schema, (claim,), quality = schema_from(spec), found["claims"], found["quality"]
    labels = {name: row["label"] for name, row in found["rows"].items()}
    assert labels == {"agreed": schema.canonical(kind.good), "disputed": schema.canonical(kind.bad)}, "as audited"
    assert (claim["units"], claim["inspected"], claim["errors_found"], claim["errors_corrected"]) == (2, 2, 1, 1)
    assert claim["label_error_rate"]["high"] == quality["label_error_rate"]["high"] == 0.0
    assert (quality["units_consensus"], quality["units_adjudicated"]) == (1, 1)
    assert quality["gold_annotations"] == quality["gold_correct"] > 0
    by_field = {name: (entry["inspected"], entry["errors_found"]) for name, entry in claim.get("fields", {}).items()}
    wrong = {"severity": 1}
    assert by_field == ({field: (2, wrong.get(field, 0)) for field in FIELDS} if name == "form" else {})
    answered = {field["field"]: field["gold_annotations"] for field in quality.get("fields", ())}
    assert answered == dict.fromkeys(by_field, quality["gold_annotations"])
    for field in quality.get("fields", ()):
        assert field["alpha"]["value"] == pytest.approx(claim["fields"][field["field"]]["agreement"]["value"])
        assert field["gold_correct"] == field["gold_annotations"]
    alpha, live = claim["agreement"], quality["alpha"]
    assert (alpha["units"], live["units"]) == (2, 2)
    assert live["value"] == pytest.approx(alpha["value"])


def test_no_door_takes_a_span_past_the_end_of_its_text() -> None:
    schema: dict[str, Json] = {"kind": "spans", "classes": ["name"]}
    past, text = span(0, 6), "Ada, B"[:5]

    async def refused(five: Five) -> list[tuple[str, int]]:
        project_id = await define(five, "past", schema)
        path = f"/v1/projects/{project_id}"
        gold = [{"id": "gold", "content": text, "gold": past}]
        report = await five.told("ingest", "POST", f"{path}/units", CLIENT, gold)
        assert report["refused"][0]["field"] == "gold.spans[0].end"
        (unit_id,) = await admit(five, project_id, [{"id": "u", "content": text}])
        answers = []
        for person, label in zip(PEOPLE, (span(0, 1), span(2, 3), span(4, 5)), strict=True):
            who = f"annotator/{person}"
            (offer,) = (await five.told("assign", "POST", f"{path}/claims", who, {"units": 1}))["assignments"]
            at = f"/v1/assignments/{offer['assignment_id']}/submission"
            answers.append(await five.call("assign", "POST", at, who, {"label": past}))
            await five.told("assign", "POST", at, who, {"label": label})
            await asyncio.sleep(SETTLE_SECONDS)
        at = f"/v1/escalations/{unit_id}/ruling"
        answers.append(await five.call("adjudicate", "POST", at, ADJUDICATOR, {"label": past, "reason": "r"}))
        await five.told("adjudicate", "POST", at, ADJUDICATOR, {"label": span(0, 5), "reason": "r"})
        await five.told("ingest", "POST", f"{path}/seal", CLIENT)
        await asyncio.sleep(SETTLE_SECONDS)
        verdict = {"verdicts": [{"unit_id": unit_id, "label": past}]}
        (result,) = (await five.told("audit", "POST", "/v1/inspections", AUDITOR, verdict))["results"]
        return [*((answer.json()["errors"][0]["field"], answer.status) for answer in answers), (result["field"], 422)]

    assert with_five(refused) == [("label.spans[0].end", 422)] * 5


def test_every_door_refuses_what_a_form_does_not_ask_under_its_path() -> None:
    schema: dict[str, Json] = {"kind": "form", "fields": FORM}
    wrong = form(2, toxic="no")

    async def refused(five: Five) -> list[tuple[str, int]]:
        circle: dict[str, Json] = {"label_schema": {"kind": "form", "fields": FORM[1:]}, "guideline": "g"}
        answer = await five.call("ingest", "PUT", "/v1/projects/circle", CLIENT, circle)
        assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "label_schema.fields[0].when.field")
        project_id = await define(five, "asked", schema)
        path = f"/v1/projects/{project_id}"
        gold = [{"id": "gold", "content": TEXT, "gold": wrong}]
        report = await five.told("ingest", "POST", f"{path}/units", CLIENT, gold)
        assert report["refused"][0]["field"] == "gold.answers.severity"
        (unit_id,) = await admit(five, project_id, [{"id": "u", "content": TEXT}])
        answers = []
        for place, person in enumerate(PEOPLE):
            who = f"annotator/{person}"
            (offer,) = (await five.told("assign", "POST", f"{path}/claims", who, {"units": 1}))["assignments"]
            assert offer["label_schema"] == schema_from(schema).spec()
            at = f"/v1/assignments/{offer['assignment_id']}/submission"
            answers.append(await five.call("assign", "POST", at, who, {"label": wrong}))
            await five.told("assign", "POST", at, who, {"label": form(1 + 2 * place)})
            await asyncio.sleep(SETTLE_SECONDS)
        at = f"/v1/escalations/{unit_id}/ruling"
        answers.append(await five.call("adjudicate", "POST", at, ADJUDICATOR, {"label": wrong, "reason": "r"}))
        await five.told("adjudicate", "POST", at, ADJUDICATOR, {"label": form(None, toxic="no"), "reason": "r"})
        await five.told("ingest", "POST", f"{path}/seal", CLIENT)
        await asyncio.sleep(SETTLE_SECONDS)
        verdict = {"verdicts": [{"unit_id": unit_id, "label": wrong}]}
        (result,) = (await five.told("audit", "POST", "/v1/inspections", AUDITOR, verdict))["results"]
        return [*((entry.json()["errors"][0]["field"], entry.status) for entry in answers), (result["field"], 422)]

    assert with_five(refused) == [("label.answers.severity", 422)] * 5


def test_a_text_that_lies_elsewhere_holds_no_span_back() -> None:
    schema = schema_from({"kind": "spans", "classes": ["name"]})
    assert label_of(schema, span(0, 10_000), None) == span(0, 10_000)
