"""Rulings that give no label: a unit that is unanswerable, and one that waits for an answer about the guideline."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.clock import MICROSECONDS, SystemClock
from concord.chassis.identity import Role
from concord.chassis.telemetry import ByProject
from services.adjudicate import bootstrap
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.support.series import by_project
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, begun_anew, start, voting

LATER_SECONDS = 90


class Later(SystemClock):
    """The system's clock, ahead of it."""

    def now_us(self) -> int:
        return super().now_us() + LATER_SECONDS * MICROSECONDS


QUESTIONS = f"/v1/projects/{PROJECT}/questions"
UNANSWERABLE = {"outcome": "unanswerable", "reason": "The text breaks off."}
UNCLEAR = {"outcome": "guideline_unclear", "reason": "It does not say what follows from a year."}


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def adjudicate(request: pytest.FixtureRequest) -> AsyncIterator[Adjudicate]:
    found = await start(House(), request.param)
    await found.upstream.project(Policy(overlap=Overlap(initial=2, max=4), consensus=Consensus(confidence=0.93)))
    await found.settle()
    yield found
    await found.stop()


async def rule(adjudicate: Adjudicate, unit: str, ruling: dict[str, Any], subject: str = "senior") -> Any:
    return await adjudicate.call("POST", f"/v1/escalations/{unit}/ruling", ruling, subject)


async def questions(adjudicate: Adjudicate, query: str = "") -> list[dict[str, Any]]:
    answer = await adjudicate.call("GET", QUESTIONS, role=Role.OPERATOR, query=query)
    assert answer.status == 200, answer.body
    return list(answer.json()["questions"])


async def shown(adjudicate: Adjudicate) -> list[str]:
    return [
        escalation["unit_id"] for escalation in (await adjudicate.call("GET", "/v1/escalations")).json()["escalations"]
    ]


async def stands(adjudicate: Adjudicate, unit: str) -> dict[str, Any]:
    answer = await adjudicate.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.OPERATOR)
    (found,) = [entry for entry in map(json.loads, answer.body.splitlines()) if entry["unit_id"] == unit]
    return dict(found)


async def test_what_is_unanswerable_is_settled_without_a_label_and_told_once(adjudicate: Adjudicate) -> None:
    await adjudicate.escalate("k1-utb1", "yes", "no")
    first, again = [await rule(adjudicate, "k1-utb1", UNANSWERABLE) for _ in range(2)]
    assert (first.json()["status"], again.json()["status"]) == ("ruled", "repeated")
    assert (await rule(adjudicate, "k1-utb1", {"label": "yes", "reason": "It says so."})).status == 409
    assert (await adjudicate.decisions())[-1] == ("k1-utb1", "ruled_unanswerable")
    (ruling,) = (event.ruled_unanswerable for event in adjudicate.events() if event.HasField("ruled_unanswerable"))
    assert (ruling.adjudicator_id, ruling.reason, len(ruling.evidence)) == ("senior", UNANSWERABLE["reason"], 2)
    assert set(ruling.participants) == {"good", "fine", "senior"}
    found = await stands(adjudicate, "k1-utb1")
    assert (found["status"], found["label"], found["reason"]) == ("unanswerable", None, UNANSWERABLE["reason"])
    assert await shown(adjudicate) == []


@pytest.mark.parametrize(
    ("ruling", "field"),
    [
        ({"reason": "r"}, "label"),
        ({"outcome": "unanswerable", "label": "yes", "reason": "r"}, "label"),
        ({"outcome": "unanswerable", "reason": " "}, "reason"),
        ({"outcome": "unanswerable", "reason": "r", "question_id": "q1"}, "question_id"),
        ({"outcome": "guideline_unclear", "reason": "r", "question_id": "q1"}, "question_id"),
        ({"outcome": "dunno", "reason": "r"}, "outcome"),
    ],
)
async def test_a_ruling_without_a_label_says_why_and_nothing_beside(ruling: dict[str, Any], field: str) -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.escalate("k1-utb1")
    answer = await rule(found, "k1-utb1", ruling)
    assert answer.status in (400, 422), answer.body
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await shown(found) == ["k1-utb1"]
    await found.stop()


