"""A rejection says who is at fault by evidence, and every lot with their labels since these last held is looked at."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.errors import Unavailable
from concord.chassis.journal.journal import Journal
from services.audit.domain.replay import replay
from services.audit.repository import SERIES as SERIES_KIND
from services.ingest.domain import project as policies
from tests.support.audit import LOT, Audit, sealed
from tests.support.radius import (
    AGAIN,
    FIRST,
    OTHER,
    OTHERS,
    THIRD,
    THIRDS,
    events_of,
    inspected,
    lot_of,
    reject,
    settle,
)

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", AGAIN))
    yield found
    await found.stop()


async def test_who_is_at_fault_is_told_by_evidence_and_who_merely_labelled_in_the_lot_is_not(audit: Audit) -> None:
    await reject(audit)
    (rejected,) = await audit.events("lot_rejected")
    (fault,) = rejected.at_fault
    assert (fault.annotator_id, fault.inspected, fault.wrong) == ("bad", rejected.inspected, rejected.errors)
    assert fault.wrong_rate_low > AGAIN.aql
    assert fault.wrong_rate_high == pytest.approx(1.0)
    (radius,) = await audit.events("radius_found")
    assert (radius.lot_id, [each.found.annotator_id for each in radius.annotators]) == (LOT, ["bad"])
    assert radius.annotators[0].clean_lot_id == ""


@pytest.mark.parametrize("drawn_before", [True, False])
async def test_a_lot_with_their_labels_is_held_until_some_of_them_were_looked_at(
    audit: Audit, drawn_before: bool
) -> None:
    await audit.more(OTHER, OTHERS)
    if drawn_before:
        await settle(audit, OTHERS[:10], {"good": "yes", "else": "yes"})
        await settle(audit, OTHERS[10:], {"bad": "yes", "else": "yes"})
    await reject(audit)
    if not drawn_before:
        await settle(audit, OTHERS[:10], {"good": "yes", "else": "yes"})
        await settle(audit, OTHERS[10:], {"bad": "yes", "else": "yes"})
    (held,) = await audit.events("lot_held")
    assert (held.lot_id, set(held.unit_ids), held.first) == (OTHER, set(OTHERS[10:]), FIRST)
    assert (list(held.rejected_lot_ids), list(held.annotator_ids)) == ([LOT], ["bad"])
    body = await lot_of(audit, OTHER)
    assert (body["held"], body["held_for"], body["re_review"]["units"]) == (True, [LOT], 10)
    seen = await inspected(audit, OTHERS)
    assert [unit for unit in held.unit_ids if unit in seen][:FIRST] == list(held.unit_ids[:FIRST])
    (accepted,) = await audit.events("lot_accepted")
    assert accepted.re_review.units == 10
    assert accepted.re_review.inspected >= FIRST
    assert accepted.re_review.errors == 0
    body = await lot_of(audit, OTHER)
    assert (body["status"], body["held"]) == ("accepted", False)
    (claim,) = (await audit.client(f"/v1/lots/{OTHER}/certificate")).json()["lots"]
    assert claim["re_review"]["rejected_lots"] == [LOT]
    assert claim["re_review"]["inspected"] == accepted.re_review.inspected


async def test_it_is_not_accepted_by_its_own_sample_alone_and_says_for_what_it_is_held(audit: Audit) -> None:
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS[:10], {"good": "yes"})
    await settle(audit, OTHERS[10:], {"bad": "yes"})
    await reject(audit)
    (held,) = await audit.events("lot_held")
    drawn = next(drawn for drawn in await audit.events("sample_drawn") if drawn.lot_id == OTHER)
    first = list(held.unit_ids[:FIRST])
    await audit.verdicts([unit for unit in drawn.unit_ids if unit not in first[-1:]])
    if first[-1] not in drawn.unit_ids:
        body = await lot_of(audit, OTHER)
        assert (body["status"], body["held"], body["re_review"]["left"]) == ("auditing", True, 1)
    assert await audit.work() == first[-1:]
    assert await audit.events("lot_accepted") == []
    await audit.verdicts(first[-1:])
    assert len(await audit.events("lot_accepted")) == 1


async def test_where_one_of_them_is_wrong_all_are_inspected_and_leave_put_right(audit: Audit) -> None:
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"good": "yes"})
    await audit.more(THIRD, THIRDS)
    await settle(audit, THIRDS[:12], {"good": "yes"})
    await settle(audit, THIRDS[12:], {"bad": "yes"})
    await reject(audit)
    held = next(held for held in await audit.events("lot_held") if held.lot_id == THIRD)
    wrong = held.unit_ids[FIRST - 1]
    seen = await inspected(audit, THIRDS, {wrong: "no"})
    assert set(seen) >= set(THIRDS[12:])
    accepted = next(accepted for accepted in await audit.events("lot_accepted") if accepted.lot_id == THIRD)
    assert (accepted.re_review.inspected, accepted.re_review.errors) == (8, 1)
    (row,) = [row for row in await audit.rows(THIRD) if row["unit_id"] == wrong]
    assert row["label"] == "no"
    certificate, ledger = [(await audit.client(f"/v1/lots/{THIRD}/{what}")).body for what in ("certificate", "ledger")]
    assert replay(certificate, ledger.splitlines(keepends=True)).differing == ()
    assert not any(held.lot_id == OTHER for held in await audit.events("lot_held")), "none of theirs is in it"


async def test_only_what_was_settled_since_their_labels_last_held_is_in_doubt(audit: Audit) -> None:
    await audit.more(THIRD, THIRDS)
    await settle(audit, THIRDS[:10], {"bad": "yes"})
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes", "good": "yes"})
    await inspected(audit, OTHERS)
    assert [accepted.lot_id for accepted in await audit.events("lot_accepted")] == [OTHER]
    await settle(audit, THIRDS[10:], {"bad": "yes"})
    await reject(audit)
    (radius,) = await audit.events("radius_found")
    assert radius.annotators[0].clean_lot_id == OTHER
    (held,) = await audit.events("lot_held")
    assert (held.lot_id, set(held.unit_ids)) == (THIRD, set(THIRDS[10:]))


@pytest.mark.parametrize(
    "audit",
    [policies.Audit(plan="fraction", fraction=0.4, aql=0.05, ltpd=0.2, radius_units=0, radius_recheck_share=0.0)],
    indirect=True,
)
async def test_nothing_is_held_where_the_project_does_not_ask_for_it(audit: Audit) -> None:
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes"})
    await reject(audit)
    assert await audit.events("radius_found") == []
    assert await audit.events("lot_held") == []
    (rejected,) = await audit.events("lot_rejected")
    assert [fault.annotator_id for fault in rejected.at_fault] == ["bad"], "who is at fault is told all the same"


async def test_a_process_that_died_before_it_noted_who_is_at_fault_accepts_nothing_of_theirs(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, failing = Journal.decide, [True]

    async def away(self: Journal, kind: Any, cause: Any, **more: Any) -> Any:
        if kind is SERIES_KIND and cause.id.startswith("fault/") and failing:
            raise Unavailable("The store does not answer.")
        return await honest(self, kind, cause, **more)

    monkeypatch.setattr(Journal, "decide", away)
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes"})
    await reject(audit)
    await inspected(audit, OTHERS)
    assert await audit.events("lot_accepted") == []
    failing.clear()
    again = await audit.restarted()
    try:
        await again.settle()
        assert len(await again.events("radius_found")) == 1
        await inspected(again, OTHERS)
        (accepted,) = await again.events("lot_accepted")
        assert accepted.re_review.inspected >= FIRST
    finally:
        await again.stop()


async def test_a_new_process_holds_what_was_held_and_notes_a_rejection_once(audit: Audit) -> None:
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes"})
    await reject(audit)
    before = await lot_of(audit, OTHER)
    again = await audit.restarted()
    try:
        assert (await lot_of(again, OTHER))["re_review"] == before["re_review"]
        ids = {
            kind: {event.metadata.event_id for event in events_of(again, kind)} for kind in ("radius_found", "lot_held")
        }
        assert {kind: len(found) for kind, found in ids.items()} == {"radius_found": 1, "lot_held": 1}
    finally:
        await again.stop()


async def test_an_erased_unit_of_the_radius_is_waited_for_by_nobody(audit: Audit) -> None:
    await audit.more(OTHER, OTHERS)
    await settle(audit, OTHERS, {"bad": "yes"})
    await reject(audit)
    (held,) = await audit.events("lot_held")
    await audit.erase(*held.unit_ids[:2])
    await inspected(audit, OTHERS)
    (accepted,) = await audit.events("lot_accepted")
    assert accepted.re_review.units == len(OTHERS) - 2


async def test_a_new_process_knows_which_of_the_units_it_is_held_for_were_looked_at(audit: Audit) -> None:
    await audit.more(THIRD, THIRDS)
    await settle(audit, THIRDS[:12], {"good": "yes"})
    await settle(audit, THIRDS[12:], {"bad": "yes"})
    await reject(audit)
    (held,) = await audit.events("lot_held")
    wrong, last = held.unit_ids[FIRST - 1], held.unit_ids[-1]
    await inspected(audit, [unit for unit in THIRDS if unit != last], {wrong: "no"})
    assert (await lot_of(audit, THIRD))["re_review"] == {"units": 8, "inspected": 7, "errors": 1, "left": 1}
    again = await audit.restarted()
    try:
        assert (await lot_of(again, THIRD))["re_review"] == {"units": 8, "inspected": 7, "errors": 1, "left": 1}
        assert await inspected(again, THIRDS) == [last]
        assert len(await again.events("lot_accepted")) == 1
    finally:
        await again.stop()
