"""Audit in several processes: each has whole projects, any takes any request, and nothing is lost between them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from concord.chassis.http import PAGE_BYTES_MAX
from concord.chassis.identity import Role
from concord.chassis.store.memory import MemoryStore
from concord.contracts.ids import place_of, slot_of_project
from concord.contracts.topics import LOTS, PLACES_LOCAL
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from services.audit.domain.unit import UnitDoesNotExist
from services.audit.domain.verification import verify
from services.ingest.domain import project as policies
from simulation.house import House
from tests.support import audit as support
from tests.support.audit import LOT, RELABEL, UNITS, Audit, Life, lot_id, sealed, start, unit_ids
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import metadata
from tests.support.settled import LOOK_SECONDS
from tests.support.upstream import PROJECT, Upstream

LOT_UNITS = 4


@pytest.fixture
async def town(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Audit]:
    monkeypatch.setattr(support, "LIVES", [2])
    found = await sealed(RELABEL)
    yield found
    await found.stop()


def view(audit: Audit, client_id: str) -> Audit:
    """Return the same processes, told of another client's project."""
    found = Audit(audit.house, audit.lives, Upstream(audit.house))
    found.upstream.client_id, found.upstream.project_id = client_id, f"{client_id}-p"
    return found


def elsewhere(audit: Audit) -> Audit:
    """Return a view of a project that another life has."""
    clients = (f"k{number}" for number in range(2, 99))
    client_id = next(client for client in clients if not audit.owning.owns(f"{client}-p"))
    return view(audit, client_id)


def ids_of(audit: Audit) -> list[str]:
    return unit_ids(20, audit.upstream.project_id)


async def opened(audit: Audit) -> None:
    """Have a project's lot, of all its units, ready to be inspected."""
    await audit.define(policies.Policy(audit=RELABEL))
    await audit.more(lot_id(1, audit.upstream.project_id), ids_of(audit))
    await audit.resolve(ids_of(audit))


async def told_once(house: House, *kinds: str) -> dict[str, int]:
    """Return how many different events of these kinds were told."""
    body = {event.metadata.event_id: event.WhichOneof("event") for event in house.events(LOTS)}
    return {kind: count for kind, count in Counter(body.values()).items() if kind in kinds}


async def test_any_life_lists_the_work_of_all_in_order_and_takes_verdicts_on_any_unit(town: Audit) -> None:
    other = elsewhere(town)
    await town.resolve()
    await opened(other)
    assert town.owning is not other.owning
    listed = [await town.work(at=life) for life in town.lives]
    assert listed[0] == listed[1]
    assert {name[:4] for name in listed[0]} == {UNITS[0][:4], ids_of(other)[0][:4]}
    by_lot = [(await town.call("GET", "/v1/inspections", at=life)).json()["inspections"] for life in town.lives]
    assert by_lot[0] == sorted(by_lot[0], key=lambda lot: str(lot["lot_id"]))
    for life in town.lives:
        assert await town.work(at=life, query="limit=3") == listed[0][:3]
        alone = f"project_id={other.upstream.project_id}&limit=5"
        assert set(await town.work(at=life, query=alone)) <= set(ids_of(other))
    units = [unit for pair in zip(listed[0], reversed(listed[0]), strict=True) for unit in pair]
    statuses = await town.verdicts(units[: len(listed[0])])
    assert set(statuses) <= {"taken", "late"}
    assert statuses[:6] == ["taken"] * 6, "of both projects in turn"
    again = await town.verdicts(units)
    assert set(again[: len(statuses)]) <= {"repeated", "late"}
    odd = [{"unit_id": "k1-none", "label": "yes"}, {"unit": 1}, {"unit_id": UNITS[0], "label": "perhaps"}]
    for life in town.lives:
        answer = await town.call("POST", "/v1/inspections", {"verdicts": odd}, at=life)
        results = answer.json()["results"]
        assert [result["status"] for result in results] == ["refused"] * 3
        assert results[1]["field"].startswith("verdicts[1]")


