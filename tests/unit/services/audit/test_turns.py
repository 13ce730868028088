"""Lots take their turns: none holds up another, and none is taken twice."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from concord.chassis.store.port import StoreUnavailable
from concord.contracts.topics import DEAD_LETTERS, PLACES_LOCAL
from services.audit.domain import agreement, certificate, verdict
from services.audit.domain.lot import LotState
from services.audit.domain.place import OpenLot
from services.audit.domain.verdict import Plan
from services.audit.handlers import drawing
from services.audit.handlers.ages import STANDING, Ages
from services.audit.repository import Repository
from services.ingest.domain import project as policies
from simulation.house import House
from tests.support.audit import CHOICE, INSPECT_ALL, LOT, RELABEL, UNITS, Audit, lot_id, sealed, start, unit_ids
from tests.support.patience import PATIENCE_SECONDS
from tests.support.series import by_project
from tests.support.settled import LOOK_SECONDS
from tests.support.upstream import PROJECT, Upstream

NO_PLAN = policies.Audit(aql=0.01, ltpd=0.05, alpha=0.5, beta=0.5)
"""No plan keeps both: see `single_plan`."""


@pytest.fixture
async def audit(request: pytest.FixtureRequest) -> AsyncIterator[Audit]:
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


async def until_status(audit: Audit, wanted: str, lot_id: str = LOT) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (lot := (await audit.client(f"/v1/lots/{lot_id}")).json())["status"] != wanted:  # noqa: ASYNC110 - has no event
            await asyncio.sleep(LOOK_SECONDS)
    return lot


async def test_a_policy_that_no_plan_keeps_is_told_and_stops_neither_audit_nor_another_lot() -> None:
    audit = await sealed(NO_PLAN)
    await audit.resolve()
    lot = await audit.lot()
    assert (lot["status"], "No sample can be drawn" in lot["problem"]) == ("sealed", True)
    gauge = audit.handlers.means.instruments.gauge("concord_audit_lots_standing")
    assert gauge._value.get() == 1
    await Ages(audit.handlers.means).look()
    assert by_project(audit.handlers.means.instruments, STANDING) == {PROJECT: 1}
    other = Audit(audit.house, audit.lives, Upstream(audit.house))
    other.upstream.project_id, other.upstream.client_id = "k2-p", "k2"
    await other.define(policies.Policy(audit=RELABEL))
    others = unit_ids(20, "k2-p")
    await other.more(lot_id(1, "k2-p"), others)
    await other.resolve(others)
    assert (await audit.call("GET", "/v1/inspections", query="project_id=k2-p")).json()["inspections"]
    again = await audit.restarted()
    assert (await again.lot())["problem"]
    assert again.house.events(DEAD_LETTERS) == []
    await again.define(policies.Policy(audit=RELABEL), revision=2)
    assert (await until_status(again, "auditing"))["problem"] == "", "which went with the status that it was about"
    await again.stop()


def test_why_a_lot_stands_still_is_over_with_the_status_that_it_was_about() -> None:
    lot = OpenLot(LotState(LOT, PROJECT, tuple(UNITS)))
    lot.problem = "No sample can be drawn."
    lot.moved_on(msgspec.structs.replace(lot.state, withdrawn=(0,)))
    assert lot.problem, "it stands where it stood"
    lot.moved_on(msgspec.structs.replace(lot.state, status="auditing"))
    assert lot.problem == ""


async def test_a_plan_that_takes_too_long_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    going, make = threading.Event(), verdict.plan_for

    def slow(kind: Any, *more: Any) -> Plan:
        if kind == "single":
            going.wait(PATIENCE_SECONDS)
        return make(kind, *more)

    monkeypatch.setattr(drawing, "plan_for", slow)
    monkeypatch.setattr(drawing, "PLAN_SECONDS_MAX", 0.05)
    audit = await sealed(policies.Audit(plan="single", aql=0.05, ltpd=0.3))
    await audit.resolve()
    assert "takes over" in (await audit.lot())["problem"]
    going.set()
    monkeypatch.setattr(drawing, "PLAN_SECONDS_MAX", PATIENCE_SECONDS)
    again = await audit.restarted()
    assert (await again.lot())["status"] == "auditing"
    await again.stop()


async def test_what_goes_wrong_with_a_lot_is_tried_again_and_ends_nothing(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Exception] = [StoreUnavailable("away"), KeyError("of ours"), StoreUnavailable("away")]
    keep = Repository.keep

    async def faulty(repository: Repository, content: bytes) -> str:
        if faults:
            raise faults.pop(0)
        return await keep(repository, content)

    monkeypatch.setattr(Repository, "keep", faulty)
    await audit.resolve()
    await audit.verdicts((await audit.work())[: audit.needed()])
    assert (await audit.lot())["problem"]
    lot = await until_status(audit, "accepted")
    assert (lot["problem"], faults) == ("", [])
    assert (await audit.told()).count("lot_accepted") == 1


async def test_a_lot_that_could_not_be_looked_at_waits_for_no_unit_that_is_there(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    units, faults, look = unit_ids(20, first=20), [StoreUnavailable("away")], Repository.in_chunks
    for unit in units:
        await audit.upstream.unit(unit)
    await audit.resolve(units[:10])

    def faulty(repository: Repository, ids: Sequence[str]) -> AsyncIterator[Any]:
        if faults:
            raise faults.pop()
        return look(repository, ids)

    monkeypatch.setattr(Repository, "in_chunks", faulty)
    await audit.upstream.lot(lot_id(2), units)
    await audit.settle()
    await audit.resolve(units[10:])
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (lot := (await audit.client(f"/v1/lots/{lot_id(2)}")).json())["problem"]:  # noqa: ASYNC110 - has no event
            await asyncio.sleep(LOOK_SECONDS)
    assert (lot["status"], faults) == ("auditing", [])


async def test_claims_are_made_beside_the_event_loop(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    made, where = agreement.agreement, []

    def noted(*arguments: Any) -> Any:
        where.append(threading.current_thread())
        return made(*arguments)

    monkeypatch.setattr(certificate, "agreement", noted)
    await audit.resolve()
    await audit.inspect({})
    assert (await audit.lot())["status"] == "accepted"
    assert len(where) == 1
    assert threading.main_thread() not in where


@pytest.mark.parametrize("rejections_max", [0, 1])
async def test_a_lot_that_was_sent_back_as_often_as_may_be_is_inspected_whole(rejections_max: int) -> None:
    audit = await sealed(policies.Audit(aql=0.05, ltpd=0.3, on_reject="relabel", rejections_max=rejections_max))
    for rework in range(rejections_max):
        await audit.resolve(rework=rework)
        await audit.inspect({}, default="no")
        assert (await audit.lot())["status"] == "relabelling"
    await audit.resolve(rework=rejections_max)
    await audit.inspect({}, default="no")
    lot = await audit.lot()
    assert (lot["status"], lot["inspected"], lot["corrected"]) == ("accepted", 20, 20)
    assert (lot["rework"], lot["rejections"]) == (rejections_max, rejections_max + 1)
    follows = [event.on_reject for event in await audit.events("lot_rejected")]
    assert follows == ["relabel"] * rejections_max + ["inspect_all"]
    claim = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()["lots"][0]
    assert (claim["inspected_whole"], claim["consumers_risk"]) == (True, 0.0)
    await audit.stop()


async def test_a_lot_that_was_sent_back_claims_a_risk_for_every_sample(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({}, default="no")
    await audit.resolve(label="no", rework=1)
    await audit.inspect({}, default="no")
    claim = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()["lots"][0]
    assert claim["consumers_risk"] == pytest.approx(2 * claim["plan"]["beta"])


@pytest.mark.parametrize("audit", [RELABEL, INSPECT_ALL], indirect=True)
async def test_a_rejection_tells_the_rate_of_the_lot_that_was_judged(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work()
    await audit.verdicts(listed[:1], "yes")
    await audit.verdicts(listed[1:], "no")
    rejected = (await audit.events("lot_rejected"))[0]
    assert rejected.errors == rejected.inspected - 1
    assert rejected.label_error_rate == pytest.approx(rejected.errors / rejected.inspected)
    assert rejected.label_error_rate_low <= rejected.label_error_rate <= rejected.label_error_rate_high


async def test_nothing_is_held_of_a_lot_that_is_closed(audit: Audit) -> None:
    await audit.resolve()
    assert [project.lot_of for place in audit.repository.places.values() for project in place.projects.values()]
    await audit.inspect({})
    assert not any(place.projects for place in audit.repository.places.values())
    again = await audit.restarted()
    assert len(again.repository.places) == PLACES_LOCAL
    assert not any(place.projects for place in again.repository.places.values())
    assert [lot["status"] for lot in (await again.client(f"/v1/projects/{PROJECT}/lots")).json()["lots"]] == [
        "accepted"
    ]
    assert await again.verdicts(UNITS[:1], subject="w1") == ["refused"]
    await again.stop()


async def test_units_that_were_resolved_before_their_lot_was_sealed_are_found() -> None:
    audit = await start(House())
    await audit.define(policies.Policy(audit=RELABEL), CHOICE)
    await audit.resolve()
    await audit.more(LOT, UNITS)
    assert (await audit.lot())["status"] == "auditing"
    await audit.stop()
