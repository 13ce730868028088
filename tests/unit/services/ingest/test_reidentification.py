"""Who is behind what was replaced is told to the role `privacy` alone, once it is told that it was asked."""

import json
import logging
from typing import Any

import msgspec
import pytest

from concord.chassis.errors import Unavailable
from concord.chassis.identity import Role
from concord.chassis.sealing import LocalKeys, Sealer
from concord.contracts.topics import PROJECTS
from services.ingest.announcements import project_from
from services.ingest.domain import reidentification
from services.ingest.domain.reidentification import CANDIDATES_MAX
from tests.support.ingest import Ingest, told
from tests.unit.services.ingest.test_privacy import CANARIES, everything, privately, shown

PSEUDONYMS = dict.fromkeys(CANARIES, "pseudonym")
ASKED = "A request for access, case 7"


def officer(ingest: Ingest, client_id: str | None = "k1") -> str:
    return ingest.house.token("officer", Role.PRIVACY, client_id=client_id)


async def ask(ingest: Ingest, unit_id: str, token: str | None = None, **entry: Any) -> Any:
    body = {"reason": ASKED, **entry}
    answer = await ingest.call(
        "POST", f"/v1/units/{unit_id}/reidentification", body, token=officer(ingest) if token is None else token
    )
    await ingest.published()
    return answer


async def a_unit(ingest: Ingest, content: Any = None, **privacy: Any) -> str:
    await ingest.define(privately(**privacy))
    text = f"reach {CANARIES['email']} or {CANARIES['email'].upper()}, {CANARIES['phone']}, as {CANARIES['name']} says"
    report = await ingest.admit({"id": "a", "content": text if content is None else content})
    unit_id: str = report["units"][0]["unit_id"]
    return unit_id


def candidates(**values: str) -> list[dict[str, str]]:
    return [{"kind": kind, "value": value} for kind, value in values.items()]


async def test_a_value_is_told_to_be_behind_a_pseudonym_however_it_is_written(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS)
    text = (await shown(ingest, unit_id)).body.decode()
    answer = await ask(
        ingest,
        unit_id,
        candidates=candidates(email=" Canary.Person@EXAMPLE.org", phone="(030) 901820", name="canary  birdsong")
        + candidates(email="other.person@example.org", card=CANARIES["card"]),
    )
    assert answer.status == 200, answer.body
    mail, phone, name, other, card = answer.json()["compared"]
    assert (mail["matches"], mail["times"], mail["of"]) == (True, 2, 1)
    assert text.count(mail["pseudonym"]) == 2
    assert (phone["matches"], name["matches"]) == (True, True)
    assert other == {"kind": "email", "matches": False, "pseudonym": "", "times": 0, "of": 1, "in_clear": 0}
    assert [entry["in_clear"] for entry in (mail, phone, name)] == [0, 0, 0]
    assert answer.json()["replaces"] == sorted(CANARIES)
    assert (card["matches"], card["of"]) == (False, 0), "none stands there"
    assert answer.json()["originals"] == []
    assert dict(answer.headers)["cache-control"] == "private, no-store"


async def test_a_value_that_nothing_replaced_is_told_to_stand_in_the_clear(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments={}, names=[])
    asked = candidates(email=CANARIES["email"], phone="(030) 901820", name="canary  birdsong")
    asked += candidates(email="other.person@example.org")
    answer = await ask(ingest, unit_id, candidates=asked)
    assert answer.status == 200, answer.body
    assert [(entry["matches"], entry["in_clear"]) for entry in answer.json()["compared"]] == [
        (False, 2),
        (False, 1),
        (False, 1),
        (False, 0),
    ]
    assert answer.json()["replaces"] == [], "so `matches: false` says nothing"
    (event,) = told(ingest.house, "unit_reidentified")
    assert [(kind.kind, kind.asked, kind.told) for kind in event.kinds] == [
        ("email", 2, 1),
        ("name", 1, 1),
        ("phone", 1, 1),
    ]
    await ingest.define(privately(treatments=PSEUDONYMS))
    later = (await ask(ingest, unit_id, candidates=asked)).json()
    assert (later["replaces"], later["compared"][0]["in_clear"]) == (sorted(CANARIES), 2), "it came in before"