async def test_work_with_long_guidelines_comes_in_pages_of_bounded_size_until_it_is_done(town: Audit) -> None:
    other = elsewhere(town)
    whole = policies.Audit(plan="fraction", fraction=1.0)
    await town.define(policies.Policy(audit=whole), revision=2, guideline="x" * 390_000)
    await town.resolve()
    await opened(other)
    done: set[str] = set()
    for _ in range(30):
        work: list[str] = []
        for life in town.lives:
            answer = await town.call("GET", "/v1/inspections", query="limit=500", at=life)
            assert answer.status == 200, answer.body
            assert len(answer.body) < 1.2 * PAGE_BYTES_MAX
            work = [inspection["unit_id"] for inspection in answer.json()["inspections"]]
        if not work:
            break
        assert set(await town.verdicts(work)) <= {"taken", "late"}
        done |= set(work)
    assert {name[:4] for name in done} == {UNITS[0][:4], ids_of(other)[0][:4]}, "of both projects, whoever has them"
    assert done >= set(UNITS)


async def test_whatever_life_is_asked_hands_over_the_same_lots_certificates_and_exports(town: Audit) -> None:
    await town.resolve()
    await town.inspect({})
    for path in (
        f"/v1/projects/{PROJECT}/lots",
        f"/v1/lots/{LOT}",
        f"/v1/lots/{LOT}/certificate",
        f"/v1/lots/{LOT}/export",
        f"/v1/projects/{PROJECT}/certificate",
        f"/v1/projects/{PROJECT}/export",
        "/v1/keys",
    ):
        answers = [await town.client(path, at=life) for life in town.lives]
        assert [answer.status for answer in answers] == [200, 200], path
        assert answers[0].body == answers[1].body, path
    assert await told_once(town.house, "lot_exported", "lot_accepted") == {"lot_exported": 1, "lot_accepted": 1}


async def test_a_life_that_joins_leaves_or_is_killed_takes_no_lot_with_it(town: Audit) -> None:
    """Half of the labels, a join, the rest, some verdicts, a leave, more, a kill: both lots are accepted once."""
    other = elsewhere(town)
    views = (town, other)
    await other.define(policies.Policy(audit=RELABEL))
    await other.more(lot_id(1, other.upstream.project_id), ids_of(other))
    for audit in views:
        await audit.resolve(ids_of(audit)[:10])
    await town.join()
    for entry in views:
        await entry.resolve(ids_of(entry)[10:])
    await town.verdicts((await town.work())[:3])
    await town.leave(town.owning)
    await town.settle()
    await town.verdicts((await town.work())[:3])
    await town.kill(town.owning)
    await town.settle()
    await town.inspect({})
    assert len(town.lives) == 1
    for item in views:
        path = f"/v1/lots/{lot_id(1, item.upstream.project_id)}"
        answers = [await item.call("GET", path, role=Role.OPERATOR) for _ in town.lives]
        assert [answer.json()["status"] for answer in answers] == ["accepted"]
    assert await told_once(town.house, "lot_accepted", "sample_drawn") == {"lot_accepted": 2, "sample_drawn": 2}
    audited = [event.unit_audited for event in town.house.events(LOTS) if event.HasField("unit_audited")]
    assert not [unit.unit_id for unit in audited if unit.late]


async def test_while_a_place_is_nobodys_requests_are_told_to_come_again_in_a_second(town: Audit) -> None:
    await town.resolve()
    gone = town.owning
    gone.service.runtime.abandon()
    town.house.doors.pop(f"http://{gone.writer}")
    town.lives.remove(gone)
    (left,) = town.lives
    work: Any = {"verdicts": [{"unit_id": UNITS[0], "label": "yes"}]}
    for method, body, query in (("GET", None, f"project_id={PROJECT}"), ("GET", None, ""), ("POST", work, "")):
        answer = await town.call(method, "/v1/inspections", body, at=left, query=query)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1"), (method, query)
    town.house.cluster.expire(gone.writer)
    await town.settle()
    assert await town.work(at=left)


async def other_of(town: Audit) -> Life:
    """Return a life that does not own the project, with all that it once knew of it."""
    other = next(life for life in town.lives if life is not town.owning)
    await other.repository.lots([LOT])
    await other.repository.units(UNITS)
    return other


async def test_a_process_that_remembers_a_unit_as_it_was_takes_a_verdict_on_what_another_listed(town: Audit) -> None:
    """It stood still while its places were another's, and has not heard of that yet."""
    other = await other_of(town)
    with pytest.raises(UnitDoesNotExist):
        await other.handlers.inspecting.inspect("zoe", None, UNITS[0], "no", "")
    await town.resolve()
    listed = await town.work()
    assert await other.handlers.inspecting.inspect("zoe", None, listed[-1], "no", "") == "taken"


