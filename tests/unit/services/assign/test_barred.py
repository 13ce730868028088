"""Who is at fault for a lot's rejection is not given its units anew, unless there is nobody else."""

import httpx
import pytest

from concord.contracts.topics import LOTS
from concord.contracts.v1.lots_pb2 import AnnotatorAtFault, LotEvent, LotRejected
from tests.support.service import metadata, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    project_event,
    stranded_told,
    submit,
    unit_event,
)

UNIT = "c1-ugh1"
REJECTED = LotEvent(
    metadata=metadata("reject", CLIENT, PROJECT, AT_US),
    lot_rejected=LotRejected(
        lot_id="c1-l1",
        unit_ids=[UNIT],
        on_reject="relabel",
        at_fault=[AnnotatorAtFault(annotator_id="ann", inspected=8, wrong=8)],
    ),
)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 0.05)


async def label(annotator: httpx.AsyncClient) -> None:
    (lease,) = await claim(annotator)
    assert (await submit(annotator, lease["assignment_id"])).json()["status"] == "accepted"


async def test_the_rework_goes_to_others_and_to_none_of_those_at_fault(
    lives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 60.0)
    desk = Desk()
    desk.lives = lives
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            await label(ann)
            await desk.say(LOTS, REJECTED)
            assert await claim(ann) == []
            await label(bob)


async def test_where_nobody_else_is_defined_it_is_theirs_after_all() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            await label(ann)
            await desk.say(LOTS, REJECTED)
            view = desk.handlers().claims.repository.view(PROJECT)
            await until(lambda: UNIT not in view.lacking)
            await label(ann)
    assert stranded_told(desk.house) == []


@pytest.mark.parametrize("idle_seconds", [60.0, 0.1])
async def test_where_others_are_defined_and_do_not_ask_it_is_theirs_after_a_day(
    monkeypatch: pytest.MonkeyPatch, idle_seconds: float
) -> None:
    monkeypatch.setattr("services.assign.handlers.stranded.IDLE_SECONDS", idle_seconds)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann", "works elsewhere")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            await label(ann)
            await desk.say(LOTS, REJECTED)
            assert await claim(ann) == []
            view = desk.handlers().claims.repository.view(PROJECT)
            if idle_seconds > 1:
                await until(lambda: UNIT in view.idle_since_us)
                assert view.lacking[UNIT].barred
                assert await claim(ann) == []
            else:
                await until(lambda: UNIT not in view.lacking)
                await label(ann)


async def test_a_start_knows_who_is_barred(lives: int) -> None:
    desk = Desk()
    desk.lives = lives
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            await label(ann)
        await desk.say(LOTS, REJECTED)
    async with desk.open(), desk.annotator("ann") as ann, desk.annotator("bob") as bob:
        assert await claim(ann) == []
        await label(bob)
