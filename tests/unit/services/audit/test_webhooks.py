"""Webhooks: what is told comes once or more under one id, in order in a lot, whatever receivers and processes do."""

import asyncio
import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from concord.chassis.broker.port import Outgoing
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import LOTS, QUALITY
from concord.contracts.v1.lots_pb2 import (
    AnnotatorAtFault,
    AnnotatorRadius,
    LabelErrorFound,
    LotAccepted,
    LotCorrected,
    LotEvent,
    LotHeld,
    RadiusFound,
    RecheckConcluded,
)
from concord.contracts.v1.quality_pb2 import Interval, QualityEvent, TargetBreached, TargetRecovered
from services.audit.domain import delivery
from services.audit.domain.delivery import GIVE_UP_SECONDS, PAUSES_SECONDS, SPREAD
from services.audit.domain.endpoint import ENDPOINTS_MAX, EVENT_TYPES
from services.audit.webhooks import registering, telling
from services.audit.webhooks.sender import SECONDS_MAX, Answer
from services.audit.webhooks.sending import CONNECTIONS_MAX, IN_FLIGHT_MAX, LOOK_SECONDS
from simulation.house import call
from tests.support import audit as support
from tests.support.audit import lot_id, unit_ids
from tests.support.receivers import FAILED, TAKEN, Came, Hooked, fails, hangs, hooked, swallows, webhooks_of

GOOD, BAD = "https://good.example.org/in", "https://bad.example.org/in"
DAY = 86_400.0

lives = pytest.mark.usefixtures("lives")


@lives
def test_a_client_is_told_of_lots_certificates_targets_and_erasures_with_ids_and_numbers_alone() -> None:
    async def scenario(hooks: Hooked) -> Any:
        body = await hooks.register(GOOD)
        unit, upstream = unit_ids(1)[0], hooks.audit.upstream
        await hooks.reject(1)
        await hooks.accept(1)
        wrong = LabelErrorFound(lot_id=lot_id(1), unit_id=unit, accepted_label=b'"yes"', model="m", model_right=True)
        await upstream.lots(lot_id(1), label_error_found=wrong)
        breached = TargetBreached(target="alpha", limit=0.8, value=0.7, interval=Interval(low=0.6, high=0.75), units=90)
        await upstream.tell(QUALITY, upstream.project_id, QualityEvent(target_breached=breached))
        recovered = TargetRecovered(target="alpha", limit=0.8, value=0.85, units=120)
        await upstream.tell(QUALITY, upstream.project_id, QualityEvent(target_recovered=recovered))
        concluded = RecheckConcluded(lot_id=lot_id(9), measure="labels", category='"secret"', units=60, changed=3)
        await upstream.tell(LOTS, lot_id(9), LotEvent(recheck_concluded=concluded))
        blamed = AnnotatorRadius(found=AnnotatorAtFault(annotator_id="secret"), accepted_lot_ids=[lot_id(7), lot_id(8)])
        radius = RadiusFound(lot_id=lot_id(5), rejections=1, annotators=[blamed, blamed])
        await upstream.lots(lot_id(5), radius_found=radius)
        held = LotHeld(lot_id=lot_id(6), rejected_lot_ids=[lot_id(5)], annotator_ids=["secret"], first=1)
        held.unit_ids.extend([unit, unit])
        await upstream.lots(lot_id(6), lot_held=held)
        await upstream.lots(lot_id(7), lot_corrected=LotCorrected(lot_id=lot_id(7), unit_ids=[unit]))
        await upstream.reidentified(unit)
        await upstream.erased(unit)
        await asyncio.sleep(5)
        assert await hooks.deliveries(body["webhook_id"]) == []
        return body, hooks.receivers.came, unit

    entry, came, unit = hooked(scenario)
    assert all(row.signatures(entry["secret"]) == [True] for row in came)
    assert len({row.id for row in came}) == len(came) == 12
    body = {row.said["type"]: row.said["data"] for row in came}
    assert set(body) == set(EVENT_TYPES)
    assert {project["project_id"] for project in body.values()} == {"k1-p"}
    of_lot = [row.said["type"] for row in came if row.said["data"].get("lot_id") == lot_id(1)]
    assert of_lot == ["lot.rejected", "lot.accepted", "certificate.issued", "label.error_found"]
    beside = body["label.error_found"].keys() - {"project_id", "event_id"}
    assert beside == {"lot_id", "unit_id", "model_right"}, "no label"
    of_target = [row.said["type"] for row in came if "target" in row.said["data"]]
    assert of_target == ["target.breached", "target.recovered"]
    assert body["certificate.issued"]["path"] == f"/v1/lots/{lot_id(1)}/certificate"
    assert (body["target.breached"]["high"], body["lot.rejected"]["units"]) == (0.75, 2)
    assert body["unit.erased"]["unit_id"] == unit
    asked = body["unit.reidentified"]
    assert (asked["unit_id"], asked["how"], asked["kinds"]) == (unit, "compared", {"email": 1})
    recheck = body["recheck.concluded"]
    assert (recheck["lot_id"], recheck["units"], recheck["changed"]) == (lot_id(9), 60, 3)
    assert (body["radius.found"]["annotators"], body["radius.found"]["accepted_lots"]) == (2, 2)
    assert (body["lot.held"]["held_for"], body["lot.held"]["units"], body["lot.held"]["first"]) == ([lot_id(5)], 2, 1)
    assert (body["lot.corrected"]["units"], body["lot.corrected"]["path"]) == (1, f"/v1/lots/{lot_id(7)}/corrections")
    assert "secret" not in str(body), "no label, and nobody who is at fault"


