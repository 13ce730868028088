"""Rechecks: drift has units that left inspected once more, where the project says so; what was certified stays."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.errors import Unavailable
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.journal import Journal
from concord.contracts.topics import QUALITY
from concord.contracts.v1.quality_pb2 import DriftDetected, QualityEvent
from concord.quality.intervals import lot_proportion
from services.audit.repository import LOT as LOT_KIND
from services.ingest.domain import project as policies
from simulation.house import House
from tests.support.audit import LOT, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

WANTED, HOUR_US = 5, 3_600 * 1_000_000
RECHECK = policies.Audit(aql=0.05, ltpd=0.3, recheck_units=WANTED, recheck_pause_hours=24)
PATH = f"/v1/projects/{PROJECT}/rechecks"

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    """Audit of a project whose first lot is accepted."""
    del lives
    found = await sealed(getattr(request, "param", RECHECK))
    await found.resolve()
    await found.inspect({})
    yield found
    await found.stop()


async def drift(audit: Audit, cause: str = "drift", measure: str = "labels", times: int = 1, **more: Any) -> None:
    at_us = audit.house.clock.now_us() + more.pop("later_us", 0)
    entry = DriftDetected(measure=measure, value=0.3, category=more.pop("category", '"yes"'), **more)
    announcer, event = Announcer("upstream", cause, at_us), QualityEvent(drift_detected=entry)
    await audit.upstream.broker.publish([announcer.event(QUALITY, PROJECT, "k1", PROJECT, event)] * times)
    await audit.settle()


async def rechecks(audit: Audit) -> list[Any]:
    found: list[Any] = (await audit.client(PATH)).json()["rechecks"]
    return found


async def test_drift_has_a_random_part_of_what_left_inspected_blind_and_tells_how_many_changed(audit: Audit) -> None:
    before = {path: (await audit.client(f"/v1/lots/{LOT}/{path}")).body for path in ("certificate", "export")}
    (accepted,) = await audit.events("lot_accepted")
    among = len(UNITS) - accepted.inspected
    await drift(audit, times=3)
    (raised,) = await audit.events("recheck_raised")
    assert (len(raised.unit_ids), raised.among_units, raised.measure) == (WANTED, among, "labels")
    assert set(raised.unit_ids) <= set(UNITS)
    assert await audit.work("w1") == [], "who labelled them is listed none"
    assert sorted(await audit.work()) == sorted(raised.unit_ids)
    first, *others = raised.unit_ids
    assert await audit.verdicts([first], "no") == ["taken"]
    assert await audit.verdicts([first], "no") == ["repeated"]
    assert (await rechecks(audit))[0]["status"] == "rechecking"
    assert await audit.verdicts(others) == ["taken"] * len(others)
    (concluded,) = await audit.events("recheck_concluded")
    assert (concluded.units, concluded.changed, list(concluded.changed_unit_ids)) == (WANTED, 1, [first])
    wanted = lot_proportion(1, WANTED, among)
    assert (concluded.changed_rate_low, concluded.changed_rate_high) == pytest.approx((wanted.low, wanted.high))
    (entry,) = await rechecks(audit)
    assert (entry["status"], entry["inspected"], entry["changed_unit_ids"]) == ("rechecked", WANTED, [first])
    assert entry["changed_rate"]["high"] == pytest.approx(wanted.high)
    for path in ("certificate", "export"):
        assert (await audit.client(f"/v1/lots/{LOT}/{path}")).body == before[path], "what was certified stays"
    lineage = (await audit.client(f"/v1/units/{first}/lineage")).json()
    assert "inspected" in str(lineage), "and what was found is in the unit's history"
    lots = (await audit.client(f"/v1/projects/{PROJECT}/lots")).json()
    assert [lot["lot_id"] for lot in lots["lots"]] == [LOT], "a recheck is no lot that leaves"
    assert (await audit.client(f"/v1/lots/{raised.lot_id}/export")).status == 409


@pytest.mark.parametrize("audit", [policies.Audit(aql=0.05, ltpd=0.3)], indirect=True)
async def test_drift_changes_nothing_where_the_project_does_not_ask_for_it(audit: Audit) -> None:
    await drift(audit)
    assert await rechecks(audit) == []
    assert await audit.work() == []


async def test_there_is_one_recheck_at_a_time_and_a_pause_before_the_next(audit: Audit) -> None:
    await drift(audit)
    await drift(audit, "another", measure="media_type", category="")
    assert len(await rechecks(audit)) == 1, "one is open"
    await audit.inspect({})
    await drift(audit, "a third")
    assert [recheck["status"] for recheck in await rechecks(audit)] == ["rechecked"], "a day has not passed"
    await drift(audit, "a fourth", measure="stratum", category="", later_us=25 * HOUR_US)
    assert [recheck["status"] for recheck in await rechecks(audit)] == ["rechecking", "rechecked"]


async def test_a_recheck_of_which_only_the_first_record_was_stored_is_opened_when_drift_is_heard_again(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, failed = Journal.decide, list[str]()

    async def failing(self: Journal, kind: Any, cause: Any, **more: Any) -> Any:
        if kind is LOT_KIND and cause.id.startswith("recheck/") and not failed:
            failed.append(cause.id)
            raise Unavailable("The store does not answer.")
        return await honest(self, kind, cause, **more)

    monkeypatch.setattr(Journal, "decide", failing)
    await drift(audit)
    assert failed
    assert [recheck["status"] for recheck in await rechecks(audit)] == ["rechecking"]
    assert len(await audit.events("recheck_raised")) == 1


async def test_it_waits_until_enough_units_of_the_drifted_class_have_left_since(audit: Audit) -> None:
    since = audit.house.clock.now_us()
    await drift(audit, category='"no"', current_from_us=since)
    assert [recheck["status"] for recheck in await rechecks(audit)] == ["gathering"]
    assert await audit.work() == []
    second, others = lot_id(2), unit_ids(20, first=100)
    await audit.more(second, others)
    await audit.resolve(others[:10], "no")
    await audit.resolve(others[10:], "yes")
    await audit.inspect(dict.fromkeys(others[:10], "no"))
    (raised,) = await audit.events("recheck_raised")
    assert set(raised.unit_ids) <= set(others[:10]), "of the class that is given more often, since then"
    assert len(raised.unit_ids) == WANTED


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_unit_that_is_erased_is_left_out_and_nothing_waits_for_it(audit: Audit, at_once: bool) -> None:
    await drift(audit)
    (raised,) = await audit.events("recheck_raised")
    first, second, *others = raised.unit_ids
    if at_once:
        await audit.erase(first, second)
    await audit.verdicts(others)
    if not at_once:
        await audit.erase(first, second)
    (concluded,) = await audit.events("recheck_concluded")
    assert (concluded.units, concluded.changed) == (WANTED - 2, 0)


async def test_a_new_process_goes_on_with_a_recheck(audit: Audit) -> None:
    await drift(audit)
    (raised,) = await audit.events("recheck_raised")
    await audit.verdicts(raised.unit_ids[:3])
    again = await audit.restarted()
    assert sorted(await again.work()) == sorted(raised.unit_ids[3:])
    await again.verdicts(raised.unit_ids[3:])
    assert len(await again.events("recheck_concluded")) == 1
    await again.stop()
    audit.lives.clear()


async def test_of_a_closed_project_it_takes_what_there_is(lives: int) -> None:
    del lives
    audit = await sealed(RECHECK, house=House())
    await drift(audit)
    assert [recheck["status"] for recheck in await rechecks(audit)] == ["gathering"]
    await audit.define(policies.Policy(audit=RECHECK), revision=2, life="closed")
    await audit.settle()
    (concluded,) = await audit.events("recheck_concluded")
    assert (concluded.units, concluded.changed_rate_low, concluded.changed_rate_high) == (0, 0.0, 1.0)
    await drift(audit, "too late")
    assert len(await rechecks(audit)) == 1
    await audit.stop()
