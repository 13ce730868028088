"""What of people is sent in is in nothing that is stored, told, logged or shown; and what is withdrawn is gone."""

import importlib.util
import json
import logging
from typing import Any

import pytest

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import DeploymentFault
from concord.chassis.payload_links import payload_link
from concord.contracts.topics import TOPICS
from concord.privacy import Finder, Finds, Rules, hashed
from services.ingest.bootstrap import wire
from services.ingest.handlers.checking import Checking
from services.ingest.settings import IngestSettings
from simulation.house import ENVIRONMENT, House
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.support.service import until

CANARIES = {
    "email": "canary.person@example.org",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "phone": "+49 30 901820",
    "ip": "203.0.113.77",
    "name": "Canary Birdsong",
}
PRIVACY = {"treatments": dict.fromkeys(CANARIES, "mask"), "names": ["Canary Birdsong"], "regions": ["DE"]}


def privately(**privacy: Any) -> Any:
    return {**DEFINITION, "policy": {"lot": {"size": 3}, "privacy": {**PRIVACY, **privacy}}}


async def shown(ingest: Ingest, unit_id: str) -> Any:
    settings = IngestSettings.from_environment(ENVIRONMENT)
    until_us = ingest.house.clock.now_us() + 60 * MICROSECONDS
    path, _, query = payload_link(settings.payload_links.secret.key(), "", unit_id, until_us).partition("?")
    return await ingest.call("GET", path, query=query, token="")


def everything(ingest: Ingest) -> str:
    """Return all that the house's store and broker hold."""
    database = ingest.house.database("ingest")
    stored = [database.dump(collection) for collection in database.collections()]
    return repr(stored) + repr([ingest.house.records(topic) for topic in TOPICS])


