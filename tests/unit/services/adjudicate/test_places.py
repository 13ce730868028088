"""Several lives of adjudicate: each owns some projects, any takes any request, and a start costs what is open."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from concord.chassis.http import PAGE_BYTES_MAX, cursor_of
from concord.chassis.identity import Role
from concord.chassis.journal.record import JOURNAL, OPEN
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import Document
from concord.contracts.ids import SLOTS, place_of, placed_id, slot_of_project
from concord.contracts.topics import PLACES_LOCAL
from services.adjudicate.bootstrap import wire
from services.adjudicate.domain import class_shares
from services.adjudicate.domain.class_shares import TALLY_UNITS
from services.adjudicate.handlers.rulings import RulingWish
from services.adjudicate.repository import NOTES
from services.adjudicate.settings import AdjudicateSettings
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import ENVIRONMENT, House
from tests.support.service import until
from tests.support.upstream import Upstream
from tests.unit.services.adjudicate.running import Adjudicate, address, handlers_of, owner, start, voting

PROJECTS = [f"k1-p{number}" for number in range(12)]
assert len({place_of(slot_of_project(project), PLACES_LOCAL) for project in PROJECTS}) > 5, "they lie in many places"
RECORDS_A_UNIT = 3
"""Of a unit that two agree on: its admission and their labels."""
RULING = {"label": "no", "reason": "The text says so."}


def unit_of(project_id: str, name: object = 1) -> str:
    return placed_id("u", project_id, f"n{name}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.02)
    # Each unit begins as a row.
    monkeypatch.setattr("concord.chassis.journal.rows.PAGE_ROWS_MIN", 1)


@pytest.fixture
async def lives() -> AsyncIterator[Adjudicate]:
    found = await start(House(), 3)
    for project_id in PROJECTS:
        await teller(found, project_id).project(voting(2, 5))
    yield found
    await found.stop()


def teller(found: Adjudicate, project_id: str) -> Upstream:
    upstream = Upstream(found.house)
    upstream.project_id = project_id
    # Causes of several tellers differ by their project.
    upstream.client_id = "k1"
    upstream.causes = 1_000_000 * (1 + PROJECTS.index(project_id)) + found.upstream.causes
    found.upstream.causes += 1_000
    return upstream


async def escalate(found: Adjudicate, project_id: str, second: str = "no", name: object = 1) -> str:
    upstream, unit_id = teller(found, project_id), unit_of(project_id, name)
    await upstream.unit(unit_id)
    for number, (who, label) in enumerate((("a", "yes"), ("b", second)), start=1):
        await upstream.annotation(unit_id, number, who, label, flag="x")
    await upstream.labelling_ended(unit_id)
    return unit_id


async def listed(found: Adjudicate, query: str = "") -> list[str]:
    answer = await found.call("GET", "/v1/escalations", query=query)
    assert answer.status == 200
    return [escalation["unit_id"] for escalation in answer.json()["escalations"]]


async def verdicts(found: Adjudicate) -> Counter[tuple[str, str]]:
    """Return how many decisions of each kind were taken on each unit; one that is said again is the same by its id."""
    await found.settle()
    events = {event.metadata.event_id: event for event in found.events()}.values()
    kinds = [(event.WhichOneof("event") or "", event) for event in events]
    return Counter((getattr(event, kind).unit_id, kind) for kind, event in kinds)


async def test_any_life_lists_the_escalations_of_all_most_to_be_gained_first_and_a_page_of_them(
    lives: Adjudicate,
) -> None:
    units = [await escalate(lives, text, "yes" if number % 3 else "no") for number, text in enumerate(PROJECTS)]
    await lives.settle()
    wanted = sorted(units, key=lambda text: (units.index(text) % 3 > 0, text))
    for _ in lives.services:
        assert await listed(lives) == wanted
        assert await listed(lives, "limit=5") == wanted[:5]
        assert await listed(lives, f"project_id={PROJECTS[4]}") == [units[4]]
    assert sum(handlers_of(service).repository.escalations_open for service in lives.services) == len(units)
    assert all(handlers_of(service).repository.escalations_open for service in lives.services), (
        "each has its part alone"
    )


@pytest.mark.parametrize("looked_at_max", [2_000, 3])
async def test_pages_of_all_escalations_hold_each_once_in_order_also_for_who_has_a_part_in_some(
    lives: Adjudicate, monkeypatch: pytest.MonkeyPatch, looked_at_max: int
) -> None:
    units = [await escalate(lives, text, "yes" if number % 3 else "no") for number, text in enumerate(PROJECTS)]
    await lives.settle()
    monkeypatch.setattr("services.adjudicate.handlers.queue.LOOKED_AT_MAX", looked_at_max)
    wanted = sorted(units, key=lambda text: (units.index(text) % 3 > 0, text))
    for subject, whole in (("s1", wanted), ("a", [])):
        for size in (1, 2, 5):
            found: list[str] = []
            cursor, pages = "", 0
            while True:
                query = f"limit={size}&cursor={cursor}"
                body = (await lives.call("GET", "/v1/escalations", subject=subject, query=query)).json()
                assert len(body["escalations"]) <= size
                found += [escalation["unit_id"] for escalation in body["escalations"]]
                pages += 1
                assert pages <= len(units) + 2
                if not (cursor := body.get("next", "")):
                    break
            assert found == whole


async def test_escalations_with_long_guidelines_come_in_pages_of_bounded_size_whoever_is_asked(
    lives: Adjudicate,
) -> None:
    """Each has its guideline with it: of twenty a page would be more than one life takes of another's answer."""
    await teller(lives, PROJECTS[0]).project(voting(2, 5), revision=2, guideline="x" * 390_000)
    units = [await escalate(lives, PROJECTS[0], name=number) for number in range(20)]
    units += [await escalate(lives, project_id) for project_id in PROJECTS[1:]]
    await lives.settle()
    await until(lambda: all(handlers_of(life).projects.rows[PROJECTS[0]].revision == 2 for life in lives.services))
    for _ in lives.services:
        for narrowed, wanted in (("", units), (f"project_id={PROJECTS[0]}&", units[:20])):
            found: list[str] = []
            cursor, pages = "", 0
            while pages < 30:
                answer = await lives.call("GET", "/v1/escalations", query=f"{narrowed}limit=500&cursor={cursor}")
                assert answer.status == 200, answer.body
                assert len(answer.body) < 1.2 * PAGE_BYTES_MAX
                page, pages = answer.json(), pages + 1
                found += [escalation["unit_id"] for escalation in page["escalations"]]
                if not (cursor := page.get("next", "")):
                    break
            assert sorted(found) == sorted(wanted)
            assert pages > 3


