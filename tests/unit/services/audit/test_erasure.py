"""Units that are erased at any time of their lot's life."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.exports.jsonl import CERTIFIED
from services.audit import repository as repository_module
from services.audit.domain.signing import CertificateBroken
from services.audit.domain.verification import verify
from services.audit.repository import Repository
from tests.support.audit import INSPECT_ALL, LOT, RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


@pytest.mark.parametrize("when", ["before the draw", "while it is inspected", "while it is labelled anew"])
async def test_a_lot_that_was_sent_back_does_not_wait_for_an_erased_unit(audit: Audit, when: str) -> None:
    if when == "before the draw":
        await audit.erase(UNITS[0])
    await audit.resolve()
    if when == "while it is inspected":
        await audit.erase(UNITS[0])
    await audit.inspect({}, default="no")
    assert (await audit.lot())["status"] == "relabelling"
    if when == "while it is labelled anew":
        await audit.erase(UNITS[0])
    await audit.resolve(UNITS[1:], label="no", rework=1)
    await audit.inspect({}, default="no")
    lot = await audit.lot()
    assert (lot["status"], lot["rework"], lot["units"]) == ("accepted", 1, 19)


async def test_a_unit_erased_after_the_draw_is_replaced_and_counts_as_nothing(audit: Audit) -> None:
    await audit.resolve()
    drawn = await audit.work()
    assert await audit.verdicts(drawn[1:2], "no") == ["taken"]
    await audit.erase(drawn[1], drawn[0])
    seen = await audit.inspect({})
    lot = await audit.lot()
    assert (lot["status"], lot["units"], lot["errors"], lot["corrected"]) == ("accepted", 18, 0, 0)
    assert lot["inspected"] <= len(seen)
    claim = json.loads((await audit.client(f"/v1/lots/{LOT}/certificate")).body)["lots"][0]
    assert claim["sample"] == seen[: lot["inspected"]]
    assert (claim["units"], claim["withdrawn"], claim["inspected"]) == (18, 2, lot["inspected"])


@pytest.mark.parametrize("audit", [INSPECT_ALL], indirect=True)
async def test_a_lot_of_which_all_is_erased_leaves_empty(audit: Audit) -> None:
    await audit.resolve()
    await audit.verdicts((await audit.work())[:1], "no")
    await audit.erase(*UNITS)
    lot = await audit.lot()
    assert (lot["status"], lot["units"], lot["inspected"]) == ("accepted", 0, 0)
    assert lot["label_error_rate"] == {"value": None, "low": None, "high": None}
    assert (await audit.client(f"/v1/lots/{LOT}/export")).body == b""
    verify((await audit.client(f"/v1/lots/{LOT}/certificate")).body, [b""])


async def test_a_unit_erased_before_its_lot_was_heard_of_is_in_no_claim() -> None:
    audit = await sealed(RELABEL, units=UNITS[:10])
    for unit in UNITS[10:]:
        await audit.upstream.unit(unit)
    await audit.erase(UNITS[10])
    await audit.upstream.lot(lot_id(2), UNITS[10:])
    await audit.resolve(UNITS[11:])
    await audit.inspect({})
    lot = (await audit.client(f"/v1/lots/{lot_id(2)}")).json()
    assert (lot["status"], lot["units"]) == ("accepted", 9)
    assert len((await audit.client(f"/v1/lots/{lot_id(2)}/export")).body.splitlines()) == 9
    await audit.stop()


async def test_a_certificate_outlives_erasures_and_what_is_left_still_verifies(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    whole = (await audit.client(f"/v1/lots/{LOT}/export")).body
    assert (await audit.client(f"/v1/lots/{LOT}/withdrawals")).status == 404
    await audit.erase(UNITS[3], UNITS[0])
    assert (await audit.client(f"/v1/lots/{LOT}/certificate")).body == certificate
    left = (await audit.client(f"/v1/lots/{LOT}/export")).body
    assert left.splitlines() == [line for place, line in enumerate(whole.splitlines()) if place not in (0, 3)]
    with pytest.raises(CertificateBroken, match="withdrawals"):
        verify(certificate, [left])
    gone = await audit.client(f"/v1/lots/{LOT}/withdrawals")
    assert [entry["line"] for entry in gone.json()["withdrawn"]] == [1, 4]
    key = (await audit.client("/v1/keys")).json()["public_key"]
    assert verify(certificate, [left], [key], gone.body).withdrawn == 2
    lot = await audit.lot()
    assert (lot["units"], lot["erased_since"]) == (20, 2)
    again = await audit.restarted()
    assert (await again.client(f"/v1/lots/{LOT}/withdrawals")).body == gone.body
    assert (await again.client(f"/v1/lots/{LOT}/export")).body == left
    await again.stop()


async def test_every_issue_of_a_project_is_told_what_was_erased_since(audit: Audit) -> None:
    others = unit_ids(12, first=100)
    await audit.resolve()
    await audit.inspect({})
    first = (await audit.client(f"/v1/projects/{PROJECT}/certificate")).body
    await audit.erase(UNITS[5])
    await audit.more(lot_id(2), others)
    await audit.resolve(others)
    await audit.inspect({})
    second = (await audit.client(f"/v1/projects/{PROJECT}/certificate")).body
    assert [json.loads(encoded)["issue"] for encoded in (first, second)] == [1, 2]
    assert [lot["erased_since"] for lot in json.loads(second)["lots"]] == [1, 0]
    export = (await audit.client(f"/v1/projects/{PROJECT}/export", query="issue=2")).body
    verify(second, [export])
    assert (await audit.client(f"/v1/projects/{PROJECT}/withdrawals", query="issue=2")).status == 404
    await audit.erase(UNITS[2], others[0], UNITS[19])
    for number, certificate, lines in ((1, first, [3, 6, 20]), (2, second, [3, 19, 20])):
        gone = await audit.client(f"/v1/projects/{PROJECT}/withdrawals", query=f"issue={number}")
        export = (await audit.client(f"/v1/projects/{PROJECT}/export", query=f"issue={number}")).body
        assert [entry["line"] for entry in gone.json()["withdrawn"]] == lines
        assert verify(certificate, [export], withdrawals=gone.body).withdrawn == 3
        again = (await audit.client(f"/v1/projects/{PROJECT}/certificate", query=f"issue={number}")).body
        assert again == certificate


async def test_what_is_erased_while_a_certificate_is_made_is_not_in_it(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Repository.keep
    erased: list[str] = []

    async def erase_first(repository: Repository, content: bytes) -> Any:
        if not erased:
            erased.append(UNITS[7])
            await audit.upstream.erased(UNITS[7])
            while not (await repository.units(UNITS[7:8]))[UNITS[7]].withdrawn:
                await audit.house.clock.sleep(0.005)
        return await keep(repository, content)

    await audit.resolve()
    monkeypatch.setattr(Repository, "keep", erase_first)
    await audit.inspect({})
    lot = await audit.lot()
    assert (lot["status"], lot["units"], lot["erased_since"]) == ("accepted", 19, 0)
    export = (await audit.client(f"/v1/lots/{LOT}/export")).body
    verify((await audit.client(f"/v1/lots/{LOT}/certificate")).body, [export])
    assert erased == UNITS[7:8]
    assert UNITS[7].encode() + b'"' not in export
    assert (await audit.told()).count("lot_accepted") == 1


async def test_an_erasure_while_an_export_is_handed_over_breaks_nothing_off_and_what_was_sent_is_told(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "CHUNK_UNITS", 5)
    await audit.resolve()
    await audit.inspect({})
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    whole = (await audit.client(f"/v1/lots/{LOT}/export")).body.splitlines(keepends=True)
    exports, project = audit.handlers.exports, audit.handlers.means.project(PROJECT)
    lots = await audit.repository.lots([LOT])
    lines = exports.written(await exports.begun(lots, CERTIFIED, project, 1), lots, CERTIFIED, project, 1)
    export = await anext(lines)
    await audit.erase(UNITS[3], UNITS[12])
    export += b"".join([piece async for piece in lines])
    assert export.splitlines(keepends=True) == whole[:12] + whole[13:]
    gone = (await audit.client(f"/v1/lots/{LOT}/withdrawals")).body
    found = verify(certificate, [export], withdrawals=gone)
    assert (found.withdrawn, found.kept) == (2, (4,))
    assert verify(certificate, [b"".join(whole)], withdrawals=gone).kept == (4, 13)
    with pytest.raises(CertificateBroken, match="put in"):
        verify(certificate, [export.replace(b"yes", b"no ", 1)], withdrawals=gone)
    with pytest.raises(CertificateBroken, match="put in"):
        verify(certificate, [b"".join([*whole[:12], whole[12], whole[12], *whole[13:]])], withdrawals=gone)
