"""Repeats: a share of inspections is made again by a second auditor, blind, and the rate knows how far auditors err."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.contracts.topics import LOTS
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.quality.auditor_error import Repeats, with_auditor_error
from concord.quality.estimate import Estimate
from services.audit.domain.ledger import LedgerBroken
from services.audit.domain.replay import replay
from services.ingest.domain import project as policies
from services.metrics.domain.lot import Lots, LotShare
from services.metrics.handlers import _inspected
from tests.support.audit import LOT, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

ALL = policies.Audit(aql=0.1, ltpd=0.5, repeat_inspections=0.5)
ANEW = policies.Audit(aql=0.1, ltpd=0.5, repeat_inspections=0.5, on_reject="relabel")
WHOLE = policies.Audit(aql=0.1, ltpd=0.5, repeat_inspections=0.5, on_reject="inspect_all")
NONE = policies.Audit(aql=0.05, ltpd=0.3)
TOGETHER = f"/v1/projects/{PROJECT}/inspection"


@pytest.fixture
async def audit(request: pytest.FixtureRequest) -> AsyncIterator[Audit]:
    """Audit of a project whose first lot waits for auditors."""
    found = await sealed(getattr(request, "param", ALL))
    await found.resolve()
    yield found
    await found.stop()


async def statement(audit: Audit, lot: str = LOT) -> Any:
    return json.loads((await audit.client(f"/v1/lots/{lot}/certificate")).body)


async def written(audit: Audit, lot: str = LOT) -> tuple[bytes, list[bytes]]:
    """Return a lot's certificate and its ledger."""
    certificate = (await audit.client(f"/v1/lots/{lot}/certificate")).body
    return certificate, (await audit.client(f"/v1/lots/{lot}/ledger")).body.splitlines()


async def repeat(audit: Audit, entry: dict[str, str] | None = None) -> list[str]:
    """Have a second auditor label whatever waits for one, right unless something else is said; return the units."""
    done = []
    while work := await audit.work("second"):
        for unit in work:
            assert await audit.verdicts([unit], (entry or {}).get(unit, "yes"), subject="second") == ["taken"]
        done += work
    return done


def estimate(entry: Any) -> Estimate:
    return Estimate(entry["value"], entry["low"], entry["high"], entry["units"], entry["method"])


def live(events: list[LotEvent]) -> Lots:
    """Return what metrics adds up of the events of lots."""
    lots = Lots()
    left, rejected = [], []
    for event in events:
        if event.HasField("lot_accepted"):
            accepted = event.lot_accepted
            left.append(_inspected(accepted, accepted.lot_units, accepted.attempts_max))
        elif event.HasField("lot_rejected"):
            rejected.append(_inspected(event.lot_rejected, len(event.lot_rejected.unit_ids)))
    for inspection in left:
        lots.replace(LotShare(), LotShare(True, inspection))
    lots.replace(LotShare(), LotShare(True, None, tuple(rejected)))
    return lots


