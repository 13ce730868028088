"""Rulings that a second adjudicator gives blind: counted once, and the first one stands."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from concord.chassis.identity import Role
from concord.chassis.store.port import StoreUnavailable
from services.adjudicate.domain.repeats import Second, Word, counted, is_drawn
from services.adjudicate.handlers.repeats import Repeats
from services.ingest.domain.project import Consensus, Gold, Overlap, Policy
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, begun_anew, start

UNIT = "k1-utb1"
OTHER = "k1-utb2"
AGREEMENT = f"/v1/projects/{PROJECT}/rulings/agreement"
ALL = Policy(
    overlap=Overlap(initial=2, max=2),
    consensus=Consensus(method="majority", confidence=0.6, repeat_rulings=1.0),
    gold=Gold(rate=0.0),
)
"""Every ruling is given twice."""


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def adjudicate(request: pytest.FixtureRequest) -> AsyncIterator[Adjudicate]:
    found = await start(House(), request.param)
    await found.upstream.project(ALL)
    await found.settle()
    await found.escalate(UNIT, "yes", "no")
    yield found
    await found.stop()


async def rule(adjudicate: Adjudicate, who: str, label: str | None = "yes", **more: Any) -> Any:
    unit = more.pop("unit", UNIT)
    body = {"reason": f"{who} says so.", **({} if label is None else {"label": label}), **more}
    return await adjudicate.call("POST", f"/v1/escalations/{unit}/ruling", body, who)


async def listed(adjudicate: Adjudicate, who: str) -> list[dict[str, Any]]:
    found = (await adjudicate.call("GET", "/v1/escalations", subject=who)).json()["escalations"]
    return [{**entry, "payload_url": "", "sides": sorted(map(str, entry["sides"]))} for entry in found]


async def agreement(adjudicate: Adjudicate) -> dict[str, Any]:
    return dict((await adjudicate.call("GET", AGREEMENT, role=Role.OPERATOR)).json())


async def test_a_second_adjudicator_sees_what_the_first_saw_and_the_first_ruling_stands(adjudicate: Adjudicate) -> None:
    before = await listed(adjudicate, "second")
    first = (await rule(adjudicate, "first", "yes")).json()
    assert await listed(adjudicate, "first") == [], "nobody rules a unit twice"
    assert await listed(adjudicate, "second") == before, "nothing tells that it was ruled"
    assert (await rule(adjudicate, "first", "no")).status == 409
    assert (await rule(adjudicate, "good", "no")).status == 404, "who labelled it has a part in it"
    body = await agreement(adjudicate)
    assert (body["waiting"], body["made"], body["agreement"]) == (1, 0, None)
    second = await rule(adjudicate, "second", "no")
    assert second.json() == {**first, "label": "no"}, "it is answered as the first was"
    assert (await rule(adjudicate, "second", "no")).json()["status"] == "repeated"
    other = await rule(adjudicate, "second", "yes")
    assert other.status == 409, "as whoever rules first is told who rules it otherwise later"
    assert other.json()["detail"] == (await rule(adjudicate, "first", "no")).json()["detail"]
    assert (await rule(adjudicate, "second", None, outcome="unanswerable")).status == 409
    assert (await rule(adjudicate, "third", "no")).status == 409
    assert await listed(adjudicate, "third") == []
    body = await agreement(adjudicate)
    assert (body["waiting"], body["made"], body["same"], body["agreement"]) == (0, 1, 0, 0.0)
    (difference,) = body["differences"]
    assert (difference["first"]["label"], difference["second"]["label"]) == ("yes", "no")
    lines = (await adjudicate.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.OPERATOR)).body
    assert b'"label":"yes"' in lines
    kinds = [kind for _, kind in await adjudicate.decisions()]
    assert kinds[-4:] == ["escalated", "adjudicated", "ruling_repeated", "participant_joined"]
    (again,) = (event.ruling_repeated for event in adjudicate.events() if event.HasField("ruling_repeated"))
    assert (again.first_adjudicator_id, again.adjudicator_id, again.same) == ("first", "second", False)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"label": "yes"}, {"label": "yes"}, 1),
        ({"label": None, "outcome": "unanswerable"}, {"label": None, "outcome": "unanswerable"}, 1),
        ({"label": "yes"}, {"label": None, "outcome": "unanswerable"}, 0),
        ({"label": "yes"}, {"label": None, "outcome": "guideline_unclear"}, 0),
    ],
)
async def test_two_say_the_same_where_outcome_and_label_are(first: Any, second: Any, same: int) -> None:
    found = await start(House())
    await found.upstream.project(ALL)
    await found.escalate(UNIT, "yes", "no")
    assert (await rule(found, "first", **first)).status == 200
    found = await begun_anew(found)
    assert len(await listed(found, "second")) == 1, "a start knows what waits for a second ruling"
    answer = (await rule(found, "second", **second)).json()
    unclear = second.get("outcome") == "guideline_unclear"
    assert (answer["status"], bool(answer.get("question_id"))) == (("waits", True) if unclear else ("ruled", False))
    body = await agreement(found)
    assert (body["made"], body["same"], len(body["differences"])) == (1, same, 1 - same)
    await found.stop()


async def test_a_unit_that_is_sent_back_waits_for_no_second_ruling(adjudicate: Adjudicate) -> None:
    await rule(adjudicate, "first")
    await adjudicate.upstream.annotation(UNIT, 3, "able", "yes", rework=1)
    await adjudicate.settle()
    assert await listed(adjudicate, "second") == []
    assert (await agreement(adjudicate))["waiting"] == 0


async def test_differences_are_shown_while_what_was_said_of_the_unit_stands(adjudicate: Adjudicate) -> None:
    for unit in (UNIT, OTHER):
        if unit == OTHER:
            await adjudicate.escalate(unit, "yes", "no")
        await rule(adjudicate, "first", "yes", unit=unit)
        await rule(adjudicate, "second", "no", unit=unit)
    body = await agreement(adjudicate)
    assert [difference["unit_id"] for difference in body["differences"]] == [OTHER, UNIT], "the newest first"
    assert body["differences"][0]["second"] == {"outcome": "label", "label": "no", "reason": "second says so."}
    assert body["differences"][0]["first"] == {"outcome": "label", "label": "yes", "reason": "first says so."}
    await adjudicate.upstream.annotation(OTHER, 3, "able", "yes", rework=1)
    await adjudicate.settle()
    body = await agreement(adjudicate)
    assert [difference["unit_id"] for difference in body["differences"]] == [UNIT], "the other is labelled anew"
    assert body["made"] == 2


def test_a_record_of_repeats_holds_no_label() -> None:
    """A hundred drawings of 200 kB each beside their seconds are no record of any journal."""
    state = None
    for number in range(200):
        label = f'"{number}{"x" * 100_000}"'
        second = Second(f"u{number}", Word("label", "why", label), Word("label", "not", label), same=False)
        state = counted(state, PROJECT, second)
    assert state is not None
    assert (state.made, state.same) == (200, 0)
    assert len(msgspec.json.encode(state)) < 200


async def die_before_it_marks(*_: object) -> None:
    raise StoreUnavailable("the process dies when the ruling is counted and not marked")


@pytest.mark.parametrize("word", ["yes", "no"])
async def test_a_second_ruling_is_theirs_who_gave_it_whoever_is_next_after_a_crash(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await start(House())
    await found.upstream.project(ALL)
    for unit in (UNIT, OTHER):  # which is counted, too, so that there is more than one record to look in
        await found.escalate(unit, "yes", "no")
        await rule(found, "first", unit=unit)
    assert (await rule(found, "second", word, unit=OTHER)).status == 200
    with monkeypatch.context() as patch:
        patch.setattr(Repeats, "_mark", die_before_it_marks)
        assert (await rule(found, "second", word)).status == 503
    found = await begun_anew(found)
    assert len(await listed(found, "third")) == 1, "counted, and not marked"
    assert (await rule(found, "third", "no")).status == 409
    assert await listed(found, "third") == []
    assert (await rule(found, "third", word)).status == 409, "it is not the third's"
    again = await rule(found, "second", word)
    assert (again.status, again.json()["status"]) == (200, "repeated")
    assert (await rule(found, "second", "no" if word == "yes" else "yes")).status == 409
    assert (await agreement(found))["made"] == 2
    marked = (await found.handlers().repository.units([UNIT]))[UNIT]
    assert (marked.repeated_by, marked.rulers) == ("second", ("first", "second"))
    await found.stop()


async def test_who_gave_a_second_ruling_and_heard_nothing_is_told_when_they_ask_again(
    adjudicate: Adjudicate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rule(adjudicate, "first")
    with monkeypatch.context() as patch:
        patch.setattr(Repeats, "_mark", die_before_it_marks)
        assert (await rule(adjudicate, "second", "no")).status == 503
    again = await rule(adjudicate, "second", "no")
    assert (again.status, again.json()["status"]) == (200, "repeated")
    assert await listed(adjudicate, "second") == []
    assert (await agreement(adjudicate))["made"] == 1


def test_as_many_are_drawn_as_are_asked_for_and_the_same_ones_again() -> None:
    drawn = [is_drawn(b"s", f"u{number}", 0, 0.2) for number in range(4_000)]
    assert 700 < sum(drawn) < 900
    assert drawn == [is_drawn(b"s", f"u{number}", 0, 0.2) for number in range(4_000)]
    assert drawn != [is_drawn(b"t", f"u{number}", 0, 0.2) for number in range(4_000)]
    assert not any(is_drawn(b"s", f"u{number}", 0, 0.0) for number in range(100))
