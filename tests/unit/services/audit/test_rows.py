"""Units without a label wait as rows of pages, and which lot a unit is in is known without a document of its own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.ingest.domain import project as policies
from simulation.house import House
from tests.support.audit import LOT, RELABEL, UNITS, Audit, lot_id, start, unit_ids

pytestmark = pytest.mark.usefixtures("lives")
MORE = unit_ids(20, first=100)


@pytest.fixture
async def audit(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await start(House())
    await found.define(policies.Policy(audit=RELABEL))
    yield found
    await found.stop()


def stored(audit: Audit, collection: str) -> dict[str, Any]:
    documents: dict[str, Any] = audit.house.database("audit").shelf(collection).documents
    return documents


def records(audit: Audit) -> list[str]:
    return [key for key in stored(audit, "journal") if "/unit/" in key]


async def lineage(audit: Audit, unit_id: str) -> Any:
    return (await audit.client(f"/v1/units/{unit_id}/lineage")).json()


async def test_a_batch_and_its_lot_are_documents_of_their_own_and_none_is_a_units(audit: Audit) -> None:
    await audit.upstream.batch(UNITS)
    await audit.upstream.lot(LOT, UNITS)
    await audit.settle()
    assert (records(audit), stored(audit, "members")) == ([], {})
    assert len(stored(audit, "rows")) < len(UNITS) / 4
    lot = await lineage(audit, UNITS[0])
    assert (lot["lot_id"], [entry["what"] for entry in lot["entries"]], lot["problem"]) == (LOT, ["admitted"], "")
    await audit.resolve(UNITS[:2])
    assert len(records(audit)) == 2
    lot = await lineage(audit, UNITS[0])
    assert (lot["lot_id"], [entry["what"] for entry in lot["entries"]]) == (LOT, ["admitted", "resolved"])


async def test_a_lot_is_audited_and_found_by_its_units_whichever_came_first_label_lot_or_unit(audit: Audit) -> None:
    late, early = UNITS[:7], UNITS[7:14]
    await audit.resolve(early)  # before they are admitted
    audit = await audit.restarted()
    await audit.upstream.batch(UNITS)
    await audit.settle()
    await audit.resolve(late)  # before their lot is sealed
    await audit.upstream.lot(LOT, UNITS)
    await audit.settle()
    assert (await audit.lot())["status"] == "sealed"
    await audit.resolve(UNITS[14:])
    assert (await audit.lot())["status"] == "auditing"
    await audit.inspect({})
    assert (await audit.lot())["status"] == "accepted"
    audit = await audit.restarted()
    assert set(stored(audit, "members")) == {*late, *early}, "the others' records say so"
    assert await audit.repository.lots_of(UNITS) == dict.fromkeys(UNITS, LOT)
    for unit_id in (early[0], late[0], UNITS[-1]):
        lot = await lineage(audit, unit_id)
        assert (lot["lot_id"], lot["problem"]) == (LOT, "")
        assert {entry["what"] for entry in lot["entries"]} >= {"admitted", "resolved"}
    rows = {row["unit_id"]: row["source_id"] for row in await audit.rows(LOT)}
    assert rows == {unit_id: f"source of {unit_id}" for unit_id in UNITS}
    await audit.erase(early[1], UNITS[-1])
    assert len(await audit.rows(LOT)) == len(UNITS) - 2, "their lot was told of them"


async def test_what_is_erased_while_it_waits_is_out_of_its_lot_whether_that_was_sealed_or_not(audit: Audit) -> None:
    await audit.upstream.batch([*UNITS, *MORE])
    await audit.upstream.lot(LOT, UNITS)
    await audit.settle()
    await audit.erase(UNITS[0], MORE[0])
    audit = await audit.restarted()
    await audit.upstream.lot(lot_id(2), MORE)
    await audit.resolve([*UNITS[1:], *MORE[1:]])
    await audit.inspect({})
    for lot, units in ((LOT, UNITS), (lot_id(2), MORE)):
        assert {row["unit_id"] for row in await audit.rows(lot)} == {*units[1:]}
        assert await audit.repository.lots_of(units) == dict.fromkeys(units, lot)
    body = await lineage(audit, UNITS[0])
    assert [entry["what"] for entry in body["entries"]] == ["admitted", "erased"]


async def test_a_batch_that_comes_again_lets_nothing_in_twice(audit: Audit) -> None:
    await audit.upstream.batch(UNITS)
    await audit.settle()
    await audit.resolve(UNITS[:10])
    audit = await audit.restarted()
    await audit.upstream.batch([*UNITS[5:], *UNITS[:5]], times=2)
    await audit.settle()
    await audit.resolve(UNITS[10:])
    for unit_id in (UNITS[0], UNITS[7], UNITS[15]):
        error = await lineage(audit, unit_id)
        assert ([entry["what"] for entry in error["entries"]], error["problem"]) == (["admitted", "resolved"], "")
