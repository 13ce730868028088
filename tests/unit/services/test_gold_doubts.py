"""A wrong known label on its way through all five: found, held, ruled, and taken back."""

import asyncio
from typing import Any

from concord.labels import Json
from tests.support.five import Five, with_five

GOOD = tuple(f"good-{number}" for number in range(5))
GOLD = 7
WRONG = "g6"
KEY = "client/key/k1"
DEFINITION: Json = {
    "name": "Known labels",
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {"gold": {"rate": 0.5, "qualify": "once", "qualify_units_max": 30, "pass_accuracy": 0.8}},
}


async def labelled(five: Five, project: str, names: dict[str, str], annotator: str, label: Any) -> None:
    """Let somebody answer all the gold that is given to them."""
    path = f"/v1/projects/{project}/claims"
    for offer in (await five.told("assign", "POST", path, f"annotator/{annotator}", {"units": 20}))["assignments"]:
        body = {"label": label(names[offer["unit_id"]])}
        submission = f"/v1/assignments/{offer['assignment_id']}/submission"
        await five.told("assign", "POST", submission, f"annotator/{annotator}", body)


async def people(five: Five, project: str) -> dict[str, tuple[int, int]]:
    rows = (await five.told("metrics", "GET", f"/v1/projects/{project}/annotators", KEY))["annotators"]
    return {row["annotator_id"]: (row["gold_correct"], row["gold_units"]) for row in rows}


async def walked(five: Five) -> None:
    project = (await five.told("ingest", "PUT", "/v1/projects/known", KEY, DEFINITION))["project_id"]
    sent = [{"id": f"g{n}", "content": f"known {n}", "gold": "no" if f"g{n}" == WRONG else "yes"} for n in range(GOLD)]
    admitted = (await five.told("ingest", "POST", f"/v1/projects/{project}/units", KEY, sent))["units"]
    names = {unit["unit_id"]: f"g{n}" for n, unit in enumerate(admitted)}
    (wrong,) = (unit_id for unit_id, name in names.items() if name == WRONG)
    for annotator in (*GOOD, "late"):
        await five.told("assign", "PUT", f"/v1/annotators/{annotator}", "operator/op", {})
    await asyncio.sleep(3)
    for annotator in GOOD:
        await labelled(five, project, names, annotator, lambda _: "yes")
    await asyncio.sleep(5)
    path = f"/v1/projects/{project}/gold"
    (shown,) = (await five.told("adjudicate", "GET", path, "adjudicator/adj"))["gold"]
    assert (shown["unit_id"], shown["known_label"], shown["said"]) == (wrong, "no", [{"label": "yes", "annotators": 5}])
    assert await people(five, project) == dict.fromkeys(GOOD, (6, 6)), "nobody is judged by it"
    await labelled(five, project, names, "late", lambda name: "no" if name == "g0" else "yes")
    await asyncio.sleep(3)
    assert (await people(five, project))["late"] == (5, 6), "and it is shown to nobody"
    assert (await five.told("adjudicate", "GET", path, "adjudicator/good-1"))["gold"] == []
    ruling = {"outcome": "corrected", "label": "yes", "reason": "They are right."}
    await five.told("adjudicate", "POST", f"/v1/gold/{wrong}/ruling", "adjudicator/adj", ruling)
    await asyncio.sleep(3)
    assert (await people(five, project))["good-0"] == (7, 7)
    await labelled(five, project, names, "late", lambda _: "yes")
    await labelled(five, project, names, "good-0", lambda _: "yes")
    await asyncio.sleep(3)
    found = await people(five, project)
    assert (found["late"], found["good-0"]) == ((6, 7), (7, 7)), "shown again, and to nobody twice"


FAILING: Json = {
    "name": "Way back",
    "guideline": "Even or odd.",
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {
        "gold": {
            "rate": 0.5,
            "qualify": "once",
            "qualify_units_max": 6,
            "pass_accuracy": 0.5,
            "retrain_units": 4,
            "attempts_max": 1,
        }
    },
}


