"""Audit over the memory ports: lots and resolutions in, verdicts through its HTTP door, certificates out."""

import json
from collections.abc import AsyncIterator

import pytest

from concord.chassis.http import unguarded_routes
from concord.chassis.identity import Role
from concord.contracts.topics import LOTS
from concord.contracts.v1.resolutions_pb2 import Adjudicated
from services.audit.domain.place import OpenLot
from services.audit.domain.replay import replay
from services.audit.domain.signing import CertificateBroken
from services.audit.domain.verification import verify
from tests.support.audit import INSPECT_ALL, LOT, RELABEL, UNITS, Audit, sealed
from tests.support.upstream import PROJECT

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


async def test_a_lot_without_error_is_accepted_early_and_its_certificate_verifies(audit: Audit) -> None:
    await audit.resolve(UNITS[:-1])
    assert (await audit.lot())["status"] == "sealed"
    assert (await audit.client(f"/v1/lots/{LOT}/export")).status == 409
    await audit.resolve(UNITS[-1:])
    seen = await audit.inspect({})
    lot = await audit.lot()
    assert lot["status"] == "accepted"
    assert lot["inspected"] <= len(seen) < len(UNITS), "a sequential plan stops before the whole lot is inspected"
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    export = (await audit.client(f"/v1/lots/{LOT}/export")).body
    key = (await audit.client("/v1/keys")).json()["public_key"]
    (claim,) = verify(certificate, [export], [key]).statement["lots"]
    assert claim["sample"] == seen[: lot["inspected"]]
    assert claim["label_error_rate"]["low"] == 0
    assert 0 < claim["label_error_rate"]["high"] < 0.5
    assert claim["annotations"] == 2 * len(UNITS)
    assert [json.loads(line)["source_id"] for line in export.splitlines()] == [f"source of {unit}" for unit in UNITS]
    names = await audit.told()
    assert names == ["sample_drawn", *["unit_audited"] * len(seen), "lot_accepted", "lot_exported"]


