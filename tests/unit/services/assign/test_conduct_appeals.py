"""Appeals against what is held against somebody: answered once, ruled on by somebody else, told, and kept."""

from typing import Any

import httpx

from concord.chassis.identity import Role
from concord.contracts.topics import ASSIGNMENTS
from tests.support.series import by_project
from tests.support.service import caller
from tests.unit.services.assign.desk import PROJECT, Desk, claim, once
from tests.unit.services.assign.test_conduct import (
    CONDUCT,
    FAST_MS,
    SLOW_MS,
    Worker,
    changes,
    office,
    pace,
    ruled,
    streak,
)
from tests.unit.services.assign.test_lease_ends import ShiftedClock
from tests.unit.services.assign.test_qualifying import operated

WAITING = "concord_assign_project_conduct_appeal_waiting_seconds"
AWAITING = "concord_assign_project_annotators_awaiting_lead"
MINE, APPEALS, RULINGS = (f"{CONDUCT}/{name}" for name in ("mine", "appeals", "rulings"))
WHY = "The last three said only “yes” — I had read them as they came up.\u202e <b>Really.</b>"


async def appeal(door: httpx.AsyncClient, reason: str = WHY, rule: str = "pace") -> httpx.Response:
    return await door.post(APPEALS, json={"rule": rule, "reason": reason})


async def word(door: httpx.AsyncClient, outcome: str, reason: str = "They are short.", name: str = "ann") -> Any:
    body = {"annotator_id": name, "rule": "pace", "outcome": outcome, "reason": reason}
    return await door.post(RULINGS, json=body)


def events(desk: Desk, name: str) -> list[Any]:
    return [getattr(event, name) for event in once(desk.house, ASSIGNMENTS) if event.HasField(name)]


async def test_somebody_paused_sees_the_evidence_answers_once_and_goes_on_when_a_lead_agrees() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            ann = Worker(clock, door)
            assert (await appeal(door)).json()["errors"][0]["field"] == "rule"
            await ann.labels(SLOW_MS, FAST_MS, FAST_MS, FAST_MS)
            (held,) = (await door.get(MINE)).json()["rules"]
            assert (held["then"], held["times_ms"]) == ("pause", [SLOW_MS, FAST_MS, FAST_MS, FAST_MS])
            assert held["reason"] == "3 of your last 4 labels took under 3 seconds."
            assert (await appeal(door)).json()["appeal"]["outcome"] == "open"
            assert (await appeal(door)).status_code == 200, "the same again after a lost reply"
            again = await appeal(door, "And another thing.")
            assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "rule")
    async with desk.open(), desk.annotator("ann") as door, operated(desk) as lead:  # every process died
        (listed,) = (await lead.get(CONDUCT)).json()["annotators"]
        assert listed["rules"][0]["appeal"]["reason"] == WHY
        assert listed["rules"][0]["times_ms"][-1] == FAST_MS
        assert (await word(lead, "upheld", name="bob")).status_code == 409
        assert (await word(lead, "upheld")).status_code == 200
        assert (await word(lead, "upheld")).status_code == 200, "the same again after a lost reply"
        assert (await word(lead, "declined")).status_code == 409
        own = (await door.get(MINE)).json()
        assert own["rules"] == []
        (answer,) = own["answers"]
        assert (answer["appeal"]["outcome"], answer["appeal"]["ruling"]) == ("upheld", "They are short.")
        assert "op" not in answer["appeal"], "nor who ruled"
        await Worker(clock, door).labels(FAST_MS, FAST_MS)
    assert [(event.rule, event.reason) for event in events(desk, "conduct_appealed")] == [("pace", WHY)]
    (told,) = events(desk, "conduct_appeal_ruled")
    assert (told.outcome, told.reason, told.ruled_by != "") == ("upheld", "They are short.", True)
    assert [change.begins for change in changes(desk)] == [True, False]


async def test_a_declined_appeal_leaves_the_pause_and_says_why_and_is_not_made_again() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door, operated(desk) as lead:
            ann = Worker(clock, door)
            await ann.labels(FAST_MS, FAST_MS, FAST_MS)
            assert (await word(lead, "declined")).status_code == 409, "nobody has appealed"
            await appeal(door)
            assert (await word(lead, "declined", "Two were wrong.")).status_code == 200
            assert (await ann.asks()).status_code == 409
            (held,) = (await door.get(MINE)).json()["rules"]
            assert (held["appeal"]["outcome"], held["appeal"]["ruling"]) == ("declined", "Two were wrong.")
            assert (await appeal(door, "But I was right.")).status_code == 409
            assert (await word(lead, "upheld")).status_code == 409, "it is ruled on once; letting go on is another word"
            assert (await lead.post(CONDUCT, json={"annotator_id": "ann"})).status_code == 200
            assert await claim(door) != []
            # Held against them anew, it may be answered anew.
            await ann.labels(FAST_MS, FAST_MS, FAST_MS)
            assert (await appeal(door, "This time the units were empty.")).status_code == 200


async def test_a_break_that_ends_before_anybody_ruled_says_so() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(skips=streak("break")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            ann = Worker(clock, door)
            await ann.skips(3)
            (held,) = (await door.get(MINE)).json()["rules"]
            assert (held["times_ms"], held["until"] != "") == ([None, None, None], True)
            assert (await appeal(door, rule="skips")).status_code == 200
            clock.shift_seconds += 601
            await ann.labels(SLOW_MS)
            own = (await door.get(MINE)).json()
            assert (own["rules"], own["answers"][0]["appeal"]["outcome"]) == ([], "over")


async def test_nobody_rules_on_their_own_conduct_or_lets_themselves_go_on() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        assert desk.service is not None
        token = desk.house.token("ann", Role.OPERATOR)
        async with desk.annotator("ann") as door, caller(desk.service, token) as self_lead:
            await Worker(clock, door).labels(FAST_MS, FAST_MS, FAST_MS)
            await appeal(door)
            for answer in (
                await word(self_lead, "upheld"),
                await self_lead.post(CONDUCT, json={"annotator_id": "ann"}),
            ):
                assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "annotator_id")
            assert (await Worker(clock, door).asks()).status_code == 409


async def test_reasons_are_bounded_and_said_and_another_clients_project_is_none() -> None:
    desk = Desk(ShiftedClock())
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            for reason in ("", " \n\t", "x" * 2_001):
                refused = await appeal(door, reason)
                assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reason")
            assert (await door.get(MINE.replace(PROJECT, "c9-other"))).status_code == 404


async def test_how_long_the_oldest_appeal_waits_is_told() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(ruled(pace=pace("pause")))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as door:
            await Worker(clock, door).labels(FAST_MS, FAST_MS, FAST_MS)
            await appeal(door)
        clock.shift_seconds += 90_000
        handlers = desk.handlers()
        await handlers.conduct_appeals.look()
        found = by_project(handlers.floor.instruments, WAITING)
        assert list(found) == [PROJECT]
        assert 90_000 <= found[PROJECT] < 90_100
        await handlers.conduct.look()
        assert by_project(handlers.floor.instruments, AWAITING) == {PROJECT: 1}
        async with operated(desk) as lead:
            assert (await word(lead, "upheld")).status_code == 200
        await handlers.conduct_appeals.look()
        await handlers.conduct.look()
        assert by_project(handlers.floor.instruments, WAITING) == {}
        assert by_project(handlers.floor.instruments, AWAITING) == {}
