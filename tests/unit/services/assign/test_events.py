"""What other services tell assign, and many annotators at once."""

import asyncio
import random
from collections import Counter

import pytest

from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, DEAD_LETTERS, LOTS, RESOLUTIONS, UNITS
from concord.contracts.v1.lots_pb2 import LotEvent, LotRejected
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Escalated
from concord.contracts.v1.units_pb2 import LotSealed, UnitErased, UnitEvent
from tests.support.service import metadata, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    labels_told,
    once,
    resolution_event,
    submit,
    unit_event,
)


def rejected(on_reject: str, *unit_ids: str) -> LotEvent:
    """Return a lot's rejection."""
    entry = LotRejected(lot_id="c1-l1", rework=0, on_reject=on_reject, unit_ids=unit_ids)
    return LotEvent(metadata=metadata(f"reject {on_reject}", CLIENT, PROJECT, AT_US), lot_rejected=entry)


async def test_a_rejected_lot_is_labelled_anew_also_by_who_labelled_it_before() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (of_ann,) = await claim(ann)
            (of_bob,) = await claim(bob)
            await submit(ann, of_ann["assignment_id"])
            await desk.tell(resolution_event("r", consensus_reached=ConsensusReached(unit_id="c1-ugh1")))
            assert await claim(bob) == [], "a lease on a closed unit is not offered again"
            await desk.say(LOTS, rejected("inspect_all", "c1-ugh1"))
            assert await claim(ann) == []
            await desk.say(LOTS, rejected("relabel", "c1-ugh1"))
            (again,) = await claim(ann)
            assert again["assignment_id"] != of_ann["assignment_id"]
            assert (await submit(ann, again["assignment_id"], "no")).json()["status"] == "accepted"
            assert (await submit(bob, of_bob["assignment_id"])).json()["status"] == "late"
            assert len(await claim(bob)) == 1
    submitteds = labels_told(desk.house)
    assert sorted((submitted.annotator_id, submitted.rework, submitted.late) for submitted in submitteds) == [
        ("ann", 0, False),
        ("ann", 1, False),
        ("bob", 0, True),
    ]


async def test_what_is_told_before_the_admission_is_not_forgotten() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.tell(resolution_event("r", escalated=Escalated(unit_id="c1-ugh1", reason="no_consensus")))
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann:
            assert [unit["unit_id"] for unit in await claim(ann, 5)] == ["c1-ugh2"]


async def test_an_erased_unit_is_offered_no_more_and_a_sealed_lot_changes_nothing() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        erased = UnitErased(unit_id="c1-ugh1", reason="asked for")
        await desk.say(UNITS, UnitEvent(metadata=metadata("e", CLIENT, PROJECT, AT_US), unit_erased=erased))
        sealed = LotSealed(lot_id="c1-l1", unit_ids=["c1-ugh2"])
        await desk.say(UNITS, UnitEvent(metadata=metadata("s", CLIENT, PROJECT, AT_US), lot_sealed=sealed))
        async with desk.annotator("ann") as ann:
            assert [unit["unit_id"] for unit in await claim(ann, 5)] == ["c1-ugh2"]


async def test_poison_becomes_a_dead_letter_and_the_partition_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concord.chassis.table.WAIT_SECONDS_MAX", 0.05)
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        foreign = resolution_event("x", consensus_reached=ConsensusReached(unit_id="c2-u1"))
        await desk.say(RESOLUTIONS, foreign)
        await desk.admit(unit_event("c1-ugh1", project_id="c1-nobody-knows"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann:
            assert [unit["unit_id"] for unit in await claim(ann, 5)] == ["c1-ugh2"]
    letters = {letter.metadata.event_id: letter.reason for letter in once(desk.house, DEAD_LETTERS)}
    reasons = list(letters.values())
    assert len(reasons) == 2, reasons
    assert any("c2-u1" in reason for reason in reasons)
    assert any("c1-nobody-knows" in reason for reason in reasons)


async def test_many_at_once_never_go_over_the_overlap_and_lose_nothing() -> None:
    desk = Desk()
    await desk.publish_project()
    names = [f"ann{n}" for n in range(12)]
    async with desk.open():
        await desk.define(*names)
        await desk.admit(*(unit_event(f"c1-ugh{n}") for n in range(30)))

        async def work(name: str) -> int:
            generator, done, empty = random.Random(name), 0, 0
            async with desk.annotator(name) as annotator:
                while empty < 3:
                    offers = await claim(annotator, generator.randint(1, 3))
                    empty = 0 if offers else empty + 1
                    for offer in offers:
                        reply = await submit(annotator, offer["assignment_id"], generator.choice(["yes", "no"]))
                        assert reply.json()["status"] == "accepted"
                        done += 1
            return done

        done = await asyncio.gather(*map(work, names))
        await until(lambda: len(once(desk.house, ANNOTATIONS)) == sum(done))
    labels = labels_told(desk.house)
    assert set(Counter(label.unit_id for label in labels).values()) == {2}
    assert len({(label.unit_id, label.annotator_id) for label in labels}) == len(labels) == 60
    assert len({event.metadata.event_id for event in once(desk.house, ASSIGNMENTS)}) == 60


async def test_whichever_life_is_asked_units_are_shared_without_going_over_the_overlap() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob", "cem")
        await desk.admit(*(unit_event(f"c1-ugh{n}") for n in range(6)))
        offered: list[str] = []
        for name in ("ann", "bob", "cem"):
            for life in desk.running:
                desk.service = life
                async with desk.annotator(name) as annotator:
                    offered += [f"{name} {offer['unit_id']}" for offer in await claim(annotator, 6)]
    leases = [event.assignment_issued for event in once(desk.house, ASSIGNMENTS)]
    per_unit = Counter(lease.unit_id for lease in leases)
    assert max(per_unit.values()) == 2
    assert sum(per_unit.values()) == 12
    assert {f"{lease.annotator_id} {lease.unit_id}" for lease in leases} == set(offered)
