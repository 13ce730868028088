"""Rules of conduct through assign's door: who labels too fast or skips too much, and what comes of it."""

from typing import Any

import httpx
import pytest

from concord.contracts.topics import ASSIGNMENTS
from concord.contracts.v1.assignments_pb2 import ConductChanged
from concord.contracts.v1.projects_pb2 import PacePolicy, ProjectEvent, SkipPolicy
from tests.support.service import until
from tests.unit.services.assign.desk import AT_US, PROJECT, Desk, claim, once, project_event, submit, unit_event
from tests.unit.services.assign.test_lease_ends import ShiftedClock
from tests.unit.services.assign.test_models import define_model
from tests.unit.services.assign.test_qualifying import operated

FAST_MS, SLOW_MS = 400, 9_000
CONDUCT = f"/v1/projects/{PROJECT}/conduct"


def ruled(revision: int = 1, pace: PacePolicy | None = None, skips: SkipPolicy | None = None) -> ProjectEvent:
    event = project_event(initial=1, lease_seconds=3_600)
    event.project_defined.revision = revision
    if pace is not None:
        event.project_defined.policy.pace.CopyFrom(pace)
    if skips is not None:
        event.project_defined.policy.skips.CopyFrom(skips)
    return event


def pace(then: str, **fields: Any) -> PacePolicy:
    asked: dict[str, Any] = {"floor_seconds": 3.0, "hasty": 3, "last": 4, "then": then, "break_seconds": 600}
    return PacePolicy(**asked | fields)


def streak(then: str, in_a_row: int = 3) -> SkipPolicy:
    return SkipPolicy(in_a_row=in_a_row, last=20, then=then, break_seconds=600)


async def office(desk: Desk, units: int = 80) -> None:
    await desk.define("ann", "bob")
    await desk.admit(*(unit_event(f"c1-ugh{n:02}", AT_US + n) for n in range(units)))


class Worker:
    """An annotator who labels or skips one unit after another, by a clock that a test moves."""

    def __init__(self, clock: ShiftedClock, door: httpx.AsyncClient) -> None:
        self.clock, self.door = clock, door

    async def labels(self, *times_ms: int) -> None:
        for ms in times_ms:
            (offer,) = await claim(self.door)
            self.clock.shift_seconds += 20
            reply = await submit(self.door, offer["assignment_id"], active_ms=ms)
            assert reply.status_code == 200, reply.text

    async def skips(self, times: int, code: str = "knowledge") -> None:
        for _ in range(times):
            (offer,) = await claim(self.door)
            path = f"/v1/assignments/{offer['assignment_id']}/skip"
            reply = await self.door.post(path, json={"reason": "I cannot tell.", "code": code})
            assert reply.status_code == 200, reply.text

    async def asks(self) -> httpx.Response:
        return await self.door.post(f"/v1/projects/{PROJECT}/claims", json={})

    async def stands(self) -> dict[str, Any]:
        (project,) = (await self.door.get("/v1/me")).json()["projects"]
        return dict(project)


def changes(desk: Desk) -> list[ConductChanged]:
    events = once(desk.house, ASSIGNMENTS)
    return [event.conduct_changed for event in events if event.HasField("conduct_changed")]


async def test_who_labels_too_fast_is_paused_until_a_lead_lets_them_go_on_also_after_every_process_died() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann_door, desk.annotator("bob") as bob_door:
            ann, bob = Worker(clock, ann_door), Worker(clock, bob_door)
            await bob.labels(SLOW_MS, FAST_MS, SLOW_MS, FAST_MS)
            await ann.labels(FAST_MS, FAST_MS)
            (offer,) = await claim(ann_door)
            clock.shift_seconds += 20
            reply = (await submit(ann_door, offer["assignment_id"], active_ms=FAST_MS, next=1)).json()
            reason = "3 of your last 3 labels took under 3 seconds."
            assert (reply["status"], reply["next"]["assignments"]) == ("accepted", [])
            assert reply["next"]["why"]["code"] == "awaits_lead"
            assert reason in reply["next"]["reason"]
            assert (await claim(bob_door)) != []
    async with desk.open(), desk.annotator("ann") as ann_door:
        ann = Worker(clock, ann_door)
        refused = await ann.asks()
        assert refused.status_code == 409
        assert refused.json()["errors"][0]["field"] == "project_id"
        stands = await ann.stands()
        assert (stands["waiting"], stands["why"]["code"], stands["notice"]) == (0, "awaits_lead", reason)
        async with operated(desk) as lead:
            (listed,) = (await lead.get(CONDUCT)).json()["annotators"]
            assert (listed["annotator_id"], listed["rules"][0]["then"]) == ("ann", "pause")
            assert listed["rules"][0]["reason"] == reason.replace("your", "their")
            assert (await lead.post(CONDUCT, json={"annotator_id": "ann"})).status_code == 200
            again = await lead.post(CONDUCT, json={"annotator_id": "ann"})
            assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "annotator_id")
            assert (await lead.get(CONDUCT)).json() == {"annotators": [], "next": ""}
        await ann.labels(FAST_MS, FAST_MS)
        await ann.labels(SLOW_MS)
    begun, over = changes(desk)
    assert (begun.annotator_id, begun.rule, begun.then, begun.begins, begun.count) == ("ann", "pace", "pause", True, 3)
    assert (over.begins, over.released_by != "") == (False, True)


