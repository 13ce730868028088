"""Assign on a real broker and a real store: what was promised to annotators survives, and is told once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS
from concord.contracts.v1.resolutions_pb2 import OverlapRequested
from services.assign.bootstrap import wire
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Gold, Overlap, Policy
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, TwoLives, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

POLICY = Policy(overlap=Overlap(initial=2, max=3), gold=Gold(rate=0.1))
UNITS_COUNT = 40
ANNOTATORS = ("ann", "bob", "cem", "dan")
EMPTY_CLAIMS_MAX = 10
OVERLAP_RAISED = 3
SETTINGS = local_settings(AssignSettings)


def assign(ports: Ports) -> Service:
    return wire(SETTINGS, ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    """A client with a project and units, one in ten of them gold."""
    async with real_place("assign") as place:
        await place.upstream.project(POLICY)
        for number in range(UNITS_COUNT):
            await place.upstream.unit(unit_id(place, str(number)))
        for number in range(UNITS_COUNT // 10):
            await place.upstream.unit(unit_id(place, f"g{number}"), gold="yes")
        yield place


async def define(place: RealPlace, service: Service) -> None:
    async with caller(service, place.house.token("op", Role.OPERATOR)) as operator:
        for name in ANNOTATORS:
            assert (await operator.put(f"/v1/annotators/{name}", json={})).status_code in (200, 201)


async def label_all(place: RealPlace, service: Service, name: str, labels_max: int, generator: random.Random) -> int:
    """Claim and submit until nothing has come for a while, or so many are labelled; return how many were."""
    done, empty = 0, 0
    async with caller(service, place.house.token(name, Role.ANNOTATOR)) as annotator:
        while done < labels_max and empty < EMPTY_CLAIMS_MAX:
            reply = await annotator.post(f"/v1/projects/{place.project_id}/claims", json={"units": 3})
            assert reply.status_code == 200, reply.text
            offers = reply.json()["assignments"]
            empty = 0 if offers else empty + 1
            if not offers:
                await asyncio.sleep(0.1)
            for offer in offers[: labels_max - done]:
                label = generator.choice(["yes", "no"])
                path = f"/v1/assignments/{offer['assignment_id']}/submission"
                first = await annotator.post(path, json={"label": label})
                again = await annotator.post(path, json={"label": label})
                assert (first.json()["status"], again.json()["status"]) == ("accepted", "repeated")
                done += 1
    return done


def unit_id(place: RealPlace, name: str) -> str:
    """Return the id of a unit of the place's project."""
    return placed_id("u", place.project_id, name)


async def waiting(place: RealPlace, service: Service) -> None:
    """Return when the first unit is to be had."""
    async with caller(service, place.house.token(ANNOTATORS[0], Role.ANNOTATOR)) as annotator:

        async def ask() -> bool:
            reply = await annotator.post(f"/v1/projects/{place.project_id}/claims", json={"units": 1})
            return reply.status_code == 200 and bool(reply.json()["assignments"])

        await eventually("the first unit", ask)


async def third_label(place: RealPlace, service: Service, generator: random.Random) -> None:
    """Return when one of the annotators was offered the unit that is asked for once more, and its label is told.

    Whatever was still to be had when they left off, as on a busy machine, they label on the way.
    """
    first = unit_id(place, "0")

    async def ask() -> bool:
        for name in ANNOTATORS:
            await label_all(place, service, name, 1, generator)
        rows = [event.annotation_submitted.unit_id for event in await place.said(ANNOTATIONS)]
        return rows.count(first) >= OVERLAP_RAISED

    await eventually("the third label", ask)


async def test_a_project_is_labelled_to_its_overlap_across_a_restart_and_every_label_is_told_once(
    place: RealPlace,
) -> None:
    generator = random.Random(7)
    async with place.life(assign) as service:
        await define(place, service)
        await waiting(place, service)
        counts = [await label_all(place, service, name, 9, generator) for name in ANNOTATORS]
        assert counts == [9] * len(ANNOTATORS)
    async with place.life(assign) as service:
        await asyncio.gather(*(label_all(place, service, name, 1_000, generator) for name in ANNOTATORS))
        first = unit_id(place, "0")
        more = OverlapRequested(unit_id=first, round=2, overlap_wanted=OVERLAP_RAISED)
        await place.upstream.resolution(first, overlap_requested=more)
        await third_label(place, service, generator)
    rows = await place.said(ANNOTATIONS)
    labels = [event.annotation_submitted for event in rows if event.HasField("annotation_submitted")]
    assert len({label.annotation_id for label in labels}) == len(labels), "each label is told once"
    by_unit: dict[str, list[str]] = {}
    for label in labels:
        by_unit.setdefault(label.unit_id.removeprefix(unit_id(place, "")), []).append(label.annotator_id)
    assert all(len(set(names)) == len(names) for names in by_unit.values())
    ordinary = {name: len(by_unit[name]) for name in by_unit if not name.startswith("g")}
    assert ordinary == {str(n): 3 if n == 0 else 2 for n in range(UNITS_COUNT)}
    assert not any(label.late for label in labels)
    issued = [event.assignment_issued.assignment_id for event in await place.said(ASSIGNMENTS)]
    assert sorted(issued) == sorted(label.annotation_id for label in labels)


async def test_two_lives_lease_each_unit_to_its_overlap_whichever_is_asked_also_when_one_has_left(
    place: RealPlace,
) -> None:
    generator = random.Random(7)
    async with TwoLives(place, assign) as lives:
        await define(place, lives.one)
        await waiting(place, lives.two)
        doors = (lives.one, lives.two)
        counts = await asyncio.gather(
            *(label_all(place, doors[turn % 2], name, 9, generator) for turn, name in enumerate(ANNOTATORS))
        )
        assert counts == [9] * len(ANNOTATORS)
        await lives.leave()
        await asyncio.gather(*(label_all(place, lives.one, name, 1_000, generator) for name in ANNOTATORS))
    rows = await place.said(ANNOTATIONS)
    # Whoever takes a place over may say again what its owner had no time to note as said: the same event by its id.
    once = {event.metadata.event_id: event for event in rows}
    labels = [event.annotation_submitted for event in once.values() if event.HasField("annotation_submitted")]
    assert len({label.annotation_id for label in labels}) == len(labels), "each label is told by one event"
    ordinary = [label for label in labels if not label.unit_id.startswith(unit_id(place, "g"))]
    assert len({(label.unit_id, label.annotator_id) for label in ordinary}) == len(ordinary)
    assert Counter(label.unit_id for label in ordinary) == {unit_id(place, str(n)): 2 for n in range(UNITS_COUNT)}
