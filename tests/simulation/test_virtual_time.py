"""Time passes at once, in order, and nothing leaves the thread."""

import asyncio
import threading

import pytest

from simulation.virtual_time import EverythingWaits, VirtualTimeLoop


def test_a_sleep_takes_no_time_and_moves_the_clock() -> None:
    async def sleep() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(sleep()) == pytest.approx(3_600)


def test_timers_fire_in_their_order() -> None:
    fired: list[int] = []

    async def one(seconds: int) -> None:
        await asyncio.sleep(seconds)
        fired.append(seconds)

    async def all_of_them() -> None:
        await asyncio.gather(one(3), one(1), one(2))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(all_of_them())
    assert fired == [1, 2, 3]


def test_what_would_run_in_a_thread_runs_here_and_its_error_comes_back() -> None:
    async def ask() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(threading.get_ident)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(ask()) == threading.get_ident()


def test_a_town_that_stands_still_says_so() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
    with pytest.raises(EverythingWaits):
        runner.run(wait_for_ever())
