"""Several lives of assign: whichever is asked, whichever comes, goes, dies or oversleeps, what was promised holds."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import UNITS
from concord.contracts.v1.units_pb2 import UnitEvent
from services.assign.domain import lease
from tests.support.service import caller, publish, until
from tests.unit.services.assign.desk import (
    AT_US,
    PROJECT,
    Desk,
    claim,
    labels_told,
    owns,
    project_event,
    repository_of,
    submit,
    unit_event,
    writer_of,
)

PROJECTS = (PROJECT, "c1-b", "c1-two")
"""Three projects in three places."""
PEOPLE = ("ann", "bob", "cem")
UNITS_EACH = 25
LOOK_SECONDS, UNANSWERED_SECONDS = 0.05, 5.0
"""How often is looked whether who was asked has died, and for how long an answer is waited for of who lives: it may
have asked one that died."""


@pytest.fixture(autouse=True)
def lives() -> int:
    """Let each test say how many it wants."""
    return 1


def units_of(project_id: str, count: int = UNITS_EACH, **fields: Any) -> list[UnitEvent]:
    return [
        unit_event(placed_id("u", project_id, f"{number:03}"), AT_US + number, project_id, **fields)
        for number in range(count)
    ]


async def offices() -> Desk:
    desk = Desk()
    for project_id in PROJECTS:
        await desk.publish_project(project_event(project_id))
    return desk


class Crew:
    """People who ask any process for work until nothing is left, and what they were promised.

    Attributes:
        acknowledged: labels that were said to be in.
        refused: how often they were asked to come again in a second.
    """

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.generator = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.refused = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let all work while the block lasts."""
        working = [asyncio.create_task(self.work(name)) for name in PEOPLE]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            ends = await asyncio.gather(*working, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    async def labelled(self, labels: int) -> None:
        """Return when so many labels were acknowledged."""
        await until(lambda: len(self.acknowledged) >= labels)

    async def work(self, name: str) -> None:
        token = self.desk.house.token(name, Role.ANNOTATOR)
        while True:
            await asyncio.sleep(0.005)
            project_id = self.generator.choice(PROJECTS)
            reply = await self.ask(token, f"/v1/projects/{project_id}/claims", {"units": 3})
            for offer in reply.json()["assignments"]:
                path = f"/v1/assignments/{offer['assignment_id']}/submission"
                taken = await self.ask(token, path, {"label": "yes"})
                assert taken.json()["status"] in ("accepted", "repeated"), taken.text
                self.acknowledged.add(offer["assignment_id"])

    async def ask_once(self, service: Service, token: str, path: str, body: Any) -> httpx.Response | None:
        """Ask one life; return None once it has died, or when no answer comes."""
        async with caller(service, token) as annotator:
            asking = asyncio.create_task(annotator.post(path, json=body))
            try:
                async with asyncio.timeout(UNANSWERED_SECONDS):
                    while not asking.done() and service in self.desk.running:
                        await asyncio.wait([asking], timeout=LOOK_SECONDS)
            except TimeoutError:
                return None
            finally:
                if not asking.done():
                    asking.cancel()
            return asking.result() if asking.done() else None

    async def ask(self, token: str, path: str, body: Any) -> httpx.Response:
        """Ask any life, and another when one says "later" or nothing."""
        while True:
            reply = await self.ask_once(self.generator.choice(self.desk.running), token, path, body)
            if reply is None:
                continue
            if reply.status_code == 200:
                return reply
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
            self.refused += 1
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(2))
async def test_lives_join_leave_die_and_oversleep_and_every_label_is_kept_once(seed: int) -> None:
    desk = await offices()
    crew = Crew(desk, seed)
    async with desk.open(1) as first:
        await desk.define(*PEOPLE)
        async with crew.at_work():
            units = [event for project_id in PROJECTS for event in units_of(project_id)]
            await publish(desk.house, UNITS, *((unit.unit_admitted.unit_id, unit) for unit in units))
            await crew.labelled(10)
            async with desk.life() as second, desk.life():
                await crew.labelled(40)
                desk.house.cluster.expire(writer_of(first))
                await crew.labelled(60)
                await until(desk.shared)
                await desk.dies(second)
                await crew.labelled(90)
                await until(desk.shared)
            await crew.labelled(2 * len(units))
        await until(lambda: len(labels_told(desk.house)) == len(crew.acknowledged))
    labels = labels_told(desk.house)
    assert {label.annotation_id for label in labels} == crew.acknowledged
    assert not any(label.late for label in labels)
    whose = Counter((label.unit_id, label.annotator_id) for label in labels)
    assert max(whose.values()) == 1
    assert set(Counter(unit_id for unit_id, _ in whose).values()) == {2}


