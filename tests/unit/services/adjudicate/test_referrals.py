"""Units that an adjudicator sends back to annotators in place of a ruling."""

from typing import Any

import pytest

from concord.contracts.v1.lots_pb2 import LotRejected
from concord.contracts.v1.resolutions_pb2 import Evidence, ReferredBack
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, begun_anew, start, voting
from tests.unit.services.adjudicate.test_outcomes import rule, shown, stands

UNIT = "k1-utb1"
SAME = {"outcome": "refer_back", "to": "same", "reason": "Mind the second sentence."}
OTHERS = {"outcome": "refer_back", "to": "others", "reason": "Read section 3."}
LABEL = {"label": "yes", "reason": "It says so."}


async def escalated(named: tuple[str, ...] = ()) -> Adjudicate:
    """Return adjudicate with a unit of which two say otherwise, and which nobody holds any more."""
    found = await start(House())
    await found.upstream.project(voting(2, 2))
    await found.upstream.unit(UNIT, named=named)
    await disagree(found)
    return found


async def disagree(found: Adjudicate, referral: int = 0, names: tuple[str, str] = ("ann", "bob")) -> None:
    for number, (name, label) in enumerate(zip(names, ("no", "yes"), strict=True)):
        await found.upstream.annotation(UNIT, 10 * referral + number, name, label, referral=referral)
    await found.upstream.labelling_ended(UNIT, referral=referral)
    await found.settle()


def referred(found: Adjudicate) -> list[ReferredBack]:
    return [event.referred_back for event in found.events() if event.HasField("referred_back")]


def words(pieces: list[Evidence]) -> list[tuple[str, bytes]]:
    return [(piece.annotator_id, piece.label) for piece in pieces]


async def test_it_goes_back_to_who_labelled_it_and_only_what_they_say_then_counts() -> None:
    found = await escalated()
    first, again = [await rule(found, UNIT, SAME) for _ in range(2)]
    assert [answer.json()["status"] for answer in (first, again)] == ["referred", "repeated"]
    assert await shown(found) == []
    (told,) = referred(found)
    assert (told.adjudicator_id, told.comment, told.to, told.referral) == ("senior", SAME["reason"], "same", 1)
    assert (list(told.annotators), told.overlap_wanted, told.rework) == (["ann", "bob"], 2, 0)
    assert words(list(told.set_aside)) == [("ann", b'"no"'), ("bob", b'"yes"')]
    waits = await stands(found, UNIT)
    assert (waits["status"], waits["annotations"], waits["referred"]) == ("open", 0, 1)
    assert waits["waits"].startswith("An adjudicator sent it back to its annotators: of 2 labels")

    await found.upstream.annotation(UNIT, 5, "late", "no")  # given out before, and late as assign would tell
    await found.upstream.annotation(UNIT, 10, "ann", "yes", referral=1)
    assert (await stands(found, UNIT))["status"] == "open", "the second of them is still to look at it"
    await found.upstream.annotation(UNIT, 11, "bob", "yes", referral=1, times=2)
    assert (await found.decisions())[-1] == (UNIT, "consensus_reached")
    (reached,) = (event.consensus_reached for event in found.events() if event.HasField("consensus_reached"))
    assert words(list(reached.evidence)) == [("ann", b'"yes"'), ("bob", b'"yes"')]
    assert words(list(reached.set_aside)) == [("ann", b'"no"'), ("bob", b'"yes"')]
    assert [(each.adjudicator_id, each.comment, each.to) for each in reached.referrals] == [
        ("senior", SAME["reason"], "same")
    ]
    assert (reached.overlap_initial, sorted(reached.participants)) == (2, ["ann", "bob", "late", "senior"])
    await found.stop()


async def test_others_label_it_anew_and_it_comes_back_with_what_was_said_before_twice_at_most() -> None:
    found = await escalated()
    assert (await rule(found, UNIT, OTHERS)).json()["status"] == "referred"
    await disagree(found, 1, ("cem", "dee"))
    upstream, found = found.upstream, await begun_anew(found)
    found.upstream = upstream
    (listed,) = (await found.call("GET", "/v1/escalations")).json()["escalations"]
    (before,) = listed["referrals"]
    assert (before["comment"], before["to"], listed["referrals_left"]) == (OTHERS["reason"], "others", 1)
    assert sorted((side["label"], side["annotations"]) for side in before["sides"]) == [("no", 1), ("yes", 1)]
    assert "senior" not in str(listed), "nobody's name is shown"
    assert (await rule(found, UNIT, OTHERS, "other")).json()["status"] == "referred"
    await disagree(found, 2, ("eve", "fay"))
    refused = await rule(found, UNIT, OTHERS)
    assert (refused.status, refused.json()["errors"][0]["field"]) == (409, "outcome"), refused.body
    assert refused.json()["errors"][0]["cure"] == "rule it, or say that it is unanswerable"
    wanted = {told.referral: (list(told.annotators), told.overlap_wanted) for told in referred(found)}
    assert wanted == {1: ([], 2), 2: ([], 2)}
    assert (await rule(found, UNIT, LABEL)).json()["status"] == "ruled", "who sent it back may rule it"
    (ruled,) = (event.adjudicated for event in found.events() if event.HasField("adjudicated"))
    assert [word[0] for word in words(list(ruled.set_aside))] == ["ann", "bob", "cem", "dee"]
    await found.stop()