def test_a_receiver_that_fails_is_tried_for_a_day_at_growing_pauses_then_the_letter_is_dead_and_can_be_sent_again() -> (
    None
):
    async def scenario(hooks: Hooked) -> Any:
        hooks.receivers.behaviours[BAD] = fails
        webhook = (await hooks.register(BAD, "lot.accepted"))["webhook_id"]
        await hooks.accept(1)
        await hooks.pass_time(DAY * 2)
        attempts = list(hooks.receivers.came)
        (dead,) = await hooks.deliveries(webhook, "dead")
        assert await hooks.deliveries(webhook, "waiting") == []
        path = f"/{webhook}/deliveries/{dead['delivery_id']}"
        hooks.receivers.behaviours[BAD] = swallows
        again = await hooks.call("POST", f"{path}/resend")
        refused = await hooks.call("POST", f"{path}/resend")
        await asyncio.sleep(1)
        assert (again.status, again.json()["status"], refused.status) == (202, "waiting", 409)
        await hooks.again()
        hooks.receivers.behaviours.clear()
        await hooks.again()
        await asyncio.sleep(1)
        assert await hooks.deliveries(webhook) == []
        shown = (await hooks.call("GET", path)).json()
        return attempts, dead, shown, hooks.receivers.came[len(attempts) :]

    attempts, dead, shown, later = hooked(scenario)
    times = [attempt.at_seconds for attempt in attempts]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    for pause, meant in zip(pauses[:-1], [*PAUSES_SECONDS, *PAUSES_SECONDS[-1:] * 9], strict=False):
        assert (1 - SPREAD) * meant <= pause <= (1 + SPREAD) * meant + LOOK_SECONDS + 1
    assert len(set(pauses)) == len(pauses), "no two clients' pauses are the same"
    assert times[-1] - times[0] == pytest.approx(GIVE_UP_SECONDS, abs=2 * LOOK_SECONDS), (
        "the last one comes a day after the first"
    )
    assert (dead["attempts"], dead["last"]) == (len(attempts), "It answered 500.")
    assert (shown["status"], shown["attempts"]) == ("delivered", 1)
    assert {(entry.id, entry.body) for entry in attempts + later} == {(dead["delivery_id"], attempts[0].body)}


def test_a_lot_that_a_receiver_cannot_digest_holds_up_no_other_lot_and_nothing_of_it_overtakes() -> None:
    async def scenario(hooks: Hooked) -> list[Came]:
        async def picky(came: Came) -> Answer:
            return FAILED if came.said["type"] == "lot.rejected" else TAKEN

        hooks.receivers.behaviours[BAD] = picky
        await hooks.register(BAD, "lot.accepted", "lot.rejected")
        await hooks.reject(1)
        for number in range(1, 9):
            await hooks.accept(number)
        await asyncio.sleep(60)
        return list(hooks.receivers.came)

    came = hooked(scenario)
    accepted = [arrival.said["data"]["lot_id"] for arrival in came if arrival.said["type"] == "lot.accepted"]
    assert sorted(accepted) == [lot_id(number) for number in range(2, 9)]
    assert {arrival.said["data"]["lot_id"] for arrival in came if arrival.said["type"] == "lot.rejected"} == {lot_id(1)}


