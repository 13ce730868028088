"""A project that bounds its open units: what is beyond waits or is told to come later, and nothing of it is lost."""

import asyncio
import json
from typing import Any

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import MICROSECONDS
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.journal.announce import Announcer
from concord.contracts.topics import DEAD_LETTERS, INTAKE, RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, ResolutionEvent
from services.ingest.handlers import admission, waiting
from services.ingest.intake import Intake
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.support.settled import settled
from tests.unit.services.ingest.test_many_processes import LONG_US, Dies, Slow

PATH = "/v1/projects/k1-p/units"
NDJSON = [("content-type", "application/x-ndjson")]
BOUND = 3


def bounded(bound: int = BOUND, **policy: Any) -> dict[str, Any]:
    return {**DEFINITION, "policy": {"lot": {"size": 100}, "max_open_units": bound, **policy}}


def units(count: int, name: str = "u") -> list[dict[str, Any]]:
    return [{"id": f"{name}{n}", "content": f"{name} {n}"} for n in range(count)]


def lines(some: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(entry).encode() for entry in some)


@pytest.fixture
async def project(ingest: Ingest) -> Ingest:
    await ingest.define(bounded())
    return ingest


async def resolve(ingest: Ingest, *source_ids: str, ruled: bool = False, project: str = "k1-p") -> None:
    """Tell that units were settled, as adjudicate does, and return when ingest has heard of it."""
    repository = ingest.handlers.admissions.repository
    for source_id in source_ids:
        unit_id = repository.unit_id(project, source_id)
        announcer = Announcer("adjudicate", f"settle/{unit_id}", MICROSECONDS, ())
        event = (
            ResolutionEvent(adjudicated=Adjudicated(unit_id=unit_id, label=b'"no"'))
            if ruled
            else ResolutionEvent(consensus_reached=ConsensusReached(unit_id=unit_id, label=b'"no"'))
        )
        record = announcer.event(RESOLUTIONS, unit_id, "k1", project, event)
        await MemoryBroker(ingest.house.cluster, "adjudicate").publish([record])
    await settled(ingest.house, "ingest", ingest.service)


async def publish(ingest: Ingest, some: list[dict[str, Any]], project: str = "k1-p") -> None:
    records = []
    for entry in some:
        data = {name: value for name, value in entry.items() if name != "id"}
        attributes = {
            "specversion": "1.0",
            "id": entry["id"],
            "source": f"/projects/{project}",
            "type": "concord.unit.v1",
        }
        records.append(Outgoing(INTAKE.name, entry["id"].encode(), json.dumps({**attributes, "data": data}).encode()))
    await MemoryBroker(ingest.house.cluster, "client").publish(records)
    await settled(ingest.house, "ingest", ingest.service)


async def standing(ingest: Ingest, project: str = "k1-p") -> tuple[int | None, int | None]:
    body = (await ingest.call("GET", f"/v1/projects/{project}")).json()
    return body["open_units"], body["waiting_records"]


def marks(house: House) -> list[str]:
    return sorted(unit["unit_id"] for unit in house.database("ingest").dump("open_units"))


async def let_in(ingest: Ingest) -> None:
    """Let in what waits, as the timer does."""
    letters = DeadLetters("ingest", MemoryBroker(ingest.house.cluster, "letters"), ingest.house.clock)
    await Intake(ingest.handlers, letters).take_waiting()


async def test_a_body_is_taken_up_to_the_bound_and_told_from_which_line_on_to_send_it_later(project: Ingest) -> None:
    answer = await project.call("POST", PATH, units(5))
    report = answer.json()
    assert (answer.status, report["admitted"], len(report["units"])) == (202, 3, 3)
    assert report["stopped"]["line"] == 4
    assert "max_open_units" not in report["stopped"]["cure"]
    assert report["retry_after_seconds"] >= 1
    assert await standing(project) == (3, 0)
    again = await project.call("POST", PATH, units(5)[3:])
    assert (again.status, int(again.headers["retry-after"]) >= 1) == (429, True)
    (error,) = again.json()["errors"]
    assert error["field"] == "policy.max_open_units"
    assert [entry["status"] for entry in await project.find("u2", "u3")] == ["admitted", "unknown"]
    await project.published()
    await resolve(project, "u0")
    await resolve(project, "u1", ruled=True)
    assert await standing(project) == (1, 0)
    assert (await project.admit(units(5)[3:]))["admitted"] == 2