async def test_what_touches_many_places_is_whole_and_the_same_from_any_life() -> None:
    desk = await offices()
    async with desk.open(2):
        await desk.define("ann")
        await desk.admit(*(event for project_id in PROJECTS for event in units_of(project_id, 3)))
        assert {owns(life, project_id) for life in desk.running for project_id in PROJECTS} == {True, False}
        token = desk.house.token("ann", Role.ANNOTATOR)
        async with caller(desk.running[0], token) as async_client, caller(desk.running[1], token) as two:
            offers = [offer for project_id in PROJECTS for offer in await claim(async_client, 2, project_id)]
            held = [(await life.get("/v1/me")).json()["leases"] for life in (async_client, two)]
            assert held[0] == held[1]
            assert {lease["assignment_id"] for lease in held[0]} == {offer["assignment_id"] for offer in offers}
            assert [lease["lease_until"] for lease in held[0]] == sorted(lease["lease_until"] for lease in held[0])
            labels = ["yes", "no", "perhaps", "yes", "no", "yes"]
            sent: list[Any] = [
                {"assignment_id": offer["assignment_id"], "label": label}
                for offer, label in zip(offers, labels, strict=True)
            ]
            sent[4:4] = [{"assignment_id": "c1-ugh9.nobodys", "label": "yes"}, {"label": "no id"}]
            results = [
                (await life.post("/v1/submissions", json={"submissions": sent})).json() for life in (async_client, two)
            ]
            assert [result.get("status") for result in results[0]["results"]] == [
                "accepted", "accepted", None, "accepted", None, None, "accepted", "accepted",
            ]  # fmt: skip
            assert [result["assignment_id"] for result in results[1]["results"]] == [
                entry.get("assignment_id", "") for entry in sent
            ]
            errors = [[entry.get("error") for entry in result["results"]] for result in results]
            assert errors[0] == errors[1]
            assert [(error["field"], error["status"]) for error in errors[0] if error] == [
                ("label", 422), ("assignment_id", 404), ("submissions[5].assignment_id", 422),
            ]  # fmt: skip
            assert (await async_client.get("/v1/me")).json()["leases"] == [
                lease for lease in held[0] if lease["assignment_id"] == offers[2]["assignment_id"]
            ]


async def test_what_one_process_says_of_an_annotator_the_others_hear_of() -> None:
    desk = await offices()
    async with desk.open(2):
        service, two = desk.running
        unit_ids = [unit for project_id in PROJECTS for unit in units_of(project_id, 2, skills_required=["law"])]
        await desk.admit(*unit_ids)
        operator = desk.house.token("op", Role.OPERATOR)

        async def say(life: Service, skills: Sequence[str]) -> tuple[int, int]:
            async with caller(life, operator) as asking:
                reply = await asking.put("/v1/annotators/ann", json={"skills": list(skills)})
                return reply.status_code, reply.json()["revision"]

        async def offered() -> list[bool]:
            found = []
            async with desk.annotator("ann") as annotator:
                for project_id in PROJECTS:
                    reply = await annotator.post(f"/v1/projects/{project_id}/claims", json={})
                    found.append(bool(reply.status_code == 200 and reply.json()["assignments"]))
                    for offer in reply.json().get("assignments", []):
                        await annotator.post(f"/v1/assignments/{offer['assignment_id']}/return")
            return found

        async def skills_known(skills: Sequence[str]) -> None:
            pools = [repository_of(life).pool for life in desk.running]
            await until(
                lambda: (
                    [found and found.skills for pool in pools for found in [pool.find("ann")]] == [tuple(skills)] * 2
                )
            )

        assert await say(service, ["law"]) == (201, 1)
        await skills_known(["law"])
        assert await offered() == [True, True, True]
        assert await say(two, []) == (200, 2)
        async with caller(service, operator) as asking:
            assert (await asking.get("/v1/annotators/ann")).json()["skills"] == [], (
                "what is asked for is as last defined"
            )
        await skills_known([])
        assert await offered() == [False, False, False], "a skill that is taken back counts nowhere any more"
        assert await say(service, ["law"]) == (200, 3), "what was true before is said anew, and is news"
        assert await say(two, ["law"]) == (200, 3), "and said again it changes nothing"


async def test_who_loads_a_place_shows_nobody_the_gold_they_had_and_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Counter[str]()
    honest = lease.issue

    def noted(*wanted: Any) -> Any:
        try:
            return honest(*wanted)
        except Exception:
            refused["refused"] += 1
            raise

    monkeypatch.setattr("services.assign.domain.lease.issue", noted)
    desk = Desk()
    await desk.publish_project(project_event(gold_rate=1.0))
    gold = [
        unit_event(placed_id("u", PROJECT, f"g{number}"), gold_label=b'"yes"', named_annotators=["ann"] * (number == 9))
        for number in range(10)
    ]
    shown: list[str] = []
    async with desk.open(1):
        await desk.define("ann")
        await desk.admit(*units_of(PROJECT, 20), *gold)
        async with desk.annotator("ann") as ann:
            for _ in range(5):
                shown += [(await labelled(ann))]
    for _ in range(5):
        async with desk.open(1), desk.annotator("ann") as ann:
            shown += [(await labelled(ann))]
    assert sorted(shown) == sorted(event.unit_admitted.unit_id for event in gold)
    assert not refused, "no claim was wasted on what was shown before"


async def labelled(annotator: httpx.AsyncClient) -> str:
    """Claim one unit, label it, and return it."""
    (offer,) = await claim(annotator)
    await submit(annotator, offer["assignment_id"])
    unit_id: str = offer["unit_id"]
    return unit_id