@pytest.mark.parametrize("cursor", ["W10", "x", cursor_of("a"), cursor_of("a", "b"), cursor_of("1", "b", "c")])
async def test_a_cursor_that_was_made_up_is_refused(lives: Adjudicate, cursor: str) -> None:
    answer = await lives.call("GET", "/v1/escalations", query=f"cursor={cursor}")
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_a_list_that_lacks_a_project_is_not_told_as_whole(lives: Adjudicate) -> None:
    gone = lives.services[2]
    await lives.kill(gone, noticed=False)
    answer = await lives.call("GET", "/v1/escalations")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    lives.house.cluster.expire(address(gone).removeprefix("http://"))
    await lives.whole()
    assert await listed(lives) == []


async def test_rulings_over_units_of_many_places_are_each_their_owners_and_answered_in_order(lives: Adjudicate) -> None:
    units = [await escalate(lives, project) for project in PROJECTS]
    await lives.settle()
    rows = [{"unit_id": unit, **RULING} for unit in units]
    odd = [*rows[:7], {"unit_id": units[7], "label": "no"}, *rows[8:], {"unit_id": "k1-none", **RULING}]
    for status in ("ruled", "repeated"):
        results = (await lives.call("POST", "/v1/rulings", {"rulings": odd})).json()["results"]
        assert [result["unit_id"] for result in results] == [*units, "k1-none"]
        assert [result["status"] for result in results] == [status] * 7 + ["refused"] + [status] * 4 + ["refused"]
        assert results[7]["field"] == "rulings[7].reason"
    assert (await lives.call("POST", f"/v1/escalations/{units[7]}/ruling", RULING)).json()["status"] == "ruled"
    await lives.settle()
    assert await listed(lives) == []
    counts = await verdicts(lives)
    assert [counts[unit, "adjudicated"] for unit in units] == [1] * len(units)


async def test_where_units_of_a_project_stand_and_its_competence_are_told_by_any_life(lives: Adjudicate) -> None:
    project_id = PROJECTS[3]
    await teller(lives, project_id).competence("a", [9, 1, 1, 9])
    unit_id = await escalate(lives, project_id)
    await lives.settle()
    for _ in lives.services:
        lines = await lives.call("GET", f"/v1/projects/{project_id}/resolutions", role=Role.OPERATOR)
        assert msgspec.json.decode(lines.body)["unit_id"] == unit_id
        weights = await lives.call("GET", f"/v1/projects/{project_id}/competence", role=Role.OPERATOR)
        assert weights.json()["gold_units"] == 20