EVENT = {"specversion": "1.0", "source": "/projects/k1-p", "type": "concord.unit.v1"}
BODIES: dict[str, tuple[str, bytes, str]] = {
    "one unit": (PATH, json.dumps(units(1, "new")[0]).encode(), "application/json"),
    "an array": (PATH, json.dumps(units(2, "new")).encode(), "application/json"),
    "lines": (PATH, lines(units(2, "new")), "application/x-ndjson"),
    "a file": (PATH, b"id,content\r\nnew0,new 0\r\nnew1,new 1\r\n", "text/csv"),
    "an event": (
        "/v1/projects/k1-p/events",
        json.dumps({**EVENT, "id": "new0", "data": {"content": "new 0"}}).encode(),
        "application/cloudevents+json",
    ),
    "a batch of events": (
        "/v1/projects/k1-p/events",
        json.dumps([{**EVENT, "id": f"new{n}", "data": {"content": f"new {n}"}} for n in range(2)]).encode(),
        "application/cloudevents-batch+json",
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", BODIES)
async def test_every_door_says_when_to_come_again_and_takes_the_same_body_then(project: Ingest, door: str) -> None:
    await project.admit(units(BOUND))
    path, body, kind = BODIES[door]
    headers = [("content-type", kind), ("idempotency-key", "k")]
    full = await project.call("POST", path, body, headers=headers)
    assert (full.status, "retry-after" in full.headers) == (429, True), full.body
    assert [entry["status"] for entry in await project.find("new0")] == ["unknown"]
    await project.published()
    await resolve(project, "u0", "u1", "u2")
    taken = await project.call("POST", path, body, headers=headers)
    assert (taken.status, taken.json()["stopped"]) == (202, None)
    assert [entry["status"] for entry in await project.find("new0")] == ["admitted"]


async def test_the_answer_of_a_request_that_was_taken_in_part_is_not_kept_under_its_key(project: Ingest) -> None:
    headers = [*NDJSON, ("idempotency-key", "k")]
    body = lines(units(5))
    assert (await project.call("POST", PATH, body, headers=headers)).json()["admitted"] == 3
    await project.published()
    await resolve(project, "u0", "u1", "u2")
    rest = (await project.call("POST", PATH, body, headers=headers)).json()
    assert (rest["admitted"], rest["repeated"], rest["stopped"]) == (2, 3, None)


async def test_what_needs_no_room_is_answered_although_there_is_none(project: Ingest) -> None:
    await project.admit(units(BOUND))
    known = [*units(BOUND), {"id": "g", "content": "gold", "gold": "yes"}]
    report = await project.admit(known)
    assert (report["repeated"], report["admitted"], report["stopped"]) == (3, 1, None)
    assert await standing(project) == (3, 0)


async def test_what_does_not_come_in_takes_no_place(project: Ingest) -> None:
    await project.define(bounded(sampling={"quotas": {"law": 1}}))
    sent = [
        {"id": "a", "content": "same", "stratum": "law"},
        {"id": "b", "content": "other", "stratum": "law"},
        {"id": "c", "content": "same", "stratum": "law"},
    ]
    report = await project.admit(sent)
    assert (report["admitted"], report["left_out"]) == (1, 2)
    assert await standing(project) == (1, 0)
    await project.define(bounded())
    report = await project.admit([{"id": "d", "content": "same"}, {"id": "a", "content": "differs"}])
    assert (report["refused_count"] + report["duplicate_of"]) == 2
    assert await standing(project) == (1, 0)


async def test_a_unit_that_is_withdrawn_is_open_no_more_and_one_that_is_settled_twice_once(project: Ingest) -> None:
    await project.admit(units(BOUND))
    gone = await project.call("POST", "/v1/projects/k1-p/erasures", {"ids": ["u0"], "reason": "asked"})
    assert gone.json()["erased"] == 1
    assert await standing(project) == (2, 0)
    await resolve(project, "u1", "u1")
    await resolve(project, "u1", ruled=True)
    assert await standing(project) == (1, 0)


async def test_a_bound_that_is_raised_or_taken_away_counts_at_once(project: Ingest) -> None:
    assert (await project.admit(units(5)))["admitted"] == BOUND
    await project.define(bounded(4))
    assert (await project.admit(units(5)))["admitted"] == 1
    await project.define(bounded(0))
    assert (await project.admit(units(6)))["admitted"] == 2
    assert (await project.call("GET", "/v1/projects/k1-p")).json()["open_units"] is None


async def test_an_import_goes_on_where_it_stood_and_counts_what_came_in_once(project: Ingest) -> None:
    begun = (await project.call("POST", "/v1/projects/k1-p/imports", {"name": "i"})).json()
    path, body = f"/v1/imports/{begun['import_id']}", lines(units(5))
    for step, settle in enumerate((["u0", "u1"], ["u2", "u3"])):
        answer = await project.call("PATCH", path, body, headers=NDJSON)
        assert answer.status == (429 if step == 0 else 200), answer.body
        await project.published()
        await resolve(project, *settle)
    found = (await project.call("GET", path)).json()
    assert (found["admitted"], found["complete"], found["line"]) == (5, True, 5)


async def test_records_wait_and_those_of_other_projects_do_not_wait_behind_them(project: Ingest) -> None:
    assert (await project.call("PUT", "/v1/projects/q", DEFINITION)).status == 201
    await publish(project, units(8))
    assert len(told(project.house, "unit_admitted")) == BOUND
    assert await standing(project) == (3, 5)
    await publish(project, units(4, "other"), "k1-q")
    assert len(told(project.house, "unit_admitted")) == BOUND + 4
    admitted = [entry.source_id for entry in told(project.house, "unit_admitted") if entry.source_id.startswith("u")]
    await resolve(project, *admitted[:2])
    await let_in(project)
    assert await standing(project) == (3, 3)
    await resolve(project, *(f"u{n}" for n in range(8)))
    await let_in(project)
    await project.published()
    assert {entry.source_id for entry in told(project.house, "unit_admitted")} >= {f"u{n}" for n in range(8)}
    assert await standing(project) == (3, 0)
    assert project.house.events(DEAD_LETTERS) == []


async def test_records_that_wait_are_taken_by_the_next_process_and_hold_nothing_that_can_be_read(
    project: Ingest,
) -> None:
    await publish(project, [*units(BOUND), {"id": "w", "content": "CANARY", "subject": "CANARY too"}])
    stored = repr(project.house.database("ingest").dump("waiting"))
    assert stored.count("record") == 1
    assert "CANARY" not in stored
    await resolve(project, "u0")
    await project.kill()
    after = await start(project.house)
    await let_in(after)
    assert [entry["status"] for entry in await after.find("w")] == ["admitted"]
    await after.kill()


async def test_what_waits_can_be_withdrawn_before_it_comes_in(project: Ingest) -> None:
    await publish(project, units(BOUND))
    await publish(project, [{"id": "w", "content": "W"}, {"id": "x", "content": "X", "subject": "s"}])
    answer = await project.call("POST", "/v1/projects/k1-p/erasures", {"ids": ["w", "never"], "reason": "asked"})
    assert [unit["status"] for unit in answer.json()["units"]] == ["erased", "unknown"]
    await project.call("POST", "/v1/projects/k1-p/erasures", {"subject": "s", "reason": "asked"})
    assert project.house.database("ingest").dump("waiting") == []


async def test_what_cannot_wait_and_what_is_wrong_with_what_waited_becomes_a_dead_letter(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAITING_RECORDS_MAX", 2)
    await publish(project, units(BOUND))
    await publish(project, units(1, "waits"))
    await publish(project, [{"id": "wrong", "content": ""}])
    assert project.house.events(DEAD_LETTERS) == []
    await publish(project, units(3, "more"))
    letters = project.house.events(DEAD_LETTERS)
    assert len(letters) == 3
    assert all("open units" in letter.reason and "send this one again" in letter.reason for letter in letters)
    await resolve(project, *(f"u{n}" for n in range(BOUND)))
    await let_in(project)
    reasons = [event.reason for event in project.house.events(DEAD_LETTERS)]
    assert (len(reasons), sum("content is empty" in reason for reason in reasons)) == (4, 1)
    assert await standing(project) == (1, 0)


@pytest.mark.parametrize("seed", range(4))
async def test_the_bound_holds_whoever_sends_at_once_to_however_many_processes(seed: int) -> None:
    house = House(seed=seed)
    lives = [await start(house, Slow(f"{seed}/{n}")) for n in range(2)]
    await lives[0].define(bounded(5))
    calls = [life.call("POST", PATH, units(4, f"{name}-")) for life in lives for name in "ab"]
    answers = await asyncio.gather(*calls)
    for life in lives:
        await life.published()
    admitted = told(house, "unit_admitted")
    assert {answer.status for answer in answers} <= {202, 429}
    assert len(admitted) <= 5, "none is settled, so as many as were ever open"
    assert marks(house) == sorted(unit.unit_id for unit in admitted)
    for life in lives:
        await life.kill()


async def test_wherever_a_process_dies_what_is_counted_is_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LEFT_BEHIND_US", -LONG_US)
    requests = [[*units(2), {"id": "twin", "content": "u 0"}], units(2, "late")]
    step, survived = 0, False
    while not survived:
        step += 5
        assert step < 200, "the story has an end"
        house, dies = House(seed=step), Dies(f"{step}", 10**9)
        life = await start(house, dies)
        await life.define(bounded(10))
        await life.published()
        dies.steps_left = step
        calls = [asyncio.create_task(life.call("POST", PATH, request)) for request in requests]
        death = asyncio.create_task(dies.dead.wait())
        both: list[asyncio.Future[Any]] = [death, asyncio.gather(*calls)]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        survived = not death.done()
        for task in (death, *calls):
            task.cancel()
        await life.kill()
        after = await start(house)
        for request in requests:
            assert (await after.call("POST", PATH, request)).status == 202
        await after.handlers.admissions.finish_left_behind()
        await after.published()
        assert marks(house) == sorted(unit.unit_id for unit in told(house, "unit_admitted"))
        await after.kill()
    assert step > 25, "many steps were tried"