async def test_a_second_auditor_repeats_a_share_without_knowing_it_and_the_first_verdict_stands(audit: Audit) -> None:
    whole = await audit.call("GET", "/v1/inspections", subject="second")
    shape = {frozenset(inspection) for inspection in whole.json()["inspections"]}
    seen = await audit.inspect({UNITS[0]: "yes"})
    waiting = await audit.lot()
    assert waiting["status"] == "auditing", "it waits for the repeats"
    assert (waiting["inspected"], waiting["errors"]) == (len(seen), 0), "what was inspected is shown"
    assert waiting["waits_for"] == "another_auditor"
    assert f"{len(seen)} of its units were inspected" in waiting["waits"]
    assert await audit.work() == [], "nobody repeats their own inspection"
    assert (await audit.call("GET", "/v1/inspections")).json()["held_back"], "and is told that it waits for another"
    answer = await audit.call("GET", "/v1/inspections", subject="second")
    again = [inspection["unit_id"] for inspection in answer.json()["inspections"]]
    assert 0 < len(again) < len(seen)
    assert waiting["repeats_waiting"] == len(again)
    assert f"{len(again)} inspection" in waiting["waits"]
    assert set(again) <= set(seen)
    assert {frozenset(inspection) for inspection in answer.json()["inspections"]} <= shape
    first, *others = again
    assert await audit.verdicts([first], "no", subject="second") == ["taken"]
    assert await audit.verdicts([first], "no", subject="second") == ["repeated"]
    assert await audit.verdicts([first], "yes", subject="third") == ["refused"]
    assert await audit.verdicts(others, subject="second") == ["taken"] * len(others)
    (accepted,) = await audit.events("lot_accepted")
    rows = await audit.events("inspection_repeated")
    assert (rows[0].unit_id, rows[0].correct, rows[0].first_correct) == (first, False, True)
    assert {row.auditor_id for row in rows} == {"second"}
    assert {row.first_auditor_id for row in rows} == {"auditor"}
    assert {row["label"] for row in await audit.rows(LOT)} == {"yes"}
    repeats = Repeats(len(seen), 0, 0, 0, len(again), 1)
    assert accepted.repeats.overturned == 1
    (claim,) = (body := await statement(audit))["lots"]
    assert (claim["repeats"]["repeated"], claim["repeats"]["agreed"]) == (len(again), len(again) - 1)
    naive = claim["repeats"]["label_error_rate_by_their_word"]
    wanted = with_auditor_error(estimate(naive), len(UNITS), len(seen), 0, repeats)
    rate = claim["label_error_rate"]
    assert (rate["low"], rate["value"], rate["high"]) == (wanted.low, wanted.value, wanted.high)
    assert rate["high"] > naive["high"]
    assert body["project"]["label_error_rate"]["high"] == rate["high"]
    assert replay(*await written(audit)).differing == ()


async def test_all_that_is_found_wrong_is_repeated_and_live_and_certificate_say_the_same(audit: Audit) -> None:
    lots = [LOT, lot_id(2), lot_id(3)]
    confirmed = 0
    for number, lot in enumerate(lots):
        units = UNITS if not number else unit_ids(20, first=20 * number)
        if number:
            await audit.more(lot, units)
            await audit.resolve(units)
        wrong = (await audit.work())[0]
        seen = await audit.inspect({wrong: "no"})
        # The second of the last says of what was found wrong that it is right.
        again = await repeat(audit, {wrong: "no"} if lot != lots[-1] else {})
        confirmed += lot != lots[-1]
        assert wrong in again
        assert len(again) < len(seen)
        (claim,) = (body := await statement(audit, lot))["lots"]
        assert (claim["repeats"]["found_wrong"], claim["repeats"]["confirmed"]) == (1, int(lot != lots[-1]))
        assert body["project"]["repeats"]["confirmed"] == confirmed
        assert replay(*await written(audit, lot)).differing == ()
        assert [row["label"] for row in await audit.rows(lot) if row["unit_id"] == wrong] == ["no"], "the first stands"
    shown = (await audit.client(TOGETHER)).json()
    metrics = live(audit.house.events(LOTS)).label_error_rate()
    body = await statement(audit, lots[-1])
    rate = body["project"]["label_error_rate"]
    for found in (shown["label_error_rate"], {"value": metrics.value, "low": metrics.low, "high": metrics.high}):
        assert (found["value"], found["low"], found["high"]) == (rate["value"], rate["low"], rate["high"])
    assert shown["repeats"]["confirmed"] == 2
    assert shown["repeats"]["by_their_word"]["high"] < rate["high"]
    page = (await audit.client(f"/v1/lots/{lots[-1]}/certificate.html")).body.decode()
    answer = body["project"]["repeats"]
    assert f"auditors agreed on {answer['agreed']} of {answer['repeated']} blind repeats" in page


