"""Whether anything that annotators are sent tells gold from work: a classifier is taught on half of the units."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from concord.labels import Json
from tests.support.blindness import auc, scored
from tests.support.five import Five, with_five

UNITS, GOLD = 300, 300
ANNOTATORS = ("ann-1", "ann-2", "ann-3")
AUC_MAX = 0.55
KEY = "client/key/k1"
TEXT = "Is this one spam? {:04d}"
DEFINITION: Json = {
    "name": "Blind",
    "label_schema": {"kind": "choice", "classes": ["ham", "spam"]},
    "policy": {"overlap": {"initial": 3, "max": 3}, "gold": {"rate": 0.5}},
}


class Seen(NamedTuple):
    """One unit as an annotator saw it: the offer, what came of the label, and where in their stream it stood."""

    offer: dict[str, Any]
    result: dict[str, Any]
    place: int
    held: int
    gold: bool


async def collected(five: Five) -> list[Seen]:
    """Let everybody label half of all there is; return what each reply said of each unit."""
    project = (await five.told("ingest", "PUT", "/v1/projects/blind", KEY, DEFINITION))["project_id"]
    sent = [{"id": f"u{n}", "content": TEXT.format(n)} for n in range(UNITS + GOLD)]
    sent = [entry | ({"gold": "ham"} if n % 2 else {}) for n, entry in enumerate(sent)]
    known: dict[str, bool] = {}
    for start in range(0, len(sent), 100):
        some = sent[start : start + 100]
        body = (await five.told("ingest", "POST", f"/v1/projects/{project}/units", KEY, some))["units"]
        known |= {unit["unit_id"]: "gold" in wish for unit, wish in zip(body, some, strict=True)}
    for annotator in ANNOTATORS:
        await five.told("assign", "PUT", f"/v1/annotators/{annotator}", "operator/op", {})
    await five.house.clock.sleep(3)
    seen: list[Seen] = []
    for annotator in ANNOTATORS:
        who, place = f"annotator/{annotator}", 0
        while place < (UNITS + GOLD) // 2:
            claimed = await five.told("assign", "POST", f"/v1/projects/{project}/claims", who, {"units": 50})
            offers = claimed["assignments"]
            labels = [{"assignment_id": assignment["assignment_id"], "label": "ham"} for assignment in offers]
            results = (await five.told("assign", "POST", "/v1/submissions", who, {"submissions": labels}))["results"]
            for number, (offer, result) in enumerate(zip(offers, results, strict=True)):
                seen.append(Seen(offer, result, place + number, number, known[offer["unit_id"]]))
            place += len(offers)
    return seen


def features(seen: Seen) -> list[float]:
    """Return what can be read off the replies: sizes, names of fields, characters of ids, order."""
    offer, result = seen.offer, seen.result
    sizes = [float(len(json.dumps(entry))) for entry in (offer, result)] + [float(len(offer)), float(len(result))]
    lengths = [float(len(str(offer[name]))) for name in sorted(offer)]
    ids = [float(ord(letter)) for name in ("unit_id", "assignment_id") for letter in offer[name][-24:]]
    return [*sizes, *lengths, *ids, float(seen.place), float(seen.held), float(seen.place % 2)]


def told_apart(seen: list[Seen], of: Callable[[Seen], list[float]]) -> float:
    """Return the area under the curve of a linear classifier with squares, for units that it was not taught on."""
    gold = np.array([entry.gold for entry in seen])
    return auc(scored(np.array([of(entry) for entry in seen]), gold, [entry.offer["unit_id"] for entry in seen]), gold)


def test_no_reply_size_id_or_order_tells_gold_from_work_and_a_leak_of_one_byte_would_be_found() -> None:
    seen = with_five(collected)
    share = sum(entry.gold for entry in seen) / len(seen)
    assert len(seen) >= 900
    assert 0.4 < share < 0.6
    found = told_apart(seen, features)
    assert max(found, 1 - found) < AUC_MAX, f"{found:.3f} over {len(seen)} units"
    leaking = told_apart(seen, lambda entry: [*features(entry), len(json.dumps(entry.offer)) + entry.gold])
    assert leaking > 0.95