async def test_units_wait_for_one_answer_and_go_on_under_the_new_version(adjudicate: Adjudicate) -> None:
    for unit in ("k1-utb1", "k1-utb2", "k1-utb3"):
        await adjudicate.escalate(unit, "yes", "no")
    for unit in ("k1-utb1", "k1-utb2"):
        assert (await rule(adjudicate, unit, UNCLEAR)).json()["status"] == "waits"
    assert (await rule(adjudicate, "k1-utb2", UNCLEAR)).json()["status"] == "repeated"
    assert await shown(adjudicate) == ["k1-utb3"]
    assert (await rule(adjudicate, "k1-utb1", {"label": "yes", "reason": "r"}, "other")).status == 409
    (question,) = await questions(adjudicate)
    assert (question["status"], question["labels"], question["units_waiting"]) == ("open", ["no", "yes"], 2)
    assert question["asked"] == 2, "said again it is not asked again"
    assert {example["unit_id"] for example in question["examples"]} == {"k1-utb1", "k1-utb2"}
    assert {example["reason"] for example in question["examples"]} == {UNCLEAR["reason"]}
    assert question["examples"][0]["flags"] == ["a", "b"]
    assert "senior" not in str(question), "a lead is told what is asked, and not who asked"
    path = f"{QUESTIONS}/{question['question_id']}/answer"
    early = await adjudicate.call(
        "POST", path, {"answer": "What follows is said.", "guideline_version": 2}, role=Role.OPERATOR
    )
    assert (early.status, early.json()["errors"][0]["field"]) == (422, "guideline_version"), early.body
    old = await adjudicate.call("POST", path, {"answer": "It is said.", "guideline_version": 1}, role=Role.OPERATOR)
    assert (old.status, old.json()["errors"][0]["field"]) == (422, "guideline_version"), "it was asked under it"
    await adjudicate.upstream.project(
        Policy(overlap=Overlap(initial=2, max=4), consensus=Consensus(confidence=0.93)), revision=2, guideline_version=2
    )
    answer = {"answer": "What follows is said.", "guideline_version": 2}
    answers = [await adjudicate.call("POST", path, answer, "lead", role=Role.OPERATOR) for _ in range(2)]
    assert [entry.json()["status"] for entry in answers] == ["answered", "repeated"]

    await until(lambda: adjudicate.handlers().repository.view(PROJECT).escalations_open == 3)
    (answered,) = (event.guideline_answered for event in adjudicate.events() if event.HasField("guideline_answered"))
    assert (answered.guideline_version, answered.answered_by, answered.units_waiting) == (2, "lead", 2)
    (question,) = await questions(adjudicate)
    assert (question["status"], question["units_waiting"]) == ("answered", 0)
    assert question["answers"][0]["answer"] == answer["answer"]
    # The same may be asked of the same unit again, by the same person, once it was answered.
    assert (await rule(adjudicate, "k1-utb1", UNCLEAR)).json()["status"] == "waits"
    assert [entry["status"] for entry in await questions(adjudicate)] == ["open"]
    assert sorted(await shown(adjudicate)) == ["k1-utb2", "k1-utb3"]
    kinds = [kind for unit, kind in await unit_events(adjudicate) if unit == "k1-utb1"]
    assert kinds == ["escalated", "guideline_asked", "guideline_asked"]


async def unit_events(adjudicate: Adjudicate) -> list[tuple[str, str]]:
    await adjudicate.settle()
    kinds = [(str(event.WhichOneof("event")), event) for event in adjudicate.events()]
    return [(getattr(event, kind).unit_id, kind) for kind, event in kinds if kind != "guideline_answered"]


async def test_who_waits_goes_on_though_every_process_dies_right_after_the_answer() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.escalate("k1-utb1", "yes", "no")
    await rule(found, "k1-utb1", UNCLEAR)
    (question,) = await questions(found)
    handlers = found.handlers()
    project = handlers.projects.rows[PROJECT]
    # Answered in the journal, and dead before the next look at those that wait.
    await handlers.questions.answer(project, question["question_id"], 0, "It does say.", "lead")
    found = await begun_anew(found)

    await until(lambda: found.handlers().repository.view(PROJECT).escalations_open == 1)
    assert await shown(found) == ["k1-utb1"]
    assert [entry["status"] for entry in await questions(found)] == ["dismissed"]
    await found.stop()


async def tell_ages(found: Adjudicate, oldest: ByProject, clock: Later) -> dict[str, float]:
    """Tell of escalations, and return how long the oldest of each project has waited, as it is shown."""
    instruments = found.handlers().deciding.instruments
    await bootstrap._tell_ages(found.handlers().repository, instruments, oldest, clock)
    return by_project(instruments, bootstrap.OLDEST)


