"""A resolved unit on its way to gold through all five: confirmed, met by whoever had no part in it, and counted."""

import asyncio
from typing import Any

from tests.support.five import Five, with_five

FIRST, LATER = ("one", "two"), ("three", "four", "five")
KEY, LEAD = "client/key/k1", "adjudicator/adj"
DEFINITION: dict[str, Any] = {
    "name": "More gold",
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {
        "overlap": {"initial": 2, "max": 2},
        "consensus": {"method": "majority", "confidence": 0.9},
        "gold": {"rate": 0.0, "exposures_max": 2},
    },
}
GOLD_ALONE: dict[str, Any] = {
    **DEFINITION,
    "policy": {
        **DEFINITION["policy"],
        "gold": {"rate": 0.5, "exposures_max": 2, "qualify": "once", "pass_accuracy": 0.5, "qualify_units_max": 30},
    },
}


async def answer(five: Five, project: str, annotator: str) -> list[dict[str, Any]]:
    """Let somebody say yes to all that they are given; return what they were offered."""
    who = f"annotator/{annotator}"
    offers: list[dict[str, Any]] = (
        await five.told("assign", "POST", f"/v1/projects/{project}/claims", who, {"units": 20})
    )["assignments"]
    for offer in offers:
        await five.told("assign", "POST", f"/v1/assignments/{offer['assignment_id']}/submission", who, {"label": "yes"})
    return offers


async def walked(five: Five) -> None:
    project = (await five.told("ingest", "PUT", "/v1/projects/more", KEY, DEFINITION))["project_id"]
    sent = [{"id": f"u{n}", "content": f"text {n}"} for n in range(2)]
    units = (await five.told("ingest", "POST", f"/v1/projects/{project}/units", KEY, sent))["units"]
    for annotator in (*FIRST, *LATER):
        await five.told("assign", "PUT", f"/v1/annotators/{annotator}", "operator/op", {})
    await asyncio.sleep(3)
    work = [await answer(five, project, annotator) for annotator in FIRST]
    await asyncio.sleep(5)
    path = f"/v1/projects/{project}/gold/candidates"
    shown = (await five.told("adjudicate", "GET", path, LEAD))["candidates"]
    assert {unit["unit_id"] for unit in shown} == {unit["unit_id"] for unit in units}
    assert {(entry["label"], entry["method"], entry["annotations"]) for entry in shown} == {("yes", "consensus", 2)}
    chosen = shown[0]["unit_id"]
    word = {"outcome": "confirmed", "reason": "It says so itself."}
    await five.told("adjudicate", "POST", f"/v1/gold/candidates/{chosen}", LEAD, word)
    await asyncio.sleep(5)
    # From now on they are to qualify: gold is all that anybody is given.
    await five.told("ingest", "PUT", "/v1/projects/more", KEY, GOLD_ALONE)
    await asyncio.sleep(3)
    assert [await answer(five, project, annotator) for annotator in FIRST] == [[], []], "who labelled it never meets it"
    met = [await answer(five, project, annotator) for annotator in LATER]
    assert [len(offers) for offers in met] == [1, 1, 0], "and of the others no more than may"
    (gold,) = {offers[0]["unit_id"] for offers in met if offers}
    assert gold not in {unit["unit_id"] for unit in units}
    like = work[0][0]
    assert met[0][0].keys() == like.keys(), "nothing that is told of it tells it from work"
    assert [len(met[0][0][name]) for name in ("unit_id", "assignment_id")] == [
        len(like[name]) for name in ("unit_id", "assignment_id")
    ]
    await asyncio.sleep(5)
    rows = (await five.told("metrics", "GET", f"/v1/projects/{project}/annotators", KEY))["annotators"]
    assert {row["annotator_id"]: (row["gold_correct"], row["gold_units"]) for row in rows} == {
        **dict.fromkeys(FIRST, (0, 0)),
        **dict.fromkeys(LATER[:2], (1, 1)),
    }
    stock = await five.told("assign", "GET", f"/v1/projects/{project}/gold/stock", LEAD)
    assert (stock["units"], stock["usable"], stock["spent"], stock["showings_left"]) == (1, 0, 1, 0)
    erased = await five.told(
        "ingest", "POST", f"/v1/projects/{project}/erasures", KEY, {"reason": "x", "ids": ["u0", "u1"]}
    )
    assert erased["erased"] == 2
    await asyncio.sleep(3)
    assert (await five.told("assign", "GET", f"/v1/projects/{project}/gold/stock", LEAD))["units"] == 0


def test_a_confirmed_candidate_measures_who_had_no_part_in_it_and_goes_with_its_unit() -> None:
    with_five(walked)
