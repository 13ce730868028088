"""Claims that wait for work, and what they are told when there is none."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.broker.port import Deal
from concord.chassis.identity import Role
from concord.contracts.v1.resolutions_pb2 import OverlapRequested
from services.assign.handlers import deciding, waiting
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import caller, until
from tests.unit.services.assign.desk import (
    PROJECT,
    Desk,
    claim,
    handlers_of,
    project_event,
    resolution_event,
    submit,
    unit_event,
)


async def ask(annotator: httpx.AsyncClient, wait_seconds: int = 0, project_id: str = PROJECT) -> Any:
    path = f"/v1/projects/{project_id}/claims"
    reply = await annotator.post(path, json={"units": 1, "wait_seconds": wait_seconds})
    assert reply.status_code == 200, reply.text
    return reply.json()


def waiters(desk: Desk) -> int:
    """Return how many wait, in all lives."""
    return sum(handlers_of(life).waiting.waiters for life in desk.running)


async def test_who_waits_is_given_what_comes_meanwhile() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann", "bob")
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            asking = asyncio.create_task(ask(ann, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            await desk.admit(unit_event("c1-ugh1"))
            assert [assignment["unit_id"] for assignment in (await asking)["assignments"]] == ["c1-ugh1"]
            asking = asyncio.create_task(ask(bob, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            asked = OverlapRequested(unit_id="c1-ugh1", overlap_wanted=2)
            await desk.tell(resolution_event("o", overlap_requested=asked))
            assert [assignment["unit_id"] for assignment in (await asking)["assignments"]] == ["c1-ugh1"], (
                "one label more is wanted"
            )
        assert waiters(desk) == 0


async def test_who_is_given_a_skill_while_they_wait_is_given_what_takes_it() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1", skills_required=["law"]))
        async with desk.annotator("ann") as ann:
            asking = asyncio.create_task(ask(ann, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            await desk.define("ann", skills=["law"])
            assert len((await asking)["assignments"]) == 1


async def test_who_waits_in_vain_is_told_why_and_too_many_are_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1", skills_required=["law", "de"]))
        async with desk.annotator("ann") as ann:
            body = await ask(ann, wait_seconds=1)
            assert body["why"] == {"code": "lacks_skill", "skills": ["de", "law"]}
            assert body["reason"].endswith("de, law.")
            monkeypatch.setattr(waiting, "WAITERS_MAX", 0)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await ask(ann, wait_seconds=20))["assignments"] == []
            path = f"/v1/projects/{PROJECT}/claims"
            refused = await ann.post(path, json={"wait_seconds": 21})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "wait_seconds")


class Caller:
    """Somebody in front of a door who can hang up.

    Attributes:
        hung_up: set when they do.
    """

    def __init__(self, application: ASGIApp, token: str) -> None:
        self.application = application
        self.hung_up = asyncio.Event()
        headers = {"authorization": f"Bearer {token}"}
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url="http://assign", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = True

        async def heard() -> Message:
            nonlocal more
            if more:
                message = await receive()
                more = message.get("more_body", False)
                return message
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        await self.application(scope, heard, send)


async def test_nobody_takes_the_places_of_all_who_wait() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob")
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            asking = [asyncio.create_task(ask(ann, wait_seconds=20)) for _ in range(waiting.WAITERS_PER_ANNOTATOR_MAX)]
            await until(lambda: waiters(desk) == len(asking))
            assert (await ask(ann, wait_seconds=20))["assignments"] == []
            asking.append(asyncio.create_task(ask(bob, wait_seconds=20)))
            await until(lambda: waiters(desk) == len(asking))
            await desk.admit(unit_event("c1-ugh1"))
            *_, bobs = await asyncio.gather(*asking)
            assert [assignment["unit_id"] for assignment in bobs["assignments"]] == ["c1-ugh1"]
        assert waiters(desk) == 0


async def test_those_who_wait_in_a_project_leave_room_for_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITERS_MAX", 6)
    desk, names = Desk(), [f"ann{number}" for number in range(5)]
    await desk.publish_project()
    await desk.publish_project(project_event(project_id="k7q2-other"))
    async with desk.open(), AsyncExitStack() as stack:
        await desk.define(*names)
        people = [await stack.enter_async_context(desk.annotator(name)) for name in names]
        asking = [asyncio.create_task(ask(person, wait_seconds=20)) for person in people[:4]]
        await until(lambda: waiters(desk) == 4)
        assert (await ask(people[4], wait_seconds=20))["assignments"] == [], "this project's are two thirds"
        asking.append(asyncio.create_task(ask(people[4], wait_seconds=20, project_id="k7q2-other")))
        await until(lambda: waiters(desk) == 5)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        await until(lambda: waiters(desk) == 0)


async def test_who_hangs_up_while_they_wait_is_given_nothing_of_what_comes_then() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open() as service:
        await desk.define("ann", "bob")
        gone = Caller(service.application, desk.house.token("ann", Role.ANNOTATOR))
        async with gone.client, desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            asking = asyncio.create_task(ask(gone.client, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            gone.hung_up.set()
            await until(lambda: waiters(desk) == 0)
            await asking
            await desk.admit(unit_event("c1-ugh1"))
            me = (await ann.get("/v1/me")).json()
            assert me["leases"] == [], "nobody is there to label it"
            assert [unit["unit_id"] for unit in await claim(bob)] == ["c1-ugh1"]


async def test_who_waits_rests_between_looks_however_much_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = 0.02
    monkeypatch.setattr(waiting, "LOOKS_APART_SECONDS", apart)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        looks: list[float] = []
        for life in desk.running:
            claims, claiming = handlers_of(life).claims, handlers_of(life).claims.claim

            async def counted(*rows: Any, claiming: Any = claiming) -> Any:
                looks.append(asyncio.get_running_loop().time())
                return await claiming(*rows)

            monkeypatch.setattr(claims, "claim", counted)
        async with desk.annotator("ann") as ann:
            asking = asyncio.create_task(ask(ann, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            for number in range(30):
                await desk.admit(unit_event(f"c1-ugh{number}", skills_required=["law"]))
            await desk.admit(unit_event("c1-ugh99"))
            assert [assignment["unit_id"] for assignment in (await asking)["assignments"]] == ["c1-ugh99"]
        assert len(looks) >= 2
        assert min(later - sooner for sooner, later in pairwise(looks)) > 0.9 * apart


@pytest.mark.parametrize("how", ["leaves", "loses the place"])
async def test_who_waits_where_the_project_goes_elsewhere_is_told_that_nothing_came(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 60.0)  # they are told, and need not look
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.define("ann")
        owner = handlers_of(service).claims.repository.owner
        async with desk.annotator("ann") as ann:
            asking = asyncio.create_task(ask(ann, wait_seconds=20))
            await until(lambda: waiters(desk) == 1)
            if how == "leaves":
                owner.leave()
            else:
                all_places = frozenset(range(owner.places))
                owner.dealt(Deal(frozenset(), frozenset(), {"http://other:1": all_places}))
                await until(lambda: not handlers_of(service).claims.repository.places)
            body = await asking
            assert (body["assignments"], body["why"]) == ([], {"code": "nothing_waits"}), "not a refusal"


async def test_who_would_wait_for_a_project_that_goes_at_this_moment_is_told_that_nothing_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.define("ann")
        claims, claiming = handlers_of(service).claims, handlers_of(service).claims.claim

        async def leaving(*rows: Any) -> Any:
            claims.repository.owner.leave()
            claims.repository.places.clear()
            return await claiming(*rows)

        monkeypatch.setattr(claims, "claim", leaving)
        async with desk.annotator("ann") as ann:
            assert (await ask(ann, wait_seconds=5))["why"] == {"code": "nothing_waits"}


async def test_each_reason_is_told_as_it_is() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open() as service:
        await desk.define("ann", "bob")
        async with caller(service, desk.house.token("op", Role.OPERATOR)) as operator:
            ended = [{"domain": "law", "expires_at": "2020-02-01T00:00:00Z"}]
            await operator.put("/v1/annotators/cem", json={"credentials": ended})
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob, desk.annotator("cem") as cem:
            assert (await ask(ann))["why"] == {"code": "nothing_waits"}
            await desk.admit(unit_event("c1-ugh1"))
            asked = OverlapRequested(unit_id="c1-ugh1", overlap_wanted=2)
            await desk.tell(resolution_event("o", overlap_requested=asked))
            (offer,) = await claim(ann)
            body = (await submit(ann, offer["assignment_id"], next=1)).json()
            assert body["next"]["why"] == {"code": "had_all"}, "bob is to label it, too"
            (offer,) = await claim(bob)
            await submit(bob, offer["assignment_id"])
            await desk.admit(unit_event("c1-ugh2", skills_required=["law"]))
            assert (await ask(bob))["why"] == {"code": "lacks_skill", "skills": ["law"]}
            body = await ask(cem)
            lapsed = {"code": "credential_lapsed", "skills": ["law"], "ended_at": "2020-02-01T00:00:00.000Z"}
            assert body["why"] == lapsed
            assert "2020-02-01" in body["reason"]


async def test_who_asks_in_a_project_that_was_defined_this_moment_is_told_of_its_work_and_not_that_there_is_none() -> (
    None
):
    desk = Desk()
    async with desk.open():
        await desk.define("ann")
        async with desk.annotator("ann") as ann:
            asking = asyncio.create_task(ask(ann))
            await asyncio.sleep(0.2)
            assert not asking.done(), "it may be on its way"
            await desk.publish_project()
            assert (await asking)["assignments"] == []


async def test_no_more_than_may_wait_for_projects_that_never_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "ASKED_FOR_MAX", 0)
    desk = Desk()
    async with desk.open():
        await desk.define("ann")
        async with desk.annotator("ann") as ann:
            reply = await ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1})
            assert reply.status_code == 404
