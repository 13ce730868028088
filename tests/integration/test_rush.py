"""Many claim at once on a real broker and a real store, and some never come back: the topics say who held what."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest

from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS
from services.assign.bootstrap import wire
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Gold, Lease, Overlap, Policy
from tests.support.lease_judge import faults, told
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

OVERLAP, UNITS, PEOPLE, GONE, UNITS_A_CLAIM = 3, 60, 24, 4, 5
LEASE_SECONDS = 10
"""Of those who stay some may end, too, on a busy machine: their units go on, and their labels are late."""
PAUSE_SECONDS = 0.1


def assign(ports: Ports) -> Service:
    return wire(local_settings(AssignSettings), ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    async with real_place("assign") as place:
        overlap, lease = Overlap(initial=OVERLAP, max=OVERLAP), Lease(seconds=LEASE_SECONDS)
        await place.upstream.project(Policy(overlap=overlap, lease=lease, gold=Gold(rate=0.0)))
        for number in range(UNITS):
            await place.upstream.unit(placed_id("u", place.project_id, str(number)))
        yield place


class Rush:
    """What people were answered."""

    def __init__(self, place: RealPlace, service: Service) -> None:
        self.place = place
        self.service = service
        self.offered: dict[str, tuple[str, str]] = {}
        self.taken: set[str] = set()
        self.labels = 0

    async def work(self, name: str, *, stays: bool) -> None:
        """Claim and label until every unit has its labels; who does not stay is gone with its first units."""
        async with caller(self.service, self.place.house.token(name, Role.ANNOTATOR)) as annotator:
            for _ in count():
                if self.labels >= UNITS * OVERLAP:
                    return
                claim = {"units": UNITS_A_CLAIM}
                reply = await annotator.post(f"/v1/projects/{self.place.project_id}/claims", json=claim)
                assert reply.status_code == 200, reply.text
                offers = reply.json()["assignments"]
                self.offered |= {offer["assignment_id"]: (offer["unit_id"], name) for offer in offers}
                if not offers:
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                if not stays:
                    return
                labels = [{"assignment_id": offer["assignment_id"], "label": "yes"} for offer in offers]
                answer = (await annotator.post("/v1/submissions", json={"submissions": labels})).json()
                for result in answer["results"]:
                    assert result["status"] in ("accepted", "late"), result
                    self.taken.add(result["assignment_id"])
                    self.labels += result["status"] == "accepted"


async def _is_there(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200


async def test_a_rush_gives_no_unit_to_too_many_and_what_was_left_behind_comes_back(place: RealPlace) -> None:
    names = [f"p{number}" for number in range(PEOPLE)]
    async with place.life(assign) as service:
        async with caller(service, place.house.token("op", Role.OPERATOR)) as operator:
            for name in names:
                assert (await operator.put(f"/v1/annotators/{name}", json={})).status_code in (200, 201)
        async with caller(service, place.house.token("cl", Role.CLIENT, client_id=place.client_id)) as client:
            path = f"/v1/projects/{place.project_id}/stranded"
            await eventually("the project", lambda: _is_there(client, path))
        rush = Rush(place, service)
        gone = set(names[:GONE])
        async with asyncio.TaskGroup() as people:
            for name in names:
                people.create_task(rush.work(name, stays=name not in gone))

        async def broken() -> list[str]:
            found = told(await place.said(ASSIGNMENTS), await place.said(ANNOTATIONS))
            return list(faults(found, OVERLAP, units, rush.offered, rush.taken))

        async def kept() -> bool:
            return not await broken()

        units = [placed_id("u", place.project_id, str(number)) for number in range(UNITS)]
        try:
            await eventually("an end of every lease", kept)
        except AssertionError:
            assert await broken() == []
    found = told(await place.said(ASSIGNMENTS), await place.said(ANNOTATIONS))
    left_behind = [lease for lease in found.issued.values() if lease.annotator_id in gone]
    assert left_behind, "some were given units and never came back"
    assert len(found.returned_after(gone)) == len(left_behind)
    assert sum(found.labels().values()) == UNITS * OVERLAP == rush.labels