async def test_lives_that_come_leave_die_and_stand_still_lose_no_label_and_decide_no_round_twice(
    lives: Adjudicate,
) -> None:
    async def labels(number: int, who: str) -> None:
        for project_id in PROJECTS:
            await teller(lives, project_id).annotation(unit_of(project_id), number, who, "yes" if number > 1 else "no")

    for project_id in PROJECTS:
        await teller(lives, project_id).unit(unit_of(project_id))
    await labels(1, "a")
    await lives.join()
    await labels(2, "b")
    await lives.leave(lives.services[0])
    await labels(3, "c")
    await lives.kill(lives.services[0])
    await labels(4, "d")
    # One stands still past its session and goes on: its places are another's meanwhile.
    lives.house.cluster.expire(address(lives.services[0]).removeprefix("http://"))
    await lives.whole()
    counts = await verdicts(lives)
    for project_id in PROJECTS:
        of_unit = {kind: times for (unit_id, kind), times in counts.items() if unit_id == unit_of(project_id)}
        assert of_unit.pop("overlap_requested") == 1, "no round is decided twice, and none is lost"
        assert of_unit.pop("consensus_reached") == 1
        assert of_unit.keys() <= {"participant_joined"}
    states = [
        (await lives.handlers(project).repository.units([unit_of(project)]))[unit_of(project)] for project in PROJECTS
    ]
    assert all(set(state.annotators) == {"a", "b", "c", "d"} for state in states), "each label is in"


async def test_an_owner_that_looks_again_knows_what_another_closed_late(lives: Adjudicate) -> None:
    units = [await escalate(lives, project) for project in PROJECTS]
    await lives.settle()
    place = place_of(slot_of_project(PROJECTS[0]), PLACES_LOCAL)
    other = next(service for service in lives.services if place not in owner(service).open())
    # What an owner before had in hand is decided by an insert, and the owner of now is not told.
    await handlers_of(other).rulings.rule("senior", units[0], RulingWish("label", "so", "no"))
    assert units[0] in await listed(lives)
    repository = lives.handlers(PROJECTS[0]).repository
    repository.journal.forget()
    await repository.load(place)
    assert sorted(await listed(lives)) == sorted(units[1:])


async def test_each_life_decides_the_open_units_of_its_own_projects_by_their_new_policies(lives: Adjudicate) -> None:
    for project_id in PROJECTS:
        upstream = teller(lives, project_id)
        await upstream.unit(unit_of(project_id))
        for number, who in enumerate("ab", start=1):
            await upstream.annotation(unit_of(project_id), number, who, "no" if number > 1 else "yes")
    assert await verdicts(lives) == Counter({(unit_of(project), "overlap_requested"): 1 for project in PROJECTS})
    for project_id in PROJECTS:
        await teller(lives, project_id).project(voting(2, 2), revision=2)
    await until(lambda: all(lives.handlers(project).redefinitions.decided(project) == 2 for project in PROJECTS))
    counts = await verdicts(lives)
    assert {project: counts[unit_of(project), "escalated"] for project in PROJECTS} == dict.fromkeys(PROJECTS, 1)
    for service in lives.services:
        decided = [project for project in PROJECTS if handlers_of(service).redefinitions.decided(project) == 2]
        assert all(place_of(slot_of_project(name), PLACES_LOCAL) in owner(service).open() for name in decided)


async def test_a_policy_that_came_while_nobody_had_the_project_is_applied_by_whoever_gets_it(lives: Adjudicate) -> None:
    project_id = PROJECTS[5]
    upstream = teller(lives, project_id)
    await upstream.unit(unit_of(project_id))
    for number, who in enumerate("ab", start=1):
        await upstream.annotation(unit_of(project_id), number, who, "no" if number > 1 else "yes")
    await lives.settle()
    for service in list(lives.services):
        await lives.kill(service)
    await upstream.project(voting(2, 2), revision=2)
    await lives.join(2)
    await until(lambda: lives.handlers(project_id).redefinitions.decided(project_id) == 2)
    assert (await verdicts(lives))[unit_of(project_id), "escalated"] == 1


class CountingStore(MemoryStore):
    """Counts the documents that are read, and how often it was asked, by collection."""

    read: Counter[str]
    asked: Counter[str]

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        found = await super().find(collection, field, values, only)
        self.read[collection] += len(found)
        self.asked[collection] += 1
        return found

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        found = await super().get(collection, ids, only)
        self.read[collection] += len(found)
        return found


