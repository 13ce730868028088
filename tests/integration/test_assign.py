"""Assign on a real broker and a real store: what was promised to annotators survives, and is told once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, Topic
from concord.contracts.v1.resolutions_pb2 import OverlapRequested
from services.assign.bootstrap import wire
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Gold, Overlap, Policy
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, TwoLives, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

OVERLAP = 2
POLICY = Policy(overlap=Overlap(initial=OVERLAP, max=3), gold=Gold(rate=0.1))
UNITS_COUNT = 40
ANNOTATORS = ("ann", "bob", "cem", "dan")
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


async def label(place: RealPlace, service: Service, name: str, labels_max: int, generator: random.Random) -> int:
    """Claim once, and submit at most so many labels; return how many."""
    async with caller(service, place.house.token(name, Role.ANNOTATOR)) as annotator:
        reply = await annotator.post(f"/v1/projects/{place.project_id}/claims", json={"units": 3})
        assert reply.status_code == 200, reply.text
        offers = reply.json()["assignments"][:labels_max]
        for offer in offers:
            text = generator.choice(["yes", "no"])
            path = f"/v1/assignments/{offer['assignment_id']}/submission"
            first = await annotator.post(path, json={"label": text})
            again = await annotator.post(path, json={"label": text})
            assert (first.json()["status"], again.json()["status"]) == ("accepted", "repeated")
    return len(offers)


async def label_some(place: RealPlace, service: Service, name: str, labels: int, generator: random.Random) -> None:
    """Claim and submit until so many are labelled: there is more than that to be had, sooner or later."""
    left = labels

    async def all_given() -> bool:
        nonlocal left
        left -= await label(place, service, name, left, generator)
        return not left

    await eventually(f"{labels} labels of {name}", all_given)


async def label_all(place: RealPlace, service: Service, generator: random.Random, first: int = OVERLAP) -> None:
    """Let everybody claim and submit until each unit that is no gold has its labels, and the first so many."""
    wanted = {unit_id(place, str(number)): OVERLAP if number else first for number in range(UNITS_COUNT)}

    async def all_given() -> bool:
        while any(await asyncio.gather(*(label(place, service, name, UNITS_COUNT, generator) for name in ANNOTATORS))):
            pass
        given = Counter(label.unit_id for label in await told(place, ANNOTATIONS, "annotation_submitted"))
        return all(given[unit] >= count for unit, count in wanted.items())

    await eventually("the last label", all_given)


async def told(place: RealPlace, topic: Topic, kind: str) -> list[Any]:
    """Return the events of a kind: the same event once, however often it was said.

    Whoever takes a place over may say again what its owner had no time to note as said.
    """
    once = {event.metadata.event_id: event for event in await place.said(topic)}
    return [getattr(event, kind) for event in once.values() if event.HasField(kind)]


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


async def test_a_project_is_labelled_to_its_overlap_across_a_restart_and_every_label_is_told_once(
    place: RealPlace,
) -> None:
    generator = random.Random(7)
    async with place.life(assign) as service:
        await define(place, service)
        await waiting(place, service)
        for name in ANNOTATORS:
            await label_some(place, service, name, 9, generator)
    async with place.life(assign) as service:
        await label_all(place, service, generator)
        first = unit_id(place, "0")
        more = OverlapRequested(unit_id=first, round=2, overlap_wanted=OVERLAP_RAISED)
        await place.upstream.resolution(first, overlap_requested=more)
        await label_all(place, service, generator, OVERLAP_RAISED)
    labels = await told(place, ANNOTATIONS, "annotation_submitted")
    assert len({label.annotation_id for label in labels}) == len(labels), "each label is told by one event"
    by_unit: dict[str, list[str]] = {}
    for label in labels:
        by_unit.setdefault(label.unit_id.removeprefix(unit_id(place, "")), []).append(label.annotator_id)
    assert all(len(set(names)) == len(names) for names in by_unit.values())
    ordinary = {name: len(by_unit[name]) for name in by_unit if not name.startswith("g")}
    assert ordinary == {str(n): 3 if n == 0 else 2 for n in range(UNITS_COUNT)}
    assert not any(label.late for label in labels)
    issued = [lease.assignment_id for lease in await told(place, ASSIGNMENTS, "assignment_issued")]
    assert sorted(issued) == sorted(label.annotation_id for label in labels)


async def test_two_lives_lease_each_unit_to_its_overlap_whichever_is_asked_also_when_one_has_left(
    place: RealPlace,
) -> None:
    generator = random.Random(7)
    async with TwoLives(place, assign) as lives:
        await define(place, lives.one)
        await waiting(place, lives.two)
        doors = (lives.one, lives.two)
        await asyncio.gather(
            *(label_some(place, doors[turn % 2], name, 9, generator) for turn, name in enumerate(ANNOTATORS))
        )
        await lives.leave()
        await label_all(place, lives.one, generator)
    labels = await told(place, ANNOTATIONS, "annotation_submitted")
    assert len({label.annotation_id for label in labels}) == len(labels), "each label is told by one event"
    ordinary = [label for label in labels if not label.unit_id.startswith(unit_id(place, "g"))]
    assert len({(label.unit_id, label.annotator_id) for label in ordinary}) == len(ordinary)
    assert Counter(label.unit_id for label in ordinary) == {unit_id(place, str(n)): 2 for n in range(UNITS_COUNT)}
