"""Label schemas that change while units are on their way: what was said counts for what it says under the newest."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.labels.versions import Step
from services.ingest.domain.project import Consensus, Policy
from simulation.house import House
from tests.unit.services.adjudicate.running import Adjudicate, start, voting

FORM = {
    "kind": "form",
    "fields": [
        {"name": "tone", "schema": {"kind": "choice", "classes": ["kind", "rude"]}},
        {"name": "mood", "schema": {"kind": "choice", "classes": ["glad", "sad"]}, "required": False},
    ],
}


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def adjudicate(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Adjudicate]:
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.02)
    found = await start(House(), request.param)
    await found.upstream.project(voting(2, 3), classes=["no", "yes", "maybe"])
    yield found
    await found.stop()


async def said(adjudicate: Adjudicate, number: int, who: str, label: Any, version: int = 1) -> None:
    await adjudicate.upstream.annotation("k1-utb1", number, who, label, overlap_wanted=2, schema_version=version)


async def changed(adjudicate: Adjudicate, classes: list[str], *steps: Step, policy: Policy | None = None) -> None:
    await adjudicate.redefined(policy or voting(2, 3), 2, classes=classes, steps=steps)


RENAMED = (["no", "surely", "maybe"], Step(2, "rename", "", "yes", ("surely",)))


async def test_labels_of_two_versions_that_say_the_same_settle_a_unit_in_the_newest_names(
    adjudicate: Adjudicate,
) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await said(adjudicate, 1, "a", "yes")
    await changed(adjudicate, *RENAMED)
    await said(adjudicate, 2, "b", "surely", 2)
    assert await adjudicate.decisions() == [("k1-utb1", "consensus_reached")]
    reached = adjudicate.events()[0].consensus_reached
    assert (reached.label, reached.confidence, reached.schema_version) == (b'"surely"', 1.0, 2)
    given = [(evidence.label, evidence.schema_version) for evidence in reached.evidence]
    assert given == [(b'"yes"', 1), (b'"surely"', 2)], "what people said stays as they said it"


async def test_a_class_that_is_merged_counts_with_the_one_it_went_to(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await said(adjudicate, 1, "a", "maybe")
    await said(adjudicate, 2, "b", "no")
    assert await adjudicate.decisions() == [("k1-utb1", "overlap_requested")]
    await changed(adjudicate, ["no", "yes", "maybe"], Step(2, "merge", "", "maybe", ("no",)))
    assert [kind for _, kind in await adjudicate.decisions()] == ["overlap_requested", "consensus_reached"]
    assert adjudicate.events()[-1].consensus_reached.label == b'"no"'


async def test_labels_of_a_class_that_was_split_are_set_aside_and_as_many_more_are_asked_for(
    adjudicate: Adjudicate,
) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await said(adjudicate, 1, "a", "yes")
    split = (
        Step(2, "split", "", "yes", ("wholly", "partly")),
        Step(2, "add", "", "wholly"),
        Step(2, "add", "", "partly"),
    )
    await changed(adjudicate, ["no", "yes", "maybe", "wholly", "partly"], *split)
    await said(adjudicate, 2, "b", "partly", 2)
    assert await adjudicate.decisions() == [("k1-utb1", "overlap_requested")]
    assert adjudicate.events()[0].overlap_requested.overlap_wanted == 3, "two, and one for what says one of several"
    await said(adjudicate, 3, "c", "partly", 2)
    assert [kind for _, kind in await adjudicate.decisions()] == ["overlap_requested", "consensus_reached"]
    reached = adjudicate.events()[-1].consensus_reached
    assert (reached.label, reached.confidence, len(reached.evidence)) == (b'"partly"', 1.0, 3)


async def test_a_retired_class_may_still_be_what_people_said_and_is_likely_only_where_they_did(
    adjudicate: Adjudicate,
) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    posterior = Policy(overlap=voting(2, 3).overlap, gold=voting(2, 3).gold, consensus=Consensus(confidence=0.6))
    retired = Step(2, "retire", "", "maybe")
    await changed(adjudicate, ["no", "yes", "maybe"], retired, policy=posterior)
    for number, who in enumerate("ab", start=1):
        await said(adjudicate, number, who, "maybe")
    await adjudicate.upstream.unit("k1-utb2")
    for number, who in enumerate("ab", start=1):
        await adjudicate.upstream.annotation("k1-utb2", number, who, "yes", overlap_wanted=2, schema_version=2)
    await adjudicate.settle()
    body = {event.consensus_reached.unit_id: event.consensus_reached for event in adjudicate.events()}
    assert (body["k1-utb1"].label, body["k1-utb1"].schema_version) == (b'"maybe"', 1), (
        "an auditor is asked as they were"
    )
    assert body["k1-utb2"].schema_version == 2
    assert body["k1-utb2"].confidence > body["k1-utb1"].confidence, "it is one of two classes, the other one of three"


async def test_who_rules_sees_the_sides_in_the_newest_names_and_rules_in_them(adjudicate: Adjudicate) -> None:
    await adjudicate.escalate("k1-utb1", "yes", "yes")
    await changed(adjudicate, ["no", "surely", "maybe"], RENAMED[1], Step(2, "retire", "", "maybe"))
    (shown,) = (await adjudicate.call("GET", "/v1/escalations")).json()["escalations"]
    assert (shown["sides"][0]["label"], shown["leading_label"], shown["schema_version"]) == ("surely", "surely", 2)
    assert shown["label_schema"]["classes"] == ["no", "surely"]
    path = "/v1/escalations/k1-utb1/ruling"
    gone = await adjudicate.call("POST", path, {"label": "maybe", "reason": "The text says so."})
    assert (gone.status, gone.json()["errors"][0]["field"]) == (422, "label")
    await adjudicate.call("POST", path, {"label": "surely", "reason": "The text says so."})
    await adjudicate.settle()
    ruling = adjudicate.events()[-1].adjudicated
    assert (ruling.label, ruling.schema_version, ruling.evidence[0].schema_version) == (b'"surely"', 2, 1)


async def test_answers_to_a_field_that_is_asked_no_more_hold_nothing_up(adjudicate: Adjudicate) -> None:
    await adjudicate.redefined(voting(2, 3), 2, schema=FORM)
    await adjudicate.upstream.unit("k1-utb1")
    for number, (who, mood) in enumerate((("a", "glad"), ("b", "sad")), start=1):
        await said(adjudicate, number, who, {"answers": {"tone": "rude", "mood": mood}})
    assert await adjudicate.decisions() == [("k1-utb1", "overlap_requested")]
    await adjudicate.redefined(voting(2, 3), 3, schema=FORM, steps=[Step(2, "retire", "mood", "")])
    assert [kind for _, kind in await adjudicate.decisions()] == ["overlap_requested", "consensus_reached"]
    assert adjudicate.events()[-1].consensus_reached.label == b'{"answers":{"tone":"rude"}}'


async def test_a_label_under_a_version_that_is_still_on_its_way_waits_for_it(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.unit("k1-utb1")
    await said(adjudicate, 1, "a", "surely", 2)
    await said(adjudicate, 2, "b", "surely", 2)
    await changed(adjudicate, *RENAMED)
    assert await adjudicate.decisions() == [("k1-utb1", "consensus_reached")]
    assert adjudicate.events()[0].consensus_reached.label == b'"surely"'