async def test_a_start_costs_what_is_open_keeps_nothing_of_closed_units_and_weighs_by_what_they_said() -> None:
    found = await start(House())
    upstream, project_id, closed = found.upstream, found.upstream.project_id, 2 * TALLY_UNITS + TALLY_UNITS // 2
    await upstream.project(voting(2, 5))
    await upstream.competence("a", [9, 1, 1, 9])
    for number in range(closed):
        unit_id = placed_id("u", project_id, f"closed{number}")
        await upstream.unit(unit_id)
        for nth, who in enumerate("ab", start=1):
            await upstream.annotation(unit_id, nth, who, "yes" if number % 5 else "no")
        if number % 2 and number > closed - TALLY_UNITS // 2:
            await found.settle()  # so that there are many notes
    for number in range(3):
        await upstream.unit(placed_id("u", project_id, f"open{number}"))
        await upstream.annotation(placed_id("u", project_id, f"open{number}"), 1, "a", "yes")
    await upstream.unit(placed_id("u", project_id, "fresh"))
    await found.settle()
    view = found.handlers().repository.view(project_id)
    await until(lambda: not view.shares.due(0))
    assert len(list(view.open_units())) == 3
    assert view.settled()["yes".join('""')] == closed * 4 // 5
    noted = len(view.shares.due(2**62))
    assert noted < TALLY_UNITS
    await found.leave(found.service)

    ports = found.house.ports("adjudicate")
    store = CountingStore(found.house.database("adjudicate"))
    store.read, store.asked = Counter(), Counter()
    after = wire(AdjudicateSettings.from_environment(ENVIRONMENT), dataclasses.replace(ports, store=store))
    await after.runtime.start()
    found.services.append(after)
    found.house.doors[address(after)] = after.application
    await found.whole()
    of_noted = RECORDS_A_UNIT * noted
    assert store.read[JOURNAL.name] <= 20 + of_noted, "what is open or in no tally, and what may not have been said"
    assert noted > TALLY_UNITS // 4
    assert store.asked[JOURNAL.name] <= 3 * PLACES_LOCAL, "one answer for all notes of a place, not one a note"
    assert store.asked[OPEN.name] <= PLACES_LOCAL, "markers are read once for units, competences and crowds"
    shares = handlers_of(after).repository.view(project_id).shares
    assert shares.counts() == {'"yes"': closed * 4 // 5, '"no"': closed // 5}
    assert shares.learnt() == view.shares.learnt()
    assert set(shares.learnt()) == {"a", "b"}
    assert sorted(handlers_of(after).repository.view(project_id).open_units()) == sorted(view.open_units())
    await found.stop()


async def test_a_killed_process_loses_nothing_of_what_was_resolved_and_a_tally_is_of_the_same_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(class_shares, "TALLY_UNITS", 12)
    learnt = []
    for kill_after in (None, 5, 11):
        found = await start(House())
        upstream, project_id = found.upstream, found.upstream.project_id
        await upstream.project(Policy(overlap=Overlap(initial=2, max=2), consensus=Consensus(confidence=0.6)))
        await upstream.competence("a", [9, 1, 1, 9])
        for number in range(12):
            unit_id = placed_id("u", project_id, f"n{number}")
            await upstream.unit(unit_id)
            for nth, who in enumerate("ab", start=1):
                await upstream.annotation(unit_id, nth, who, "yes" if number % 3 else "no")
            if number == kill_after:
                await found.settle()
                await found.kill(found.service)
                await found.join()
        await found.settle()
        shares = found.handlers().repository.view(project_id).shares
        await _tallied(found)
        assert shares.due(2**62) == [], "the tally is of all of them"
        learnt.append(shares.learnt())
        await found.stop()
    assert learnt[0] == learnt[1] == learnt[2] != {}


async def test_of_a_project_that_is_done_with_no_unit_is_noted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 5))
    unit_id = placed_id("u", found.upstream.project_id, "only")
    await found.upstream.unit(unit_id)
    for nth, who in enumerate("ab", start=1):
        await found.upstream.annotation(unit_id, nth, who, "yes")
    await found.settle()
    store = found.house.ports("adjudicate").store
    (note,) = await store.find(NOTES.name, "slot", range(SLOTS))
    assert note["units"] == [unit_id]
    monkeypatch.setattr(class_shares, "TALLY_US", 1)
    await _tallied(found)
    await found.stop()


async def _tallied(found: Adjudicate) -> None:
    """Return when a tally was kept, and what it is of is noted no more."""
    shares = found.handlers().repository.view(found.upstream.project_id).shares
    await until(lambda: shares.tallied_until_us > 0)
    store = found.house.ports("adjudicate").store
    while await store.find(NOTES.name, "slot", range(SLOTS)):  # noqa: ASYNC110 - a store tells no events
        await asyncio.sleep(0.01)
