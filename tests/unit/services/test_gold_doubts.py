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
    names = {one["unit_id"]: f"g{n}" for n, one in enumerate(admitted)}
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


def test_a_wrong_known_label_is_found_held_corrected_and_taken_back() -> None:
    with_five(walked)
