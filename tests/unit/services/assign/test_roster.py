"""The roster through its door: states, lists, files."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from concord.chassis.clock import MICROSECONDS
from concord.chassis.identity import Role
from concord.contracts.topics import ANNOTATORS
from services.assign.domain.roster import LEADS_TO
from services.assign.schemas import timestamp
from tests.support.service import caller, until
from tests.unit.services.assign.desk import AT_US, PROJECT, Desk, claim, once, repository_of, submit, unit_event
from tests.unit.services.assign.test_lease_ends import ShiftedClock

NORTH = {"kind": "human", "skills": ["de", "law"], "languages": ["de"], "vendor": "North"}


@asynccontextmanager
async def operated(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    assert desk.service is not None, "assign runs"
    async with caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:
        yield operator


async def told_everywhere(desk: Desk, *names: str) -> None:
    """Return when every life has heard of these annotators as they were last defined."""

    def heard() -> bool:
        newest = dict.fromkeys(names, 0)
        for event in once(desk.house, ANNOTATORS):
            if (name := event.annotator_defined.annotator_id) in newest:
                newest[name] = max(newest[name], event.annotator_defined.revision)
        pools = [repository_of(service).pool for service in desk.running]
        return all(
            (found := pool.find(name)) is not None and found.revision == revision
            for pool in pools
            for name, revision in newest.items()
        )

    await until(heard)


async def change(operator: httpx.AsyncClient, name: str, state: str, **more: Any) -> httpx.Response:
    return await operator.patch(f"/v1/annotators/{name}", json={"state": state, **more})


async def send(operator: httpx.AsyncClient, content: bytes, kind: str = "text/csv") -> httpx.Response:
    return await operator.post("/v1/annotators", content=content, headers={"content-type": kind})


async def test_who_was_invited_is_active_from_their_first_claim_on_and_that_is_told() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(), operated(desk) as operator:
        made = await operator.put("/v1/annotators/ann", json={"state": "invited"})
        assert (made.status_code, made.json()["state"]) == (201, "invited")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            assert (await ann.get("/v1/me")).json()["state"] == "invited", "looking is not coming"
            assert len(await claim(ann)) == 1
            await told_everywhere(desk, "ann")
            assert (await ann.get("/v1/me")).json()["state"] == "active"
        shown = (await operator.get("/v1/annotators/ann")).json()
        assert (shown["state"], shown["revision"]) == ("active", 2)
    rows = [event.annotator_defined for event in once(desk.house, ANNOTATORS)]
    assert [(row.revision, row.state) for row in rows] == [(1, "invited"), (2, "active")]


async def test_who_is_paused_is_offered_nothing_new_finishes_what_they_hold_and_comes_back_by_themselves() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project()
    async with desk.open(), operated(desk) as operator:
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann:
            (mine,) = await claim(ann)
            until = timestamp(clock.now_us() + 60 * MICROSECONDS)
            paused = await change(operator, "ann", "paused", reason="On leave.", until=until)
            assert (paused.status_code, paused.json()["state_until"]) == (200, until)
            await told_everywhere(desk, "ann")
            assert [assignment["assignment_id"] for assignment in await claim(ann, 5)] == [mine["assignment_id"]]
            sent = (await submit(ann, mine["assignment_id"], next=1)).json()
            assert (sent["status"], sent["next"]["why"]["code"]) == ("accepted", "annotator_paused")
            assert sent["next"]["reason"] == f"You are paused until {until}: On leave."
            refused = await ann.post(f"/v1/projects/{PROJECT}/claims", json={})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "annotator_id")
            assert until[:19] in refused.json()["errors"][0]["cure"]
            any_project = await ann.post("/v1/claims", json={})
            assert any_project.json()["assignments"] == []
            standing = (await ann.get("/v1/me")).json()
            assert (standing["state"], standing["state_reason"]) == ("paused", "On leave.")
            assert [project["why"]["code"] for project in standing["projects"]] == ["annotator_paused"]
            clock.shift_seconds += 61
            assert (await ann.get("/v1/me")).json()["state"] == "active"


async def test_who_is_retired_has_their_label_taken_and_is_offered_nothing() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(), operated(desk) as operator:
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann:
            (mine,) = await claim(ann)
            assert (await change(operator, "ann", "retired")).status_code == 200
            await told_everywhere(desk, "ann")
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
            refused = await ann.post(f"/v1/projects/{PROJECT}/claims", json={})
            assert (refused.status_code, refused.json()["detail"]) == (409, "You are retired.")


async def test_a_state_that_cannot_follow_is_refused_with_those_that_can() -> None:
    desk = Desk()
    async with desk.open(), operated(desk) as operator:
        assert (await change(operator, "nobody", "paused")).status_code == 404
        await operator.put("/v1/annotators/ann", json={})
        refused = await change(operator, "ann", "invited")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "state")
        assert all(name in refused.json()["errors"][0]["cure"] for name in LEADS_TO["active"])
        ended = await change(operator, "ann", "paused", until="2001-01-01T00:00:00Z")
        assert (ended.status_code, ended.json()["errors"][0]["field"]) == (409, "until")
        assert (await change(operator, "ann", "asleep")).status_code == 422


async def test_who_is_qualifying_is_given_hidden_gold_alone_and_told_when_it_is_over() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(), operated(desk) as operator:
        await operator.put("/v1/annotators/ann", json={"state": "qualifying"})
        gold = [unit_event(f"c1-ugh{n}", AT_US + n, gold_label=b'"yes"') for n in range(3)]
        await desk.admit(*gold, *(unit_event(f"c1-ugi{n}", AT_US + n) for n in range(20)))
        async with desk.annotator("ann") as ann:
            (project,) = (await ann.get("/v1/me")).json()["projects"]
            assert project["waiting"] == 3
            offers = await claim(ann, 50)
            assert {offer["unit_id"] for offer in offers} == {"c1-ugh0", "c1-ugh1", "c1-ugh2"}
            for offer in offers:
                assert (await submit(ann, offer["assignment_id"])).json()["status"] == "accepted"
            reply = (await ann.post(f"/v1/projects/{PROJECT}/claims", json={})).json()
            assert (reply["assignments"], reply["why"]["code"]) == ([], "no_gold_left")
            assert (await change(operator, "ann", "active")).status_code == 200
            await told_everywhere(desk, "ann")
            assert {unit["unit_id"][:6] for unit in await claim(ann, 5)} == {"c1-ugi"}


PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "ann": NORTH,
    "bob": {
        "skills": ["de"],
        "vendor": "South",
        "credentials": [{"domain": "law", "expires_at": "2001-01-01T00:00:00Z"}],
    },
    "cem": {"skills": [], "kind": "model", "state": "qualifying"},
    "dia": {"credentials": [{"domain": "law"}], "vendor": "Northern", "state": "invited"},
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "ann bob cem dia"),
        ("?state=active", "ann bob"),
        ("?state=invited", "dia"),
        ("?kind=model", "cem"),
        ("?skill=law", "ann dia"),
        ("?skill=de&vendor=South", "bob"),
        ("?language=de", "ann"),
        ("?text=NORTH", "ann dia"),
        ("?text=em&state=qualifying", "cem"),
        ("?vendor=Nor", ""),
    ],
)
async def test_annotators_are_listed_and_looked_for_a_page_at_a_time(query: str, found: str) -> None:
    desk = Desk()
    async with desk.open(), operated(desk) as operator:
        for name, body in PEOPLE.items():
            assert (await operator.put(f"/v1/annotators/{name}", json=body)).status_code == 201
        await told_everywhere(desk, *PEOPLE)
        names, cursor = [], ""
        while True:
            more = f"{'&' if query else '?'}limit=1{f'&cursor={cursor}' if cursor else ''}"
            page = (await operator.get(f"/v1/annotators{query}{more}")).json()
            assert len(page["annotators"]) <= 1
            names += [annotator["annotator_id"] for annotator in page["annotators"]]
            if not (cursor := page["next"]):
                break
        assert names == found.split()
        assert (await operator.get(f"/v1/annotators{query}{'&' if query else '?'}sort=up")).status_code == 422


FILE = """\
annotator_id;kind;skills;credentials;languages;vendor;state
ann;;de|law;law=2300-01-31T00:00:00Z|tax;de|en;North;
bob;model;;;;;qualifying
"Zoë K.";robot;;;;;
;;;;;;
dia;;;law=soon;;;
eve;;;;;;asleep
fay;x
ann;;de;;;North;invited
gil;;de;;;;
"""


async def test_a_file_is_taken_row_by_row_and_what_is_wrong_is_refused_by_line_and_column() -> None:
    desk = Desk()
    async with desk.open(), operated(desk) as operator:
        report = (await send(operator, FILE.encode())).json()
        refusals = {entry["line"]: entry["field"] for entry in report.pop("refusals")}
        assert report == {"changed": 3, "unchanged": 0, "refused": 6}
        assert refusals == {4: "kind", 5: "annotator_id", 6: "credentials", 7: "state", 8: "line", 9: "state"}
        ann = (await operator.get("/v1/annotators/ann")).json()
        assert (ann["skills"], ann["languages"], ann["vendor"]) == (["de", "law"], ["de", "en"], "North")
        assert ann["credentials"] == [
            {"domain": "law", "expires_at": "2300-01-31T00:00:00Z"},
            {"domain": "tax", "expires_at": None},
        ]
        assert (await operator.get("/v1/annotators/bob")).json()["state"] == "qualifying"
        again = (await send(operator, FILE.encode())).json()
        assert (again["changed"], again["unchanged"], again["refused"]) == (0, 3, 6), "sent again it changes nothing"
        assert (await send(operator, b"annotator_id,vendor\nann,South\n")).json()["changed"] == 1
        ann = (await operator.get("/v1/annotators/ann")).json()
        assert (ann["vendor"], ann["skills"]) == ("South", ["de", "law"]), "a column that is not there changes nothing"


@pytest.mark.parametrize(
    ("content", "kind", "status", "field"),
    [
        (b"name,skills\nann,de\n", "text/csv", 422, "annotator_id"),
        (b"annotator_id,skill\nann,de\n", "text/csv", 422, "skill"),
        (b"", "text/csv", 422, "header"),
        ("annotator_id\nann\n".encode("utf-16"), "text/csv", 422, "body"),
        (b"annotator_id\nann\n", "application/json", 415, ""),
    ],
)
async def test_a_file_of_which_nothing_can_be_taken_is_refused_whole(
    content: bytes, kind: str, status: int, field: str
) -> None:
    desk = Desk()
    async with desk.open(1), operated(desk) as operator:
        reply = await send(operator, content, kind)
        assert reply.status_code == status, reply.text
        assert [error["field"] for error in reply.json().get("errors", [])] == ([field] if field else [])
        assert once(desk.house, ANNOTATORS) == []


async def test_a_file_of_more_rows_than_may_be_stops_there_and_says_in_which_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.assign.door.roster.ROWS_MAX", 3)
    monkeypatch.setattr("services.assign.door.roster.ROWS_AT_ONCE", 2)
    desk = Desk()
    async with desk.open(1), operated(desk) as operator:
        rows = b"annotator_id\n" + b"".join(b"a%d\n" % number for number in range(6))
        reply = (await send(operator, rows)).json()
        assert (reply["changed"], reply["stopped"]["line"], reply["stopped"]["field"]) == (3, 5, "body")


async def test_an_operator_of_one_client_sees_and_changes_nobody() -> None:
    desk = Desk()
    async with desk.open(1):
        assert desk.service is not None
        token = desk.house.token("op", Role.OPERATOR, client_id="c1")
        async with caller(desk.service, token) as operator:
            statuses = [
                (await operator.get("/v1/annotators")).status_code,
                (await send(operator, b"annotator_id\nann\n")).status_code,
                (await change(operator, "ann", "paused")).status_code,
            ]
        assert statuses == [403, 403, 403]
