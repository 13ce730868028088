"""Chosen gold: a gold unit is made of a resolved one's content, once, and goes where that one's word goes."""

from typing import Any

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.clock import MICROSECONDS
from concord.chassis.journal.announce import Announcer
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import GoldChosen, GoldDropped, ResolutionEvent
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.support.settled import settled
from tests.unit.services.ingest.test_privacy import erased, shown

UNIT = {"id": "a", "content": "one two", "skills": ["law"], "stratum": "east", "suggestion": {"label": "yes"}}
SHOWN = {**DEFINITION, "policy": {"lot": {"size": 3}, "suggestions": {"hidden_rate": 0}}}


@pytest.fixture
async def project(ingest: Ingest) -> Ingest:
    await ingest.define(SHOWN)
    return ingest


async def say(ingest: Ingest, cause: str, unit_id: str, **event: Any) -> None:
    record = Announcer("adjudicate", cause, MICROSECONDS, ()).event(
        RESOLUTIONS, unit_id, "k1", "k1-p", ResolutionEvent(**event)
    )
    await MemoryBroker(ingest.house.cluster, "adjudicate").publish([record])
    await settled(ingest.house, "ingest", ingest.service)
    await ingest.published()


async def choose(ingest: Ingest, unit_id: str, label: bytes = b'"no"') -> None:
    chosen = GoldChosen(unit_id=unit_id, label=label, chosen_by="lead", not_for=["lead", "w1"])
    await say(ingest, f"choose/{unit_id}", unit_id, gold_chosen=chosen)


def gold_told(ingest: Ingest) -> list[Any]:
    return [entry for entry in told(ingest.house, "unit_admitted") if entry.HasField("gold_label")]


async def test_chosen_gold_is_a_unit_of_its_own_with_all_that_was_told_of_the_resolved_one(project: Ingest) -> None:
    source = (await project.admit([UNIT, {"id": "b", "content": "three"}]))["units"][0]["unit_id"]
    await choose(project, source)
    await choose(project, source)
    (gold,) = gold_told(project)
    (work,) = [unit for unit in told(project.house, "unit_admitted") if unit.unit_id == source]
    assert gold.unit_id not in (source, "")
    assert len(gold.unit_id) == len(source)
    assert (gold.gold_label, gold.gold_of, list(gold.not_for)) == (b'"no"', source, ["lead", "w1"])
    for field in (
        "media_type",
        "fingerprint",
        "content_length",
        "priority",
        "stratum",
        "suggested_label",
        "uncertainty",
    ):
        assert getattr(gold, field) == getattr(work, field), field
    assert list(gold.skills_required) == ["law"]
    assert (await shown(project, gold.unit_id)).body == (await shown(project, source)).body == b"one two"
    assert [entry["status"] for entry in await project.find("a", "b")] == ["admitted", "admitted"]
    await project.call("POST", "/v1/projects/k1-p/lots/seal")
    await project.published()
    assert gold.unit_id not in [unit_id for lot in told(project.house, "lot_sealed") for unit_id in lot.unit_ids]


async def test_who_is_erased_is_erased_as_gold_too_also_where_it_was_chosen_before_that_was_heard(
    project: Ingest,
) -> None:
    report = await project.admit([UNIT, {"id": "b", "content": "three"}])
    first, second = [unit["unit_id"] for unit in report["units"]]
    await choose(project, first)
    (gold,) = gold_told(project)
    assert (await erased(project, ids=["a", "b"]))["erased"] == 2
    assert {unit.unit_id for unit in told(project.house, "unit_erased")} == {first, second, gold.unit_id}
    store = project.handlers.admissions.repository.store
    assert await store.get("units", [first, second, gold.unit_id]) == {}
    await choose(project, second)
    assert [unit.unit_id for unit in gold_told(project)] == [gold.unit_id], "of what is erased no gold is made"


