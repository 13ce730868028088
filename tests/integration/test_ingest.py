"""Ingest on a real broker and a real store: units through both doors, each admitted and told once, across a restart."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import MICROSECONDS
from concord.chassis.identity import Role
from concord.chassis.payload_links import payload_link
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.topics import INTAKE, PROJECTS, UNITS
from services.ingest.bootstrap import wire
from services.ingest.intake import STRUCTURED, TYPE
from services.ingest.settings import IngestSettings
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, TwoLives, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

LOT_UNITS = 10
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {"lot": {"size": LOT_UNITS, "seal_after_seconds": 3600}},
}
SETTINGS = local_settings(IngestSettings)


def ingest(ports: Ports) -> Service:
    return wire(SETTINGS, ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    async with real_place("ingest") as place:
        yield place


def client(place: RealPlace, service: Service) -> httpx.AsyncClient:
    return caller(service, place.house.token("key", Role.CLIENT, client_id=place.client_id))


def units(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": f"s{number}", "content": {"text": f"text {number}", "not": None}} for number in numbers]


def cloud_event(place: RealPlace, number: int, project_id: str = "", **attributes: Any) -> Outgoing:
    """Return a structured CloudEvent; all have one key, so that they share a partition."""
    (unit,) = units(number)
    event = {
        "specversion": "1.0",
        "id": unit["id"],
        "source": f"/projects/{project_id or place.project_id}",
        "type": TYPE,
        "data": {"content": unit["content"]},
        **attributes,
    }
    headers = (("content-type", STRUCTURED.encode()),)
    return Outgoing(INTAKE.name, f"{place.client_id}-subject".encode(), json.dumps(event).encode(), headers)


async def admitted(place: RealPlace) -> dict[str, int]:
    """Return how often each unit's admission was told, by the client's name of it."""
    rows = [event.unit_admitted for event in await place.said(UNITS) if event.HasField("unit_admitted")]
    return Counter(unit.source_id for unit in rows)


async def import_lines(door: httpx.AsyncClient, place: RealPlace, wanted: list[dict[str, Any]]) -> Any:
    lines = b"\n".join(json.dumps(unit).encode() for unit in wanted)
    headers = {"content-type": "application/x-ndjson"}
    answer = await door.post(f"/v1/projects/{place.project_id}/units", content=lines, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_units_are_admitted_once_and_cut_into_lots_through_both_doors_across_a_restart(place: RealPlace) -> None:
    async with place.life(ingest) as service, client(place, service) as door:
        assert (await door.put("/v1/projects/p", json=DEFINITION)).status_code == 201
        report = await import_lines(door, place, [*units(*range(23)), {"id": "bad", "contents": "typo"}])
        assert (report["admitted"], report["refused_count"]) == (23, 1)
    async with place.life(ingest) as service, client(place, service) as door:
        again = await import_lines(door, place, units(*range(25)))
        assert (again["admitted"], again["repeated"]) == (2, 23)
        await place.broker.publish([cloud_event(place, number) for number in (3, 25, 26)])

        async def all_in() -> bool:
            return len(await admitted(place)) == 27

        await eventually("the units of the intake topic", all_in)
        assert (await door.post(f"/v1/projects/{place.project_id}/seal")).json() == {"lots": 1}
        unit_id = again["units"][7]["unit_id"]
        until_us = place.house.clock.now_us() + 60 * MICROSECONDS
        link = payload_link(SETTINGS.payload_links.secret.key(), "http://service.test", unit_id, until_us)
        assert (await door.get(link, headers={"authorization": ""})).json() == units(7)[0]["content"]
    assert await admitted(place) == {f"s{number}": 1 for number in range(27)}
    lots = [event.lot_sealed for event in await place.said(UNITS) if event.HasField("lot_sealed")]
    assert sorted(len(lot.unit_ids) for lot in lots) == [7, LOT_UNITS, LOT_UNITS]
    members = Counter(unit_id for lot in lots for unit_id in lot.unit_ids)
    assert len(members) == 27
    assert set(members.values()) == {1}
    assert len(await place.said(PROJECTS)) == 1
    assert await place.letters() == []


async def test_poison_on_the_intake_topic_is_set_aside_and_its_partition_goes_on(place: RealPlace) -> None:
    async with place.life(ingest) as service, client(place, service) as door:
        assert (await door.put("/v1/projects/p", json=DEFINITION)).status_code == 201
        whole = cloud_event(place, 0)
        poison = [
            Outgoing(INTAKE.name, whole.key, place.rubbish(), whole.headers),
            cloud_event(place, 1, project_id=f"{place.client_id}-unknown"),
            cloud_event(place, 2, type="another.type"),
            cloud_event(place, 3, data={"content": "x", "annotator": "typo"}),
        ]
        await place.broker.publish([whole, *poison, cloud_event(place, 4)])

        async def past_the_poison() -> bool:
            return set(await admitted(place)) == {"s0", "s4"}

        await eventually("the unit behind the poison", past_the_poison)
    letters = await place.letters()
    assert [letter.value for letter in letters] == [record.value for record in poison]
    reasons = [letter.reason for letter in letters]
    for reason, text in zip(
        reasons, ("no CloudEvent", "there is no project", "another.type", "annotator"), strict=True
    ):
        assert text in reason
    assert {(letter.error, letter.attempts) for letter in letters} == {("Poison", 1)}


async def test_two_lives_admit_a_unit_once_and_cut_it_into_one_lot_also_when_one_has_left(
    place: RealPlace,
) -> None:
    async with TwoLives(place, ingest) as lives, client(place, lives.one) as door, client(place, lives.two) as other:
        assert (await door.put("/v1/projects/p", json=DEFINITION)).status_code == 201

        async def known() -> bool:
            return (await other.get(f"/v1/projects/{place.project_id}")).status_code == 200

        await eventually("the project at the other", known)
        reports = await asyncio.gather(
            import_lines(door, place, units(*range(16))), import_lines(other, place, units(*range(8, 27)))
        )
        assert sum(report["admitted"] for report in reports) == 27, "what both are sent is admitted by one"
        assert sum(report["repeated"] for report in reports) == 8
        await lives.leave()
        assert (await import_lines(door, place, units(*range(30))))["admitted"] == 3

        async def is_sealed() -> bool:
            return (await door.post(f"/v1/projects/{place.project_id}/seal")).status_code == 200

        await eventually("the rest in a lot", is_sealed)
    events = {event.metadata.event_id: event for event in await place.said(UNITS)}.values()
    # Who finds a unit that the other has just admitted says so once more: the same event.
    counts = Counter(event.unit_admitted.source_id for event in events if event.HasField("unit_admitted"))
    assert counts == {f"s{number}": 1 for number in range(30)}
    lots = [event.lot_sealed for event in events if event.HasField("lot_sealed")]
    members = Counter(unit_id for lot in lots for unit_id in lot.unit_ids)
    assert len(members) == 30
    assert set(members.values()) == {1}
    assert max(len(lot.unit_ids) for lot in lots) == LOT_UNITS
