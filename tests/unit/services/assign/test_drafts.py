"""Drafts through assign's door: kept for who holds the unit, as long as they do, and for nobody else."""

import asyncio
from typing import Any

import httpx
import pytest

from concord.contracts.topics import TOPICS, UNITS
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from services.assign.domain.drafts import DRAFT_BYTES_MAX
from tests.support.service import metadata, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    project_event,
    submit,
    unit_event,
)
from tests.unit.services.assign.test_lease_ends import ShiftedClock

SECRET = "Ada Lovelace, 12 St James's Square"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.DRAFT_SECONDS", 0.02)


async def office(desk: Desk, units: int = 6) -> None:
    await desk.define("ann", "bob")
    await desk.admit(*(unit_event(f"c1-ugh{n:02}", AT_US + n) for n in range(units)))


def path(offer: dict[str, Any]) -> str:
    return f"/v1/assignments/{offer['assignment_id']}/draft"


async def save(door: httpx.AsyncClient, offer: dict[str, Any], revision: int = 0, **more: Any) -> httpx.Response:
    return await door.put(path(offer), json={"draft": {"text": SECRET}, "revision": revision} | more)


def stored(desk: Desk) -> list[dict[str, Any]]:
    return list(desk.house.database("assign").dump("drafts"))


async def test_a_draft_is_there_again_in_another_browser_and_after_every_process_died_and_told_to_nobody() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=3_600))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            first, second = await claim(ann, 2)
            assert (first["draft_revision"], second["draft_revision"]) == (0, 0)
            clock.shift_seconds += 60
            saved = await save(ann, first, flag="blurred", active_ms=12_000)
            assert (saved.status_code, saved.json()["revision"]) == (200, 1)
            assert (await ann.get(path(second))).status_code == 404
            assert SECRET.encode() not in b"".join(document["sealed"] for document in stored(desk))
    async with desk.open(), desk.annotator("ann") as ann, desk.annotator("bob") as bob:
        found = (await ann.get(path(first))).json()
        assert (found["draft"], found["flag"], found["active_ms"]) == ({"text": SECRET}, "blurred", 12_000)
        assert {offer["draft_revision"] for offer in await claim(ann, 2)} == {0, 1}
        for refused in (await bob.get(path(first)), await save(bob, first), await bob.delete(path(first))):
            assert refused.status_code == 404, "somebody else's looks as if there were none"
        assert (await ann.delete(path(first))).json()["revision"] == 0
        assert (await ann.get(path(first))).status_code == 404
    for topic in TOPICS:
        assert all(SECRET not in str(event) for event in desk.house.events(topic)), topic.name


async def test_of_two_pages_neither_writes_over_what_it_has_not_seen() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            assert (await save(ann, offer)).json()["revision"] == 1
            assert (await save(ann, offer, 1, draft="here")).json()["revision"] == 2
            late = await save(ann, offer, 1, draft="there")
            assert (late.status_code, late.json()["errors"][0]["field"]) == (409, "revision")
            assert "revision 2" in late.json()["errors"][0]["cure"]
            assert (await ann.get(path(offer))).json()["draft"] == "here"
            at_once = await asyncio.gather(*(save(ann, offer, 2, draft=page) for page in range(8)))
            (winner,) = [page for page, reply in enumerate(at_once) if reply.status_code == 200]
            assert {reply.status_code for reply in at_once} == {200, 409}
            assert (await ann.get(path(offer))).json()["draft"] == winner
            assert len(stored(desk)) == 1, "what was saved before is gone"


@pytest.mark.parametrize("how", ["submission", "skip", "return", "expiry", "erasure"])
async def test_a_draft_goes_with_its_lease_however_that_ends(how: str) -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=60))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            await save(ann, offer)
            assert len(stored(desk)) == 1
            if how == "submission":
                await submit(ann, offer["assignment_id"])
            elif how == "expiry":
                clock.shift_seconds += 61
            elif how == "erasure":
                erased = UnitErased(unit_id=offer["unit_id"], reason="asked for")
                await desk.say(UNITS, UnitEvent(metadata=metadata("e", CLIENT, PROJECT, AT_US), unit_erased=erased))
                assert stored(desk) == [], "by the time that the erasure is taken in"
            else:
                body = {"reason": "Not for me."} if how == "skip" else None
                await ann.post(f"/v1/assignments/{offer['assignment_id']}/{how}", json=body)
            await until(lambda: stored(desk) == [])
            assert (await save(ann, offer)).status_code in (404, 409, 410)
            assert stored(desk) == []


async def test_a_draft_that_outlived_its_lease_while_nobody_was_there_goes_when_somebody_is() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            offers = await claim(ann, 2)
            for offer in offers:
                await save(ann, offer)
            left = stored(desk)[0]
    async with desk.open(), desk.annotator("ann") as ann:
        await submit(ann, left["assignment"])
        await until(lambda: len(stored(desk)) == 1)
        assert stored(desk)[0]["assignment"] != left["assignment"]


async def test_a_draft_that_another_process_kept_after_this_one_had_looked_goes_with_its_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever had the place stood still between looking whose the unit is and keeping the draft."""
    monkeypatch.setattr("services.assign.bootstrap.DRAFT_LOOK_SECONDS", 0.02)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open(1):
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            drafts = desk.handlers().drafting.repository.drafts
            await save(ann, offer)
            drafts._let_go([offer["assignment_id"]])
            await submit(ann, offer["assignment_id"])
            await until(lambda: stored(desk) == [])


async def test_active_time_is_told_once_with_the_label_and_never_more_than_has_passed() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=3_600))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            clock.shift_seconds += 10
            await save(ann, offer, active_ms=86_000_000)
            believed = (await ann.get(path(offer))).json()["active_ms"]
            assert 10_000 <= believed < 60_000
            clock.shift_seconds += 10
            await submit(ann, offer["assignment_id"], active_ms=believed + 5_000)
            key = desk.handlers().claims.repository.key(offer["unit_id"])
            state = (await desk.handlers().claims.repository.units([key]))[key]
            assert state.assignments[0].active_ms == believed + 5_000


async def test_what_is_longer_than_a_label_may_be_is_refused_with_the_bound() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            refused = await save(ann, offer, draft="x" * DRAFT_BYTES_MAX)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "draft")
            assert str(DRAFT_BYTES_MAX) in refused.text
            assert (await save(ann, offer, draft="x" * (DRAFT_BYTES_MAX - 2))).status_code == 200
            assert (await ann.put(path(offer), json={"revision": 1})).status_code == 422
