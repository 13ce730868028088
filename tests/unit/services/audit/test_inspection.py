"""What auditors are listed, whose verdicts are taken, and what a verdict says."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from concord.chassis.journal.journal import Journal
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ParticipantJoined, ResolutionEvent
from services.audit.domain.lot import LOOK_AHEAD_UNITS
from services.audit.handlers import hearing, means
from services.ingest.domain import project as policies
from tests.support.audit import CHOICE, INSPECT_ALL, LOT, RELABEL, UNITS, Audit, sealed, unit_ids
from tests.support.service import metadata

MANY = unit_ids(400)
STRICT = policies.Audit(aql=0.01, ltpd=0.05, on_reject="relabel")

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


async def test_auditors_are_listed_what_the_plan_still_needs_and_a_few_more() -> None:
    audit = await sealed(STRICT, units=MANY)
    await audit.resolve(MANY)
    needed, sample = audit.needed(), audit.repository.open_lots(None)[0].state.sample
    listed = await audit.work(query="limit=500")
    assert len(listed) == needed + LOOK_AHEAD_UNITS < len(sample)
    assert await audit.verdicts(listed[:needed]) == ["taken"] * needed
    assert (await audit.client(f"/v1/lots/{LOT}")).json()["status"] == "accepted"
    assert await audit.work(query="limit=500") == []
    await audit.stop()


async def test_an_error_has_more_units_listed() -> None:
    audit = await sealed(STRICT, units=MANY)
    await audit.resolve(MANY)
    listed = await audit.work(query="limit=500")
    await audit.verdicts(listed[30:31], "no")
    after = await audit.work(query="limit=500")
    assert after[: len(listed) - 1] == [unit for unit in listed if unit != listed[30]]
    assert len(after) > len(listed) - 1
    await audit.stop()


async def test_a_verdict_after_the_plans_stop_is_kept_as_late_and_said_to_be(audit: Audit) -> None:
    await audit.resolve()
    listed, needed = await audit.work(), audit.needed()
    body = {"verdicts": [{"unit_id": unit, "label": "yes"} for unit in [*listed[:needed], listed[-1]]]}
    assert await audit.verdicts(listed[:needed]) == ["taken"] * needed
    assert (await audit.lot())["status"] == "accepted"
    before = (await audit.client(f"/v1/lots/{LOT}/export")).body
    last = {"verdicts": [{"unit_id": listed[-1], "label": "no"}]}
    for _ in range(2):
        (error,) = (await audit.call("POST", "/v1/inspections", last)).json()["results"]
        assert (error["status"], "does not count" in error["problem"]) == ("late", True)
    results = (await audit.call("POST", "/v1/inspections", body)).json()["results"]
    assert {result["status"] for result in results[:-1]} == {"repeated"}, "those that came in time stay so"
    assert results[-1]["status"] == "refused", "another label than the one that was kept"
    late = [event for event in await audit.events("unit_audited") if event.late]
    assert [(unit.unit_id, unit.correct) for unit in late] == [(listed[-1], False)]
    assert (await audit.client(f"/v1/lots/{LOT}/export")).body == before
    lot = await audit.lot()
    assert (lot["errors"], lot["corrected"]) == (0, 0)


async def test_a_verdict_on_a_lot_that_was_sent_back_is_late_and_takes_no_ones_place(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work()
    await audit.verdicts(listed[:2], "no")
    assert (await audit.lot())["status"] == "relabelling"
    assert await audit.verdicts(listed[5:6], "no") == ["late"]
    await audit.resolve(listed[6:8], "no", rework=1)
    assert await audit.verdicts(listed[6:7], "no") == ["refused"], "it has a label that no sample was drawn on"
    await audit.resolve([unit for unit in UNITS if unit not in listed[6:8]], "no", rework=1)
    await audit.inspect({}, default="no")
    assert (await audit.lot())["status"] == "accepted"


async def test_a_lot_of_a_closed_project_that_is_rejected_is_inspected_whole_for_nobody_labels_it_anew(
    audit: Audit,
) -> None:
    await audit.resolve()
    await audit.define(policies.Policy(audit=RELABEL), revision=9, life="closed")
    listed = await audit.work()
    await audit.verdicts(listed[:2], "no")
    assert (await audit.lot())["status"] == "inspecting_all"
    (rejected,) = await audit.events("lot_rejected")
    assert rejected.on_reject == "inspect_all"


async def test_auditors_are_shown_nothing_of_a_paused_project_and_their_verdicts_count(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work()
    await audit.define(policies.Policy(audit=RELABEL), revision=9, life="paused")
    assert (listed != [], await audit.work()) == (True, [])
    assert await audit.verdicts(listed[:1]) == ["taken"], "what was being looked at may be finished"
    await audit.define(policies.Policy(audit=RELABEL), revision=10)
    assert await audit.work() == listed[1:]


@pytest.mark.parametrize("audit", [RELABEL], indirect=True)
async def test_whoever_annotated_in_an_earlier_round_may_not_audit(audit: Audit) -> None:
    await audit.resolve(by=("dora", "w2"))
    await audit.inspect({}, default="no")
    await audit.resolve(label="no", rework=1, by=("x", "y"))
    assert await audit.work("dora") == []
    listed = await audit.work()
    assert await audit.verdicts(listed[:1], "no", subject="dora") == ["refused"]
    assert await audit.verdicts(listed[:1], "no") == ["taken"]


async def test_whoever_annotated_late_may_not_audit(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work("eve")
    joined = ParticipantJoined(unit_id=listed[0], annotator_id="eve")
    await audit.upstream.resolution(listed[0], participant_joined=joined)
    await audit.settle()
    assert await audit.work("eve") == listed[1:]
    assert await audit.verdicts(listed[:1], subject="eve") == ["refused"]


async def test_an_auditor_of_one_client_sees_and_judges_no_other_clients_units(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work(client_id="k1")
    assert listed
    assert await audit.work(client_id="k2") == []
    assert await audit.verdicts(listed[:1], client_id="k2") == ["refused"]
    assert await audit.verdicts(listed[:1], client_id="k1") == ["taken"]


@pytest.mark.parametrize(
    ("schema", "resolved", "same", "other"),
    [
        ({"kind": "number", "low": 0, "high": 100}, 37.0, 37.2, 80),
        ({"kind": "preference"}, {"prefer": "a", "strength": 1}, {"prefer": "a", "strength": 1},
         {"prefer": "b", "strength": 1}),
        ({"kind": "boxes", "classes": ["car"]},
         {"boxes": [{"left": 0, "top": 0, "right": 9, "bottom": 9, "class": "car"}]},
         {"boxes": [{"left": 0, "top": 0, "right": 9.1, "bottom": 9, "class": "car"}]},
         {"boxes": []}),
        (CHOICE, "yes", "yes", "no"),
    ],
)  # fmt: skip
async def test_a_verdict_says_whether_both_labels_say_the_same_and_every_kind_ends_in_a_certificate(
    schema: Any, resolved: Any, same: Any, other: Any
) -> None:
    audit = await sealed(INSPECT_ALL, schema)
    canonical = audit.handlers.means.project("k1-p").schema.canonical
    await audit.resolve(label=canonical(resolved))
    listed = await audit.work()
    await audit.verdicts(listed[:1], same)
    await audit.verdicts(listed[1:2], other)
    assert [event.correct for event in await audit.events("unit_audited")] == [True, False]
    await audit.inspect({}, default=same)
    assert (await audit.lot())["status"] == "accepted"
    rows = {row["unit_id"]: row for row in await audit.rows(LOT)}
    assert rows[listed[0]]["label"] == canonical(resolved), "what says the same is not put right"
    assert rows[listed[1]]["label"] == canonical(other)
    await audit.stop()


async def test_a_lot_whose_only_auditor_had_a_part_in_the_next_unit_says_so_in_lists_and_a_series(audit: Audit) -> None:
    await audit.resolve()
    listed = await audit.work()
    await audit.upstream.resolution(
        listed[0], participant_joined=ParticipantJoined(unit_id=listed[0], annotator_id="eve")
    )
    await audit.settle()
    gauge = audit.handlers.means.instruments.gauge("concord_audit_lots_without_auditor")
    statuses = {
        status: audit.handlers.means.instruments.gauge("concord_audit_lots_by_status", status)._value.get()
        for status in means.OPEN
    }
    assert {status for status, lots in statuses.items() if lots} == {"auditing"}
    while left := await audit.work("eve"):
        assert (await audit.lot())["problem"] == ""
        assert set(await audit.verdicts(left, subject="eve")) == {"taken"}
    answer = (await audit.call("GET", "/v1/inspections", subject="eve")).json()
    text = "You had a part in every unit that it needs: it waits for another auditor."
    assert answer == {"inspections": [], "held_back": [{"lot_id": LOT, "project_id": "k1-p", "reason": text}]}
    lot = await audit.lot()
    assert (lot["status"], "another auditor" in lot["problem"], gauge._value.get()) == ("auditing", True, 1)
    assert await audit.work("zoe") == listed[:1]
    assert ((await audit.lot())["problem"], gauge._value.get()) == ("", 0)
    assert await audit.verdicts(listed[:1], subject="zoe") == ["taken"]
    assert (await audit.lot())["status"] == "accepted"


async def test_events_are_heard_some_at_a_time_however_many_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "HEARD_AT_ONCE", 7)
    sizes: list[int] = []
    audit, apply = await sealed(RELABEL), Journal.apply

    async def noted(journal: Journal, kind: Any, causes: Any) -> Any:
        sizes.append(len(causes))
        return await apply(journal, kind, causes)

    monkeypatch.setattr(Journal, "apply", noted)
    reached = ConsensusReached(label=b'"yes"', method="posterior", guideline_version=1, participants=["w1"])
    events = []
    for unit in UNITS:
        reached.unit_id = unit
        events.append(ResolutionEvent(metadata=metadata(unit, "k1", "k1-p", 1), consensus_reached=reached))
    deliveries: Any = [SimpleNamespace(event=event) for event in events]
    await audit.handlers.hearing.resolutions(deliveries)
    assert sizes[:3] == [7, 7, 6]
    await audit.settle()
    assert (await audit.lot())["status"] == "auditing"
    await audit.stop()
