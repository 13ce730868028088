"""Candidates for known labels: sure and unanimous units and rulings, decided by somebody without a part in them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from concord.contracts.v1.lots_pb2 import LotRejected, UnitAudited
from concord.contracts.v1.resolutions_pb2 import GoldChosen
from services.adjudicate.domain.candidates import most_useful
from services.adjudicate.domain.unit import Annotation, UnitState
from services.ingest.domain.project import Gold
from simulation.house import Answer, House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start, voting

LIST = f"/v1/projects/{PROJECT}/gold/candidates"
POLICY = msgspec.structs.replace(
    voting(2, 5), gold=Gold(rate=0.1, candidate_labels_min=2, candidate_confidence_min=0.9)
)
REASON = "The guideline says so."


@pytest.fixture
async def adjudicate() -> AsyncIterator[Adjudicate]:
    running = await start(House())
    await running.upstream.project(POLICY)
    yield running
    await running.stop()


async def settled(running: Adjudicate, unit_id: str, *labels: str, first: int = 0) -> None:
    """Let annotators w0, w1, … label a unit."""
    await running.upstream.unit(unit_id)
    for number, label in enumerate(labels, start=first):
        await running.upstream.annotation(unit_id, number, f"w{number}", label)
    await running.settle()


async def shown(running: Adjudicate, subject: str = "lead", **more: Any) -> list[dict[str, Any]]:
    found = await running.call("GET", LIST, subject=subject, **more)
    rows: list[dict[str, Any]] = found.json()["candidates"]
    return rows


async def decide(running: Adjudicate, unit_id: str, outcome: str = "confirmed", **more: Any) -> Answer:
    body = {"outcome": outcome, "reason": more.pop("reason", REASON)}
    return await running.call(
        "POST", f"/v1/gold/candidates/{unit_id}", body, subject=more.pop("subject", "lead"), **more
    )


def chosen(running: Adjudicate) -> list[GoldChosen]:
    # Each once: a life says again what it cannot know to have been said.
    events = {event.metadata.event_id: event for event in running.events()}
    return [event.gold_chosen for event in events.values() if event.HasField("gold_chosen")]


def dropped(running: Adjudicate) -> list[tuple[str, str]]:
    gold_droppeds = [event.gold_dropped for event in running.events() if event.HasField("gold_dropped")]
    return [(gold_dropped.unit_id, gold_dropped.reason) for gold_dropped in gold_droppeds]


async def test_what_is_unanimous_and_sure_or_ruled_is_a_candidate_and_nothing_else(adjudicate: Adjudicate) -> None:
    await settled(adjudicate, "k1-usure", "yes", "yes")
    await settled(adjudicate, "k1-usplit", "yes", "no", "yes")
    await settled(adjudicate, "k1-uopen", "yes")
    await adjudicate.upstream.unit("k1-ugold", gold="no")
    await adjudicate.escalate("k1-uruled", "yes", "no")
    ruled = await adjudicate.call("POST", "/v1/escalations/k1-uruled/ruling", {"label": "no", "reason": "It is."})
    assert ruled.status == 200
    found = {unit["unit_id"]: unit for unit in await shown(adjudicate)}
    assert found.keys() == {"k1-usure", "k1-uruled"}
    sure, by_word = found["k1-usure"], found["k1-uruled"]
    assert (sure["label"], sure["method"], sure["annotations"], sure["reason"]) == ("yes", "consensus", 2, "")
    assert (by_word["label"], by_word["method"], by_word["reason"]) == ("no", "adjudicated", "It is.")
    assert "/v1/payloads/k1-usure?" in sure["payload_url"]
    assert "w0" not in str(found)


async def test_nobody_with_a_part_in_it_sees_or_decides_it_its_ruler_neither(adjudicate: Adjudicate) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    await adjudicate.escalate("k1-u2", "yes", "no")
    await adjudicate.call("POST", "/v1/escalations/k1-u2/ruling", {"label": "no", "reason": "It is."}, subject="senior")
    assert [unit["unit_id"] for unit in await shown(adjudicate, "w1")] == ["k1-u2"]
    assert [unit["unit_id"] for unit in await shown(adjudicate, "senior")] == ["k1-u1"]
    for unit_id, subject in (("k1-u1", "w1"), ("k1-u2", "senior"), ("k1-nothing", "lead")):
        assert (await decide(adjudicate, unit_id, subject=subject)).status == 404
    assert (await decide(adjudicate, "k1-u1", client_id="k2")).status == 404
    assert not chosen(adjudicate)


async def test_a_confirmed_candidate_is_told_once_with_all_who_are_not_to_meet_it_and_stands(
    adjudicate: Adjudicate,
) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    await adjudicate.upstream.annotation("k1-u1", 7, "tardy", "no", late=True)
    await adjudicate.settle()
    first, again = [await decide(adjudicate, "k1-u1") for _ in range(2)]
    assert (first.status, first.json()["status"], again.json()["status"]) == (200, "decided", "repeated")
    await adjudicate.settle()
    await adjudicate.kill(adjudicate.service)
    await adjudicate.join()
    assert await shown(adjudicate) == []
    other = await decide(adjudicate, "k1-u1", "declined", subject="other")
    assert (other.status, other.json()["errors"][0]["field"]) == (409, "unit_id")
    await adjudicate.settle()
    (entry,) = chosen(adjudicate)
    assert (entry.unit_id, entry.label, entry.chosen_by, entry.reason) == ("k1-u1", b'"yes"', "lead", REASON)
    assert list(entry.not_for) == ["lead", "tardy", "w0", "w1"]


async def test_a_declined_candidate_is_listed_no_more_and_nothing_is_told(adjudicate: Adjudicate) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    assert (await decide(adjudicate, "k1-u1", "declined")).status == 200
    await adjudicate.settle()
    assert (await shown(adjudicate), chosen(adjudicate)) == ([], [])


async def test_of_a_closed_project_nothing_becomes_gold(adjudicate: Adjudicate) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    assert [unit["unit_id"] for unit in await shown(adjudicate)] == ["k1-u1"]
    await adjudicate.upstream.project(POLICY, revision=2, life="closed")
    await until(lambda: adjudicate.handlers().projects.rows[PROJECT].life == "closed")
    assert await shown(adjudicate) == []
    assert (await decide(adjudicate, "k1-u1")).status == 404
    await adjudicate.settle()
    assert not chosen(adjudicate)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"outcome": "confirmed", "reason": " "}, "reason"), ({"outcome": "gold", "reason": "r"}, "outcome")],
)
async def test_what_cannot_stand_is_refused_with_the_field(adjudicate: Adjudicate, body: Any, field: str) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    refused = await adjudicate.call("POST", "/v1/gold/candidates/k1-u1", body, subject="lead")
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, field)


async def test_a_label_that_an_auditor_contradicts_or_whose_lot_is_sent_back_is_known_no_more(
    adjudicate: Adjudicate,
) -> None:
    for unit_id in ("k1-u1", "k1-u2", "k1-u3"):
        await settled(adjudicate, unit_id, "yes", "yes")
    for unit_id in ("k1-u1", "k1-u2"):
        assert (await decide(adjudicate, unit_id)).status == 200
    wrong = UnitAudited(
        lot_id="k1-l", unit_id="k1-u1", auditor_id="aud", resolved_label=b'"yes"', audited_label=b'"no"'
    )
    for unit_id in ("k1-u1", "k1-u3"):
        wrong.unit_id = unit_id
        await adjudicate.upstream.lots("k1-l", unit_audited=wrong)
    rejected = LotRejected(lot_id="k1-m", on_reject="relabel", rework=0, unit_ids=["k1-u2"])
    await adjudicate.upstream.lots("k1-m", lot_rejected=rejected)
    await adjudicate.settle()
    assert sorted(dropped(adjudicate)) == [
        ("k1-u1", "an auditor says otherwise"),
        ("k1-u2", "its lot was sent back"),
    ]
    assert await shown(adjudicate) == [], "of what an auditor contradicts nothing is to be known"
    await settled(adjudicate, "k1-u4", "no", "no")
    assert [unit["unit_id"] for unit in await shown(adjudicate)] == ["k1-u4"]


async def test_a_project_without_a_bar_proposes_rulings_alone(adjudicate: Adjudicate) -> None:
    await settled(adjudicate, "k1-u1", "yes", "yes")
    await adjudicate.redefined(msgspec.structs.replace(POLICY, gold=Gold(candidate_labels_min=0)), 2)
    assert await shown(adjudicate) == []
    assert (await decide(adjudicate, "k1-u1")).status == 404


def test_classes_with_the_fewest_known_labels_come_first_and_in_each_the_hardest() -> None:
    def unit(name: str, label: str, labels: int = 2, **more: Any) -> tuple[UnitState, str]:
        given = tuple(Annotation(f"{name}.{n}", f"w{n}", label, 1) for n in range(labels))
        state = UnitState(name, "p", admitted=True, status="consensus", annotations=given, label=label, **more)
        return state, label

    ruled = msgspec.structs.replace(unit("ruled", "0")[0], status="adjudicated", led_with=0.5)
    units = [unit("easy", "0"), (ruled, "0"), unit("hard", "0", 5), unit("rare", "1"), unit("rare 2", "1")]
    found = most_useful(units, {0: 3, 1: 2}, int, 4)
    assert [candidate.unit.unit_id for candidate in found] == ["rare", "ruled", "rare 2", "hard"]
    assert [candidate.alike for candidate in found] == [2, 3, 2, 3]
