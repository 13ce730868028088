"""A project's lots together: the pooled rate, and inspection that is switched by the rules of ISO 2859-1."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from concord.chassis.errors import Unavailable
from concord.chassis.identity import Role
from concord.chassis.journal.journal import Journal
from concord.contracts.topics import LOTS
from concord.quality.label_error import Inspection, Pool, pooled_leaving_error_rate
from services.audit.domain.lot import LotState
from services.audit.domain.replay import replay
from services.audit.domain.series import LotVerdict, Series, counted, telling
from services.audit.domain.verdict import Plan, Terms, plan_for
from services.audit.repository import LOT as LOT_KIND
from services.ingest.domain import project as policies
from services.metrics.handlers import Handlers as Counting
from services.metrics.repository import Rows
from tests.support.audit import INSPECT_ALL, LOT, RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

TOGETHER = f"/v1/projects/{PROJECT}/inspection"
RESUME = f"{TOGETHER}/resumption"
ISO = policies.Audit(plan="iso_2859_1", aql=0.065, ltpd=0.3, on_reject="inspect_all", reduction=True)
LOT_UNITS = 3

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", INSPECT_ALL))
    yield found
    await found.stop()


@pytest.fixture
async def series(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    """Audit of a project by ISO 2859-1, its first lot not resolved yet."""
    del lives
    found = await sealed(getattr(request, "param", ISO), units=unit_ids(LOT_UNITS))
    yield found
    await found.stop()


async def judged(audit: Audit, number: int, *, wrong: bool, new: bool = True) -> Any:
    """Have the lot of a number judged by its sample, of which all is right or all is wrong; return it."""
    units = unit_ids(LOT_UNITS, first=LOT_UNITS * (number - 1))
    if new and number > 1:
        await audit.more(lot_id(number), units)
    await audit.resolve(units)
    await audit.inspect({}, default="no" if wrong else "yes")
    return (await audit.client(f"/v1/lots/{lot_id(number)}")).json()


async def together(audit: Audit) -> Any:
    return (await audit.client(TOGETHER)).json()


async def test_before_a_lot_has_left_there_is_no_rate_and_the_reason(audit: Audit) -> None:
    body = await together(audit)
    assert (body["lots"], body["label_error_rate"]["value"], body["inspection"]) == (0, None, "normal")
    assert body["label_error_rate"]["reason"] == "no lot has left yet"


async def test_the_rate_of_all_lots_stands_beside_each_lots_own_and_a_replay_makes_it_again(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    second, others = lot_id(2), unit_ids(20, first=100)
    await audit.more(second, others)
    await audit.resolve(others)
    await audit.inspect({})
    lots = [(await audit.client(f"/v1/lots/{name}/certificate")).body for name in (LOT, second)]
    rows = [msgspec.json.decode(encoded) for encoded in lots]
    found = []
    for row in rows:
        (claim,) = row["lots"]
        plan = msgspec.convert(claim["plan"], Plan)
        found.append(Inspection(claim["units"], claim["inspected"], claim["errors_found"], plan.bounds()))
        wanted = pooled_leaving_error_rate(found)
        rate = row["project"]["label_error_rate"]
        assert (rate["low"], rate["high"]) == pytest.approx((wanted.low, wanted.high))
        assert (row["project"]["lots"], row["project"]["units"]) == (len(found), 20 * len(found))
    assert rows[1]["project"]["label_error_rate"]["high"] < rows[1]["lots"][0]["label_error_rate"]["high"]
    whole = (await audit.client(f"/v1/projects/{PROJECT}/certificate")).json()
    assert whole["project"] == rows[1]["project"]
    listed = (await audit.client(f"/v1/projects/{PROJECT}/lots")).json()["together"]
    assert listed == await together(audit)
    assert listed["label_error_rate"]["high"] == whole["project"]["label_error_rate"]["high"]
    ledger = (await audit.client(f"/v1/lots/{second}/ledger")).body
    assert replay(lots[1], ledger.splitlines(keepends=True)).differing == ()


@pytest.mark.parametrize("audit", [RELABEL], indirect=True)
async def test_the_rate_of_a_single_lot_is_its_own_though_it_might_have_been_judged_again(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    body = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()
    whole, own = body["project"]["label_error_rate"], body["lots"][0]["label_error_rate"]
    assert [whole[name] for name in ("value", "low", "high")] == [own[name] for name in ("value", "low", "high")]


@pytest.mark.parametrize("audit", [RELABEL, INSPECT_ALL], indirect=True)
async def test_live_quality_claims_what_the_certificate_claims_of_all_lots(audit: Audit) -> None:
    """Of one lot, whose risk is shared between the times it may be judged, and of two."""
    second, others = lot_id(2), unit_ids(20, first=100)
    await audit.more(second, others)
    for lot, units in ((LOT, UNITS), (second, others)):
        await audit.resolve(units)
        await audit.inspect({})
        claimed = (await audit.client(f"/v1/lots/{lot}/certificate")).json()["project"]["label_error_rate"]
        await audit.settle()
        rows = Rows()
        Counting(rows).lots([event for event in audit.house.events(LOTS) if event.HasField("lot_accepted")])
        live = rows.sums[PROJECT].lots.label_error_rate()
        assert (live.value, live.low, live.high) == pytest.approx([claimed[name] for name in ("value", "low", "high")])
        assert live.units == claimed["units"]


async def test_a_rejection_is_in_the_pool_and_the_lot_that_was_put_right_leaves_nothing_wrong(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect(dict.fromkeys(UNITS, "no"))
    body = await together(audit)
    assert (body["lots"], body["rejections"], body["label_error_rate"]["high"]) == (1, 1, 0.0)


async def test_a_verdict_whose_decision_failed_is_counted_once(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, failed = Journal.decide, list[str]()

    async def failing(self: Journal, kind: Any, cause: Any, **more: Any) -> Any:
        if kind is LOT_KIND and cause.id.startswith("accept/") and len(failed) < 2:
            failed.append(cause.id)
            raise Unavailable("The store does not answer.")
        return await honest(self, kind, cause, **more)

    monkeypatch.setattr(Journal, "decide", failing)
    await audit.resolve()
    await audit.inspect({})
    for _ in range(100):
        if (await audit.lot())["status"] == "accepted":
            break
        await audit.house.clock.sleep(1)
        await audit.settle()
    assert len(failed) == 2
    assert ((await together(audit))["lots"], (await together(audit))["units"]) == (1, 20)


async def test_two_rejected_of_five_tighten_and_five_accepted_relax(series: Audit) -> None:
    first = await judged(series, 1, wrong=True)
    assert (first["status"], first["rejections"], first["inspection"]) == ("accepted", 1, "normal")
    assert (await together(series))["inspection"] == "normal"
    second = await judged(series, 2, wrong=True)
    assert second["inspection"] == "normal", "it was drawn before"
    body = await together(series)
    assert (body["inspection"], body["switched_by"]) == ("tightened", lot_id(2))
    for number in range(3, 8):
        assert (await together(series))["inspection"] == "tightened"
        lot = await judged(series, number, wrong=False)
        assert (lot["inspection"], "tightened" in lot["plan"]) == ("tightened", True)
        claim = (await series.client(f"/v1/lots/{lot['lot_id']}/certificate")).json()["lots"][0]
        assert claim["plan"]["standard"]["inspection"] == "tightened"
    assert (await together(series))["inspection"] == "normal"
    body = await series.events("inspection_switched")
    assert [(entry.before, entry.after, entry.lot_id) for entry in body] == [
        ("normal", "tightened", lot_id(2)),
        ("tightened", "normal", lot_id(7)),
    ]


async def test_five_rejected_on_tightened_discontinue_until_the_cause_is_put_right(series: Audit) -> None:
    for number in range(1, 8):
        assert (await judged(series, number, wrong=True))["status"] == "accepted"
    body = await together(series)
    assert (body["inspection"], body["rejected_tightened"]) == ("discontinued", 5)
    eighth = await judged(series, 8, wrong=False)
    assert (eighth["status"], "Inspection is discontinued" in eighth["problem"]) == ("sealed", True)
    again = await series.restarted()
    assert "Inspection is discontinued" in (await again.client(f"/v1/lots/{lot_id(8)}")).json()["problem"]
    refused = await again.call("POST", RESUME, {"reason": ""}, role=Role.CLIENT, client_id="k1")
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "reason")
    resumed = await again.call("POST", RESUME, {"reason": "Irony is told."}, role=Role.CLIENT, client_id="k1")
    assert (resumed.status, resumed.json()["inspection"], resumed.json()["reason"]) == (
        200, "tightened", "Irony is told.",
    )  # fmt: skip
    await again.settle()
    await again.inspect({})
    eighth = (await again.client(f"/v1/lots/{lot_id(8)}")).json()
    assert (eighth["status"], eighth["inspection"], eighth["problem"]) == ("accepted", "tightened", "")
    same = await again.call("POST", RESUME, {"reason": "Irony is told."}, role=Role.CLIENT, client_id="k1")
    assert (same.status, same.json()["inspection"]) == (200, "tightened")
    twice = await again.call("POST", RESUME, {"reason": "Again."}, role=Role.CLIENT, client_id="k1")
    assert (twice.status, "goes on" in twice.json()["detail"]) == (409, True)
    body = await again.events("inspection_switched")
    # The next life may say again what the one before it said.
    assert list(dict.fromkeys((entry.before, entry.after, entry.reason) for entry in body)) == [
        ("normal", "tightened", ""),
        ("tightened", "discontinued", ""),
        ("discontinued", "tightened", "Irony is told."),
    ]
    await again.stop()


async def test_a_fixed_sample_is_inspected_to_its_end(series: Audit) -> None:
    await series.resolve(unit_ids(LOT_UNITS))
    wanted = await series.work()
    assert await series.verdicts(wanted[:1], "no") == ["taken"]
    assert (await series.lot())["status"] == "auditing", "one error rejects, and the score counts the whole sample's"
    assert await series.verdicts(wanted[1:2]) == ["taken"]
    lot = await series.lot()
    assert (lot["status"], lot["inspected"], lot["errors"]) == ("inspecting_all", 2, 1)


# What a series counts, told in any order and more than once.

POOL = Pool.of_left(Inspection(3, 2, 0))


def told(
    name: str, *, accepted: bool = True, errors: int = 0, severity: Any = "normal", withdrawn: int = 0
) -> LotVerdict:
    plan = plan_for("iso_2859_1", 0.05, 0.065, 0.3, 0.05, 0.1, 3, Terms("II", severity, reduction=True))
    return LotVerdict(name, (0, withdrawn), 0, accepted, POOL, plan, errors)


def lot(name: str, status: Any = "accepted", **more: Any) -> LotState:
    return LotState(name, "k1-p", ("a", "b", "c"), status, **more)


def of(*lots: LotState) -> dict[str, LotState]:
    return {state.lot_id: state for state in lots}


def run(verdicts: Sequence[bool], severity: Any = "normal") -> Series:
    series = Series("k1-p")
    for number, good in enumerate(verdicts):
        entry = told(f"l{number}", accepted=good, errors=not good, severity=severity)
        series = counted(telling(series, entry), of(lot(f"l{number}", rejections=not good)))
    return series


def test_what_was_told_and_came_to_nothing_is_not_counted() -> None:
    series = telling(Series("k1-p"), told("l1"))
    assert counted(series, {}) == series, "nothing is known of the lot yet"
    assert counted(series, of(lot("l1", "auditing"))) == series, "it is being decided"
    moved = counted(series, of(lot("l1", "auditing", withdrawn=(2,))))
    assert (moved.told, moved.pool) == ((), Pool()), "a unit was erased first: it is judged anew"
    again = telling(series, told("l1", withdrawn=1))
    done = counted(again, of(lot("l1", withdrawn=(2,))))
    assert (done.told, done.pool.lots) == ((), 1)
    assert counted(done, of(lot("l1", withdrawn=(2,)))) == done


def test_a_steady_series_is_reduced_where_that_is_allowed_and_falls_back_at_a_rejection() -> None:
    assert run([True] * 14).severity == "normal"
    series = run([True] * 15)
    assert (series.severity, series.switched_by) == ("reduced", "l14")
    late = counted(telling(series, told("old", accepted=False, errors=1)), of(lot("old", rejections=1)))
    assert (late.severity, late.pool.lots) == ("reduced", 16), "a sample of before says nothing of the present severity"
    entry = told("l15", accepted=False, errors=1, severity="reduced")
    assert counted(telling(series, entry), of(lot("l15", rejections=1))).severity == "normal"


@pytest.mark.parametrize("units", [1, 2, 3, 8, 9, 50, 500, 5_000])
@pytest.mark.parametrize("severity", ["normal", "tightened", "reduced"])
def test_every_lot_has_a_plan_of_the_standard_that_can_fail_it(units: int, severity: Any) -> None:
    for level in ("S-1", "I", "II", "III"):
        for aql in (0.0001, 0.0065, 0.01, 0.065, 0.1):
            plan = plan_for("iso_2859_1", 0.05, aql, 0.3, 0.05, 0.1, units, Terms(level, severity))
            assert plan.bounds().decide(plan.sample_size, plan.sample_size) == "reject"
            assert plan.bounds().decide(plan.sample_size, 0) == "accept"
            once, twice = plan.consumers_risk(1), plan.consumers_risk(2)
            assert once is not None
            assert twice is not None
            assert once <= twice <= 1
