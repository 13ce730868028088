"""Gold in doubt: flagged once, shown to who did not answer it, and ruled by one person with a reason."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import DEAD_LETTERS
from concord.contracts.v1.resolutions_pb2 import GoldFlagged, GoldRuled
from concord.labels.versions import Step
from simulation.house import Answer, House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start, voting

ANSWERED = ("ann", "bob", "cem", "dan", "eve")
LIST = f"/v1/projects/{PROJECT}/gold"


@pytest.fixture
async def adjudicate() -> AsyncIterator[Adjudicate]:
    running = await start(House())
    await running.upstream.project(voting(2, 5))
    yield running
    await running.stop()


async def doubted(running: Adjudicate, *unit_ids: str) -> None:
    for unit_id in unit_ids:
        await running.upstream.unit(unit_id, gold="no")
        await running.upstream.gold_doubted(unit_id, "no", "yes", ANSWERED)
    await running.settle()


async def rule(running: Adjudicate, unit_id: str, outcome: str, label: Any = None, **more: Any) -> Answer:
    body = {"outcome": outcome, "reason": more.pop("reason", "The guideline says so.")}
    return await running.call("POST", f"/v1/gold/{unit_id}/ruling", body | ({"label": label} if label else {}), **more)


def of_gold(running: Adjudicate) -> list[Any]:
    rows = [(event.WhichOneof("event"), event) for event in running.events()]
    return [getattr(event, str(kind)) for kind, event in rows if str(kind).startswith("gold_")]


async def test_gold_in_doubt_is_flagged_once_and_shown_with_what_is_said_and_to_nobody_who_answered_it(
    adjudicate: Adjudicate,
) -> None:
    await doubted(adjudicate, "k1-ug1")
    await adjudicate.upstream.gold_doubted("k1-ug1", "no", "yes", (*ANSWERED, "fay"))
    await adjudicate.settle()
    (flagged,) = of_gold(adjudicate)
    assert (flagged.unit_id, flagged.revision, flagged.reason) == ("k1-ug1", 1, "doubted")
    body = (await adjudicate.call("GET", LIST)).json()
    (shown,) = body["gold"]
    assert (shown["known_label"], shown["said"]) == ("no", [{"label": "yes", "annotators": 5}])
    assert (shown["good"], shown["disagreeing"], shown["share_low"]) == (5, 5, 0.55)
    assert "/v1/payloads/k1-ug1?" in shown["payload_url"]
    assert body["label_schema"]["kind"] == "choice"
    assert "ann" not in str(body).replace("annotators", "")
    assert (await adjudicate.call("GET", LIST, subject="bob")).json()["gold"] == []


@pytest.mark.parametrize(
    ("outcome", "label", "known"),
    [("confirmed", None, b'"no"'), ("corrected", "yes", b'"yes"'), ("retired", None, b"")],
)
async def test_a_ruling_is_told_once_stands_and_survives_a_restart(
    adjudicate: Adjudicate, outcome: str, label: Any, known: bytes
) -> None:
    await doubted(adjudicate, "k1-ug1")
    first, again = [await rule(adjudicate, "k1-ug1", outcome, label) for _ in range(2)]
    assert (first.status, first.json()["status"], again.json()["status"]) == (200, "ruled", "repeated")
    assert first.json()["label"] == (None if outcome == "retired" else label or "no")
    await adjudicate.settle()
    _, ruled = of_gold(adjudicate)
    assert (ruled.outcome, ruled.known_label, ruled.revision, ruled.reviewer_id) == (outcome, known, 2, "senior")
    await adjudicate.kill(adjudicate.service)
    await adjudicate.join()
    await adjudicate.upstream.gold_doubted("k1-ug1", "no", "yes", ANSWERED)
    await adjudicate.settle()
    assert (await adjudicate.call("GET", LIST)).json()["gold"] == [], "a person has ruled: it is doubted no more"
    other = await rule(adjudicate, "k1-ug1", "retired", reason="another", subject="other")
    assert (other.status, other.json()["errors"][0]["field"]) == (409, "unit_id")


async def test_gold_that_nobody_can_say_any_more_is_flagged_whatever_was_ruled_and_is_not_confirmed(
    adjudicate: Adjudicate,
) -> None:
    upstream = adjudicate.upstream
    await doubted(adjudicate, "k1-ug1")
    await upstream.unit("k1-ug2", gold="no")
    assert (await rule(adjudicate, "k1-ug1", "confirmed")).status == 200
    split = Step(2, "split", "", "no", ("never", "hardly"))
    added = (Step(2, "add", "", "never"), Step(2, "add", "", "hardly"))
    await upstream.project(voting(2, 5), ["no", "yes", "never", "hardly"], revision=2, steps=(split, *added))
    for unit_id in ("k1-ug1", "k1-ug2"):
        for _ in range(2):
            await upstream.gold_closed(unit_id, "no", 2, ("ann",))
    await adjudicate.settle()
    rows = [
        (flagged.unit_id, flagged.revision, flagged.reason)
        for flagged in of_gold(adjudicate)
        if isinstance(flagged, GoldFlagged)
    ]
    assert rows == [("k1-ug1", 1, "doubted"), ("k1-ug1", 3, "closed"), ("k1-ug2", 1, "closed")], "each once"
    shown = (await adjudicate.call("GET", LIST)).json()
    assert [(unit["unit_id"], unit["closed_since"]) for unit in shown["gold"]] == [("k1-ug1", 2), ("k1-ug2", 2)]
    assert shown["label_schema"]["classes"] == ["yes", "never", "hardly"]
    refused = await rule(adjudicate, "k1-ug1", "confirmed", reason="another")
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "outcome")
    assert (await rule(adjudicate, "k1-ug1", "corrected", "no")).status == 422
    assert (await rule(adjudicate, "k1-ug1", "corrected", "never")).status == 200
    assert (await rule(adjudicate, "k1-ug2", "retired")).status == 200
    await adjudicate.settle()
    ruled = [gold_ruled for gold_ruled in of_gold(adjudicate) if isinstance(gold_ruled, GoldRuled)][1:]
    assert [(gold_ruled.outcome, gold_ruled.known_label, gold_ruled.schema_version) for gold_ruled in ruled] == [
        ("corrected", b'"never"', 2),
        ("retired", b"", 2),
    ]
    await upstream.gold_closed("k1-ug1", "no", 2)
    await upstream.gold_closed("k1-ug2", "no", 3)
    await adjudicate.settle()
    assert (await adjudicate.call("GET", LIST)).json()["gold"] == [], "what was told before the ruling, or of no use"
    await upstream.gold_closed("k1-ug1", "never", 3)
    await adjudicate.settle()
    assert [entry["closed_since"] for entry in (await adjudicate.call("GET", LIST)).json()["gold"]] == [3]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "corrected", "reason": "r"}, "label"),
        ({"outcome": "confirmed", "reason": "r", "label": "yes"}, "label"),
        ({"outcome": "corrected", "reason": "r", "label": "no"}, "label"),
        ({"outcome": "corrected", "reason": "r", "label": "perhaps"}, "label"),
        ({"outcome": "confirmed", "reason": " "}, "reason"),
        ({"outcome": "doubted", "reason": "r"}, "outcome"),
        ({"outcome": "confirmed", "reason": "r", "why": 1}, "why"),
    ],
)
async def test_what_cannot_stand_is_refused_with_the_field(adjudicate: Adjudicate, body: Any, field: str) -> None:
    await doubted(adjudicate, "k1-ug1")
    refused = await adjudicate.call("POST", "/v1/gold/k1-ug1/ruling", body)
    assert refused.status == 422, refused.body
    assert refused.json()["errors"][0]["field"].startswith(field)
    assert len(of_gold(adjudicate)) == 1


async def test_what_is_no_gold_in_doubt_or_ones_own_answer_looks_as_if_it_were_not_there(
    adjudicate: Adjudicate,
) -> None:
    await doubted(adjudicate, "k1-ug1", "k1-ug2")
    await adjudicate.upstream.unit("k1-u1")
    await adjudicate.upstream.unit("k1-ug3", gold="no")
    await adjudicate.upstream.erased("k1-ug2")
    await adjudicate.settle()
    for unit_id in ("k1-u1", "k1-ug3", "k1-ug2", "k1-nothing"):
        assert (await rule(adjudicate, unit_id, "confirmed")).status == 404, unit_id
    assert (await rule(adjudicate, "k1-ug1", "confirmed", subject="ann")).status == 404
    assert (await rule(adjudicate, "k1-ug1", "confirmed", client_id="k2")).status == 404
    assert [unit["unit_id"] for unit in (await adjudicate.call("GET", LIST)).json()["gold"]] == ["k1-ug1"]


async def test_pages_go_on_where_the_one_before_ended(adjudicate: Adjudicate) -> None:
    names = [f"k1-ug{number}" for number in range(5)]
    await doubted(adjudicate, *names)
    found: list[str] = []
    cursor, pages = "", 0
    while True:
        page = (await adjudicate.call("GET", LIST, query=f"limit=2&cursor={cursor}", role=Role.OPERATOR)).json()
        assert "gold" in page, page
        found += [unit["unit_id"] for unit in page["gold"]]
        pages += 1
        if not (cursor := page["next"]):
            break
    assert (found, pages) == (names, 3)


async def test_a_doubt_of_anothers_unit_is_a_dead_letter(adjudicate: Adjudicate) -> None:
    await adjudicate.upstream.gold_doubted("k2-ug1", "no", "yes", ANSWERED)
    await adjudicate.settle()
    (letter,) = adjudicate.house.events(DEAD_LETTERS)
    assert "k2-ug1" in letter.reason
