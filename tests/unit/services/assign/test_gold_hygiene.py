"""Gold is shown to nobody with a part in what it was made of, to no more than may meet it, and not when it is stale."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import LOTS, PROJECTS, UNITS
from concord.contracts.v1.lots_pb2 import InspectionRepeated, LotEvent, UnitAudited
from concord.contracts.v1.projects_pb2 import ProjectEvent
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from services.assign.domain.gold_stock import DAY_US, GoldBounds, Shown, exposed, stale, stock
from services.assign.domain.refusals import NotOffered
from services.assign.domain.unit import UnitState
from tests.support.series import by_project
from tests.support.service import caller, metadata, publish, until
from tests.unit.services.assign.desk import AT_US, CLIENT, PROJECT, Desk, claim, project_event, submit, unit_event
from tests.unit.services.assign.test_qualifying import asking

GOLD = tuple(f"c1-ugg{n}" for n in range(3))
PEOPLE = ("ann", "bob", "cem", "dan", "eve")


def bounded(exposures_max: int = 0, revision: int = 1, version: int = 3, **gold: Any) -> ProjectEvent:
    event = asking(revision=revision, version=version)
    policy = event.project_defined.policy.gold
    policy.exposures_max = exposures_max
    for field, value in gold.items():
        setattr(policy, field, value)
    return event


def known(unit_id: str, at_us: int = AT_US, **fields: Any) -> Any:
    return unit_event(unit_id, at_us, gold_label=b'"yes"', guideline_version=3, **fields)


async def stocked(desk: Desk) -> dict[str, Any]:
    assert desk.service is not None, "assign runs"
    async with caller(desk.service, desk.house.token("lead", Role.ADJUDICATOR)) as lead:
        reply = await lead.get(f"/v1/projects/{PROJECT}/gold/stock")
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def offered(desk: Desk, name: str, units: int = 9) -> set[str]:
    async with desk.annotator(name) as annotator:
        return {unit["unit_id"] for unit in await claim(annotator, units)}


async def test_gold_that_is_erased_is_not_offered_again_to_who_holds_it_and_other_gold_is() -> None:
    desk = Desk()
    await desk.publish_project(bounded())
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*map(known, GOLD))
        assert await offered(desk, "ann") == set(GOLD)
        erased = UnitErased(unit_id=GOLD[1], reason="asked for")
        await desk.say(UNITS, UnitEvent(metadata=metadata("e", CLIENT, PROJECT, AT_US), unit_erased=erased))
        assert await offered(desk, "ann") == set(GOLD) - {GOLD[1]}


async def test_nobody_who_labelled_ruled_or_audited_the_unit_meets_the_gold_that_was_made_of_it() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define(*PEOPLE)
        await desk.admit(unit_event("c1-ugs"))
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            assert (await submit(ann, offer["assignment_id"])).status_code == 200
        await desk.admit(known("c1-ugg0", gold_of="c1-ugs", not_for=["bob"]))
        audited = UnitAudited(lot_id="c1-l", unit_id="c1-ugs", auditor_id="cem")
        about = metadata("audit", CLIENT, PROJECT, AT_US)
        await desk.say(LOTS, LotEvent(metadata=about, unit_audited=audited))
        repeated = InspectionRepeated(lot_id="c1-l", unit_id="c1-ugs", auditor_id="eve")
        about = metadata("audit again", CLIENT, PROJECT, AT_US)
        await desk.say(LOTS, LotEvent(metadata=about, inspection_repeated=repeated))
        await publish(desk.house, PROJECTS, (PROJECT, bounded(revision=2)))
        await until(lambda: desk.handlers().projects.known(PROJECT).revision == 2)
        # All of them are to qualify, so that gold is all that they are given.
        assert [await offered(desk, person) for person in PEOPLE] == [set(), set(), set(), {"c1-ugg0"}, set()]
        assert [await offered(desk, person) for person in PEOPLE] == [set(), set(), set(), {"c1-ugg0"}, set()], (
            "asked again, too"
        )


async def test_gold_is_shown_to_no_more_than_may_meet_it_whatever_process_is_asked_and_after_a_restart() -> None:
    desk = Desk()
    await desk.publish_project(bounded(exposures_max=2))
    async with desk.open(lives=2):
        await desk.define(*PEOPLE)
        await desk.admit(*map(known, GOLD))
        shown = await asyncio.gather(*(offered(desk, person, 2) for person in PEOPLE[:2]))
        again = [await offered(desk, person, 2) for person in PEOPLE[:2]]
        assert shown == again, "what is held is offered again, and counted once"
    async with desk.open(lives=2):
        found = [await offered(desk, person) for person in PEOPLE]
        counts = Counter(unit_id for some in found for unit_id in some)
        assert dict(counts) == dict.fromkeys(GOLD, 2)
        body = await stocked(desk)
        assert (body["units"], body["usable"], body["spent"], body["showings_left"]) == (3, 0, 3, 0)
        assert (body["shown_a_day"], body["days_left"]) == (6.0, 0.0)
        await publish(desk.house, PROJECTS, (PROJECT, bounded(3, revision=2)))
        await until(lambda: desk.handlers().projects.known(PROJECT).revision == 2)
        assert (await stocked(desk))["showings_left"] == 3, "a higher bound gives some of them back"


async def test_gold_of_an_older_guideline_is_stale_where_the_project_says_so_and_told() -> None:
    desk = Desk()
    await desk.publish_project(bounded(stale_with_guideline=True))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*map(known, GOLD[:2]))
        assert (await stocked(desk))["usable"] == 2
        await publish(desk.house, PROJECTS, (PROJECT, bounded(revision=2, version=4, stale_with_guideline=True)))
        await until(lambda: desk.handlers().projects.known(PROJECT).revision == 2)
        body = await stocked(desk)
        assert (body["usable"], body["stale"], body["days_left"]) == (0, 2, None)
        assert await offered(desk, "ann") == set()
        await desk.admit(unit_event(GOLD[2], gold_label=b'"yes"', guideline_version=4))
        assert await offered(desk, "ann") == {GOLD[2]}


async def test_gold_that_is_older_than_it_may_be_is_stale() -> None:
    desk = Desk()
    now_us = desk.house.clock.now_us()
    await desk.publish_project(bounded(stale_days=2))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(known(GOLD[0], now_us - 3 * DAY_US), known(GOLD[1], now_us - DAY_US))
        assert await offered(desk, "ann") == {GOLD[1]}
        body = await stocked(desk)
        assert (body["units"], body["usable"], body["stale"]) == (2, 1, 1)


def test_a_showing_too_many_is_refused_and_days_long_past_are_forgotten() -> None:
    gold = UnitState("u", "c", "p", admitted=True, gold=True)
    for day in (0, 0, 9):
        gold = exposed(gold, 3, day * DAY_US)
    assert (gold.exposures, gold.shown_by_day) == (3, ((9, 1),))
    with pytest.raises(NotOffered):
        exposed(gold, 3, 9 * DAY_US)


def test_the_pace_is_that_of_the_days_since_gold_was_first_shown() -> None:
    gold = [Shown(4, ((8, 1), (9, 3)), 5, 1), Shown(2, ((9, 2),), 5, 1), Shown(since_us=5), Shown(1, (), 1, 1)]
    found = stock(gold, GoldBounds(4, 2, 1), 9 * DAY_US)
    assert (found.units, found.usable, found.spent, found.stale) == (4, 1, 1, 2)
    assert (found.showings_left, found.shown_a_day, found.days_left) == (2, 3.0, 2 / 3)
    assert stale(gold[2], GoldBounds(guideline_version=1)), "it came in under a version that nobody told"


async def test_a_project_out_of_gold_is_counted_while_units_wait_in_it_and_not_when_none_does() -> None:
    desk = Desk()
    await desk.publish_project(bounded(exposures_max=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(known(GOLD[0]))
        async with desk.annotator("ann") as ann:
            (gold,) = await claim(ann, 9)
            assert (await submit(ann, gold["assignment_id"])).status_code == 200
        stocks = desk.handlers().gold_stocks
        out_of_gold = stocks.instruments.gauge("concord_assign_projects_out_of_gold")

        async def counted() -> float:
            await stocks.look()
            (sample,) = [sample for metric in out_of_gold.collect() for sample in metric.samples]
            named = by_project(stocks.instruments, "concord_assign_project_out_of_gold_units")
            assert named == ({PROJECT: 1} if sample.value else {}), "one unit waits in it"
            return sample.value

        assert await counted() == 0, "all is labelled: there is nobody to be measured"
        await desk.admit(unit_event("c1-ugw", AT_US))
        assert await counted() == 1
        erased = UnitErased(unit_id="c1-ugw", reason="asked for")
        await desk.say(UNITS, UnitEvent(metadata=metadata("e", CLIENT, PROJECT, AT_US), unit_erased=erased))
        assert await counted() == 0
