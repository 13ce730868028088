"""Adjudicate under policies that change, annotators that run out, and labels that come late."""

from collections.abc import AsyncIterator

import pytest

from concord.chassis.identity import Role
from concord.contracts.v1.resolutions_pb2 import ParticipantJoined
from concord.labels.digest import label_digest
from simulation.house import House
from tests.support.upstream import Upstream
from tests.unit.services.adjudicate.running import Adjudicate, begun_anew, start, voting

RULING = {"label": "no", "reason": "The text says so."}


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def adjudicate(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Adjudicate]:
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.02)
    found = await start(House(), request.param)
    await found.upstream.project(voting(2, 5))
    yield found
    await found.stop()


async def test_an_overlap_raised_while_a_unit_is_open_is_asked_for_at_once(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await adjudicate.upstream.annotation("k1-utb1", 1, "a", "yes", overlap_wanted=2)
    assert await adjudicate.decisions() == []
    await adjudicate.redefined(voting(3, 5), 2)
    (asked,) = adjudicate.events()
    assert (asked.overlap_requested.overlap_wanted, asked.overlap_requested.round) == (3, 1)
    for number, who in enumerate(("b", "c"), start=2):
        await adjudicate.upstream.annotation("k1-utb1", number, who, "yes", overlap_wanted=3)
    assert [kind for _, kind in await adjudicate.decisions()] == ["overlap_requested", "consensus_reached"]
    assert adjudicate.events()[-1].consensus_reached.overlap_initial == 3


async def test_every_unit_that_is_decided_again_has_events_of_its_own(adjudicate: Adjudicate) -> None:
    for unit_id in ("k1-u1", "k1-u2"):
        await adjudicate.upstream.unit(unit_id)
        await adjudicate.upstream.annotation(unit_id, 1, "a", "yes", overlap_wanted=2)
    assert await adjudicate.decisions() == []
    await adjudicate.redefined(voting(3, 5), 2)
    ids = [event.metadata.event_id for event in adjudicate.events()]
    assert len(ids) == len(set(ids)) == 2


async def test_an_overlap_lowered_settles_units_without_another_label(adjudicate: Adjudicate) -> None:
    await adjudicate.redefined(voting(4, 5), 2)
    await adjudicate.upstream.unit("k1-utb1")
    for number, who in enumerate("ab", start=1):
        await adjudicate.upstream.annotation("k1-utb1", number, who, "yes", overlap_wanted=4)
    assert await adjudicate.decisions() == []
    await adjudicate.redefined(voting(2, 2), 3)
    assert await adjudicate.decisions() == [("k1-utb1", "consensus_reached")]


async def test_a_unit_that_nobody_is_left_for_is_ruled_and_not_waited_for(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await adjudicate.upstream.annotation("k1-utb1", 1, "a", "yes")
    await adjudicate.upstream.stranded("k1-utb1")
    assert await adjudicate.decisions() == [("k1-utb1", "escalated")]
    assert adjudicate.events()[0].escalated.reason == "nobody_left"
    await adjudicate.upstream.labelling_ended("k1-utb1")
    await adjudicate.settle()
    assert (await adjudicate.call("POST", "/v1/escalations/k1-utb1/ruling", RULING)).json()["status"] == "ruled"


async def test_nobody_rules_while_a_label_of_theirs_may_be_on_its_way(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await adjudicate.upstream.annotation("k1-utb1", 1, "a", "yes", flag="x")
    await adjudicate.upstream.annotation("k1-utb1", 2, "b", "no", flag="y")
    assert await adjudicate.decisions() == [("k1-utb1", "escalated")]
    path = "/v1/escalations/k1-utb1/ruling"
    assert (await adjudicate.call("POST", path, RULING)).status == 409, "who holds the unit is not known yet"
    await adjudicate.upstream.labelling_ended("k1-utb1", "holder")
    await adjudicate.upstream.annotation("k1-utb1", 3, "late", "no", late=True)
    await adjudicate.settle()
    for who in ("a", "holder", "late"):
        assert (await adjudicate.call("GET", "/v1/escalations", subject=who)).json() == {"escalations": []}
        assert (await adjudicate.call("POST", path, RULING, subject=who)).status == 404
    assert (await adjudicate.call("POST", path, RULING)).json()["status"] == "ruled"
    await adjudicate.settle()
    ruled = adjudicate.events()[-1].adjudicated
    assert set(ruled.participants) == {"a", "b", "holder", "late", "senior"}
    assert [evidence.label_digest for evidence in ruled.evidence] == [label_digest(b'"yes"'), label_digest(b'"no"')]


async def test_a_label_that_comes_after_the_resolution_is_told_as_a_part_in_the_unit(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    for number, who in enumerate("ab", start=1):
        await adjudicate.upstream.annotation("k1-utb1", number, who, "yes")
    await adjudicate.settle()
    await adjudicate.upstream.annotation("k1-utb1", 3, "c", "no", late=True, times=2)
    assert [kind for _, kind in await adjudicate.decisions()] == ["consensus_reached", "participant_joined"]
    assert adjudicate.events()[1].participant_joined == ParticipantJoined(unit_id="k1-utb1", annotator_id="c")


async def test_units_are_decided_on_again_only_by_a_policy_that_they_were_not_decided_by(
    adjudicate: Adjudicate,
) -> None:
    units = ["k1-utb1", "k1-utb2"]
    for unit in units:
        await adjudicate.upstream.unit(unit)
    await adjudicate.upstream.annotation(units[0], 1, "a", "yes")
    await adjudicate.settle()
    view = adjudicate.handlers().repository.view(adjudicate.upstream.project_id)
    assert (view.begun, view.begun_before(1), view.begun_before(2)) == (units[:1], [], units[:1])
    await adjudicate.redefined(voting(3, 5), 2)
    assert (view.begun, view.begun_before(2), view.begun_before(3)) == (units[:1], [], units[:1])
    await adjudicate.upstream.annotation(units[1], 1, "a", "yes")
    await adjudicate.settle()
    assert (view.begun, view.begun_before(2)) == (units, []), "a label is judged by the policy of its day"


async def test_escalations_of_all_projects_are_listed_by_what_is_to_be_gained(adjudicate: Adjudicate) -> None:
    teller = Upstream(adjudicate.house)
    teller.project_id = "k1-a"
    await teller.project(voting(2, 5))
    for unit, second, upstream in (("k1-u4nsure", "yes", teller), ("k1-utbsplit", "no", adjudicate.upstream)):
        await upstream.unit(unit)
        await upstream.annotation(unit, 1, "a", "yes", flag="x")
        await upstream.annotation(unit, 2, "b", second, flag="y")
        await upstream.labelling_ended(unit)
    await adjudicate.settle()
    shown = (await adjudicate.call("GET", "/v1/escalations")).json()["escalations"]
    assert [entry["unit_id"] for entry in shown] == ["k1-utbsplit", "k1-u4nsure"], (
        "the first project by name is not the first"
    )
    bound = (await adjudicate.call("GET", "/v1/escalations", client_id="k2")).json()["escalations"]
    assert bound == [], "a reviewer of one client sees no other's"


async def test_a_project_of_a_thousand_classes_is_weighed_by_its_gold_in_little_memory(adjudicate: Adjudicate) -> None:
    project_id = adjudicate.upstream.project_id = "k1-many"
    await adjudicate.upstream.project(voting(2, 5), classes=[f"class {number}" for number in range(1_000)])
    for number in range(20):
        await adjudicate.upstream.gold_answers(f"w{number}", 1_000, [(number, number, 9), (number, 999, 1)])
    await adjudicate.settle()
    path = f"/v1/projects/{project_id}/competence"
    shown = (await adjudicate.call("GET", path, role=Role.OPERATOR)).json()
    assert shown["gold_units"] == 200
    known = adjudicate.handlers().repository.competence(project_id)
    assert [len(competence.told) for competence in known] == [2] * 20, "what did not occur is not kept"


async def test_where_units_stand_is_told_with_the_clients_own_names_in_order_across_a_restart(
    adjudicate: Adjudicate,
) -> None:
    for number in range(5):
        await adjudicate.upstream.unit(f"k1-utb{number}", times=2)
    await adjudicate.upstream.unit("k1-utbgold", gold="yes")
    await adjudicate.settle()
    after = await begun_anew(adjudicate, len(adjudicate.services))
    path = f"/v1/projects/{after.upstream.project_id}/resolutions"
    answer = await after.call("GET", path, role=Role.CLIENT, client_id="k1")
    lines = answer.body.decode().splitlines()
    assert [f'"source_id":"source of k1-utb{number}"' in lines[number] for number in range(5)] == [True] * 5
    assert len(lines) == 5, "each unit once, gold left out"
    await after.stop()
