"""Assign on a real broker and a real store: what was promised to annotators survives, and is told once.

The topics' names are fixed, so each run has its own client, project and units, and a consumer group of its own that
reads the topics from their beginning; the database is fresh and dropped at the end.
"""

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Outgoing, Subscription
from concord.chassis.clock import SystemClock
from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.chassis.store.mongo import MongoStore
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import decode, encode, schema_headers
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, PROJECTS, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.projects_pb2 import GoldPolicy, OverlapPolicy, Policy, ProjectDefined, ProjectEvent
from concord.contracts.v1.resolutions_pb2 import OverlapRequested, ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from services.assign.bootstrap import wire
from services.assign.settings import AssignSettings
from tests.support.houses import House, caller, local_settings, metadata, running

KAFKA = os.environ.get("CONCORD_TEST_KAFKA_BOOTSTRAP", "")
MONGODB = os.environ.get("CONCORD_TEST_MONGODB_URI", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (KAFKA and MONGODB),
        reason="needs CONCORD_TEST_KAFKA_BOOTSTRAP and CONCORD_TEST_MONGODB_URI; `make test` sets them",
    ),
]

UNITS_COUNT = 40
ANNOTATORS = ("ann", "bob", "cem", "dan")
WAIT_SECONDS_MAX = 30.0


class Place:
    """A client of its own on the shared broker, and a database of its own."""

    def __init__(self) -> None:
        self.client_id = f"t{uuid.uuid4().hex[:12]}"
        self.project_id = f"{self.client_id}-p"
        self.database = f"concord_test_{self.client_id}"
        self.house = House(SystemClock())
        self._lives = 0

    async def publish(self, topic: Topic, *records: tuple[str, Any]) -> None:
        broker = KafkaBroker(KAFKA, "test")
        await broker.start()
        try:
            headers = schema_headers()
            await broker.publish([Outgoing(topic.name, key.encode(), encode(event), headers) for key, event in records])
        finally:
            await broker.stop()

    def ports(self) -> Ports:
        self._lives += 1
        return Ports(
            store=MongoStore.connect(MONGODB, self.database),
            broker=OwnGroup(KafkaBroker(KAFKA, f"assign-{self._lives}"), self.client_id),
            clock=self.house.clock,
            identity=self.house.identity,
            telemetry=Telemetry("assign"),
            writer=f"{self.client_id}-{self._lives}",
        )

    @asynccontextmanager
    async def assign(self) -> AsyncIterator[Service]:
        """Run one life of the service."""
        async with running(wire(local_settings(AssignSettings), self.ports())) as service:
            yield service

    async def said(self, topic: Topic) -> list[Any]:
        """Return this client's events on a topic, each once for each time that it was said."""
        broker = KafkaBroker(KAFKA, "test")
        await broker.start()
        reader = broker.subscribe([topic.name], group=None)
        await reader.start()
        found = []
        try:
            while await reader.lag():
                for record in await reader.poll(1_000, 0.2):
                    event: Any = decode(topic, record.value)
                    if event.metadata.client_id == self.client_id:
                        found.append(event)
        finally:
            await reader.stop()
            await broker.stop()
        return found