async def test_each_answer_is_an_event_with_who_and_why_and_counts_and_no_value(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS)
    await ask(ingest, unit_id, candidates=candidates(email=CANARIES["email"], phone="+49 30 111111"))
    await ask(ingest, unit_id, candidates=candidates(email=CANARIES["email"], phone="+49 30 111111"))
    first, second = told(ingest.house, "unit_reidentified")
    assert first == second
    assert (first.unit_id, first.asked_by, first.reason, first.how) == (unit_id, "officer", ASKED, "compared")
    assert [(kind.kind, kind.asked, kind.told) for kind in first.kinds] == [("email", 1, 1), ("phone", 1, 0)]
    metrics = (await ingest.call("GET", "/metrics")).body.decode()
    assert 'concord_ingest_reidentifications_total{how="compared"} 2.0' in metrics


async def test_originals_that_are_kept_are_told_in_order_and_lie_nowhere_in_the_clear(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    content = {"z": f"card {CANARIES['card']}", "a": [f"mail {CANARIES['email']}", {CANARIES["ip"]: 4111111111111111}]}
    unit_id = await a_unit(ingest, content, reidentification="sealed")
    masked = json.loads((await shown(ingest, unit_id)).body)
    assert masked == {"z": "card [card]", "a": ["mail [email]", {"[ip]": "[card]"}]}
    answer = await ask(
        ingest, unit_id, originals=True, reason=f"Is it {CANARIES['email'].upper()} of {CANARIES['ip']}?"
    )
    assert answer.status == 200, answer.body
    assert [(original["kind"], original["value"]) for original in answer.json()["originals"]] == [
        ("email", CANARIES["email"]),
        ("ip", CANARIES["ip"]),
        ("card", "4111111111111111"),
        ("card", CANARIES["card"]),
    ]
    (event,) = told(ingest.house, "unit_reidentified")
    assert (event.how, event.reason) == ("opened", "Is it [email] of [ip]?")
    assert [(kind.kind, kind.asked, kind.told) for kind in event.kinds] == [
        ("card", 0, 2),
        ("email", 0, 1),
        ("ip", 0, 1),
    ]
    held = (everything(ingest) + caplog.text).casefold()
    assert len(held) > 5_000
    for value in (*CANARIES.values(), "4111111111111111"):
        assert value.casefold() not in held
    link = (await shown(ingest, unit_id)).body.decode()
    assert CANARIES["email"] not in link


async def test_erasure_destroys_the_originals_too(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, reidentification="sealed")
    store = ingest.handlers.admissions.repository.store
    document = (await store.get("units", [unit_id]))[unit_id]
    assert "originals" in document
    gone = await ingest.call("POST", "/v1/projects/k1-p/erasures", {"ids": ["a"], "reason": "asked for"})
    assert gone.json()["erased"] == 1
    assert await store.get("units", [unit_id]) == {}
    assert (await ask(ingest, unit_id, originals=True)).status == 410
    assert (await ask(ingest, unit_id, candidates=candidates(email=CANARIES["email"]))).status == 410
    assert told(ingest.house, "unit_reidentified") == []


async def test_without_the_clients_key_nothing_is_told_and_the_refusal_says_why(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS, reidentification="sealed")
    ingest.handlers.reidentification.repository.shelf.sealer = Sealer(LocalKeys(b"another secret"))
    for entry in ({"originals": True}, {"candidates": candidates(email=CANARIES["email"])}):
        answer = await ask(ingest, unit_id, **entry)
        assert answer.status == 409
        assert "The key of client k1 that this unit was sealed under is not here." in answer.json()["detail"]
    assert told(ingest.house, "unit_reidentified") == []


async def test_nothing_is_told_where_its_event_is_not_stored(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS)

    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(ingest.handlers.reidentification.repository.journal, "decide", away)
    answer = await ask(ingest, unit_id, candidates=candidates(email=CANARIES["email"]))
    assert (answer.status, b"compared" in answer.body) == (503, False)


async def test_what_a_project_does_not_allow_or_has_not_kept_is_refused_with_its_cure(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, reidentification="none")
    refused = await ask(ingest, unit_id, candidates=candidates(email=CANARIES["email"]))
    assert (refused.status, "reidentification: none" in refused.json()["detail"]) == (409, True)
    await ingest.define(privately())
    refused = await ask(ingest, unit_id, originals=True)
    assert (refused.status, "keeps no originals" in refused.json()["detail"]) == (409, True)
    await ingest.define(privately(reidentification="sealed"))
    refused = await ask(ingest, unit_id, originals=True)
    assert (refused.status, "No originals were kept" in refused.json()["detail"]) == (409, True)


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "candidates"),
    ({"originals": True, "candidates": candidates(email="a@example.org")}, "candidates"),
    ({"candidates": candidates(shoe="46")}, "candidates[0].kind"),
    ({"candidates": candidates(email="nobody")}, "candidates[0].value"),
    ({"candidates": candidates(name=" ")}, "candidates[0].value"),
    ({"candidates": candidates(email="to a@example.org")}, "candidates[0].value"),
    ({"candidates": candidates(email="a@example.org") * (CANDIDATES_MAX + 1)}, "candidates"),
    ({"originals": True, "reason": " "}, "reason"),
    ({"originals": True, "reason": "x" * 501}, "reason"),
]


