"""Whatever runs at once, in however many processes, and wherever one dies: each content one unit, none without it."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from concord.chassis.store import memory as store_memory
from services.ingest.handlers import admission
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, kept_units, start, told

LONG_US = 10**15
PATH = "/v1/projects/k1-p/units"
Y = {"id": "1", "content": "Y"}
REQUESTS: list[list[dict[str, Any]]] = [
    [{"id": "1", "content": "X"}, {"id": "2", "content": "X"}],
    [{"id": "3", "content": "X"}],
    [{"id": "4", "content": "X"}, {"id": "4", "content": "Z"}],
    [{"id": "g", "content": "X", "gold": "yes"}, {"id": "5", "content": "Z"}],
]
LATE = [{"id": "late", "content": "X"}, {"id": "later", "content": "Z"}]
SENT = {(entry["id"], entry["content"]) for request in [[Y], *REQUESTS, LATE] for entry in request}


class Slow(store_memory.NoFaults):
    """Every step of the store takes its own time."""

    def __init__(self, seed: str) -> None:
        self.generator = random.Random(seed)

    async def before(self, operation: str, collection: str) -> None:
        for _ in range(self.generator.randint(1, 6)):
            await asyncio.sleep(0)


class Dies(Slow):
    """The process stops for ever at its n-th step at the store, before or after the step took effect."""

    def __init__(self, seed: str, step: int) -> None:
        super().__init__(seed)
        self.steps_left = step
        self.dead = asyncio.Event()

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        await self._step()

    async def after(self, operation: str, collection: str) -> None:
        await self._step()

    async def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left <= 0:
            self.dead.set()
            await asyncio.get_running_loop().create_future()


async def send(life: Ingest, request: Any) -> Any:
    answer = await life.call("POST", PATH, request)
    assert answer.status == 202, answer.body
    return answer.json()


async def check(life: Ingest, reports: list[Any]) -> None:
    """Hold everything that was told against what was sent."""
    house = life.house
    await life.published()
    admitted = told(house, "unit_admitted")
    repository = life.service.application.state.service.handlers.admissions.repository  # type: ignore[attr-defined]  # known as any ASGI application
    assert max(Counter(entry.unit_id for entry in admitted).values()) == 1, "a unit is admitted once"
    roles = Counter((entry.fingerprint, entry.HasField("gold_label")) for entry in admitted)
    assert set(roles.values()) == {1}, "a content is one unit, as gold and as work"
    by_id = {entry.unit_id: entry for entry in admitted}
    for entry in admitted:
        shown = await repository.shelf.payload(entry.unit_id)
        assert shown is not None, f"the content of {entry.source_id} is lost"
        assert (entry.source_id, shown[1]) in SENT
        assert shown[0].fingerprint == repository.fingerprints("k1-p", [f'"{shown[1]}"'.encode()])[0]
    for unit in [unit for report in reports for unit in report["units"]]:
        stands = unit.get("duplicate_of", unit)
        assert by_id[stands["unit_id"]].source_id == stands["source_id"], "what is answered for is admitted"
    answered = {unit["source_id"] for report in reports for unit in report["units"]}
    known = {row["status"] for row in await life.find(*sorted(answered))}
    assert known <= {"admitted", "duplicate_of"}, "what was answered stays so"


@pytest.mark.parametrize("seed", range(25))
async def test_requests_that_meet_in_two_processes_leave_one_unit_a_content(seed: int) -> None:
    house = House(seed=seed)
    lives = [await start(house, Slow(f"{seed}/{n}")) for n in range(2)]
    await lives[0].define()
    await send(lives[0], [Y])
    order = [(life, request) for life in lives for request in REQUESTS]
    random.Random(seed).shuffle(order)
    reports = await asyncio.gather(*(send(life, request) for life, request in order))
    await lives[1].published()
    await check(lives[0], list(reports))
    for life in lives:
        await life.kill()


async def test_wherever_a_process_dies_another_answers_every_id_and_no_content_is_lost_or_two_or_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "LEFT_BEHIND_US", -LONG_US)
    step, survived = 0, False
    while not survived:
        step += 1
        assert step < 400, "the story has an end"
        house = House(seed=step)
        first = await start(house)
        await first.define({**DEFINITION, "policy": {"lot": {"size": 2}}})
        await send(first, [Y])
        await first.published()
        await first.kill()  # at once, where an orderly stop waits for its loops
        dies = Dies(f"{step}", 10**9)
        life = await start(house, dies)
        dies.steps_left = step
        calls: list[asyncio.Task[Any]] = [asyncio.create_task(send(life, request)) for request in REQUESTS]
        death = asyncio.create_task(dies.dead.wait())
        while not death.done() and not all(call.done() for call in calls):
            pending = [death, *(call for call in calls if not call.done())]
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        survived = not death.done()
        reports = [call.result() for call in calls if call.done()]
        for task in (death, *calls):
            task.cancel()
        await life.kill()
        after = await start(house)
        # First somebody else's id, then nothing more for what was in hand: it is finished, or was never answered for.
        reports.append(await send(after, LATE))
        await check(after, reports)
        reports += [await send(after, request) for request in reversed(REQUESTS)]
        await after.call("POST", "/v1/projects/k1-p/seal")
        await check(after, reports)
        members = Counter(unit_id for lot in told(house, "lot_sealed") for unit_id in lot.unit_ids)
        work = [unit.unit_id for unit in told(house, "unit_admitted") if not unit.HasField("gold_label")]
        assert members == dict.fromkeys(work, 1), "a unit of work is in one lot"
        await after.handlers.admissions.finish_left_behind()
        owned = {(unit.unit_id, unit.fingerprint) for unit in told(house, "unit_admitted")}
        kept = [(kept_unit.unit_id, kept_unit.fingerprint) for kept_unit in kept_units(house)]
        assert sorted(kept) == sorted(owned), "each content in the store is a unit's"
        await after.kill()
    assert step > 20, "many steps were tried"
