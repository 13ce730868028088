"""Adjudicate over the memory ports: events in on topics, decisions out, rulings through its HTTP door."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.http import unguarded_routes
from concord.chassis.identity import Role
from concord.contracts.topics import DEAD_LETTERS, RESOLUTIONS
from concord.contracts.v1.lots_pb2 import LotRejected
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, begun_anew, handlers_of, start

POLICY = Policy(overlap=Overlap(initial=2, max=4), consensus=Consensus(confidence=0.93))


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def adjudicate(request: pytest.FixtureRequest) -> AsyncIterator[Adjudicate]:
    found = await start(House(), request.param)
    await found.upstream.project(POLICY)
    for annotator in ("good", "fine", "able"):
        await found.upstream.competence(annotator, [18, 2, 2, 18])
    await found.upstream.competence("coin", [10, 10, 10, 10])
    await found.settle()
    yield found
    await found.stop()


async def test_agreement_of_the_competent_settles_and_of_guessers_does_not(adjudicate: Adjudicate) -> None:
    for unit, second in (("k1-utb1", "fine"), ("k1-utb2", "coin")):
        await adjudicate.upstream.unit(unit)
        await adjudicate.upstream.annotation(unit, 1, "good", "yes")
        await adjudicate.upstream.annotation(unit, 2, second, "yes")
    assert sorted(await adjudicate.decisions()) == [("k1-utb1", "consensus_reached"), ("k1-utb2", "overlap_requested")]
    events = adjudicate.house.events(RESOLUTIONS)
    (reached,) = (event.consensus_reached for event in events if event.HasField("consensus_reached"))
    assert reached.label == b'"yes"'
    assert 0.95 < reached.confidence < 1
    assert {annotator.annotator_id for annotator in reached.evidence} == {"good", "fine"}


async def test_each_round_asks_for_one_more_until_the_cap_and_then_a_person_rules(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    for number, (annotator, label) in enumerate(
        [("good", "yes"), ("fine", "no"), ("coin", "yes"), ("coin2", "no")], start=1
    ):
        await adjudicate.upstream.annotation("k1-utb1", number, annotator, label)
    kinds = [kind for _, kind in await adjudicate.decisions()]
    assert kinds == ["overlap_requested", "overlap_requested", "escalated"]
    wanted = [event.overlap_requested.overlap_wanted for event in adjudicate.house.events(RESOLUTIONS)[:2]]
    assert wanted == [3, 4]
    await adjudicate.upstream.labelling_ended("k1-utb1")
    await adjudicate.settle()
    (shown,) = (await adjudicate.call("GET", "/v1/escalations")).json()["escalations"]
    assert {(side["label"], side["annotations"]) for side in shown["sides"]} == {("yes", 2), ("no", 2)}
    assert not {"good", "fine", "coin"} & set(json.dumps(shown).split('"')), "an adjudicator sees sides, not names"
    ruling = {"label": "no", "reason": "The text says so."}
    assert (await adjudicate.call("POST", "/v1/escalations/k1-utb1/ruling", ruling)).json()["status"] == "ruled"
    assert (await adjudicate.call("POST", "/v1/escalations/k1-utb1/ruling", ruling)).json()["status"] == "repeated"
    other = await adjudicate.call("POST", "/v1/escalations/k1-utb1/ruling", {**ruling, "label": "yes"})
    assert other.status == 409
    assert (await adjudicate.decisions())[-1] == ("k1-utb1", "adjudicated")
    assert (await adjudicate.call("GET", "/v1/escalations")).json() == {"escalations": []}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_whatever_comes_first_the_end_is_the_same(order: tuple[int, ...]) -> None:
    found = await start(House())
    await found.upstream.project(Policy(consensus=Consensus(method="majority")))
    events = [
        lambda: found.upstream.unit("k1-utb1", times=2),
        lambda: found.upstream.annotation("k1-utb1", 1, "a", "yes", times=2),
        lambda: found.upstream.annotation("k1-utb1", 2, "b", "yes", times=2),
    ]
    for place in order:
        await events[place]()
        await found.settle()
    assert await found.decisions() == [("k1-utb1", "consensus_reached")]
    await found.stop()


async def test_gold_units_late_labels_and_withdrawn_units_are_never_resolved(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utbgold", gold="yes")
    await adjudicate.upstream.unit("k1-utblate")
    await adjudicate.upstream.unit("k1-utbgone")
    await adjudicate.upstream.erased("k1-utbgone")
    await adjudicate.settle()
    for unit in ("k1-utbgold", "k1-utblate", "k1-utbgone"):
        await adjudicate.upstream.annotation(unit, 1, "good", "yes")
        await adjudicate.upstream.annotation(unit, 2, "fine", "yes", late=unit == "k1-utblate")
    assert await adjudicate.decisions() == []


async def test_two_flags_escalate_at_once(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await adjudicate.upstream.annotation("k1-utb1", 1, "good", "yes", flag="unreadable")
    await adjudicate.upstream.annotation("k1-utb1", 2, "fine", "yes", flag="cut off")
    await adjudicate.upstream.labelling_ended("k1-utb1")
    assert await adjudicate.decisions() == [("k1-utb1", "escalated")]
    (shown,) = (await adjudicate.call("GET", "/v1/escalations", query=f"project_id={PROJECT}")).json()["escalations"]
    assert shown["reason"] == "flagged"
    assert sorted(shown["sides"][0]["flags"]) == ["cut off", "unreadable"]


async def test_an_escalation_of_a_project_that_is_not_heard_of_yet_is_for_later(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    for nth, annotator in enumerate(("good", "fine"), start=1):
        await adjudicate.upstream.annotation("k1-utb1", nth, annotator, "yes", flag="unreadable")
    await adjudicate.upstream.labelling_ended("k1-utb1")
    assert await adjudicate.decisions() == [("k1-utb1", "escalated")]
    for service in adjudicate.services:
        known = handlers_of(service).projects.rows.pop(PROJECT, None)
        assert known is not None
    answer = await adjudicate.call("GET", "/v1/escalations")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1"), "its place came before its definition"


async def test_a_rejected_lot_asks_for_labels_anew_whichever_news_is_first(adjudicate: Adjudicate) -> None:
    for unit in ("k1-utb1", "k1-utb2"):
        await adjudicate.upstream.unit(unit)
        await adjudicate.upstream.annotation(unit, 1, "good", "yes")
        await adjudicate.upstream.annotation(unit, 2, "fine", "yes")
    await adjudicate.decisions()
    await adjudicate.upstream.annotation("k1-utb2", 3, "able", "no", rework=1)
    await adjudicate.settle()
    await adjudicate.upstream.lots(
        "k1-l1", lot_rejected=LotRejected(lot_id="k1-l1", on_reject="relabel", unit_ids=["k1-utb1", "k1-utb2"])
    )
    await adjudicate.settle()
    await adjudicate.upstream.annotation("k1-utb1", 3, "able", "no", rework=1)
    for unit in ("k1-utb1", "k1-utb2"):
        await adjudicate.upstream.annotation(unit, 4, "good", "no", rework=1)
    decisions = await adjudicate.decisions()
    assert sorted(decisions) == sorted([("k1-utb1", "consensus_reached"), ("k1-utb2", "consensus_reached")] * 2)
    lines = (
        await adjudicate.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.CLIENT, client_id="k1")
    ).body.splitlines()
    assert [(entry["label"], entry["rework"], entry["annotations"]) for entry in map(json.loads, lines)] == [
        ("no", 1, 2)
    ] * 2


async def test_nobody_rules_on_what_they_annotated_and_others_projects_are_not_found(adjudicate: Adjudicate) -> None:
    await adjudicate.escalate("k1-utb1")
    ruling = {"label": "no", "reason": "so"}
    assert (await adjudicate.call("GET", "/v1/escalations", subject="good")).json() == {"escalations": []}
    assert (await adjudicate.call("POST", "/v1/escalations/k1-utb1/ruling", ruling, subject="good")).status == 404
    path = f"/v1/projects/{PROJECT}/resolutions"
    assert (await adjudicate.call("GET", path, role=Role.CLIENT, client_id="k2")).status == 404
    assert (await adjudicate.call("GET", path, role=Role.ANNOTATOR)).status == 403
    rows = [("k1-utb1", "maybe", "x"), ("k1-utb1", "no", " "), ("k1-utbnone", "no", "x")]
    batch = {"rulings": [{"unit_id": unit, "label": label, "reason": reason} for unit, label, reason in rows]}
    results = (await adjudicate.call("POST", "/v1/rulings", batch)).json()["results"]
    assert [(result["status"], result["field"]) for result in results] == [
        ("refused", "label"), ("refused", "reason"), ("refused", "unit_id"),
    ]  # fmt: skip


async def test_a_new_life_knows_escalations_and_competence(adjudicate: Adjudicate) -> None:
    await adjudicate.escalate("k1-utb1")
    before = (await adjudicate.call("GET", f"/v1/projects/{PROJECT}/competence", role=Role.OPERATOR)).json()
    assert before["gold_units"] == 160
    after = await begun_anew(adjudicate, len(adjudicate.services))
    shown = (await after.call("GET", "/v1/escalations")).json()["escalations"]
    assert [unit["unit_id"] for unit in shown] == ["k1-utb1"]
    assert (await after.call("GET", f"/v1/projects/{PROJECT}/competence", role=Role.OPERATOR)).json() == before
    await after.stop()


async def test_an_event_of_an_unknown_project_is_a_dead_letter(adjudicate: Adjudicate, monkeypatch: Any) -> None:
    monkeypatch.setattr("concord.chassis.table.WAIT_SECONDS_MAX", 0.05)
    adjudicate.upstream.project_id = "k1-none"
    await adjudicate.upstream.unit("k1-utb9")
    await adjudicate.decisions()
    (letter,) = adjudicate.house.events(DEAD_LETTERS)
    assert "k1-none" in letter.reason


async def test_every_route_is_guarded(adjudicate: Adjudicate) -> None:
    assert unguarded_routes(adjudicate.service.application) == []  # type: ignore[arg-type]  # it is known here as any ASGI application


async def test_without_any_gold_those_who_agree_are_believed_as_is_expected_of_annotators_who_err_together() -> None:
    """Two of three classes at .8 each: .970 were their errors independent, .949 as those of people are."""
    found = await start(House())
    await found.upstream.project(Policy(), classes=["no", "yes", "unclear"])
    await found.upstream.unit("k1-utb1")
    for number, annotator in enumerate(("new", "newer"), start=1):
        await found.upstream.annotation("k1-utb1", number, annotator, "yes")
    assert await found.decisions() == [("k1-utb1", "overlap_requested")]
    await found.upstream.annotation("k1-utb1", 3, "newest", "yes")
    assert (await found.decisions())[-1] == ("k1-utb1", "consensus_reached")
    await found.stop()


async def test_labels_that_weigh_the_same_lead_to_none() -> None:
    found = await start(House())
    await found.upstream.project(Policy(overlap=Overlap(initial=2, max=2)))
    await found.upstream.unit("k1-utb1")
    await found.upstream.annotation("k1-utb1", 1, "new", "yes")
    await found.upstream.annotation("k1-utb1", 2, "newer", "no")
    assert await found.decisions() == [("k1-utb1", "escalated")]
    (event,) = found.house.events(RESOLUTIONS)
    assert event.escalated.leading_label == b""
    await found.stop()


async def test_a_new_life_decides_no_round_again_though_annotators_are_known_better_by_now(
    adjudicate: Adjudicate,
) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await adjudicate.upstream.annotation("k1-utb1", 1, "good", "yes")
    await adjudicate.upstream.annotation("k1-utb1", 2, "coin", "yes")
    assert await adjudicate.decisions() == [("k1-utb1", "overlap_requested")]
    await adjudicate.upstream.competence("coin", [90, 10, 10, 90], revision=2)
    await adjudicate.settle()
    after = await begun_anew(adjudicate, len(adjudicate.services))
    await until(lambda: after.handlers().redefinitions.decided(PROJECT) == 1)
    names = set(await after.decisions())
    assert names == {("k1-utb1", "overlap_requested")}, "told again at most, as it was"
    await after.stop()