async def test_a_question_that_cannot_be_answered_names_its_field(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS, reidentification="sealed")
    for entry, field in BAD:
        answer = await ask(ingest, unit_id, **entry)
        assert answer.status == 422, answer.body
        (fault,) = answer.json()["errors"]
        assert (fault["field"], bool(fault["cure"])) == (field, True)
    assert told(ingest.house, "unit_reidentified") == []


async def test_another_clients_officer_and_whoever_has_another_role_are_told_nothing(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, treatments=PSEUDONYMS)
    body: dict[str, Any] = {"candidates": candidates(email=CANARIES["email"])}
    assert (await ask(ingest, unit_id, officer(ingest, "k2"), **body)).status == 404
    assert (await ask(ingest, "k1-u-none", **body)).status == 404
    for role in set(Role) - {Role.PRIVACY}:
        other = ingest.house.token("somebody", role, client_id="k1")
        assert (await ask(ingest, unit_id, other, **body)).status == 403
    assert (await ask(ingest, unit_id, officer(ingest, None), **body)).status == 200


async def test_a_duplicates_officer_is_told_which_unit_to_ask_about(ingest: Ingest) -> None:
    unit_id = await a_unit(ingest, f"to {CANARIES['email']}", treatments=PSEUDONYMS)
    again = await ingest.admit({"id": "b", "content": f"to {CANARIES['email']}"})
    answer = await ask(ingest, again["units"][0]["unit_id"], candidates=candidates(email=CANARIES["email"]))
    assert (answer.status, unit_id in answer.json()["detail"]) == (409, True)


async def test_so_many_questions_about_one_unit_and_no_more_are_answered(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reidentification, "QUESTIONS_MAX", 3)
    unit_id = await a_unit(ingest, "nobody", treatments=PSEUDONYMS)
    body: dict[str, Any] = {"candidates": candidates(email="a@example.org")}
    statuses = [(await ask(ingest, unit_id, **body)).status for _ in range(4)]
    assert statuses == [200] * 3 + [409]
    assert len(told(ingest.house, "unit_reidentified")) == 3


async def test_a_project_from_before_can_be_compared_and_keeps_no_originals(ingest: Ingest) -> None:
    await ingest.define(privately())
    await ingest.published()
    (event,) = (entry for entry in ingest.house.events(PROJECTS) if entry.project_defined.revision == 1)
    event.project_defined.policy.privacy.ClearField("reidentification")
    assert project_from(event).definition.policy.privacy.reidentification == "compare"
    event.project_defined.policy.privacy.reidentification = "sealed"
    read = project_from(event).definition.policy
    assert msgspec.to_builtins(read.privacy)["reidentification"] == "sealed"