async def way_back(five: Five) -> None:
    project = (await five.told("ingest", "PUT", "/v1/projects/back", KEY, FAILING))["project_id"]
    sent = [{"id": f"g{n}", "content": f"known {n}", "gold": "yes"} for n in range(18)]
    await five.told("ingest", "POST", f"/v1/projects/{project}/units", KEY, sent)
    await five.told("assign", "PUT", "/v1/annotators/eve", "operator/op", {})
    await asyncio.sleep(3)
    eve, claims, path = "annotator/eve", f"/v1/projects/{project}/claims", f"/v1/projects/{project}/retraining"
    assert (await five.call("adjudicate", "GET", path, eve)).status == 404, (
        "what is hidden stays hidden until they fail"
    )
    held = (await five.told("assign", "POST", claims, eve, {"units": 6}))["assignments"]
    for offer in held:
        await five.told("assign", "POST", f"/v1/assignments/{offer['assignment_id']}/submission", eve, {"label": "no"})
    await asyncio.sleep(4)
    refused = await five.call("assign", "POST", claims, eve, {"units": 1})
    assert (refused.status, "/retraining" in refused.json()["errors"][0]["cure"]) == (409, True)
    (found,) = (
        entry
        for entry in (await five.told("assign", "GET", "/v1/me", eve))["projects"]
        if entry["project_id"] == project
    )
    assert (found["why"]["code"], found["qualification"]["retraining"]) == ("retraining", True)
    answer = await five.told("adjudicate", "GET", path, eve)
    units = [unit["unit_id"] for unit in answer["units"]]
    assert (len(units), set(units) < {unit["unit_id"] for unit in held}, answer["attempt"]) == (4, True, 1)
    assert {(unit["known_label"], unit["given_label"], unit["appeal"]) for unit in answer["units"]} == {
        ("yes", "no", "")
    }
    assert answer["guideline"] == "Even or odd."
    body = {"unit_id": units[0], "reason": "It says so itself."}
    for _ in range(2):
        assert await five.told("adjudicate", "POST", f"{path}/appeals", eve, body) == {
            "unit_id": units[0],
            "appeal": "open",
        }
    never = next(unit["unit_id"] for unit in held if unit["unit_id"] not in units)
    other = await five.call("adjudicate", "POST", f"{path}/appeals", eve, body | {"unit_id": never})
    assert other.status == 404, "nobody learns what else is gold"
    (waiting,) = (await five.told("adjudicate", "GET", f"/v1/projects/{project}/gold", "adjudicator/adj"))["gold"]
    assert (waiting["standing"], waiting["appeals"], waiting["unit_id"]) == ("appealed", [body["reason"]], units[0])
    assert (await people(five, project))["eve"] == (0, 6), "an appeal alone takes nothing back"
    ruling = {"outcome": "corrected", "label": "no", "reason": "They are right."}
    await five.told("adjudicate", "POST", f"/v1/gold/{units[0]}/ruling", "adjudicator/adj", ruling)
    await asyncio.sleep(3)
    assert (await people(five, project))["eve"] == (1, 6)
    (first, *_) = (await five.told("adjudicate", "GET", path, eve))["units"]
    assert (first["appeal"], first["known_label"], first["reason"]) == ("upheld", "no", "They are right.")
    assert (await five.call("adjudicate", "POST", path, eve, {"attempt": 2})).status == 404
    for _ in range(2):
        assert (await five.told("adjudicate", "POST", path, eve, {"attempt": 1}))["finished"] is True
    await asyncio.sleep(2)
    assert (await five.call("adjudicate", "GET", path, eve)).status == 404
    again = (await five.told("assign", "POST", claims, eve, {"units": 20}))["assignments"]
    assert len(again) == 12, "fresh units, and none that they have met"
    assert {unit["unit_id"] for unit in again}.isdisjoint(unit["unit_id"] for unit in held)
    for offer in again:
        await five.told("assign", "POST", f"/v1/assignments/{offer['assignment_id']}/submission", eve, {"label": "no"})
    await asyncio.sleep(4)
    await last_try(five, project, [unit["id"] for unit in sent], (units[0], body["reason"]))


async def last_try(five: Five, project: str, ids: list[str], first: tuple[str, str]) -> None:
    """See what eve may do who has failed for good: `ids` are the client's, `first` her appeal that was upheld."""
    eve, claims, path = "annotator/eve", f"/v1/projects/{project}/claims", f"/v1/projects/{project}/retraining"
    (over,) = (
        entry
        for entry in (await five.told("assign", "GET", "/v1/me", eve))["projects"]
        if entry["project_id"] == project
    )
    assert over["qualification"]["standing"] == "failed"
    assert (over["why"]["code"], over["qualification"]["last"]) == ("not_qualified", True), (
        "twice is all that they have"
    )
    refused = await five.call("assign", "POST", claims, eve, {"units": 1})
    assert "appeal where you were right" in refused.json()["errors"][0]["cure"]
    last = await five.told("adjudicate", "GET", path, eve)
    assert (last["attempt"], last["last"], len(last["units"])) == (2, True, 4)
    wrong = {"unit_id": last["units"][0]["unit_id"], "reason": "It says so, too."}
    await five.told("adjudicate", "POST", f"{path}/appeals", eve, wrong)
    ended = await five.call("adjudicate", "POST", path, eve, {"attempt": 2})
    assert (ended.status, "an operator" in ended.json()["errors"][0]["cure"]) == (409, True)
    assert await appeals_of(five, path, eve) == [
        (wrong["unit_id"], "open", "yes", wrong["reason"], ""),
        (first[0], "upheld", "no", first[1], "They are right."),
    ]
    ruling = {"outcome": "confirmed", "reason": "It does not."}
    await five.told("adjudicate", "POST", f"/v1/gold/{wrong['unit_id']}/ruling", "adjudicator/adj", ruling)
    assert (await appeals_of(five, path, eve))[0] == (
        wrong["unit_id"], "declined", "yes", wrong["reason"], "It does not.",
    )  # fmt: skip
    assert await appeals_of(five, path, "annotator/ann") == [], "and nobody else's"
    admitted = (await five.told("ingest", "POST", f"/v1/projects/{project}/units/find", KEY, {"ids": ids}))["units"]
    first_id = next(name for name, unit in zip(ids, admitted, strict=True) if unit["unit_id"] == first[0])
    await five.told("ingest", "POST", f"/v1/projects/{project}/erasures", KEY, {"reason": "x", "ids": [first_id]})
    await asyncio.sleep(2)
    assert [unit_id for unit_id, *_ in await appeals_of(five, path, eve)] == [wrong["unit_id"]]


async def appeals_of(five: Five, path: str, caller: str) -> list[tuple[str, ...]]:
    """Return somebody's appeals: unit, how it stands, what is right, their words, and those of who ruled."""
    found = (await five.told("adjudicate", "GET", f"{path}/appeals", caller))["appeals"]
    fields = ("unit_id", "appeal", "known_label", "said", "reason")
    return [tuple(appeal[field] for field in fields) for appeal in found]


def test_who_failed_is_shown_what_they_missed_may_appeal_and_tries_again_on_fresh_units() -> None:
    with_five(way_back)


def test_a_wrong_known_label_is_found_held_corrected_and_taken_back() -> None:
    with_five(walked)
