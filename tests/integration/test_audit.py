"""Audit on a real broker and a real store: a lot's way to its certificate, across a restart at every station."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any

import httpx
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import LOTS, PROJECTS, QUALITY, RESOLUTIONS, UNITS
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Evidence
from services.audit.bootstrap import wire
from services.audit.domain.lot import OPEN_TO_INSPECTION
from services.audit.domain.verification import verify
from services.audit.settings import AuditSettings
from services.ingest.domain.project import Audit, Policy
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, TwoLives, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

POLICY = Policy(audit=Audit(aql=0.05, ltpd=0.3, on_reject="relabel"))
UNITS_COUNT = 20
SETTINGS = local_settings(AuditSettings, CONCORD_WEBHOOKS_INSIDE="true")


def audit(ports: Ports) -> Service:
    return wire(SETTINGS, ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    async with real_place("audit") as place:
        yield place


def lot_id(place: RealPlace) -> str:
    return placed_id("l", place.project_id, "1")


def unit_ids(place: RealPlace) -> list[str]:
    return [placed_id("u", place.project_id, str(number)) for number in range(UNITS_COUNT)]


async def sealed(place: RealPlace) -> None:
    """Tell of a project, its units and their lot, the lot first: topics and keys come in any order."""
    await place.upstream.project(POLICY)
    await place.upstream.lot(lot_id(place), unit_ids(place))
    for unit in unit_ids(place):
        await place.upstream.unit(unit, times=2)


async def resolve(place: RealPlace, units: Sequence[str], label: str, rework: int = 0) -> None:
    for unit in units:
        reached = ConsensusReached(
            unit_id=unit,
            label=json.dumps(label).encode(),
            confidence=0.97,
            method="posterior",
            rework=rework,
            evidence=[Evidence(annotation_id=f"{unit}.1", annotator_id="w1", label=b'"yes"', guideline_version=1)],
            guideline_version=1,
        )
        await place.upstream.resolution(unit, consensus_reached=reached)


def client(place: RealPlace, service: Service) -> httpx.AsyncClient:
    return caller(service, place.house.token("key", Role.CLIENT, client_id=place.client_id))


async def status(place: RealPlace, service: Service, wanted: str) -> Any:
    """Return the lot once it stands so."""
    async with client(place, service) as door:

        async def ask() -> Any:
            answer = await door.get(f"/v1/lots/{lot_id(place)}")
            return answer.json() if answer.status_code == 200 and answer.json()["status"] == wanted else None

        return await eventually(f"a lot that is {wanted}", ask)


async def loaded(place: RealPlace, service: Service) -> None:
    """Return when a new life serves the lot's place."""
    async with client(place, service) as door:

        async def ask() -> Any:
            return (await door.get(f"/v1/lots/{lot_id(place)}")).status_code == 200

        await eventually("a life that serves the place", ask)


async def standing(place: RealPlace, service: Service) -> Any:
    async with client(place, service) as door:
        return (await door.get(f"/v1/lots/{lot_id(place)}")).json()