async def test_a_process_that_has_not_heard_of_a_lot_takes_a_verdict_on_what_another_listed_of_it(town: Audit) -> None:
    """It stood still while the lot was sealed, of units that were settled before: their records do not name it."""
    units = unit_ids(LOT_UNITS, first=500)
    await town.resolve(units)
    await town.more(lot_id(2), units)
    listed = [unit_id for unit_id in await town.work() if unit_id in units]
    other = next(life for life in town.lives if life is not town.owning)
    assert await other.handlers.inspecting.inspect("zoe", None, listed[-1], "no", "") == "taken"


async def test_a_verdict_that_another_process_took_before_a_lot_was_closed_is_in_its_certificate(
    town: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.resolve()
    took: list[str] = []
    listed, other = await town.work(), await other_of(town)
    judging = town.handlers.turns.verdicts
    close = type(judging)._close

    async def close_after(self: Any, state: Any) -> None:
        if not took:
            took.append(await other.handlers.inspecting.inspect("zoe", None, listed[-1], "no", ""))
        await close(self, state)

    monkeypatch.setattr(type(judging), "_close", close_after)
    await town.verdicts(listed[: town.needed()])
    lot = (await town.client(f"/v1/lots/{LOT}")).json()
    assert (took, lot["status"], lot["corrected"]) == (["taken"], "accepted", 1)
    rows = {row["unit_id"]: row["label"] for row in await town.rows(LOT)}
    assert rows[listed[-1]] == "no"


async def test_a_verdict_that_another_process_takes_while_a_lot_is_signed_is_late(
    town: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.resolve()
    listed, other, keep = await town.work(), await other_of(town), type(town.repository).keep
    taking: list[asyncio.Task[Any]] = []

    async def keep_after(self: Any, content: bytes) -> str:
        if not taking:
            inspecting = other.handlers.inspecting.inspect("zoe", None, listed[-1], "no", "")
            taking.append(asyncio.create_task(inspecting))
            for _ in range(20):  # it has been at the store and back
                await asyncio.sleep(LOOK_SECONDS)
        return await keep(self, content)

    monkeypatch.setattr(type(town.repository), "keep", keep_after)
    await town.verdicts(listed[: town.needed()])
    lot = (await town.client(f"/v1/lots/{LOT}")).json()
    assert (await taking[0], lot["status"], lot["corrected"]) == ("late", "accepted", 0)
    (late,) = [event for event in await town.events("unit_audited") if event.unit_id == listed[-1]]
    assert late.late
    export = (await town.client(f"/v1/lots/{LOT}/export")).body
    verify((await town.client(f"/v1/lots/{LOT}/certificate")).body, [export])


async def test_a_lot_that_was_closed_and_had_a_unit_erased_takes_verdicts_again(
    town: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.resolve()
    erased: list[str] = []
    listed, keep, needed = await town.work(), type(town.repository).keep, town.needed()

    async def keep_after(self: Any, content: bytes) -> str:
        if not erased:
            erased.append(listed[0])
            await town.upstream.erased(listed[0])
            while not (await self.units(listed[:1]))[listed[0]].withdrawn:  # noqa: ASYNC110 - has no event
                await asyncio.sleep(LOOK_SECONDS)
        return await keep(self, content)

    monkeypatch.setattr(type(town.repository), "keep", keep_after)
    await town.verdicts(listed[:needed])
    assert (await town.lot())["status"] == "auditing", "the next in the order takes the place of the erased one"
    assert await town.verdicts(listed[needed : needed + 1]) == ["taken"]
    assert (await town.lot())["status"] == "accepted"


class Counted:
    """How many documents are read from the store, by collection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: Counter[str] = Counter()
        find, get, stream = MemoryStore.find, MemoryStore.get, MemoryStore.stream

        async def finding(store: MemoryStore, collection: str, *more: Any, **others: Any) -> Any:
            found = await find(store, collection, *more, **others)
            self.read[collection] += len(found)
            return found

        async def getting(store: MemoryStore, collection: str, *more: Any, **others: Any) -> Any:
            found = await get(store, collection, *more, **others)
            self.read[collection] += len(found)
            return found

        async def streaming(store: MemoryStore, collection: str, *more: Any, **others: Any) -> Any:
            async for page in stream(store, collection, *more, **others):
                self.read[collection] += len(page)
                yield page

        monkeypatch.setattr(MemoryStore, "find", finding)
        monkeypatch.setattr(MemoryStore, "get", getting)
        monkeypatch.setattr(MemoryStore, "stream", streaming)


async def closed_lots(audit: Audit, numbers: Iterable[int]) -> None:
    """Accept so many lots of LOT_UNITS each."""
    for number in numbers:
        units = unit_ids(LOT_UNITS, first=1_000 + LOT_UNITS * number)
        await audit.more(lot_id(100 + number), units)
        await audit.resolve(units)
        await audit.inspect({})
        assert (await audit.client(f"/v1/lots/{lot_id(100 + number)}")).json()["status"] == "accepted"


async def test_a_start_reads_what_is_open_and_nothing_is_held_of_what_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2 and then 22 lots closed, of 4 units each, and one open: what a start reads is the same."""
    reads: list[tuple[int, int]] = []
    audit = await start(House())
    await audit.define(policies.Policy(audit=RELABEL))
    for numbers in (range(2), range(2, 22)):
        await closed_lots(audit, numbers)
        if not reads:
            await audit.more(LOT, UNITS[:10])
            await audit.resolve(UNITS[:5])
        causes = audit.upstream.causes
        await audit.stop()
        with monkeypatch.context() as patch:
            counted = Counted(patch)
            audit = await start(audit.house)
            reads.append((counted.read["journal"], counted.read["open"]))
        audit.upstream.causes = causes
        (place,) = [entry for entry in audit.repository.places.values() if entry.projects]
        assert [lot.state.lot_id for lot in place.open_lots()] == [LOT]
        assert len(place.projects[PROJECT].lot_of) == 10
        assert (audit.handlers.turns._waiting, audit.handlers.turns._pauses) == ({}, {})
    assert reads[0] == reads[1] > (0, 0)
    listing = f"/v1/projects/{PROJECT}/lots"
    every = (await audit.client(listing)).json()["lots"]
    assert len(every) == 23
    stand = {lot["status"] for lot in every}
    assert len(stand) > 1
    for status in stand:
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = (await audit.client(listing, query=f"status={status}&limit=5&after={after}")).json()
            found += page["lots"]
            after = page["next"]
            assert len(page["lots"]) <= 5
        assert found == [lot for lot in every if lot["status"] == status]
    refused = await audit.client(listing, query="status=rejected")
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "status")
    await audit.stop()


async def test_what_was_in_the_hands_of_the_owner_before_is_found_when_a_place_is_looked_at_again(town: Audit) -> None:
    """Labels and a verdict that another process stored after the place was loaded, and told nobody here of."""
    await town.resolve(UNITS[:-1])
    owning, other = town.owning, await other_of(town)
    number = place_of(slot_of_project(PROJECT), PLACES_LOCAL)
    reached = ConsensusReached(unit_id=UNITS[-1], label=b'"yes"', method="posterior", guideline_version=1)
    event = ResolutionEvent(metadata=metadata("last", "k1", PROJECT, 1), consensus_reached=reached)
    last: Any = SimpleNamespace(event=event)
    await other.handlers.hearing.resolutions([last])
    await town.settle()
    assert (await town.lot())["status"] == "sealed", "nobody told the owner"
    await owning.handlers.means.journal.forget_where(lambda key: True)
    await owning.repository.load(number)
    await town.settle()
    assert (await town.lot())["status"] == "auditing"
    listed = await town.work()
    await other.handlers.means.journal.forget_where(lambda key: True)
    for unit in listed[: town.needed()]:
        await other.handlers.inspecting.inspect("zoe", None, unit, "yes", "")
    assert (await town.lot())["status"] == "auditing", "nobody told this process"
    await owning.handlers.means.journal.forget_where(lambda key: True)
    await owning.repository.load(number)
    await town.settle()
    assert (await town.lot())["status"] == "accepted"
    await other.repository.load(number)
    assert not other.repository.places[number].projects, "what others accepted is let go of"
    await other.repository.drop(number)


async def test_gauges_are_of_this_process_and_a_lost_place_is_in_none(town: Audit) -> None:
    other = elsewhere(town)
    await opened(other)

    def open_lots() -> list[float]:
        return [
            life.service.application.state.service.handlers.means.instruments.gauge(  # type: ignore[attr-defined]  # FastAPI's own state
                "concord_audit_lots_open"
            )._value.get()
            for life in town.lives
        ]

    assert sorted(open_lots()) == [1, 1]
    await town.leave(town.owning)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while open_lots() != [2]:  # noqa: ASYNC110 - has no event
            await asyncio.sleep(LOOK_SECONDS)
    assert json.loads((await town.client(f"/v1/lots/{LOT}")).body)["status"] == "sealed"