async def test_gold_that_is_made_while_its_unit_is_erased_goes_with_it(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (await project.admit(UNIT))["units"][0]["unit_id"]
    take = project.handlers.admissions.take_gold

    async def erased_meanwhile(*given: Any) -> None:
        assert (await erased(project, ids=["a"]))["erased"] == 1
        await take(*given)

    monkeypatch.setattr(project.handlers.admissions, "take_gold", erased_meanwhile)
    await choose(project, source)
    (gold,) = gold_told(project)
    assert {unit.unit_id for unit in told(project.house, "unit_erased")} == {source, gold.unit_id}
    store = project.handlers.admissions.repository.store
    assert await store.get("units", [source, gold.unit_id]) == {}


async def test_what_does_not_stand_is_withdrawn_and_the_unit_itself_stays(project: Ingest) -> None:
    source = (await project.admit(UNIT))["units"][0]["unit_id"]
    await choose(project, source)
    (gold,) = gold_told(project)
    for _ in range(2):
        await say(project, "drop", source, gold_dropped=GoldDropped(unit_id=source, reason="its lot was sent back"))
    (gone,) = told(project.house, "unit_erased")
    assert (gone.unit_id, gone.reason) == (gold.unit_id, "its lot was sent back")
    assert ((await shown(project, gold.unit_id)).status, (await shown(project, source)).status) == (410, 200)


async def test_what_does_not_stand_is_no_gold_either_where_that_is_heard_before_it_was_chosen(project: Ingest) -> None:
    """As it is where the choice was a dead letter, and somebody has it replayed."""
    first, second = [
        unit["unit_id"] for unit in (await project.admit([UNIT, {"id": "b", "content": "three"}]))["units"]
    ]
    await say(project, "drop", first, gold_dropped=GoldDropped(unit_id=first, reason="its lot was sent back"))
    for _ in range(2):
        await choose(project, first)
    await choose(project, second)
    (gold,) = gold_told(project)
    assert gold.gold_of == second
    assert told(project.house, "unit_erased") == [], "nobody was told of any"
    assert [entry["status"] for entry in await project.find("a", "b")] == ["admitted", "admitted"]


async def test_what_is_heard_not_to_stand_while_gold_is_made_of_it_goes_again(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (await project.admit(UNIT))["units"][0]["unit_id"]
    erasure = project.handlers.gold.erasure
    claims = erasure.repository.shelf.claims

    async def made_meanwhile(unit_ids: Any) -> Any:
        found = await claims(unit_ids)
        monkeypatch.setattr(erasure.repository.shelf, "claims", claims)
        await choose(project, source)
        return found

    monkeypatch.setattr(erasure.repository.shelf, "claims", made_meanwhile)
    state = await project.handlers.admissions.repository.project("k1-p", "k1")
    await erasure.withdraw_gold_of(state, source, "its lot was sent back")
    await project.published()
    (gold,) = gold_told(project)
    assert [unit.unit_id for unit in told(project.house, "unit_erased")] == [gold.unit_id]


async def test_a_closed_project_is_given_no_gold_any_more_and_what_it_has_can_be_taken_back(project: Ingest) -> None:
    report = await project.admit([UNIT, {"id": "b", "content": "three"}])
    first, second = [unit["unit_id"] for unit in report["units"]]
    await choose(project, first)
    assert (await project.call("POST", "/v1/projects/k1-p/close", {"reason": "done"})).status == 200
    await choose(project, second)
    (gold,) = gold_told(project)
    assert gold.gold_of == first
    await say(project, "drop", first, gold_dropped=GoldDropped(unit_id=first, reason="an auditor says otherwise"))
    assert [unit.unit_id for unit in told(project.house, "unit_erased")] == [gold.unit_id]


async def test_another_life_makes_the_same_gold_once(project: Ingest) -> None:
    source = (await project.admit(UNIT))["units"][0]["unit_id"]
    await choose(project, source)
    await project.kill()
    again = await start(project.house)
    try:
        again.token = project.token
        await say(again, "again", source, gold_chosen=GoldChosen(unit_id=source, label=b'"no"', chosen_by="lead"))
        (gold,) = gold_told(again)
        assert gold.gold_of == source
    finally:
        await again.service.runtime.stop()