class OwnGroup:
    """The real broker, on which this run's consumer group is its own."""

    def __init__(self, broker: KafkaBroker, suffix: str) -> None:
        self._broker = broker
        self._suffix = suffix
        self.start, self.publish, self.stop = broker.start, broker.publish, broker.stop

    def subscribe(self, topics: Any, group: str | None) -> Subscription:
        return self._broker.subscribe(topics, f"{group}-{self._suffix}" if group else None)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A client with a project and units, one in ten of them gold."""
    place = Place()
    policy = Policy(overlap=OverlapPolicy(initial=2, max=3), gold=GoldPolicy(rate=0.1))
    schema = b'{"classes":["no","yes"],"kind":"choice"}'
    defined = ProjectDefined(name="p", revision=1, label_schema=schema, guideline_version=1, policy=policy)
    project = ProjectEvent(metadata=meta(place, "define"), project_defined=defined)
    await place.publish(PROJECTS, (place.project_id, project))
    gold = [unit(place, f"g{n}", gold_label=b'"yes"') for n in range(UNITS_COUNT // 10)]
    await place.publish(UNITS, *(unit(place, str(n)) for n in range(UNITS_COUNT)), *gold)
    yield place
    async with AsyncMongoClient[dict[str, object]](MONGODB) as client:
        await client.drop_database(place.database)


def meta(place: Place, cause: str) -> Any:
    return metadata(f"{place.client_id} {cause}", place.client_id, place.project_id, place.house.clock.now_us())


def unit(place: Place, name: str, **fields: Any) -> tuple[str, UnitEvent]:
    unit_id = f"{place.client_id}-u{name}"
    admitted = UnitAdmitted(unit_id=unit_id, source_id=name, media_type="application/json", **fields)
    return unit_id, UnitEvent(metadata=meta(place, f"admit {name}"), unit_admitted=admitted)


async def define(place: Place, service: Service) -> None:
    async with caller(service, place.house.token("op", Role.OPERATOR)) as operator:
        for name in ANNOTATORS:
            assert (await operator.put(f"/v1/annotators/{name}", json={})).status_code in (200, 201)


async def label_all(place: Place, service: Service, name: str, labels_max: int, generator: random.Random) -> int:
    """Claim and submit until nothing has come for a while, or so many are labelled; return how many were."""
    done, empty = 0, 0
    async with caller(service, place.house.token(name, Role.ANNOTATOR)) as annotator:
        while done < labels_max and empty < 5:
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


async def waiting(place: Place, service: Service) -> None:
    """Return when the first unit is to be had."""
    async with (
        asyncio.timeout(WAIT_SECONDS_MAX),
        caller(service, place.house.token(ANNOTATORS[0], Role.ANNOTATOR)) as annotator,
    ):
        while True:
            reply = await annotator.post(f"/v1/projects/{place.project_id}/claims", json={"units": 1})
            if reply.status_code == 200 and reply.json()["assignments"]:
                return
            await asyncio.sleep(0.1)


async def third_label(place: Place, service: Service, generator: random.Random) -> None:
    """Return when one of the annotators was offered the unit that is asked for once more, and labelled it."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            for name in ANNOTATORS:
                if await label_all(place, service, name, 1, generator):
                    return


async def test_a_project_is_labelled_to_its_overlap_across_a_restart_and_every_label_is_told_once(place: Place) -> None:
    generator = random.Random(7)
    async with place.assign() as service:
        await define(place, service)
        await waiting(place, service)
        counts = [await label_all(place, service, name, 9, generator) for name in ANNOTATORS]
        assert counts == [9] * len(ANNOTATORS)
    async with place.assign() as service:
        await asyncio.gather(*(label_all(place, service, name, 1_000, generator) for name in ANNOTATORS))
        more = OverlapRequested(unit_id=f"{place.client_id}-u0", round=2, overlap_wanted=3)
        asked = ResolutionEvent(metadata=meta(place, "more"), overlap_requested=more)
        await place.publish(RESOLUTIONS, (f"{place.client_id}-u0", asked))
        await third_label(place, service, generator)
    labels = [event.annotation_submitted for event in await place.said(ANNOTATIONS)]
    assert len({label.annotation_id for label in labels}) == len(labels), "each label is told once"
    by_unit: dict[str, list[str]] = {}
    for label in labels:
        by_unit.setdefault(label.unit_id.removeprefix(f"{place.client_id}-u"), []).append(label.annotator_id)
    assert all(len(set(names)) == len(names) for names in by_unit.values())
    ordinary = {name: len(by_unit[name]) for name in by_unit if not name.startswith("g")}
    assert ordinary == {str(n): 3 if n == 0 else 2 for n in range(UNITS_COUNT)}
    assert not any(label.late for label in labels)
    issued = [event.assignment_issued.assignment_id for event in await place.said(ASSIGNMENTS)]
    assert sorted(issued) == sorted(label.annotation_id for label in labels)
