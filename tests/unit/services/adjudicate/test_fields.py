"""Labels of several fields: weighed by what is known of each annotator in each field, and ruled whole."""

import json
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.ids import placed_id
from concord.labels import Json
from services.adjudicate.domain import class_shares
from services.adjudicate.domain.consensus import MERGED_AT_ONCE_BYTES
from services.adjudicate.handlers import deciding
from services.ingest.domain.project import Consensus, Gold, Overlap, Policy
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start

CHOICE = {"kind": "choice", "classes": ["no", "yes"]}
SCHEMA = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": CHOICE},
        {"name": "spam", "schema": CHOICE},
        {"name": "rude", "schema": CHOICE, "when": {"field": "toxic", "is": ["yes"]}},
    ],
}
POLICY = Policy(overlap=Overlap(initial=2, max=3), consensus=Consensus(confidence=0.9), gold=Gold(pass_accuracy=0.8))
GOOD, COIN = [90, 10, 10, 90], [50, 50, 50, 50]
UNIT = "k1-utb1"


async def begun() -> Adjudicate:
    """Return an adjudicate that knows: ann is good in the field `toxic` and bob in `spam`; cyd is in both."""
    found = await start(House())
    await found.upstream.project(POLICY, schema=SCHEMA)
    for annotator, toxic, spam in (("ann", GOOD, COIN), ("bob", COIN, GOOD), ("cyd", GOOD, GOOD)):
        await found.upstream.competence(annotator, toxic, field="toxic")
        await found.upstream.competence(annotator, spam, field="spam")
        await found.upstream.competence(annotator, GOOD, field="rude")
    for field in ("toxic", "spam", "rude"):
        await found.upstream.crowd(0.0, [50, 50], field=field)
    await found.settle()
    return found


async def say(found: Adjudicate, number: int, annotator: str, **answers: Json) -> None:
    await found.upstream.annotation(UNIT, number, annotator, {"answers": answers})


async def test_who_is_good_at_a_field_is_followed_in_it_and_the_unit_asked_again_while_one_is_in_doubt() -> None:
    found = await begun()
    await found.upstream.unit(UNIT)
    await say(found, 1, "ann", toxic="no", spam="yes")
    await say(found, 2, "bob", toxic="yes", spam="no", rude="yes")
    assert [kind for _, kind in await found.decisions()] == ["overlap_requested"]
    asked = found.events()[0].overlap_requested
    assert 0.7 < asked.confidence < 0.9, "each of two good people against a coin: not sure of both at once"
    await say(found, 3, "cyd", toxic="no", spam="no")
    assert [kind for _, kind in await found.decisions()][1:] == ["consensus_reached"]
    reached = found.events()[1].consensus_reached
    assert json.loads(reached.label) == {"answers": {"toxic": "no", "spam": "no"}}
    assert [(field.field, field.decided) for field in reached.fields] == [("toxic", True), ("spam", True)]
    assert reached.confidence == reached.fields[0].confidence * reached.fields[1].confidence > 0.9
    await found.stop()


async def test_labels_that_are_merged_on_another_thread_are_weighed_by_field_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided = []
    for bytes_max in (MERGED_AT_ONCE_BYTES, 1):
        monkeypatch.setattr(deciding, "MERGED_AT_ONCE_BYTES", bytes_max)
        found = await begun()
        await found.upstream.unit(UNIT)
        for number, annotator in enumerate(("ann", "bob", "cyd"), start=1):
            await say(found, number, annotator, toxic="no", spam="no" if number > 1 else "yes")
        await found.decisions()
        decided.append([event.consensus_reached for event in found.events() if event.HasField("consensus_reached")])
        await found.stop()
    assert decided[0] == decided[1] != []