async def test_every_changed_byte_is_noticed(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    export = (await audit.client(f"/v1/lots/{LOT}/export")).body
    with pytest.raises(CertificateBroken, match="export was changed"):
        verify(certificate, [export.replace(b"yes", b"no ", 1)])
    with pytest.raises(CertificateBroken, match="another key"):
        verify(certificate, [export], ["AAAA"])
    for place in range(len(certificate)):
        changed = bytearray(certificate)
        changed[place] ^= 1
        if same_values(bytes(changed), certificate):
            continue  # the last digit of a number that no double holds: it says what it said
        with pytest.raises(CertificateBroken):
            verify(bytes(changed), [export])


def same_values(encoded: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(encoded) == json.loads(other))
    except ValueError:
        return False


async def test_a_rejected_lot_goes_back_and_comes_again_under_a_new_sample(audit: Audit) -> None:
    await audit.resolve()
    first = await audit.inspect({}, default="no")
    assert (await audit.lot())["status"] == "relabelling"
    await audit.settle()
    rejected = next(event.lot_rejected for event in audit.house.events(LOTS) if event.HasField("lot_rejected"))
    assert (rejected.on_reject, rejected.rework, sorted(rejected.unit_ids)) == ("relabel", 0, sorted(UNITS))
    await audit.resolve(label="yes", rework=0)
    assert (await audit.lot())["status"] == "relabelling", "what was resolved before does not count again"
    await audit.resolve(label="no", rework=1)
    second = await audit.inspect({}, default="no")
    lot = await audit.lot()
    assert (lot["status"], lot["rework"], lot["rejections"]) == ("accepted", 1, 1)
    assert first[:5] != second[:5], "nobody can foresee the second sample from the first"
    rows = [json.loads(line) for line in (await audit.client(f"/v1/lots/{LOT}/export")).body.splitlines()]
    assert {row["label"] for row in rows} == {"no"}


@pytest.mark.parametrize("audit", [INSPECT_ALL], indirect=True)
async def test_a_rejected_lot_is_inspected_whole_and_leaves_put_right(audit: Audit) -> None:
    await audit.resolve()
    wrong = dict.fromkeys(UNITS[:12], "no")
    await audit.inspect(wrong)
    lot = await audit.lot()
    assert (lot["status"], lot["inspected"], lot["errors"], lot["corrected"]) == ("accepted", 20, 12, 12)
    assert lot["label_error_rate"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    rows = [json.loads(line) for line in (await audit.client(f"/v1/lots/{LOT}/export")).body.splitlines()]
    assert {row["unit_id"]: row["label"] for row in rows} == {unit: wrong.get(unit, "yes") for unit in UNITS}
    assert [row["method"] for row in rows].count("audited") == 12


async def test_what_was_found_of_a_lot_is_not_put_on_its_rework(audit: Audit) -> None:
    """Two processes may look at a lot at different times; here one still has it as it was before it was rejected."""
    await audit.resolve()
    stale = audit.repository.open_lots(PROJECT)[0].state
    work = [inspection["unit_id"] for inspection in (await audit.call("GET", "/v1/inspections")).json()["inspections"]]
    for unit in reversed(work):
        await audit.call("POST", "/v1/inspections", {"verdicts": [{"unit_id": unit, "label": "no"}]})
    await audit.settle()
    assert (await audit.lot())["status"] == "relabelling"
    await audit.resolve(label="no", rework=1)
    assert (await audit.lot())["status"] == "auditing"
    lot = OpenLot(stale)
    lot.found = dict.fromkeys(stale.unit_ids, False)
    await audit.handlers.turns.verdicts.judge(lot)
    assert await audit.lot() | {"problem": ""} == {
        **await audit.lot(),
        "status": "auditing",
        "rework": 1,
        "inspected": 0,
    }


async def test_an_inspection_is_blind_and_never_by_somebody_with_a_part_in_it(audit: Audit) -> None:
    await audit.resolve(UNITS[:-1])
    ruled = Adjudicated(unit_id=UNITS[-1], label=b'"yes"', adjudicator_id="senior", guideline_version=1)
    await audit.upstream.resolution(UNITS[-1], adjudicated=ruled)
    await audit.settle()
    work = (await audit.call("GET", "/v1/inspections")).json()["inspections"]
    assert "label" not in work[0]
    ruled_last = [unit["unit_id"] for unit in work if unit["unit_id"] == UNITS[-1]]
    assert await audit.work("w1") == ruled_last, "they labelled all others"
    verdict = {"verdicts": [{"unit_id": work[0]["unit_id"], "label": "yes"}]}
    part = "senior" if work[0]["unit_id"] == UNITS[-1] else "w1"
    (refused,) = (await audit.call("POST", "/v1/inspections", verdict, subject=part)).json()["results"]
    assert (refused["status"], refused["field"]) == ("refused", "unit_id")
    mixed = [
        {"unit_id": work[0]["unit_id"], "label": "perhaps"},
        {"unit_id": work[0]["unit_id"], "label": "yes"},
        {"unit_id": work[0]["unit_id"], "label": "yes"},
        {"unit_id": work[0]["unit_id"], "label": "no"},
        {"unit_id": "k1-none", "label": "no"},
    ]
    results = (await audit.call("POST", "/v1/inspections", {"verdicts": mixed})).json()["results"]
    assert [result["status"] for result in results] == ["refused", "taken", "repeated", "refused", "refused"]


async def test_verdicts_count_in_the_order_of_the_sample_whoever_was_faster(audit: Audit) -> None:
    await audit.resolve()
    work = [inspection["unit_id"] for inspection in (await audit.call("GET", "/v1/inspections")).json()["inspections"]]
    for unit in reversed(work[1:]):
        await audit.call("POST", "/v1/inspections", {"verdicts": [{"unit_id": unit, "label": "yes"}]})
    await audit.settle()
    assert (await audit.lot())["status"] == "auditing"
    await audit.call("POST", "/v1/inspections", {"verdicts": [{"unit_id": work[0], "label": "yes"}]})
    await audit.settle()
    assert (await audit.lot())["status"] == "accepted"


async def test_a_new_life_goes_on_wherever_the_last_one_was_killed() -> None:
    found = await sealed(RELABEL)
    await found.resolve(UNITS[:10])
    again = await found.restarted()
    await again.resolve(UNITS[10:])
    assert (await again.lot())["status"] == "auditing"
    last = await again.restarted()
    await last.inspect({})
    assert (await last.lot())["status"] == "accepted"
    assert (await last.told()).count("lot_accepted") == 1
    await last.stop()


async def test_what_was_withdrawn_is_neither_inspected_nor_exported(audit: Audit) -> None:
    await audit.upstream.erased(UNITS[0])
    await audit.settle()
    await audit.resolve(UNITS[1:])
    seen = await audit.inspect({})
    assert UNITS[0] not in seen
    rows = (await audit.client(f"/v1/projects/{PROJECT}/export")).body.splitlines()
    assert len(rows) == len(UNITS) - 1


async def test_what_is_unanswerable_leaves_its_lot_and_is_listed(audit: Audit) -> None:
    gone, erased = UNITS[3], UNITS[4]
    await audit.unanswerable(gone)
    await audit.unanswerable(erased)
    await audit.resolve([unit for unit in UNITS if unit not in (gone, erased)])
    assert (await audit.lot())["status"] == "auditing", "its lot does not wait for a label of it"
    seen = await audit.inspect({}, default="no")
    lot = await audit.lot()
    assert (lot["status"], lot["units"], lot["unanswerable"]) == ("relabelling", len(UNITS) - 2, 2)
    (rejected,) = await audit.events("lot_rejected")
    assert not {gone, erased} & {*seen, *rejected.unit_ids}, "nobody labels anew what has no right label"
    await audit.erase(erased)
    await audit.resolve([unit for unit in UNITS if unit not in (gone, erased)], rework=1)
    seen = await audit.inspect({})
    assert not {gone, erased} & {*seen}
    await audit.erase(gone)
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    export = (await audit.client(f"/v1/lots/{LOT}/export")).body
    (claim,) = verify(certificate, [export]).statement["lots"]
    assert (claim["units"], claim["withdrawn"], claim["unanswerable"]) == (len(UNITS) - 2, 1, 1)
    assert claim["unanswerable_units"] == [gone]
    assert {json.loads(line)["unit_id"] for line in export.splitlines()} == {*UNITS} - {gone, erased}
    (accepted,) = await audit.events("lot_accepted")
    assert (accepted.lot_units, accepted.lot_units_unanswerable) == (len(UNITS) - 2, 1)
    ledger = (await audit.client(f"/v1/lots/{LOT}/ledger")).body
    assert not replay(certificate, ledger.splitlines(keepends=True)).differing
    project = json.loads((await audit.client(f"/v1/projects/{PROJECT}/certificate")).body)
    assert project["lots"][0]["unanswerable"] == 1
    page = (await audit.client(f"/v1/lots/{LOT}/certificate.html")).body.decode()
    assert "Ruled unanswerable" in page


async def test_one_certificate_covers_a_projects_lots_and_the_export_of_its_issue(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    certificate = (await audit.client(f"/v1/projects/{PROJECT}/certificate")).body
    issue = json.loads(certificate)["issue"]
    export = (await audit.client(f"/v1/projects/{PROJECT}/export", query=f"issue={issue}")).body
    assert [lot["lot_id"] for lot in verify(certificate, [export]).statement["lots"]] == [LOT]
    stranger = await audit.call("GET", f"/v1/projects/{PROJECT}/export", role=Role.CLIENT, client_id="k2")
    assert stranger.status == 404
    assert unguarded_routes(audit.service.application) == []  # type: ignore[arg-type]  # it is known here as any ASGI application