async def test_escalations_are_told_by_who_has_just_begun_and_does_nothing() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.escalate("k1-utb1", "yes", "no")
    found = await begun_anew(found)
    await until(lambda: found.handlers().repository.view(PROJECT).escalations_open == 1)
    instruments = found.handlers().deciding.instruments
    await tell_ages(found, ByProject(instruments, bootstrap.OLDEST), Later())
    assert instruments.gauge("concord_adjudicate_escalations_open")._value.get() == 1
    await found.stop()


async def test_the_age_of_the_oldest_escalation_is_told_until_it_is_ruled() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.escalate("k1-utb1", "yes", "no")
    view = found.handlers().repository.view(PROJECT)
    since_us = view.oldest_us
    assert since_us
    await found.escalate("k1-utb2", "yes", "no")
    assert view.oldest_us == since_us, "the older one's"
    oldest, clock = ByProject(found.handlers().deciding.instruments, bootstrap.OLDEST), Later()
    (seconds,) = (await tell_ages(found, oldest, clock)).values()
    assert seconds >= LATER_SECONDS
    for unit_id in ("k1-utb1", "k1-utb2"):
        assert (await rule(found, unit_id, UNANSWERABLE)).json()["status"] == "ruled"
    assert await tell_ages(found, oldest, clock) == {}
    assert view.oldest_us == 0
    await found.stop()


async def test_labels_that_are_often_confused_are_asked_about_until_that_is_answered() -> None:
    found = await start(House())
    await found.upstream.project(voting(3, 3))
    for number in range(6):
        await found.upstream.unit(f"k1-utb{number}")
        for nth, (annotator, label) in enumerate((("good", "yes"), ("fine", "yes"), ("coin", "no")), start=1):
            await found.upstream.annotation(
                f"k1-utb{number}", nth, annotator, label, flag="unclear" if nth == 3 else ""
            )
    await found.settle()
    (question,) = await questions(found)
    assert (question["status"], question["labels"], question["asked"]) == ("noticed", ["no", "yes"], 0)
    assert (question["units_confused"], question["units_flagged"], len(question["examples"])) == (6, 6, 3)
    path = f"{QUESTIONS}/{question['question_id']}/answer"
    dismissed = await found.call("POST", path, {"answer": "They are told apart."}, role=Role.CLIENT, client_id="k1")
    assert dismissed.json()["status"] == "dismissed"
    (question,) = await questions(found)
    assert (question["status"], question["units_confused"]) == ("dismissed", 0), "counted since the answer"
    found = await begun_anew(found)
    assert [entry["status"] for entry in await questions(found)] == ["dismissed"]
    await found.stop()


async def test_questions_are_told_by_pages_and_to_nobody_else() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2), schema={"kind": "text"})
    for number in range(5):
        await found.escalate(f"k1-utb{number}", "one", "two")
        await rule(found, f"k1-utb{number}", UNCLEAR)
    everything, pages, cursor = await questions(found), [], ""
    while True:
        query = f"limit=2&cursor={cursor}"
        answer = (await found.call("GET", QUESTIONS, role=Role.OPERATOR, query=query)).json()
        pages += answer["questions"]
        if not (cursor := answer["next"]):
            break
    ids = [page["question_id"] for page in pages]
    assert ids == [entry["question_id"] for entry in everything]
    assert len(set(ids)) == 5, "texts have no classes: each unit asks a question of its own"
    assert [page["labels"] for page in pages] == [[]] * 5
    for status, count in (("open", 5), ("answered", 0)):
        some = await found.call("GET", QUESTIONS, role=Role.OPERATOR, query=f"status={status}")
        assert len(some.json()["questions"]) == count
    bad = await found.call("GET", QUESTIONS, role=Role.OPERATOR, query="cursor=WzFd")
    assert (bad.status, bad.json()["errors"][0]["field"]) == (422, "cursor")
    # One joins the question of another unit.
    await found.escalate("k1-utb9", "one", "two")
    joined = await rule(found, "k1-utb9", {**UNCLEAR, "question_id": ids[0]})
    assert joined.json()["question_id"] == ids[0]
    assert (
        next(question for question in await questions(found) if question["question_id"] == ids[0])["units_waiting"] == 2
    )
    assert (await found.call("GET", QUESTIONS, role=Role.CLIENT, client_id="k2")).status == 404
    await found.stop()