def test_receivers_that_hang_hold_up_nobody_else_and_are_met_by_one_connection_each() -> None:
    lots, hanging = 30, [f"https://bad{number}.example.org" for number in range(ENDPOINTS_MAX - 1)]

    async def scenario(hooks: Hooked) -> None:
        hooks.receivers.behaviours.update(dict.fromkeys(hanging, hangs))
        for url in [*hanging, GOOD]:
            await hooks.register(url, "lot.accepted")
        for number in range(lots):
            await hooks.accept(number)
        await asyncio.sleep(SECONDS_MAX)
        assert len({arrival.id for arrival in hooks.receivers.at(GOOD)}) == lots
        await asyncio.sleep(600)
        assert max(hooks.receivers.most[url] for url in hanging) == 1
        assert hooks.receivers.most[GOOD] == CONNECTIONS_MAX
        for url in hanging:
            assert len(hooks.receivers.at(url)) <= 600 / SECONDS_MAX

    hooked(scenario)


def test_a_process_makes_so_many_attempts_at_once_and_doubtful_receivers_have_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.audit.webhooks.sending.IN_FLIGHT_MAX", 8)
    assert IN_FLIGHT_MAX == 64
    most = [0]

    async def scenario(hooks: Hooked) -> None:
        async def long(came: Came) -> Answer:
            most[0] = max(most[0], sum(hooks.receivers.in_flight.values()))
            return await hangs(came)

        urls = [f"https://bad{number}.example.org" for number in range(ENDPOINTS_MAX)]
        hooks.receivers.behaviours.update(dict.fromkeys(urls, long))
        for url in urls:
            await hooks.register(url, "lot.accepted")
        await hooks.accept(1)
        await asyncio.sleep(3 * SECONDS_MAX)
        assert {arrival.url for arrival in hooks.receivers.came} == set(urls), "each has its turn"

    hooked(scenario)
    assert most == [4]


@lives
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_killed_when_every_event_arrives_under_one_id_and_in_the_order_of_its_lot(seed: int) -> None:
    chance = random.Random(seed)

    async def moody(came: Came) -> Answer:
        await asyncio.sleep(chance.uniform(0, 2))
        if chance.random() < 0.1:
            return await swallows(came)
        return TAKEN if chance.random() < 0.6 else FAILED

    async def scenario(hooks: Hooked) -> list[Came]:
        hooks.receivers.behaviours[BAD] = moody
        webhook = (await hooks.register(BAD))["webhook_id"]
        for round_ in range(6):
            for number in range(4):
                await (hooks.reject(number) if round_ < 5 else hooks.accept(number))
            await asyncio.sleep(chance.uniform(0, 1))
            if round_ % 2:
                await hooks.again()
        hooks.receivers.behaviours.clear()
        await hooks.again()  # whatever was swallowed is sent once more
        async with asyncio.timeout(7_200):
            while await hooks.deliveries(webhook):
                await hooks.pass_time(3_600)
        return list(hooks.receivers.came)

    came = hooked(scenario)
    assert len({arrival.id for arrival in came}) == 4 * 7
    assert len({(arrival.id, arrival.body) for arrival in came}) == 4 * 7
    for number in range(4):
        arrivals = [arrival for arrival in came if arrival.said["data"]["lot_id"] == lot_id(number)]
        first = list(dict.fromkeys(arrival.id for arrival in arrivals))
        stamps = {
            arrival.id: (arrival.said["timestamp"], arrival.said["type"] == "certificate.issued")
            for arrival in arrivals
        }
        assert first == sorted(first, key=lambda text: stamps[text])
        last = {arrival.id: place for place, arrival in enumerate(arrivals)}
        assert [last[name] for name in first] == sorted(last.values()), "the next goes when the one before is done with"


@lives
def test_what_is_told_again_is_delivered_once_and_what_was_before_the_webhook_never() -> None:
    async def scenario(hooks: Hooked) -> list[Came]:
        upstream = hooks.audit.upstream
        lot = LotEvent(lot_accepted=LotAccepted(lot_id=lot_id(1)))
        await upstream.tell(LOTS, lot_id(1), lot, cause="old")
        await asyncio.sleep(telling.CLOCKS_DIFFER_SECONDS + 1)
        old = hooks.audit.house.records(LOTS)[0]
        await hooks.register(GOOD, "lot.accepted")
        await upstream.tell(LOTS, lot_id(2), LotEvent(lot_accepted=LotAccepted(lot_id=lot_id(2))), times=3)
        await asyncio.sleep(2)
        new = hooks.audit.house.records(LOTS)[-1]
        slot = slot_of_project(upstream.project_id)
        await upstream.broker.publish(
            [Outgoing(LOTS.name, record.key or b"", record.value, record.headers, slot) for record in (old, new)]
        )
        await hooks.again()
        await asyncio.sleep(60)
        return list(hooks.receivers.came)

    assert [arrival.said["data"]["lot_id"] for arrival in hooked(scenario)] == [lot_id(2)]