async def test_a_break_ends_by_itself_and_what_is_held_may_be_finished_in_it() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(skips=streak("break")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            ann = Worker(clock, door)
            held = (await claim(door, 4))[3]
            await ann.skips(3)
            assert [offer["assignment_id"] for offer in await claim(door)] == [held["assignment_id"]]
            assert (await submit(door, held["assignment_id"])).status_code == 200
            refused = await ann.asks()
            assert (refused.status_code, "skipped 3 units in a row" in refused.text) == (409, True)
            stands = await ann.stands()
            assert (stands["why"]["code"], stands["why"]["until"] != "") == ("on_break", True)
            clock.shift_seconds += 601
            await ann.labels(SLOW_MS)
            await ann.skips(2)
            await ann.labels(SLOW_MS)
    assert [(change.rule, change.begins) for change in changes(desk)] == [("skips", True), ("skips", False)]


@pytest.mark.parametrize("code", ["guideline_unclear", "payload_broken"])
async def test_skips_for_which_the_unit_or_the_guideline_is_to_blame_are_not_counted(code: str) -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(skips=streak("pause", in_a_row=2)))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            await Worker(clock, door).skips(4, code)
            assert await claim(door) != []
    assert changes(desk) == []


async def test_a_hasty_label_takes_a_second_yes_once_too_many_were_and_is_refused_for_no_other_reason() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("confirm")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            ann = Worker(clock, door)
            await ann.labels(FAST_MS, FAST_MS, FAST_MS)
            (offer,) = await claim(door)
            clock.shift_seconds += 20
            refused = await submit(door, offer["assignment_id"], active_ms=FAST_MS)
            assert refused.status_code == 409
            assert refused.json()["errors"][0]["field"] == "confirmed"
            assert (await submit(door, offer["assignment_id"], active_ms=FAST_MS, confirmed=True)).status_code == 200
            repeated = await submit(door, offer["assignment_id"], active_ms=FAST_MS)
            assert repeated.json()["status"] == "repeated", "what is in is not asked about again"
            assert (await ann.stands())["notice"] != ""
            await ann.labels(SLOW_MS, SLOW_MS, SLOW_MS)
            await ann.labels(FAST_MS)
            assert (await ann.stands()).get("notice", "") == ""


async def test_a_change_of_policy_holds_from_its_moment_on_and_a_share_of_the_median_is_a_floor() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled())
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann_door, desk.annotator("bob") as bob_door:
            ann, bob = Worker(clock, ann_door), Worker(clock, bob_door)
            await bob.labels(*[10_000] * 20)
            await ann.labels(*[2_000] * 4)
            assert changes(desk) == []
            rule = pace("pause", floor_seconds=0.0, floor_share=0.3, floor_of="project")
            await desk.publish_project(ruled(2, pace=rule))
            known = desk.handlers().projects
            await until(lambda: known.known(PROJECT).revision == 2)
            await ann.labels(2_000, 2_000, 2_000)
            assert (await ann.asks()).status_code == 409
            assert changes(desk)[0].floor_ms == 3_000
            await desk.publish_project(ruled(3))
            await until(lambda: known.known(PROJECT).revision == 3)
            assert await claim(ann_door) != []


async def test_a_label_of_no_told_time_took_at_most_what_has_passed_and_sent_twice_it_counts_once() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause", hasty=2, last=2)))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            (first,) = await claim(door)
            for _ in range(3):
                assert (await submit(door, first["assignment_id"])).status_code == 200
            (second,) = await claim(door)
            clock.shift_seconds += 20
            await submit(door, second["assignment_id"])
            (third,) = await claim(door)
            await submit(door, third["assignment_id"])
            assert changes(desk) == []
            (fourth,) = await claim(door)
            await submit(door, fourth["assignment_id"])
            assert [change.rule for change in changes(desk)] == ["pace"]


async def test_models_are_left_out() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    event = ruled(pace=pace("pause", hasty=1, last=1))
    event.project_defined.policy.models.counted = "in_overlap"
    await desk.publish_project(event)
    async with desk.open():
        await office(desk)
        await define_model(desk, "gpt")
        async with desk.annotator("gpt") as door:
            await Worker(clock, door).labels(FAST_MS, FAST_MS)
    assert changes(desk) == []


async def test_what_somebody_does_all_day_goes_on_from_page_to_page() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause", hasty=4, last=50)))
    async with desk.open():
        await office(desk, units=90)
        async with desk.annotator("ann") as door:
            ann = Worker(clock, door)
            await ann.labels(*[SLOW_MS] * 62, FAST_MS)
    async with desk.open(), desk.annotator("ann") as door:
        ann = Worker(clock, door)
        await ann.labels(FAST_MS, SLOW_MS, FAST_MS)
        assert changes(desk) == []
        await ann.labels(FAST_MS)
        assert (await ann.asks()).status_code == 409