async def test_what_nobody_is_left_to_look_at_again_comes_back_as_it_is() -> None:
    found = await escalated()
    await rule(found, UNIT, SAME)
    await found.upstream.stranded(UNIT)
    await found.settle()
    assert (await stands(found, UNIT))["status"] == "open", "that was said of the time before"
    await found.upstream.stranded(UNIT, referral=1)
    await found.upstream.labelling_ended(UNIT, referral=1)
    assert await shown_because(found) == [(UNIT, "nobody_left")]
    assert (await rule(found, UNIT, LABEL)).json()["status"] == "ruled"
    await found.stop()


async def shown_because(found: Adjudicate) -> list[tuple[str, str]]:
    await found.settle()
    listed = (await found.call("GET", "/v1/escalations")).json()["escalations"]
    return [(each["unit_id"], each["reason"]) for each in listed]


async def test_what_is_told_of_the_time_before_changes_nothing() -> None:
    found = await escalated()
    await rule(found, UNIT, SAME)
    await disagree(found, 1)
    await found.upstream.revision(UNIT, 0, "ann", "yes", 1, times=2)
    await found.settle()
    (late,) = (event.revision_too_late for event in found.events() if event.HasField("revision_too_late"))
    assert (late.annotator_id, late.reason) == ("ann", "sent_back")
    await found.upstream.labelling_ended(UNIT, "gus")
    await found.settle()
    assert (await rule(found, UNIT, LABEL, "gus")).json()["status"] == "ruled", "it was of the time before"
    await found.stop()


async def test_a_lot_that_is_sent_back_begins_anew() -> None:
    found = await escalated()
    await rule(found, UNIT, SAME)
    await disagree(found, 1)
    await rule(found, UNIT, LABEL)
    await found.upstream.lots("k1-l1", lot_rejected=LotRejected(lot_id="k1-l1", unit_ids=[UNIT], on_reject="relabel"))
    await found.settle()
    for number, name in enumerate(("cem", "dee"), 20):
        await found.upstream.annotation(UNIT, number, name, "yes", rework=1)
    assert (await found.decisions())[-1] == (UNIT, "consensus_reached")
    reached = found.events()[-1].consensus_reached
    assert (reached.rework, list(reached.referrals), list(reached.set_aside)) == (1, [], [])
    await found.stop()


@pytest.mark.parametrize(
    ("ruling", "status", "field"),
    [
        ({**SAME, "to": "everybody"}, 422, "to"),
        ({"outcome": "refer_back", "reason": "r"}, 422, "to"),
        ({**LABEL, "to": "same"}, 422, "to"),
        ({**SAME, "label": "yes"}, 422, "label"),
        ({**SAME, "reason": " "}, 422, "reason"),
        ({**SAME, "question_id": "q1"}, 422, "question_id"),
    ],
)
async def test_what_cannot_be_sent_back_so_says_why(ruling: dict[str, Any], status: int, field: str) -> None:
    found = await escalated()
    answer = await rule(found, UNIT, ruling)
    assert answer.status in (400, status), answer.body
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await shown(found) == [UNIT]
    await found.stop()


async def test_it_goes_to_nobody_where_there_is_nobody() -> None:
    found = await escalated(named=("ann", "bob"))
    others = await rule(found, UNIT, OTHERS)
    assert (others.status, others.json()["errors"][0]["field"]) == (422, "to"), "it may be given to whom it names alone"
    assert (await rule(found, UNIT, SAME, "ann")).status == 404, "they labelled it"
    await found.upstream.project(voting(2, 2), revision=2, life="closed")
    await until(lambda: found.handlers().projects.rows[PROJECT].life == "closed")
    closed = await rule(found, UNIT, SAME)
    assert (closed.status, "closed" in closed.json()["detail"]) == (409, True), closed.body
    await found.stop()