def test_a_secret_is_shown_once_and_for_a_day_after_a_rotation_both_sign() -> None:
    async def scenario(hooks: Hooked) -> None:
        entry = await hooks.register(GOOD, "lot.accepted")
        listed = (await hooks.call("GET")).json()["webhooks"]
        assert [sorted(shown) for shown in listed] == [["events", "registered_at", "url", "webhook_id"]]
        path = f"/{entry['webhook_id']}"
        two = (await hooks.call("POST", f"{path}/rotation")).json()
        assert two["secret_before_until"]
        tested = await hooks.call("POST", f"{path}/test")
        await asyncio.sleep(1)
        await hooks.pass_time(DAY)
        await hooks.call("POST", f"{path}/test")
        await asyncio.sleep(1)
        assert "secret_before_until" not in (await hooks.call("GET")).json()["webhooks"][0]
        three = (await hooks.call("POST", f"{path}/rotation")).json()
        four = (await hooks.call("POST", f"{path}/rotation")).json()
        await hooks.call("POST", f"{path}/test")
        await asyncio.sleep(1)
        secrets = [entry["secret"], two["secret"], three["secret"], four["secret"]]
        assert len(set(secrets)) == 4
        came = hooks.receivers.came
        assert came[0].id == tested.json()["delivery_id"]
        assert came[0].said["type"] == "webhook.test"
        assert [came[0].signatures(secrets[1], secrets[0]), came[1].signatures(secrets[1])] == [[True, True], [True]]
        assert came[2].signatures(secrets[3], secrets[2]) == [True, True], "two are valid, and no third"

    hooked(scenario)


@lives
def test_a_webhook_that_is_changed_or_removed_takes_what_waits_with_it() -> None:
    async def scenario(hooks: Hooked) -> None:
        hooks.receivers.behaviours[BAD] = fails
        webhook = (await hooks.register(BAD, "lot.accepted"))["webhook_id"]
        for number in range(3):
            await hooks.accept(number)
        await asyncio.sleep(1)
        moved = await hooks.call("PATCH", f"/{webhook}", {"url": GOOD, "events": ["lot.rejected"]})
        assert (moved.json()["url"], moved.json()["events"]) == (GOOD, ["lot.rejected"])
        await asyncio.sleep(120)
        assert {arrival.said["data"]["lot_id"] for arrival in hooks.receivers.at(GOOD)} == {
            lot_id(entry) for entry in range(3)
        }
        await hooks.call("PATCH", f"/{webhook}", {"url": BAD})
        await hooks.reject(1)
        await asyncio.sleep(1)
        (waiting,) = await hooks.deliveries(webhook)
        assert (await hooks.call("DELETE", f"/{webhook}")).status == 200
        before = len(hooks.receivers.came)
        await hooks.pass_time(DAY)
        assert len(hooks.receivers.came) == before
        for method, path in (("GET", "/deliveries"), ("POST", "/test"), ("POST", "/rotation"), ("DELETE", "")):
            assert (await hooks.call(method, f"/{webhook}{path}")).status == 404
        state = await webhooks_of(hooks.audit.owning).book.delivery(waiting["delivery_id"])
        assert state is not None
        assert state.status == "dropped"

    hooked(scenario)


def test_beyond_the_bound_events_are_left_out_and_the_webhook_says_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "OPEN_MAX", 3)
    monkeypatch.setattr(registering, "OPEN_MAX", 3)
    assert delivery.DEAD_SECONDS_MAX == 30 * DAY
    monkeypatch.setattr(delivery, "DEAD_SECONDS_MAX", 3_600)

    async def scenario(hooks: Hooked) -> None:
        hooks.receivers.behaviours[BAD] = fails
        webhook = (await hooks.register(BAD, "lot.accepted"))["webhook_id"]
        for number in range(5):
            await hooks.accept(number)
            await asyncio.sleep(1)
        assert len(await hooks.deliveries(webhook)) == 3
        (shown,) = (await hooks.call("GET")).json()["webhooks"]
        assert shown["left_out_at"].startswith("2026-")
        refused = await hooks.call("POST", f"/{webhook}/test")
        assert refused.status == 409
        pages = [(await hooks.call("GET", f"/{webhook}/deliveries", query="limit=2")).json()]
        pages.append((await hooks.call("GET", f"/{webhook}/deliveries", query=f"after={pages[0]['next']}")).json())
        assert [len(page["deliveries"]) for page in pages] == [2, 1]
        assert pages[1]["next"] is None
        await hooks.pass_time(DAY + 7_200)
        assert await hooks.deliveries(webhook) == [], "a dead letter is kept for so long, and no longer"
        assert (await hooks.call("POST", f"/{webhook}/test")).status == 202

    hooked(scenario)


