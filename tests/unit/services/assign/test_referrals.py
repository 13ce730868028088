"""Units that an adjudicator sent back to annotators, over assign's own doors."""

from typing import Any

import httpx
import pytest

from concord.contracts.topics import LOTS
from concord.contracts.v1.lots_pb2 import LotEvent, LotRejected
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Escalated,
    OverlapRequested,
    ReferredBack,
)
from services.assign.domain.unit import UnitState
from tests.support.service import metadata, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    labels_told,
    project_event,
    resolution_event,
    stranded_told,
    submit,
    unit_event,
)
from tests.unit.services.assign.test_revising import revise

UNIT = "c1-ugh1"
REJECTED = LotEvent(
    metadata=metadata("reject", CLIENT, PROJECT, AT_US),
    lot_rejected=LotRejected(lot_id="c1-l1", unit_ids=[UNIT], on_reject="relabel"),
)
ESCALATED = resolution_event("one", escalated=Escalated(unit_id=UNIT))


@pytest.fixture
def desk(lives: int) -> Desk:
    desk = Desk()
    desk.lives = lives
    return desk


async def state(desk: Desk) -> UnitState:
    repository = desk.handlers().claims.repository
    key = repository.key(UNIT)
    return (await repository.units([key]))[key]


def back(cause: str, referral: int = 1, names: tuple[str, ...] = (), **fields: Any) -> Any:
    """Return that an adjudicator sent the unit back."""
    told = ReferredBack(
        unit_id=UNIT, adjudicator_id="senior", comment="Look again.", annotators=names, overlap_wanted=2,
        referral=referral, **fields,
    )  # fmt: skip
    return resolution_event(cause, referred_back=told)


async def label(caller: httpx.AsyncClient, answer: str = "no") -> str:
    """Label the unit that a caller is given, and return the annotation."""
    (offer,) = await claim(caller)
    assert (await submit(caller, offer["assignment_id"], answer)).json()["status"] == "accepted"
    return str(offer["assignment_id"])


async def test_it_goes_to_those_it_names_alone_with_the_comment_and_their_own_label(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        for name in ("ann", "bob", "cem"):
            await desk.define(name)
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob, desk.annotator("cem") as cem:
            first = await label(ann)
            await label(bob, "yes")
            await desk.tell(ESCALATED, back("two", names=("ann", "bob")))
            assert await claim(cem) == []
            (offer,) = await claim(ann)
            assert (offer["comment"], offer["earlier"]) == ("Look again.", first)
            assert offer["assignment_id"] != first
            mine = (await ann.get(f"/v1/annotations/{first}")).json()
            assert (mine["label"], mine["revisable"]) == ("no", False)
            assert (await revise(ann, first, 1)).status_code == 409, "it was set aside"
            assert (await submit(ann, offer["assignment_id"], "yes")).json()["status"] == "accepted"
            assert await claim(ann) == [], "once"
            again = await label(bob, "yes")
            assert await claim(cem) == []
            told = {each.annotation_id: (each.referral, each.late) for each in labels_told(desk.house)}
            assert told[first] == (0, False)
            assert told[again] == (1, False)


async def test_others_are_asked_and_nobody_who_had_a_word_in_it(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        for name in ("ann", "bob", "cem", "dee", "senior", "holds"):
            await desk.define(name)
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob, desk.annotator("holds") as holds:
            await label(ann)
            await desk.tell(
                resolution_event("zero", overlap_requested=OverlapRequested(unit_id=UNIT, overlap_wanted=3))
            )
            (held,) = await claim(holds)
            await label(bob, "yes")
            await desk.tell(ESCALATED, back("two"))
            for caller in (ann, bob, holds):
                assert await claim(caller) == []
            late = await submit(holds, held["assignment_id"], "yes")
            assert late.json()["status"] == "late", "they had it before, and it is wanted from others"
            async with desk.annotator("senior") as senior:
                assert await claim(senior) == [], "they have seen what was said of it"
            async with desk.annotator("cem") as cem, desk.annotator("dee") as dee:
                (offer,) = await claim(cem)
                assert (offer["comment"], "earlier" in offer) == ("Look again.", False)
                assert (await submit(cem, offer["assignment_id"], "no")).json()["status"] == "accepted"
                # What was told of the time before comes once more, and changes nothing.
                await desk.tell(resolution_event("late", escalated=Escalated(unit_id=UNIT)))
                await label(dee)
            await desk.tell(resolution_event("three", consensus_reached=ConsensusReached(unit_id=UNIT)))
            assert (await state(desk)).status == "closed"


async def test_who_is_named_and_does_not_come_keeps_it_from_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.assign.handlers.stranded.ASKING_SECONDS", 0.05)
    monkeypatch.setattr("services.assign.handlers.stranded.IDLE_SECONDS", 0.1)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            await label(ann)
        await desk.tell(ESCALATED, back("two", names=("ann",)))
        await until(lambda: bool(stranded_told(desk.house)))
        (told,) = stranded_told(desk.house)
        assert (told.reason, told.referral, told.labels) == ("named_not_known", 1, 0)


async def test_with_its_lot_sent_back_it_is_as_it_came(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        for name in ("ann", "bob"):
            await desk.define(name)
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            await label(ann)
            await desk.tell(ESCALATED, back("two", names=("ann",)))
            await desk.tell(resolution_event("three", adjudicated=Adjudicated(unit_id=UNIT)))
            await desk.say(LOTS, REJECTED)
            (offer,) = await claim(bob)
            assert "comment" not in offer
            found = await state(desk)
            assert (found.rework, found.referral, found.comment, found.named) == (1, 0, "", ())