async def test_planted_personal_data_is_in_no_topic_store_log_or_reply(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = await ingest.define(privately())
    assert "Birdsong" not in json.dumps(body)
    units = [
        {"id": f"{kind}-{n}", "content": f"{n}: reach {value} now"}
        for n in range(20)
        for kind, value in CANARIES.items()
    ]
    report = await ingest.admit(units)
    assert report["admitted"] == 120
    held = everything(ingest)
    assert len(held) > 10_000
    for value in CANARIES.values():
        assert value not in held
        assert value not in caplog.text
    reply = await shown(ingest, report["units"][0]["unit_id"])
    assert reply.body == b"0: reach [email] now"
    metrics = (await ingest.call("GET", "/metrics")).body.decode()
    assert 'concord_ingest_personal_data_total{kind="email"} 20.0' in metrics


async def test_what_is_checked_a_second_time_by_a_newer_schema_is_counted_once(ingest: Ingest) -> None:
    def unit(name: str, label: str) -> dict[str, str]:
        return {"id": name, "content": f"{name}: reach {CANARIES['email']} now", "gold": label}

    await ingest.define(privately())
    other = await start(ingest.house)
    try:
        projects = other.handlers.projects.repository.projects
        await until(lambda: "k1-p" in projects)
        before = projects["k1-p"]
        wider = {"kind": "choice", "classes": ["no", "yes", "unsure"]}
        await ingest.define({**privately(), "label_schema": wider})
        await until(lambda: projects["k1-p"].schema_version == 2)
        projects["k1-p"] = before  # as if it had not heard
        report = (await other.call("POST", "/v1/projects/k1-p/units", [unit("a", "unsure"), unit("b", "yes")])).json()
        assert (report["admitted"], projects["k1-p"].schema_version) == (2, 2)
        assert 'personal_data_total{kind="email"} 2.0' in (await other.call("GET", "/metrics")).body.decode()
    finally:
        await other.service.runtime.stop()


async def test_a_unit_is_itself_however_its_personal_data_is_replaced(ingest: Ingest) -> None:
    await ingest.define(privately())
    unit = {"id": "a", "content": f"reach {CANARIES['email']}"}
    assert (await ingest.admit(unit))["admitted"] == 1
    await ingest.define(privately(treatments={"email": "pseudonym", "name": "mask"}))
    assert (await ingest.admit(unit))["repeated"] == 1
    other = await ingest.admit({"id": "b", "content": f"and {CANARIES['email']}, {CANARIES['email'].upper()}"})
    text = (await shown(ingest, other["units"][0]["unit_id"])).body.decode()
    (first, second) = [word.strip(",") for word in text.split()[1:]]
    assert first == second
    assert first.startswith("[email:")


@pytest.mark.parametrize("form", [False, True])
async def test_what_stands_in_a_label_that_comes_with_a_unit_is_replaced_as_in_its_content(
    ingest: Ingest, form: bool
) -> None:
    note = {"name": "note", "schema": {"kind": "text"}}
    definition = {**privately(), "label_schema": {"kind": "form", "fields": [note]} if form else {"kind": "text"}}
    await ingest.define(definition)

    def label(text: str) -> Any:
        return {"answers": {"note": text}} if form else text

    text = f"ask {CANARIES['email']}"
    units = [
        {"id": "known", "content": "one", "gold": label(text)},
        {"id": "shown", "content": "two", "suggestion": {"label": label(text), "model": "m"}},
    ]
    assert (await ingest.admit(units))["admitted"] == 2
    assert (await ingest.admit(units))["repeated"] == 2, "it is compared by what was sent"
    await ingest.published()
    assert CANARIES["email"] not in everything(ingest)
    known, suggested = sorted(told(ingest.house, "unit_admitted"), key=lambda unit: unit.source_id)
    assert json.loads(known.gold_label) == json.loads(suggested.suggested_label) == label("ask [email]")
    other = [{**units[0], "gold": label("ask ada@example.org")}]
    assert [entry["field"] for entry in (await ingest.admit(other))["refused"]] == ["gold"]


async def test_a_label_that_has_no_room_for_what_stands_in_the_place_of_something_is_refused(ingest: Ingest) -> None:
    short = {
        **privately(treatments={"ip": "pseudonym"}, names=[]),
        "label_schema": {"kind": "text", "characters_max": 12},
    }
    await ingest.define(short)
    (refusal,) = (await ingest.admit([{"id": "a", "content": "one", "gold": "203.0.113.77"}]))["refused"]
    assert (refusal["field"], bool(refusal["cure"])) == ("gold", True)
    assert "203.0.113.77" not in json.dumps(refusal)


REFUSED = [
    ("gold", {"gold": f"{'x' * 30} {CANARIES['iban']}"}),
    ("suggestion.label", {"suggestion": {"label": CANARIES["email"]}}),
    ("media_type", {"media_type": CANARIES["email"]}),
    ("content", {"media_type": f"text/{CANARIES['card'].replace(' ', '')}", "content": {"a": 1}}),
]


@pytest.mark.parametrize(("field", "wrong"), REFUSED, ids=[field for field, _ in REFUSED])
async def test_a_refusal_shows_what_is_replaced(ingest: Ingest, field: str, wrong: dict[str, Any]) -> None:
    body = await ingest.define(privately())
    (refusal,) = (await ingest.admit([{"id": "a", "content": "one", **wrong}]))["refused"]
    assert refusal["field"] == field
    assert refusal["cure"]
    for value in CANARIES.values():
        assert value[:10] not in json.dumps(refusal)
        assert value.replace(" ", "") not in json.dumps(refusal)
    plain = {**DEFINITION, "name": body["name"], "policy": {"lot": {"size": 3}}}
    await ingest.define(plain)
    (shown_whole,) = (await ingest.admit([{"id": "a", "content": "one", **wrong}]))["refused"]
    assert shown_whole["field"] == field
    assert shown_whole != refusal, "where nothing is replaced it shows what was sent"


ODD = [
    ("priority", {"priority": 4111111111111111}),
    ("priority", {"priority": -4111111111111111}),
    ("gold", {"gold": json.loads("[" * 20 + "]" * 20)}),
    ("gold", {"gold": {"4111111111111111": 1, "4242 4242 4242 4242": 2}}),
    ("subject", {"subject": "x" * 5_000}),
]


@pytest.mark.parametrize(("field", "wrong"), ODD)
async def test_what_cannot_be_checked_once_it_is_replaced_is_refused_like_any_other(
    ingest: Ingest, field: str, wrong: dict[str, Any]
) -> None:
    names = privately(names=["content", "priority"])
    await ingest.define(names)
    report = await ingest.admit([{"id": "a", "content": "one", **wrong}, {"id": "b", "content": "two"}])
    (refusal,) = report["refused"]
    assert (refusal["field"].partition(".")[0], bool(refusal["cure"])) == (field, True)
    assert report["admitted"] == 1
    assert "4111111111111111" not in json.dumps(report)


async def test_spans_keep_their_offsets_where_masks_stand_before_them(ingest: Ingest) -> None:
    spans = {
        "label_schema": {"kind": "spans", "classes": ["thing"]},
        "policy": {"privacy": {"treatments": {"email": "mask"}}},
    }
    await ingest.define(spans)
    text = f"{CANARIES['email']} bought a boat"
    gold = {"spans": [{"start": text.index("boat"), "end": len(text), "class": "thing"}]}
    report = await ingest.admit({"id": "a", "content": text, "gold": gold})
    assert report["admitted"] == 1
    reply = (await shown(ingest, report["units"][0]["unit_id"])).body.decode()
    assert reply[text.index("boat") :] == "boat"
    moving = {**spans, "policy": {"privacy": {"treatments": {"email": "pseudonym"}}}}
    answer = await ingest.call("PUT", "/v1/projects/p", moving)
    assert [error["field"] for error in answer.json()["errors"]] == ["policy.privacy.treatments.email"]


@pytest.mark.parametrize(
    ("privacy", "field"),
    [
        ({"treatments": {"shoe": "mask"}}, "policy.privacy.treatments.shoe"),
        ({"treatments": {"email": "mask"}, "names": ["x"]}, "policy.privacy.names"),
        ({"treatments": {"name": "mask"}, "names": [""]}, "policy.privacy.names"),
        ({"treatments": {"phone": "mask"}, "regions": ["Germany"]}, "policy.privacy.regions"),
    ],
)
async def test_a_wrong_privacy_is_refused_with_its_field(ingest: Ingest, privacy: Any, field: str) -> None:
    answer = await ingest.call("PUT", "/v1/projects/p", {**DEFINITION, "policy": {"privacy": privacy}})
    assert answer.status == 422
    assert [(error["field"], bool(error["cure"])) for error in answer.json()["errors"]] == [(field, True)]


async def erased(ingest: Ingest, **wanted: Any) -> Any:
    answer = await ingest.call("POST", "/v1/projects/k1-p/erasures", {"reason": "asked for", **wanted})
    assert answer.status == 200, answer.body
    await ingest.published()
    return answer.json()


async def test_no_content_lies_in_the_store_as_it_was_sent(project: Ingest) -> None:
    report = await project.admit({"id": "a", "content": "canary in a coal mine", "suggestion": {"label": "yes"}})
    assert report["admitted"] == 1
    assert "coal mine" not in everything(project)
    assert (await shown(project, report["units"][0]["unit_id"])).body == b"canary in a coal mine"


async def test_a_unit_that_is_erased_is_gone_and_does_not_come_back(project: Ingest) -> None:
    report = await project.admit(
        [{"id": "a", "content": "one"}, {"id": "b", "content": "one"}, {"id": "c", "content": "two"}]
    )
    unit_id = report["units"][0]["unit_id"]
    gone = await erased(project, ids=["a", "b", "x"])
    assert [unit["status"] for unit in gone["units"]] == ["erased", "duplicate_of", "unknown"]
    assert (await shown(project, unit_id)).status == 410
    assert [(unit.unit_id, unit.reason) for unit in told(project.house, "unit_erased")] == [(unit_id, "asked for")]
    store = project.handlers.admissions.repository.store
    assert await store.get("units", [unit_id]) == {}
    again = await project.admit({"id": "a", "content": "one"})
    assert [entry["field"] for entry in again["refused"]] == ["id"]
    assert await store.get("units", [unit_id]) == {}, "what is sent again is not kept"
    assert [entry["status"] for entry in await project.find("a", "b", "c")] == ["erased", "duplicate_of", "admitted"]
    assert (await project.admit({"id": "d", "content": "one"}))["admitted"] == 1, "its content is claimed no more"
    assert (await erased(project, ids=["a"]))["erased"] == 1
    assert len(told(project.house, "unit_erased")) == 1, "told once"


async def test_a_unit_that_is_erased_is_in_no_lot_that_is_cut_afterwards(project: Ingest) -> None:
    report = await project.admit([{"id": f"{n}", "content": f"text {n}"} for n in range(2)])
    await erased(project, ids=["0"])
    await project.admit({"id": "2", "content": "text 2"})
    assert (await project.call("POST", "/v1/projects/k1-p/seal")).json()["lots"] == 1
    await project.published()
    (lot,) = told(project.house, "lot_sealed")
    assert report["units"][0]["unit_id"] not in lot.unit_ids
    assert len(lot.unit_ids) == 2


async def test_all_units_of_a_subject_are_erased_and_no_others(project: Ingest) -> None:
    units = [{"id": f"{n}", "content": f"text {n}", "subject": "person 7" if n % 2 else "person 8"} for n in range(10)]
    await project.admit(units)
    held = everything(project)
    assert "person 7" not in held
    gone = await erased(project, subject="person 7")
    assert gone["erased"] == 5
    assert {unit["source_id"] for unit in gone["units"]} == {"1", "3", "5", "7", "9"}
    assert (await erased(project, subject="nobody"))["erased"] == 0
    other = await start(project.house)
    found = await other.find(*(f"{n}" for n in range(10)))
    assert [entry["status"] for entry in found] == ["admitted", "erased"] * 5
    await other.kill()


async def test_what_finds_beside_our_rules_is_asked_where_a_deployment_names_it(ingest: Ingest) -> None:
    def beside(rules: Rules) -> Finds:
        return Finder(Rules(rules.kinds, (hashed(rules.names_key, "Zoë Kern"),), rules.names_key))

    ingest.handlers.admissions.checking = Checking(ingest.handlers.admissions.repository, beside)
    await ingest.define(privately())
    report = await ingest.admit({"id": "a", "content": f"Zoë Kern and {CANARIES['name']}, {CANARIES['email']}"})
    assert (await shown(ingest, report["units"][0]["unit_id"])).body == b"[name] and [name], [email]"


@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is not None, reason="the extra is installed")
def test_a_deployment_that_asks_for_what_is_not_installed_does_not_start_and_is_told_the_cure() -> None:
    settings = IngestSettings.from_environment({**ENVIRONMENT, "CONCORD_PRIVACY_PRESIDIO": "en"})
    with pytest.raises(DeploymentFault, match=r"CONCORD_PRIVACY_PRESIDIO .*pip install 'concord\[presidio\]'"):
        wire(settings, House().ports("ingest"))
