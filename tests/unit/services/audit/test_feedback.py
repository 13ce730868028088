"""Feedback on models: outputs are said once, held against accepted labels alone, and judged by who had no part."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.ids import unit_id_of
from concord.contracts.topics import UNITS as UNITS_TOPIC
from concord.contracts.v1.units_pb2 import UnitDuplicated, UnitEvent
from services.audit.domain import output as output_domain
from services.ingest.domain.project import Policy
from simulation.house import Answer
from tests.support.audit import CHOICE, INSPECT_ALL, LOT, RELABEL, UNITS, Audit, lot_id, sealed, unit_ids

BASE = "/v1/projects/k1-p/models"
NDJSON = (("content-type", "application/x-ndjson"),)
FORM = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
        {"name": "note", "schema": {"kind": "text"}, "required": False},
    ],
}

NONE = dict.fromkeys(("not_admitted", "not_accepted", "erased", "unanswerable", "of_another_schema"), 0)


@pytest.fixture
async def audit() -> AsyncIterator[Audit]:
    found = await sealed(RELABEL)
    yield found
    await found.stop()


@pytest.fixture
async def of_any_lives(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(RELABEL)
    yield found
    await found.stop()


def said(unit: str = "", label: Any = "yes", version: str = "1", **more: Any) -> dict[str, Any]:
    return {**({"unit_id": unit} if unit else {}), "model": "m", "model_version": version, "label": label, **more}


async def post(audit: Audit, *lines: Any) -> Any:
    """Post outputs, each as JSON or as the bytes of its line, and return what became of them."""
    body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    answer = await audit.call("POST", f"{BASE}/outputs", body, "key", role=Role.CLIENT, client_id="k1", headers=NDJSON)
    assert answer.status == 200, answer.body
    return answer.json()


async def model(audit: Audit, version: str = "1") -> str:
    found = (await audit.client(BASE)).json()["models"]
    (entry,) = [row["model_id"] for row in found if row["model_version"] == version]
    return f"{BASE}/{entry}"


async def accepted(audit: Audit) -> None:
    """Have the lot accepted: all its units are yes."""
    await audit.resolve()
    await audit.inspect({})
    assert (await audit.lot())["status"] == "accepted"


async def review(audit: Audit, subject: str = "judge", query: str = "") -> Any:
    answer = await audit.call("GET", f"{await model(audit)}/review", subject=subject, query=query)
    assert answer.status == 200, answer.body
    return answer.json()


async def judge(audit: Audit, unit: str, right: str, subject: str = "judge", **more: Any) -> Any:
    body = {"judgements": [{"unit_id": unit, "right": right, **more}]}
    answer: Answer = await audit.call("POST", f"{await model(audit)}/review", body, subject=subject)
    (result,) = answer.json()["results"]
    await audit.settle()
    return result


async def test_a_score_rests_on_accepted_labels_alone_and_says_how_many_outputs_wait_for_them(audit: Audit) -> None:
    outputs = [said(unit, "no" if place < 5 else "yes", confidence=0.9) for place, unit in enumerate(UNITS)]
    assert await post(audit, *outputs, said(event_id="later")) == {
        "posted": 21, "repeated": 0, "refused_count": 0, "refused": [],
    }  # fmt: skip
    await audit.resolve()
    before = (await audit.client(f"{await model(audit)}/score")).json()
    assert (before["scored"], before["accuracy"]["value"], before["disagreements"]) == (0, None, 0)
    assert before["not_scored"] == {**NONE, "not_admitted": 1, "not_accepted": 20}
    assert (await audit.client(f"{await model(audit)}/disagreements")).json()["disagreements"] == []
    assert (await review(audit))["review"] == []
    await audit.inspect({})
    await audit.erase(UNITS[19])
    after = (await audit.client(f"{await model(audit)}/score")).json()
    assert (after["outputs"], after["scored"], after["disagreements"]) == (21, 19, 5)
    assert after["not_scored"] == {**NONE, "not_admitted": 1, "erased": 1}
    assert after["accuracy"]["value"] == pytest.approx(14 / 19)
    assert after["accuracy"]["low"] < 14 / 19 < after["accuracy"]["high"]
    by = {class_name["label"]: class_name for class_name in after["classes"]}
    assert (by["no"]["said"], by["no"]["precision"]["value"], by["no"]["recall"]["value"]) == (5, 0.0, None)
    assert (by["yes"]["accepted"], by["yes"]["recall"]["value"]) == (19, pytest.approx(14 / 19))
    assert after["calibration"]["expected_error"]["value"] == pytest.approx(0.9 - 14 / 19)
    assert [bin_["units"] for bin_ in after["calibration"]["bins"]] == [19]


async def test_the_auditors_label_is_the_accepted_one_where_it_corrects_the_resolved() -> None:
    audit = await sealed(INSPECT_ALL)
    try:
        await audit.resolve()
        await audit.inspect(dict.fromkeys(UNITS[:5], "no"))
        assert (await audit.lot())["corrected"] == 5
        await post(audit, said(UNITS[0], "no"), said(UNITS[1], "yes"))
        found = (await audit.client(f"{await model(audit)}/score")).json()
    finally:
        await audit.stop()
    assert (found["scored"], found["accuracy"]["value"]) == (2, 0.5)


async def test_an_output_is_said_once_and_what_is_wrong_with_a_line_keeps_no_other_from_being_taken(
    audit: Audit,
) -> None:
    good = said(UNITS[0], probabilities={"yes": 0.8, "no": 0.2})
    lines: list[Any] = [
        good,
        b"",
        b"{no json",
        said(UNITS[1], "maybe"),
        said(unit_ids(1, "k2-p")[0]),
        said(unit_ids(1, first=99)[0]),
        said(),
        said(UNITS[2], probabilities={"yes": 0.8}),
        said(UNITS[3], probabilities={"perhaps": 1.0}),
        said(UNITS[4], version=" 1"),
        said(UNITS[5], confidence=1.5),
        said(UNITS[6]),
        said(UNITS[0], "no"),
    ]
    found = await post(audit, *lines)
    assert (found["posted"], found["repeated"], found["refused_count"]) == (2, 0, 10)
    assert [(entry["line"], entry["field"]) for entry in found["refused"]] == [
        (3, "line"), (4, "label"), (5, "unit_id"), (6, "unit_id"), (7, "event_id"), (8, "probabilities"),
        (9, "probabilities"), (10, "model_version"), (11, "confidence"), (13, "label"),
    ]  # fmt: skip
    assert all(error["problem"] and error["cure"] for error in found["refused"])
    again = await audit.client(BASE)
    assert [entry["model_version"] for entry in again.json()["models"]] == ["1"]


async def test_what_was_posted_is_repeated_after_a_restart_and_its_confidence_is_its_classs_probability(
    of_any_lives: Audit,
) -> None:
    audit = of_any_lives
    line = said(UNITS[0], "no", probabilities={"yes": 0.2, "no": 0.8})
    await post(audit, line)
    audit.lives[:] = (await audit.restarted()).lives
    assert (await post(audit, line))["repeated"] == 1
    await accepted(audit)
    (found,) = (await audit.client(f"{await model(audit)}/disagreements")).json()["disagreements"]
    assert (found["model_confidence"], found["model_label"], found["accepted_label"]) == (0.8, "no", "yes")


async def test_bodies_versions_and_outputs_are_bounded(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await audit.call("POST", f"{BASE}/outputs", {}, "key", role=Role.CLIENT, client_id="k1")
    assert answer.status == 415
    monkeypatch.setattr(output_domain, "MODELS_MAX", 1)
    monkeypatch.setattr("services.audit.handlers.outputs.OUTPUTS_MAX", 2)
    found = await post(audit, *[said(unit) for unit in UNITS[:3]], said(UNITS[0], version="2"))
    assert [(entry["line"], entry["field"]) for entry in found["refused"]] == [
        (3, "model_version"),
        (4, "model_version"),
    ]
    assert (await post(audit, *[said(unit) for unit in UNITS[:3]]))["repeated"] == 2


async def test_disagreements_come_in_order_page_by_page_and_are_judged_blind_by_who_had_no_part(audit: Audit) -> None:
    sure = {unit: (place + 1) / 20 for place, unit in enumerate(UNITS[:6])}
    await post(audit, *[said(unit, "no", confidence=value) for unit, value in sure.items()])
    await accepted(audit)
    inspected = {event.unit_id for event in await audit.events("unit_audited")}
    expected = [unit for unit, _ in sorted(sure.items(), key=lambda row: -row[1])]
    listed: list[Any] = []
    cursor = ""
    while True:
        answer = await audit.client(f"{await model(audit)}/disagreements", query=f"limit=4&cursor={cursor}")
        listed += answer.json()["disagreements"]
        if (cursor := answer.json()["next"]) is None:
            break
    assert [unit["unit_id"] for unit in listed] == expected
    assert (await audit.client(f"{await model(audit)}/disagreements", query="cursor=WzFd")).status == 422
    page = await review(audit)
    assert [unit["unit_id"] for unit in page["review"]] == expected
    assert all({entry["first"], entry["second"]} == {"yes", "no"} for entry in page["review"])
    assert not {"model", "model_version", "accepted_label", "model_label", "lot_id"} & set(page["review"][0])
    assert (await review(audit, "w1"))["review"] == [], "who labelled them"
    assert {unit["unit_id"] for unit in (await review(audit, "auditor"))["review"]} == set(expected) - inspected


async def test_a_judgement_says_whose_error_it_is_and_a_label_that_is_wrong_is_told_as_an_event(audit: Audit) -> None:
    await post(audit, *[said(unit, "no") for unit in UNITS[:8]])
    await accepted(audit)
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    work = {entry["unit_id"]: entry for entry in (await review(audit))["review"]}
    units = sorted(work)
    models_side = {unit: "first" if work[unit]["first"] == "no" else "second" for unit in units}
    labels_side = {unit: "second" if models_side[unit] == "first" else "first" for unit in units}
    assert set(models_side.values()) == {"first", "second"}, "whose side is first is as good as chance"
    assert (await judge(audit, units[0], models_side[units[0]], reason="a refund"))["status"] == "taken"
    assert (await judge(audit, units[0], models_side[units[0]]))["status"] == "repeated"
    other = await judge(audit, units[0], "ambiguous", "another")
    assert (other["status"], other["field"]) == ("refused", "unit_id")
    assert (await judge(audit, units[1], labels_side[units[1]]))["status"] == "taken"
    assert (await judge(audit, units[2], "neither"))["status"] == "taken"
    assert (await judge(audit, units[3], "ambiguous"))["status"] == "taken"
    for unit, subject in ((units[4], "w1"), (UNITS[9], "judge"), ("k2-uxx", "judge")):
        assert (await judge(audit, unit, "first", subject))["status"] == "refused"
    score = (await audit.client(f"{await model(audit)}/score")).json()
    assert score["findings"] == {"model_error": 1, "label_error": 1, "both_wrong": 1, "ambiguous": 1}
    rows = await audit.events("label_error_found")
    assert [(row.unit_id, row.lot_id, row.model_right, row.reason) for row in rows] == [
        (units[0], LOT, True, "a refund"), (units[2], LOT, False, ""),
    ]  # fmt: skip
    assert (rows[0].accepted_label, rows[0].model_label, rows[0].reviewer_id) == (b'"yes"', b'"no"', "judge")
    assert {entry["unit_id"] for entry in (await review(audit))["review"]} == set(units[4:])
    assert (await audit.client(f"/v1/lots/{LOT}/certificate")).body == certificate


async def test_the_next_units_are_a_random_share_then_those_of_which_least_is_known_until_they_come_in(
    audit: Audit,
) -> None:
    events = [f"e{number}" for number in range(40)]
    outputs = [said(event_id=event, confidence=0.5 + place / 100) for place, event in enumerate(events)]
    earlier = [said(event_id=event, label="no", version="0") for event in events[35:]]
    await post(audit, *earlier, *outputs, said(UNITS[0]))
    path = f"{await model(audit)}/next"
    found = (await audit.client(path, query="units=10&random_share=0.2")).json()
    assert found["waiting"] == 40
    reasons = Counter(tuple(unit["reasons"]) for unit in found["units"])
    assert (len(found["units"]), reasons[("random",)], reasons[("disagreeing",)]) == (10, 2, 4)
    unsure = [unit["event_id"] for unit in found["units"] if unit["reasons"] == ["uncertain"]]
    assert set(unsure) <= set(events[:6])
    assert (await audit.client(path, query="units=10&random_share=0.2")).json() == found
    come = found["units"][0]["event_id"]
    secret = audit.handlers.means.id_secret
    await audit.more(lot_id(2), [unit_id_of(secret, "k1-p", come)])
    after = (await audit.client(path, query="units=10&random_share=0.2")).json()
    assert after["waiting"] == 39
    assert come not in {unit["event_id"] for unit in after["units"]}
    assert (await audit.client(path, query="units=1001")).status == 422


async def test_an_output_of_a_unit_of_the_same_content_is_held_against_the_one_that_stands_for_it(
    audit: Audit,
) -> None:
    twin = unit_id_of(audit.handlers.means.id_secret, "k1-p", "twin")
    duplicate = UnitDuplicated(unit_id=twin, source_id="twin", duplicate_of=UNITS[3])
    await audit.upstream.tell(UNITS_TOPIC, twin, UnitEvent(unit_duplicated=duplicate))
    await post(audit, said(event_id="twin", label="yes"))
    await accepted(audit)
    found = (await audit.client(f"{await model(audit)}/score")).json()
    assert (found["scored"], found["accuracy"]["value"]) == (1, 1.0)


async def test_labels_of_several_fields_are_scored_field_by_field() -> None:
    audit = await sealed(RELABEL, FORM)
    try:
        yes, no = {"answers": {"toxic": "yes", "note": "x"}}, {"answers": {"toxic": "yes", "note": "y"}}
        await post(audit, said(UNITS[0], yes), said(UNITS[1], no))
        await audit.resolve(label=yes)
        await audit.inspect({}, default=yes)
        found = (await audit.client(f"{await model(audit)}/score")).json()
    finally:
        await audit.stop()
    assert (found["accuracy"]["value"], found["classes"]) == (0.5, [])
    assert {field["field"]: field["accuracy"]["value"] for field in found["fields"]} == {"toxic": 1.0, "note": 0.5}


async def test_outputs_of_a_schema_that_the_project_no_longer_has_are_counted_and_not_scored(audit: Audit) -> None:
    await post(audit, said(UNITS[0], "no"))
    await accepted(audit)
    other = {**CHOICE, "classes": ["yes", "perhaps"]}
    await audit.define(Policy(audit=RELABEL), other, revision=2)
    found = (await audit.client(f"{await model(audit)}/score")).json()
    assert (found["scored"], found["not_scored"]["of_another_schema"]) == (0, 1)
