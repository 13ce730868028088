"""Adjudicate on a real broker and a real store: one decision a round, told once, across a restart."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import ANNOTATIONS, LOTS, PROJECTS, QUALITY, RESOLUTIONS, UNITS
from concord.contracts.v1.lots_pb2 import LotRejected
from services.adjudicate.bootstrap import wire
from services.adjudicate.settings import AdjudicateSettings
from services.ingest.domain.project import Consensus, Overlap, Policy
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, TwoLives, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

POLICY = Policy(overlap=Overlap(initial=2, max=3), consensus=Consensus(confidence=0.8))
UNITS_COUNT = 12
"""Of each three units one is agreed upon at once, one after a third label, and one never."""
CONFUSION = [18, 2, 2, 18]
READ = (PROJECTS, UNITS, ANNOTATIONS, LOTS, QUALITY)
SETTINGS = local_settings(AdjudicateSettings)


def adjudicate(ports: Ports) -> Service:
    return wire(SETTINGS, ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    async with real_place("adjudicate") as place:
        yield place


def unit_id(place: RealPlace, number: int) -> str:
    return f"{place.client_id}-u{number}"


async def label(place: RealPlace, number: int, nth: int, name: str, text: str, rework: int = 0) -> None:
    await place.upstream.annotation(unit_id(place, number), nth + 10 * rework, name, text, rework=rework, times=2)


async def decisions(place: RealPlace) -> dict[int, list[str]]:
    """Return the kinds of what was told of each unit, in order."""
    found: dict[int, list[str]] = {number: [] for number in range(UNITS_COUNT)}
    for event in await place.said(RESOLUTIONS):
        kind = event.WhichOneof("event")
        found[int(getattr(event, kind).unit_id.rpartition("-u")[2])].append(kind)
    return found


async def told(place: RealPlace, wanted: dict[int, list[str]]) -> None:
    """Return when exactly this was told."""

    async def ask() -> bool:
        return await decisions(place) == wanted

    try:
        await eventually("the decisions", ask)
    except AssertionError:
        assert await decisions(place) == wanted


async def begin(place: RealPlace) -> None:
    await place.upstream.project(POLICY)
    for name in ("good", "fine", "able"):
        await place.upstream.competence(name, CONFUSION)
    await place.upstream.competence("coin", [10, 10, 10, 10])


async def test_units_are_settled_asked_for_again_escalated_and_ruled_across_a_restart(place: RealPlace) -> None:
    await begin(place)
    async with place.life(adjudicate) as service:
        await knows(place, service)
        for number in range(UNITS_COUNT):
            await place.upstream.unit(unit_id(place, number), times=2)
            await label(place, number, 1, "good", "yes")
            await label(place, number, 2, "fine", "yes" if number % 3 == 0 else "no")
        first = {n: ["consensus_reached" if n % 3 == 0 else "overlap_requested"] for n in range(UNITS_COUNT)}
        await told(place, first)
    for number in range(UNITS_COUNT):
        if number % 3:
            await label(place, number, 3, "able" if number % 3 == 1 else "coin", "yes")
    async with place.life(adjudicate) as service:
        third: list[list[str]] = [[], ["consensus_reached"], ["escalated"]]
        second = {n: first[n] + third[n % 3] for n in range(UNITS_COUNT)}
        await told(place, second)
        await ruled(place, service)
        ended = {n: second[n] + (["adjudicated"] if n % 3 == 2 else []) for n in range(UNITS_COUNT)}
        await told(place, ended)
        back = [unit_id(place, n) for n in (0, 2)]
        rejected = LotRejected(lot_id=f"{place.client_id}-l1", on_reject="relabel", unit_ids=back, rework=0)
        await place.upstream.lots(f"{place.client_id}-l1", lot_rejected=rejected)
        for number in (0, 2):
            await label(place, number, 1, "fine", "no", rework=1)
            await label(place, number, 2, "able", "no", rework=1)
        again = {n: ended[n] + (["consensus_reached"] if n in (0, 2) else []) for n in range(UNITS_COUNT)}
        await told(place, again)
    last = [event.consensus_reached for event in await place.said(RESOLUTIONS) if event.HasField("consensus_reached")]
    assert {unit.unit_id: unit.label for unit in last if unit.rework == 1} == dict.fromkeys(back, b'"no"')
    assert await place.letters() == []


async def knows(place: RealPlace, service: Service) -> None:
    """Return when the weights of all four annotators are in use, since topics come in any order."""
    async with caller(service, place.house.token("op", Role.OPERATOR)) as operator:

        async def ask() -> bool:
            answer = await operator.get(f"/v1/projects/{place.project_id}/competence")
            return answer.status_code == 200 and len(answer.json()["annotators"]) == 4

        await eventually("competence", ask)


async def ruled(place: RealPlace, service: Service) -> None:
    """Rule all that waits, some of it twice."""
    escalated = [unit_id(place, number) for number in range(2, UNITS_COUNT, 3)]
    async with caller(service, place.house.token("senior", Role.ADJUDICATOR)) as senior:
        params = {"project_id": place.project_id}

        async def shown() -> list[str]:
            listed = (await senior.get("/v1/escalations", params=params)).json()["escalations"]
            return sorted(unit["unit_id"] for unit in listed)

        assert await shown() == [], "who still holds them is not known yet"
        for name in escalated:
            await place.upstream.labelling_ended(name)
        await eventually("escalations", lambda: _listed(shown, sorted(escalated)))
        rulings = [{"unit_id": key, "label": "no", "reason": "The text says so."} for key in escalated]
        body = {"rulings": [*rulings, rulings[0]]}
        results = (await senior.post("/v1/rulings", json=body)).json()["results"]
        assert [result["status"] for result in results] == [*["ruled"] * len(escalated), "repeated"]


async def _listed(shown: Callable[[], Awaitable[object]], wanted: list[str]) -> bool:
    return await shown() == wanted


async def test_poison_on_every_topic_is_set_aside_and_its_partitions_go_on(place: RealPlace) -> None:
    await begin(place)
    unit = unit_id(place, 0)
    await place.poison(PROJECTS, place.project_id)
    async with place.life(adjudicate) as service:
        await knows(place, service)
        for topic in (UNITS, ANNOTATIONS):
            await place.poison(topic, unit)
        await place.poison(LOTS, f"{place.client_id}-l1")
        await place.poison(QUALITY, f"{place.client_id}-poison")
        await place.upstream.unit(unit)
        await label(place, 0, 1, "good", "yes")
        await label(place, 0, 2, "fine", "yes")
        await told(place, {0: ["consensus_reached"], **{n: [] for n in range(1, UNITS_COUNT)}})
        rejected = LotRejected(lot_id=f"{place.client_id}-l1", on_reject="relabel", unit_ids=[unit], rework=0)
        await place.upstream.lots(f"{place.client_id}-l1", lot_rejected=rejected)
        await label(place, 0, 1, "fine", "no", rework=1)
        await label(place, 0, 2, "able", "no", rework=1)
        await told(place, {0: ["consensus_reached"] * 2, **{n: [] for n in range(1, UNITS_COUNT)}})
    letters = await place.letters()
    assert sorted(letter.topic for letter in letters) == sorted(topic.name for topic in READ)
    assert {letter.value for letter in letters} == {place.rubbish()}
    assert all(letter.reason.startswith("not a ") for letter in letters)


async def test_two_lives_share_the_projects_and_either_answers_for_both_also_when_the_other_has_left(
    place: RealPlace,
) -> None:
    await begin(place)
    unit = placed_id("u", place.project_id, "n1")
    senior = place.house.token("senior", Role.ADJUDICATOR)

    async def listed(service: Service) -> list[str] | int:
        async with caller(service, senior) as person:
            answer = await person.get("/v1/escalations")
            if not answer.is_success:
                return answer.status_code
            # The broker has the units of tests before this one, too.
            found = [escalation["unit_id"] for escalation in answer.json()["escalations"]]
            return [entry for entry in found if entry.startswith(place.client_id)]

    async with TwoLives(place, adjudicate) as lives:
        await place.upstream.unit(unit)
        for nth, name in enumerate(("good", "fine"), start=1):
            await place.upstream.annotation(unit, nth, name, "yes", flag="unreadable")
        await place.upstream.labelling_ended(unit)
        for life in (lives.one, lives.two):
            await eventually("the escalation", partial(_listed, partial(listed, life), [unit]))
        await lives.leave()
        assert await listed(lives.one) == [unit], "it was loaded, whoever had it"
