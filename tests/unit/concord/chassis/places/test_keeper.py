"""Several lives of one service: places are loaded before they are served, dropped when lost, and never nobody's."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pytest

from concord.chassis.clock import LoopClock
from concord.chassis.places import keeper as keeping
from concord.chassis.places.owner import Standing
from concord.contracts.topics import PLACES_LOCAL, RESOLUTIONS
from tests.support.service import until
from tests.support.tallies import virtual
from tests.unit.concord.chassis.places.town import Life, Town, event

ALL = frozenset(range(PLACES_LOCAL))


def shared(*lives: Life) -> bool:
    """Return whether every place is served by one of these lives, by no other of them, and each serves its share."""
    held = [place for life in lives for place in life.holds()]
    return sorted(held) == sorted(ALL) and all(len(life.holds()) >= len(ALL) // len(lives) for life in lives)


def names(town: Town) -> list[str]:
    return sorted(name for stored in town.stored.values() for name in stored)


async def test_one_life_loads_every_place_before_it_is_served_a_record_of_it() -> None:
    town = Town()
    await town.publish(*(event(f"e{slot}", slot) for slot in range(32)))
    async with town.life().running() as life:
        assert life.keeper.unready()
        await until(lambda: len(names(town)) == 32)
        assert life.holds() == ALL
        assert life.keeper.unready() is None
    assert sorted(life.notes[1:]) == [f"load {place}" for place in range(PLACES_LOCAL)]
    assert life.notes[0] == f"forget {sorted(ALL)}", "what is cached of a place may be old"


async def test_a_place_is_not_served_while_it_loads_and_others_are() -> None:
    town = Town()
    life = town.life()
    life.slow_place = 3
    life.may_load.clear()
    async with life.running():
        await until(lambda: life.holds() == ALL - {3})
        assert life.owner.whose(3).standing is Standing.LOADING
        await town.publish(event("later", 3), event("now", 1))
        await until(lambda: names(town) == ["now"])
        assert life.owner.whose(3).standing is Standing.LOADING
        life.may_load.set()
        await until(lambda: names(town) == ["later", "now"])


async def test_a_second_life_takes_half_and_the_first_keeps_its_half_without_loading_it_again() -> None:
    town = Town()
    async with town.life().running() as life:
        await until(lambda: life.holds() == ALL)
        async with town.life().running() as two:
            await until(lambda: shared(life, two))
            assert len(life.holds()) == len(two.holds()) == 4
            assert [note for note in life.notes if note.startswith("load")] == [
                f"load {place}" for place in sorted(ALL)
            ]
            dropped = {f"drop {place}" for place in two.holds()}
            await until(lambda: {note for note in life.notes if note.startswith("drop")} == dropped)
            views = [[life.owner.whose(place).address or life.owner.address for place in ALL] for life in (life, two)]
            assert views[0] == views[1], "all hold the same table"


async def test_a_life_that_leaves_in_order_hands_over_at_once_and_serves_nothing_then() -> None:
    town = Town()
    async with town.life().running() as life, town.life().running() as two:
        await until(lambda: shared(life, two))
        kept = life.holds()
        with two.owner.in_hand(7):
            handing = asyncio.create_task(two.keeper.hand_over())
            await until(lambda: not two.holds())
            assert not handing.done(), "a request is in hand"
        await handing
        await until(lambda: life.holds() == ALL)
        assert kept < life.holds()
        assert [note for note in life.notes if note.startswith("load")][-4:] == [
            f"load {place}" for place in sorted(ALL - kept)
        ]


async def test_people_are_answered_while_a_life_that_leaves_finishes_its_batch() -> None:
    town = Town()
    async with town.life().running() as life, town.life().running() as two:
        await until(lambda: shared(life, two))
        two.gate.clear()
        place = min(two.holds())
        await town.publish(event("in hand", place))
        await until(lambda: two.serving)
        handing = asyncio.create_task(two.keeper.hand_over())
        for _ in range(5):
            await asyncio.sleep(0)
        assert two.owner.whose(place).standing is Standing.MINE
        two.gate.set()
        await handing
        await until(lambda: life.holds() == ALL)
        assert names(town) == ["in hand"]


async def test_a_request_that_does_not_end_holds_a_handover_up_no_longer_than_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "HAND_OVER_SECONDS_MAX", 0.05)
    town = Town()
    async with town.life().running() as life:
        await until(lambda: life.holds() == ALL)
        with life.owner.in_hand(0):
            await life.keeper.hand_over()
        assert not life.consumer.subscription.assigned()


async def test_a_life_that_dies_is_replaced_after_its_session_and_what_it_had_not_committed_comes_again() -> None:
    town = Town()
    dead = town.life()
    tasks = await dead.begin()
    async with town.life().running() as life:
        await until(lambda: shared(dead, life))
        dead.gate.clear()
        lost = sorted(dead.holds())
        await town.publish(*(event(f"e{place}", place) for place in ALL))
        await until(lambda: len(names(town)) == 4)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert len(life.holds()) == 4, "nobody knows yet"
        town.cluster.expire(dead.owner.address)
        await until(lambda: len(names(town)) == 8)
        assert life.holds() == ALL
        assert all(life.models[place] == [f"e{place}"] for place in lost)


async def test_a_life_that_stood_still_past_its_session_loads_anew_what_others_have_had() -> None:
    town = Town()
    async with town.life().running() as life, town.life().running() as two:
        await until(lambda: shared(life, two))
        before = len(life.notes)
        had = life.holds()
        life.gate.clear()
        await town.publish(*(event(f"a{place}", place) for place in had))
        await until(lambda: life.serving)  # its handler stands still with the batch in hand
        town.cluster.expire(life.owner.address)
        await until(lambda: two.holds() == ALL)
        await until(lambda: len(names(town)) == 4)
        life.gate.set()
        await until(lambda: shared(life, two))
        reloaded = {note for note in life.notes[before:] if note.startswith("load")}
        assert reloaded == {f"load {place}" for place in life.holds()}
        assert all(life.models[place] == town.stored[place] for place in life.holds())
        assert not life.faults


async def test_a_load_that_the_store_does_not_answer_is_tried_again() -> None:
    town = Town()
    life = town.life()
    life.unavailable = 3
    async with life.running():
        await until(lambda: life.holds() == ALL)
    assert life.unavailable == 0


async def test_a_place_dealt_away_while_it_loads_is_never_opened() -> None:
    town = Town()
    life = town.life()
    life.may_load.clear()
    async with life.running():
        await until(lambda: life.keeper.loading)
        async with town.life().running() as two:
            await until(lambda: len(two.holds()) == 4)
            life.may_load.set()
            await until(lambda: shared(life, two))
            assert all(f"load {place}" not in life.notes or f"drop {place}" in life.notes for place in two.holds())


@virtual
async def test_a_gained_place_is_looked_at_again_for_what_its_owner_before_had_in_hand() -> None:
    town = Town(LoopClock(0))
    async with town.life().running() as life:
        await until(lambda: life.holds() == ALL)
        town.stored[2].append("told late by another")
        await until(lambda: life.models[2] == ["told late by another"])
        await until(lambda: life.notes.count("load 2") == 3)
        await asyncio.sleep(10 * max(keeping.LOOK_AGAIN_SECONDS))
        assert life.notes.count("load 2") == 3, "twice, and no more"


@virtual
async def test_places_are_looked_at_again_one_after_the_other_with_rests_between() -> None:
    town = Town(LoopClock(0))
    async with town.life().running() as life:
        await until(lambda: life.holds() == ALL)
        loaded, life.load_seconds = len(life.notes), 1.0

        def looked() -> list[str]:
            return [note for note in life.notes[loaded:] if note.startswith("load")]

        await until(looked)
        await asyncio.sleep(keeping.LOOK_REST_TIMES - 1.0)
        assert looked() == ["load 0"], "the others' turn has not come: the first one is rested from"
        await asyncio.sleep(3.0)
        assert looked() == ["load 0", "load 1"]


async def test_lives_that_come_and_go_lose_nothing_and_both_topics_of_a_place_come_to_its_owner() -> None:
    town = Town()
    async with AsyncExitStack() as stack:
        steady = await stack.enter_async_context(town.life().running())
        for turn in range(4):
            async with town.life().running() as passing:
                for place in ALL:
                    await town.publish(event(f"u{turn}-{place}", place), event(f"r{turn}-{place}", place, RESOLUTIONS))
                await until(partial(shared, steady, passing))
                await passing.keeper.hand_over()
        await until(lambda: len(names(town)) == 64)
    assert len(set(names(town))) == 64