async def test_resolved_units_tell_how_annotators_err_in_each_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_shares, "TALLY_UNITS", 12)
    found = await begun()
    for number in range(12):
        unit_id = placed_id("u", PROJECT, f"n{number}")
        await found.upstream.unit(unit_id)
        for place, annotator in enumerate(("ann", "cyd", "bob"), start=1):
            # Of spam ann is always wrong, and the two others are followed.
            answers: dict[str, Json] = {"toxic": "no", "spam": "yes" if annotator == "ann" else "no"}
            await found.upstream.annotation(unit_id, place, annotator, {"answers": answers})
    await found.settle()
    view = found.handlers().repository.view(PROJECT)
    await until(lambda: view.shares.tallied_until_us > 0)
    learnt = {field: view.shares.learnt(field)["ann"] for field in ("toxic", "spam")}
    assert learnt["toxic"].correct / learnt["toxic"].units > 0.9
    assert learnt["spam"].correct / learnt["spam"].units < 0.1
    assert view.shares.learnt("rude") == {}, "nobody was asked it"
    assert view.settled("toxic") == view.settled("spam") == {'"no"': 12}
    await found.stop()


async def test_what_is_known_of_each_field_outlives_a_process_and_is_shown() -> None:
    found = await begun()
    await found.kill(found.service)
    await found.join()
    path = f"/v1/projects/{PROJECT}/competence"

    async def shown(field: str = "") -> Any:
        query = f"field={field}" if field else ""
        return (await found.call("GET", path, role=Role.OPERATOR, query=query)).json()

    assert (await shown())["fields"] == ["toxic", "spam", "rude"]
    for field, good in (("toxic", "ann"), ("spam", "bob")):
        known = await shown(field)
        accuracies = {annotator["annotator_id"]: annotator["confusion"][0][0] for annotator in known["annotators"]}
        assert accuracies[good] > 0.85
        assert min(accuracies["ann"], accuracies["bob"]) < 0.65
        assert (known["dependence"], known["dependence_units"]) == (0.0, 100)
        assert "fields" not in known
    await found.stop()


async def test_an_escalation_shows_in_which_fields_people_disagree_and_a_ruling_is_of_the_whole_label() -> None:
    found = await begun()
    await found.upstream.unit(UNIT)
    for number, (annotator, rude) in enumerate((("ann", "yes"), ("cyd", "no"), ("dan", "no")), start=1):
        await say(found, number, annotator, toxic="yes", spam="no", rude=rude)
    await found.upstream.labelling_ended(UNIT)
    await found.settle()
    escalated = next(event.escalated for event in found.events() if event.HasField("escalated"))
    doubtful = {field.field for field in escalated.fields if field.confidence < 0.9}
    assert doubtful == {"rude"}
    (waiting,) = (await found.call("GET", "/v1/escalations")).json()["escalations"]
    agreed = {field["field"]: field["agreed"] for field in waiting["fields"]}
    assert agreed == {"toxic": True, "spam": True, "rude": False}
    (rude,) = (field for field in waiting["fields"] if field["field"] == "rude")
    assert sorted((answer["answer"], answer["annotations"]) for answer in rude["answers"]) == [("no", 2), ("yes", 1)]
    half: dict[str, Any] = {"label": {"answers": {"rude": "no"}}, "reason": "r"}
    refused = await found.call("POST", f"/v1/escalations/{UNIT}/ruling", half)
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "label.answers.toxic")
    whole = {"answers": {"toxic": "yes", "spam": "no", "rude": "yes"}}
    assert (await found.call("POST", f"/v1/escalations/{UNIT}/ruling", {"label": whole, "reason": "r"})).status == 200
    await found.settle()
    assert json.loads(found.events()[-1].adjudicated.label) == whole
    await found.stop()


async def test_a_plain_label_tells_of_no_fields() -> None:
    found = await start(House())
    await found.upstream.project(POLICY)
    await found.escalate("k1-utb2", "yes", "no")
    (waiting,) = (await found.call("GET", "/v1/escalations")).json()["escalations"]
    assert "fields" not in waiting
    lines = (await found.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.OPERATOR)).body
    assert b"fields" not in lines
    assert all(not event.escalated.fields for event in found.events() if event.HasField("escalated"))
    await found.stop()