REFUSED: Sequence[tuple[Any, str]] = (
    ({"url": "ftp://example.org/"}, "url"),
    ({"url": "https://user@example.org/"}, "url"),
    ({"url": "https://example.org/#a"}, "url"),
    ({"url": GOOD, "events": ["lot.gone"]}, "events[0]"),
    ({"url": GOOD, "events": []}, "events"),
    ({"url": GOOD, "more": 1}, "more"),
    ({}, "url"),
)


def test_what_cannot_be_registered_is_refused_by_field_and_cure() -> None:
    async def scenario(hooks: Hooked) -> None:
        for body, field in REFUSED:
            answer = await hooks.call("POST", "", body)
            assert answer.status == 422, body
            assert "url" in answer.json()["detail"] or answer.json()["errors"][0]["field"] == field
        entry = await hooks.register(GOOD)
        taken = await hooks.call("POST", "", {"url": GOOD})
        assert (taken.status, entry["webhook_id"] in taken.json()["detail"]) == (409, True)
        for number in range(ENDPOINTS_MAX - 1):
            await hooks.register(f"{GOOD}/{number}")
        assert (await hooks.call("POST", "", {"url": BAD})).status == 409

    hooked(scenario)


def test_no_log_line_holds_a_secret_a_body_or_a_receivers_address(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(hooks: Hooked) -> list[str]:
        async def breaks(came: Came) -> Answer:
            raise ZeroDivisionError

        hooks.receivers.behaviours.update({BAD: fails, GOOD: breaks})
        secrets = [(await hooks.register(url))["secret"] for url in (BAD, GOOD)]
        await hooks.accept(1)
        await asyncio.sleep(600)
        hooks.receivers.behaviours.clear()
        await hooks.pass_time(3_600)
        assert {arrival.said["type"] for arrival in hooks.receivers.at(GOOD)} == {"lot.accepted", "certificate.issued"}
        return secrets

    secrets = hooked(scenario)
    text = json.dumps([[record.getMessage(), record.exc_text] for record in caplog.records])
    assert "cannot be worked on" in text
    assert not any(word in text for word in (*secrets, "example.org", "cccc"))


def test_an_endpoint_that_takes_nothing_is_named_in_the_log_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(support, "LIVES", [1])

    async def scenario(hooks: Hooked) -> str:
        hooks.receivers.behaviours[BAD] = fails
        webhook_id: str = (await hooks.register(BAD, "lot.accepted"))["webhook_id"]
        await hooks.register(GOOD, "lot.accepted")
        await hooks.accept(1)
        await hooks.pass_time(3_500)
        assert named() == []
        for _ in range(3):
            await hooks.pass_time(3_600)
        return webhook_id

    def named() -> list[str]:
        return [record.getMessage() for record in caplog.records if "has taken nothing for" in record.getMessage()]

    webhook_id = hooked(scenario)
    assert len(named()) == 3
    assert all(line.startswith(f"webhook {webhook_id} of k1-p ") for line in named())


async def shown(hooks: Hooked, name: str) -> float:
    page = (await call(hooks.audit.service.application, "GET", "/metrics")).body.decode()
    (value,) = [line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(f"concord_audit_{name} ")]
    return float(value)


def test_what_waits_and_for_how_long_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "LIVES", [1])

    async def scenario(hooks: Hooked) -> None:

        hooks.receivers.behaviours[BAD] = fails
        await hooks.register(BAD, "lot.accepted")
        await hooks.accept(1)
        await hooks.pass_time(3_600)
        assert await shown(hooks, "webhooks_waiting") == 1
        oldest = 'project_webhook_oldest_seconds{client="k1",project="k1-p"}'
        assert await shown(hooks, oldest) == pytest.approx(3_600, abs=30)
        assert await shown(hooks, 'webhook_attempts_total{result="failed"}') == len(hooks.receivers.came)
        await hooks.pass_time(DAY)
        assert await shown(hooks, "webhook_dead_letters_total") == 1
        with pytest.raises(ValueError, match="not enough values"):
            await shown(hooks, oldest)

    hooked(scenario)
