"""Units that annotators pass over: what the guideline does not say is asked, what is broken is ruled."""

from concord.chassis.identity import Role
from concord.contracts.topics import ANNOTATIONS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, UnitPassedOver
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.domain.waiting import waits
from services.ingest.domain.project import Policy
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start, voting
from tests.unit.services.adjudicate.test_outcomes import QUESTIONS, questions, rule, shown, stands


async def passed(
    found: Adjudicate, unit: str, who: str, code: str, times: int = 1, version: int = 1, *, by_model: bool = False
) -> None:
    unit_passed_over = UnitPassedOver(
        unit_id=unit,
        annotator_id=who,
        code=code,
        reason=f"{who} says why",
        guideline_version=version,
        by_model=by_model,
    )
    await found.upstream.tell(ANNOTATIONS, unit, AnnotationEvent(unit_passed_over=unit_passed_over), times=times)


async def test_a_unit_that_two_find_unclear_is_asked_about_with_what_both_say() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.upstream.unit("k1-utb1")
    await passed(found, "k1-utb1", "ann", "guideline_unclear", times=2)
    await found.settle()
    assert await questions(found) == [], "one person may be wrong"
    await passed(found, "k1-utb1", "bob", "guideline_unclear")
    await found.settle()
    (question,) = await questions(found)
    assert (question["status"], question["skipped"], question["units_waiting"]) == ("noticed", 2, 0)
    assert [(example["unit_id"], example["reason"]) for example in question["examples"]] == [
        ("k1-utb1", "bob says why")
    ]
    assert "annotator" not in str(question), "a lead is told what is unclear, and not to whom"
    assert await found.decisions() == [], "it waits for nobody: others may still label it"
    path = f"{QUESTIONS}/{question['question_id']}/answer"
    await found.upstream.project(voting(2, 2), revision=2, guideline_version=2)
    answer = {"answer": "Take the last sentence.", "guideline_version": 2}
    assert (await found.call("POST", path, answer, "lead", role=Role.OPERATOR)).json()["status"] == "answered"
    await passed(found, "k1-utb1", "cem", "guideline_unclear", version=1)
    await found.settle()
    (question,) = await questions(found)
    assert (question["status"], question["skipped"]) == ("answered", 0), "cem had the guideline before the answer"
    await passed(found, "k1-utb1", "dan", "guideline_unclear", version=2)
    await found.settle()
    (question,) = await questions(found)
    assert (question["status"], question["skipped"]) == ("noticed", 1)
    await found.stop()


async def test_what_two_cannot_open_goes_to_an_adjudicator_and_round_no_more() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.upstream.unit("k1-utb1")
    await passed(found, "k1-utb1", "ann", "payload_broken", times=3)
    assert await found.decisions() == [], "ann said it once, however often it is told"
    await passed(found, "k1-utb1", "bob", "payload_broken")
    assert await found.decisions() == [("k1-utb1", "escalated")]
    (escalated,) = (event.escalated for event in found.events())
    assert (escalated.reason, len(escalated.evidence)) == ("payload_broken", 0)
    await found.upstream.labelling_ended("k1-utb1")
    await found.settle()
    assert await shown(found) == ["k1-utb1"]
    assert "could not read, see or hear it" in (await stands(found, "k1-utb1"))["waits"]
    ruling = {"outcome": "unanswerable", "reason": "The file is empty."}
    assert (await rule(found, "k1-utb1", ruling)).json()["status"] == "ruled"
    spent = (await found.call("GET", f"/v1/projects/{PROJECT}/spending", role=Role.OPERATOR)).json()
    assert [reason["reason"] for reason in spent["reasons"]] == ["payload_broken"]
    await found.stop()


async def test_what_models_cannot_read_is_no_word_of_a_persons() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.upstream.unit("k1-utb1")
    for code in ("payload_broken", "guideline_unclear"):
        for who in ("m-1", "m-2", "m-3"):
            await passed(found, "k1-utb1", who, code, by_model=True)
        await passed(found, "k1-utb1", "ann", code)
    await found.settle()
    assert (await found.decisions(), await questions(found)) == ([], []), "three copies of a program and one person"
    await passed(found, "k1-utb1", "bob", "payload_broken")
    assert await found.decisions() == [("k1-utb1", "escalated")]
    await found.stop()


async def test_what_is_said_before_the_admission_counts_with_it() -> None:
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    for who in ("ann", "bob"):
        await passed(found, "k1-utb1", who, "payload_broken")
    assert await found.decisions() == []
    await found.upstream.unit("k1-utb1")
    assert await found.decisions() == [("k1-utb1", "escalated")]
    await found.stop()


def test_each_reason_of_an_escalation_is_told_in_words() -> None:
    state = UnitState("u", "p", admitted=True, status="escalated", escalated_for="payload_broken", labelling_ended=True)
    assert waits(state, 2).why.endswith("several annotators could not read, see or hear it.")
    assert Policy().models.counted == "never"