async def inspect(place: RealPlace, service: Service, label: str, units_max: int = UNITS_COUNT) -> int:
    """Inspect what there is, up to so many units; return how many were."""
    done = 0
    async with caller(service, place.house.token("auditor", Role.AUDITOR)) as auditor:
        while done < units_max:
            path = f"/v1/inspections?project_id={place.project_id}&limit={min(3, units_max - done)}"
            work = (await auditor.get(path)).json()["inspections"]
            if not work and (await standing(place, service))["status"] not in OPEN_TO_INSPECTION:
                break
            if not work:  # the lot is being taken further
                await asyncio.sleep(0.05)
                continue
            verdicts = [{"unit_id": unit["unit_id"], "label": label} for unit in work]
            results = (await auditor.post("/v1/inspections", json={"verdicts": verdicts})).json()["results"]
            assert {result["status"] for result in results} <= {"taken", "late", "refused"}
            done += sum(result["status"] == "taken" for result in results)
    return done


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    """A webhook's receiver on this machine: its address, what came, and the one status that it answers with now."""
    came: list[tuple[dict[str, str], bytes]] = []
    status = [500]

    async def take(request: web.Request) -> web.Response:
        came.append((dict(request.headers), await request.read()))
        return web.Response(status=status[0])

    application = web.Application()
    application.router.add_post("/in", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in", came, status
    finally:
        await runner.cleanup()


async def test_a_client_is_told_of_its_lots_at_its_own_server_which_was_away_at_first(place: RealPlace) -> None:
    await sealed(place)
    async with receiver() as (url, came, answers):
        async with place.life(audit) as service:
            await loaded(place, service)
            async with client(place, service) as door:
                wish = await door.post(f"/v1/projects/{place.project_id}/webhooks", json={"url": url})
                secret = wish.json()["secret"]
            await resolve(place, unit_ids(place), "yes")
            await status(place, service, "auditing")
            await inspect(place, service, "yes")
            await status(place, service, "accepted")
            await eventually("an attempt that fails", lambda: _found(came))
        answers[0] = 204
        async with place.life(audit):
            await eventually(
                "the last delivery", lambda: _found([row for _, row in came if b"certificate.issued" in row])
            )
    rows = [Webhook(secret).verify(body, headers) for headers, body in came]
    assert [kind for kind, _ in groupby(row["type"] for row in rows)] == ["lot.accepted", "certificate.issued"]
    assert sum(row["type"] == "lot.accepted" for row in rows) > 1, "what failed is sent again"
    assert len({headers["webhook-id"] for headers, _ in came}) == 2
    assert {row["data"]["lot_id"] for row in rows} == {lot_id(place)}
    assert await place.letters() == []


async def _found(what: Sequence[Any]) -> Any:
    return what


async def post_outputs(place: RealPlace, service: Service) -> tuple[int, int]:
    """Post what a model says of every unit, wrong of three; return how many were taken now and how many before."""
    lines = [
        {"unit_id": unit, "model": "m", "model_version": "1", "label": "yes" if number < 3 else "no", "confidence": 0.8}
        for number, unit in enumerate(unit_ids(place))
    ]
    content = "\n".join(map(json.dumps, lines))
    async with client(place, service) as door:
        path, kind = f"/v1/projects/{place.project_id}/models/outputs", {"content-type": "application/x-ndjson"}
        body = (await door.post(path, content=content, headers=kind)).json()
    return body["posted"], body["repeated"]


async def score(place: RealPlace, service: Service) -> Any:
    async with client(place, service) as door:
        base = f"/v1/projects/{place.project_id}/models"
        (model,) = (await door.get(base)).json()["models"]
        return (await door.get(f"{base}/{model['model_id']}/score")).json()


async def test_a_lot_is_rejected_labelled_anew_accepted_and_exported_across_restarts(place: RealPlace) -> None:
    await sealed(place)
    half = UNITS_COUNT // 2
    async with place.life(audit) as service:
        await resolve(place, unit_ids(place)[:half], "yes")
        await status(place, service, "sealed")
    await resolve(place, unit_ids(place)[half:], "yes")
    async with place.life(audit) as service:
        await status(place, service, "auditing")
        assert await post_outputs(place, service) == (UNITS_COUNT, 0)
        assert await inspect(place, service, "no", units_max=1) == 1
    async with place.life(audit) as service:
        await loaded(place, service)
        assert await post_outputs(place, service) == (0, UNITS_COUNT)
        await inspect(place, service, "no")
        await status(place, service, "relabelling")
        before = await score(place, service)
        assert (before["scored"], before["not_scored"]["not_accepted"]) == (0, UNITS_COUNT)
        await resolve(place, unit_ids(place), "no", rework=1)
        await status(place, service, "auditing")
    async with place.life(audit) as service:
        await status(place, service, "auditing")
        seen = await inspect(place, service, "no")
        lot = await status(place, service, "accepted")
        assert lot["inspected"] <= seen < UNITS_COUNT
        found = await score(place, service)
        assert (found["scored"], found["accuracy"]["value"]) == (UNITS_COUNT, (UNITS_COUNT - 3) / UNITS_COUNT)
        async with client(place, service) as door:
            certificate = (await door.get(f"/v1/lots/{lot_id(place)}/certificate")).content
            export = (await door.get(f"/v1/lots/{lot_id(place)}/export")).content
    (claim,) = verify(certificate, [export]).statement["lots"]
    assert claim["rework"] == 1
    rows = [json.loads(line) for line in export.splitlines()]
    assert {row["unit_id"]: row["label"] for row in rows} == dict.fromkeys(unit_ids(place), "no")
    kinds = Counter(event.WhichOneof("event") for event in await place.said(LOTS))
    audited = kinds.pop("unit_audited")
    assert kinds == {"sample_drawn": 2, "lot_rejected": 1, "lot_accepted": 1, "lot_exported": 1}
    verdicts = [event.unit_audited for event in await place.said(LOTS) if event.HasField("unit_audited")]
    assert len({(verdict.unit_id, verdict.rework) for verdict in verdicts}) == audited, "each verdict is told once"
    assert await place.letters() == []


async def test_poison_on_every_topic_is_set_aside_and_its_partitions_go_on(place: RealPlace) -> None:
    async with place.life(audit) as service:
        await place.poison(UNITS, lot_id(place))
        await place.poison(LOTS, lot_id(place))
        await place.poison(QUALITY, place.project_id)
        for unit in unit_ids(place)[:3]:
            await place.poison(UNITS, unit)
            await place.poison(RESOLUTIONS, unit)
        await sealed(place)
        await place.poison(PROJECTS, place.project_id)
        await resolve(place, unit_ids(place), "yes")
        await status(place, service, "auditing")
        await inspect(place, service, "yes")
        await status(place, service, "accepted")

        async def all_set_aside() -> Any:
            letters = await place.letters()
            return letters if len(letters) >= 10 else None

        letters = await eventually("ten dead letters", all_set_aside)
    by_topic = {PROJECTS.name: 1, UNITS.name: 4, RESOLUTIONS.name: 3, LOTS.name: 1, QUALITY.name: 1}
    assert Counter(letter.topic for letter in letters) == by_topic
    assert {letter.value for letter in letters} == {place.rubbish()}
    assert {(letter.error, letter.attempts) for letter in letters} == {("Undecodable", 1)}


async def test_two_lives_take_verdicts_at_either_door_and_one_goes_on_with_what_the_other_had(place: RealPlace) -> None:
    await sealed(place)
    async with TwoLives(place, audit) as lives:
        await resolve(place, unit_ids(place), "yes")
        for life in (lives.one, lives.two):
            await status(place, life, "auditing")
        assert [await inspect(place, life, "yes", units_max=1) for life in (lives.two, lives.one)] == [1, 1]
        await lives.leave()
        seen = 2 + await inspect(place, lives.one, "yes")
        lot = await status(place, lives.one, "accepted")
        assert lot["inspected"] <= seen < UNITS_COUNT
    rows = await place.said(LOTS)
    kinds = Counter(event.WhichOneof("event") for event in rows)
    assert (kinds["sample_drawn"], kinds["lot_accepted"]) == (1, 1)
    verdicts = [event.unit_audited.unit_id for event in rows if event.HasField("unit_audited")]
    assert len(set(verdicts)) == len(verdicts) == kinds["unit_audited"]
    assert await place.letters() == []