@pytest.mark.parametrize("audit", [ANEW], indirect=True)
async def test_a_rejection_waits_for_no_repeat_and_those_that_were_made_count_once(audit: Audit) -> None:
    first, *_ = await audit.work()
    assert await audit.verdicts([first], "no") == ["taken"]
    assert await audit.verdicts([first], "no", subject="second") == ["taken"]
    await audit.inspect({}, default="no")
    assert (await audit.lot())["status"] == "relabelling"
    (rejected,) = await audit.events("lot_rejected")
    assert (rejected.repeats.wrong, rejected.repeats.confirmed) == (1, 1)
    await audit.resolve(rework=1)
    await audit.inspect({})
    await repeat(audit)
    (accepted,) = await audit.events("lot_accepted")
    shown = (await audit.client(TOGETHER)).json()
    assert shown["repeats"]["found_wrong"] == 1
    assert shown["repeats"]["found_right"] == accepted.repeats.right > 0
    assert replay(*await written(audit)).differing == ()


@pytest.mark.parametrize("audit", [WHOLE], indirect=True)
async def test_a_lot_that_is_inspected_on_after_a_rejection_tells_of_its_repeats_once(audit: Audit) -> None:
    bad = dict.fromkeys(UNITS[:9], "no")
    seen = await audit.inspect(bad)
    assert sorted(seen) == sorted(UNITS), "all of it"
    again = await repeat(audit, bad)
    (rejected,) = await audit.events("lot_rejected")
    assert not rejected.HasField("repeats")
    shown = (await audit.client(TOGETHER)).json()
    assert shown["repeats"]["repeated"] == len(again)
    assert (shown["repeats"]["found_wrong"], shown["repeats"]["confirmed"]) == (9, 9)
    assert shown["label_error_rate"]["high"] > 0, "auditors may have missed some"
    assert live(audit.house.events(LOTS)).label_error_rate().high == shown["label_error_rate"]["high"]


async def test_who_labelled_a_unit_may_not_repeat_its_inspection_and_a_late_repeat_is_refused(audit: Audit) -> None:
    await audit.inspect({})
    (again, *_) = await audit.work("second")
    assert await audit.work("w1") == []
    assert await audit.verdicts([again], subject="w1") == ["refused"]
    await repeat(audit)
    assert (await audit.lot())["status"] == "accepted"
    assert await audit.verdicts([again], subject="third") == ["refused"]
    assert replay(*await written(audit)).differing == ()


async def test_a_lot_that_waits_for_repeats_goes_on_when_the_project_wants_none_any_more(audit: Audit) -> None:
    await audit.inspect({})
    assert (await audit.lot())["status"] == "auditing"
    await audit.define(policies.Policy(audit=NONE), revision=2)
    await audit.settle()
    assert (await audit.lot())["status"] == "accepted"
    assert "repeats" not in (await statement(audit))["lots"][0]
    assert replay(*await written(audit)).differing == ()


async def test_an_erased_unit_is_not_waited_for(audit: Audit) -> None:
    await audit.inspect({})
    *others, last = await audit.work("second")
    assert await audit.verdicts(others, subject="second") == ["taken"] * len(others)
    await audit.erase(last)
    await audit.inspect({})
    await repeat(audit)
    assert (await audit.lot())["status"] == "accepted"
    assert replay(*await written(audit)).differing == ()


async def test_the_next_process_knows_what_waits_for_a_second_auditor(audit: Audit) -> None:
    await audit.inspect({})
    before = sorted(await audit.work("second"))
    after = await audit.restarted()
    assert sorted(await after.work("second")) == before
    await repeat(after)
    assert (await after.lot())["status"] == "accepted"
    await after.stop()


async def test_no_more_wait_for_a_second_auditor_than_the_bound(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.audit.handlers.inspection.REPEATS_WAITING_MAX", 2)
    await audit.inspect({})
    assert len(await audit.work("second")) == 2


async def test_a_second_auditors_label_that_was_changed_is_found_by_a_replay(audit: Audit) -> None:
    await audit.inspect({})
    await repeat(audit)
    certificate, ledger = await written(audit)
    place, line = next((place, line) for place, line in enumerate(ledger) if b'"repeated":"' in line)
    ledger[place] = line.replace(b'"repeated":"\\"yes\\""', b'"repeated":"\\"no\\""')
    assert ledger[place] != line
    with pytest.raises(LedgerBroken, match="was changed"):
        replay(certificate, ledger)
