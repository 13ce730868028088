"""Escalations that are sure enough, closed together by a lead."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start

CLOSE = f"/v1/projects/{PROJECT}/escalations/close"
SURE, UNSURE, FLAGGED = "k1-utb1", "k1-utb2", "k1-utb3"


@pytest.fixture
async def adjudicate() -> AsyncIterator[Adjudicate]:
    found = await start(House(), 2)
    await found.upstream.project(Policy(overlap=Overlap(initial=2, max=2), consensus=Consensus(confidence=0.999)))
    for annotator in ("good", "fine"):
        await found.upstream.competence(annotator, [18, 2, 2, 18])
    await found.settle()
    for unit, second in ((SURE, "yes"), (UNSURE, "no")):
        await found.upstream.unit(unit)
        await found.upstream.annotation(unit, 1, "good", "yes")
        await found.upstream.annotation(unit, 2, "fine", second)
        await found.upstream.labelling_ended(unit)
    await found.settle()
    await found.escalate(FLAGGED)
    yield found
    await found.stop()


async def close(adjudicate: Adjudicate, above: float = 0.8, **more: Any) -> Any:
    body = {"above": above, "reason": "Sure enough.", **more}
    return await adjudicate.call("POST", CLOSE, body, "lead", role=Role.OPERATOR)


async def test_what_is_sure_enough_is_closed_on_its_leading_label_and_told_by_whom(adjudicate: Adjudicate) -> None:
    dry = (await close(adjudicate, dry_run=True)).json()
    assert (dry["units"], dry["unit_ids"], dry["dry_run"]) == (1, [SURE], True), "what was flagged waits for a person"
    assert 0 < dry["expected_errors"] < 0.2
    assert "consensus_reached" not in {kind for _, kind in await adjudicate.decisions()}, "a dry run does nothing"
    first, again = [(await close(adjudicate)).json() for _ in range(2)]
    assert (first["units"], first["unit_ids"], first["left"]) == (1, [SURE], 0)
    assert first["expected_errors"] == pytest.approx(dry["expected_errors"])
    assert (again["units"], again["unit_ids"]) == (0, [])
    (entry,) = (event.consensus_reached for event in (await events(adjudicate)) if event.HasField("consensus_reached"))
    assert (entry.label, entry.closed_by, entry.closed_above) == (b'"yes"', "lead", 0.8)
    assert (entry.closing_reason, entry.method) == ("Sure enough.", "posterior")
    assert entry.confidence == pytest.approx(1 - dry["expected_errors"])
    left = (await adjudicate.call("GET", "/v1/escalations")).json()["escalations"]
    assert {unit["unit_id"] for unit in left} == {UNSURE, FLAGGED}
    answer = await adjudicate.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.OPERATOR)
    assert [unit["unit_id"] for unit in map(json.loads, answer.body.splitlines()) if unit.get("closed")] == [SURE]


async def test_what_each_bar_would_close_is_what_closing_there_closes(adjudicate: Adjudicate) -> None:
    path = CLOSE.removesuffix("/close") + "/bars"
    body = (await adjudicate.call("GET", path, role=Role.OPERATOR)).json()
    assert body["waiting"] == 3, "also what no bar closes"
    assert [entry["above"] for entry in body["bars"]] == sorted(entry["above"] for entry in body["bars"])
    for bar in body["bars"]:
        dry = (await close(adjudicate, bar["above"], dry_run=True)).json()
        assert (bar["units"], bar["least_sure_unit_id"]) == (dry["units"], (dry["unit_ids"] or [""])[-1])
        assert bar["expected_errors"] == pytest.approx(dry["expected_errors"])
    units = [bar["units"] for bar in body["bars"]]
    assert units == sorted(units, reverse=True)
    assert max(units) > min(units), "bars differ"
    assert (await adjudicate.call("GET", path, role=Role.CLIENT, client_id="k2")).status == 404


async def events(adjudicate: Adjudicate) -> list[Any]:
    await adjudicate.settle()
    return list(adjudicate.events())


async def test_a_ruling_that_races_a_closing_settles_the_unit_once(adjudicate: Adjudicate) -> None:
    ruling = {"label": "no", "reason": "It says so."}
    ruled, closed = await asyncio.gather(
        adjudicate.call("POST", f"/v1/escalations/{SURE}/ruling", ruling), close(adjudicate)
    )
    settled = [kind for unit, kind in await adjudicate.decisions() if unit == SURE and kind != "escalated"]
    assert len(settled) == 1
    assert (ruled.status, closed.json()["units"]) in {(200, 0), (409, 1)}
    assert settled == (["adjudicated"] if ruled.status == 200 else ["consensus_reached"])


async def test_a_bar_below_even_odds_is_refused_and_so_is_another_clients_project(adjudicate: Adjudicate) -> None:
    assert (await close(adjudicate, 0.4)).json()["errors"][0]["field"] == "above"
    other = await adjudicate.call("POST", CLOSE, {"above": 0.8, "reason": "r"}, role=Role.CLIENT, client_id="k2")
    assert other.status == 404
