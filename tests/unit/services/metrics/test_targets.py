"""A contract's targets: told when they are certainly missed for long enough, and when they are met again, once each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import QUALITY
from concord.contracts.v1.lots_pb2 import LotAccepted, LotRejected
from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import wilson
from services.ingest.domain.project import Policy
from services.metrics.domain.report import UNITS_MIN
from services.metrics.domain.targets import HELD_US, Target, TargetStanding, Turn, turned
from simulation.house import House
from tests.support.book import MemoryParts
from tests.support.service import until
from tests.support.upstream import PROJECT, Upstream
from tests.unit.services.metrics.running import Metrics, measure_of, start
from tests.unit.services.metrics.test_book import book

HELD_SECONDS = 0.4


def target(right: int, units: int = 100) -> Target:
    return Target("alpha", 0.8, wilson(right, units), True)


def walked(*looks: tuple[int, Target]) -> list[tuple[int, Turn]]:
    """Return when something was told of a target that is looked at, at these seconds."""
    entry, rows = TargetStanding(), []
    for second, found in looks:
        entry, news = turned(entry, found, 1 + second * 1_000_000)
        if news is not None:
            rows.append((second, news))
    return rows


def test_a_miss_is_told_once_when_it_has_held_for_a_minute_and_so_is_its_end() -> None:
    bad, unsure, good = target(60), target(75), target(85)
    assert walked((0, bad), (59, bad), (60, bad), (61, bad), (300, bad)) == [(60, "breached")]
    assert not walked((0, bad), (50, unsure), (60, bad), (110, bad)), "it did not hold"
    assert walked((0, bad), (60, bad), (70, unsure), (500, unsure)) == [(60, "breached")], "unsure is no recovery"
    recovered = walked((0, bad), (60, bad), (70, good), (129, good), (130, good), (200, good), (300, bad), (360, bad))
    assert recovered == [(60, "breached"), (130, "recovered"), (360, "breached")]


def test_a_clock_that_is_set_back_begins_the_minute_anew_and_holds_nothing_up() -> None:
    bad, good = target(60), target(85)
    assert walked((4_000, bad), (400, bad), (459, bad), (460, bad)) == [(460, "breached")]
    back = walked((4_000, bad), (4_060, bad), (4_070, good), (400, good), (460, good))
    assert back == [(4_060, "breached"), (460, "recovered")]


def test_too_little_is_neither_kept_nor_missed() -> None:
    none = Target("alpha", 0.8, undefined("no pair", 0, "alpha"), True)
    few = Target("alpha", 0.8, Estimate(0.1, 0.0, 0.2, 12, "alpha"), True)
    without_interval = Target("alpha", 0.8, Estimate(0.1, None, None, 500, "alpha"), True)
    assert [entry.standing for entry in (none, few, without_interval)] == ["too few", "too few", "unsure"]
    assert not walked((0, few), (600, few))


def test_of_a_measure_that_is_to_be_low_the_lower_end_must_be_over_the_limit() -> None:
    rates = [Target("label_error_rate", 0.02, wilson(wrong, 400), False) for wrong in (4, 12, 30)]
    assert [rate.standing for rate in rates] == ["unsure", "unsure", "missed"]


def test_a_gate_is_passed_by_the_end_of_the_interval_and_not_by_the_estimate() -> None:
    alphas = [
        Estimate(0.81, 0.65, 0.97, 53, "alpha"),
        Estimate(0.91, 0.8, 0.97, 53, "alpha"),
        Estimate(0.9, None, None, 60, ""),
    ]
    assert [Target("alpha", 0.8, found, True).standing for found in alphas] == ["unsure", "met", "unsure"]
    rates = [Estimate(0.01, 0.0, 0.03, 90, ""), Estimate(0.01, 0.0, 0.02, 90, ""), Estimate(0.01, 0.0, 0.02, 49, "")]
    assert [Target("label_error_rate", 0.02, found, False).standing for found in rates] == ["unsure", "met", "too few"]


async def test_what_was_told_is_in_the_book() -> None:
    parts = MemoryParts()
    kept, served = book(parts)
    served.rows.tell("k1-p", "alpha", TargetStanding(True, HELD_US, 0))
    assert served.rows.is_dirty
    await kept.keep({})
    again, heir = book(parts, "two")
    await again.take_up()
    assert heir.rows.told == {"k1-p": {"alpha": TargetStanding(True, HELD_US, 0)}}


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def metrics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.measure.HELD_US", int(HELD_SECONDS * 1e6))
    found = await start(House(), lives=request.param)
    await found.upstream.project(Policy())
    yield found
    await found.stop()


async def labelled(metrics: Metrics, first: int, units: int, differing: int) -> None:
    for number in range(first, first + units):
        unit_id = f"k1-u{number}"
        text = "yes" if number % 2 else "no"
        other = text if number % 10 >= differing else "no" if number % 2 else "yes"
        await metrics.upstream.unit(unit_id)
        await metrics.upstream.annotation(unit_id, 1, "ann", text)
        await metrics.upstream.annotation(unit_id, 2, "bob", other)


def told(metrics: Metrics) -> list[tuple[str, Any]]:
    """Return what was told of targets, in order."""
    events = [(event.WhichOneof("event"), event) for event in metrics.house.events(QUALITY)]
    return [(kind, getattr(event, kind)) for kind, event in events if kind.startswith("target_")]


async def test_a_breach_and_its_recovery_are_told_with_their_evidence_and_shown(metrics: Metrics) -> None:
    await labelled(metrics, 0, 12, differing=5)
    await metrics.house.clock.sleep(3 * HELD_SECONDS)
    assert not told(metrics), "twelve units page nobody"
    await labelled(metrics, 12, 88, differing=4)
    await until(lambda: told(metrics))
    ((kind, breach),) = told(metrics)
    assert (kind, breach.target, breach.limit) == ("target_breached", "alpha", 0.8)
    assert UNITS_MIN <= breach.units <= 100, "as soon as the miss has held, wherever the labels are by then"
    assert breach.interval.low < breach.value < breach.interval.high < breach.limit
    shown = {entry["target"]: entry for entry in (await metrics.quality())["targets"]}
    assert (shown["alpha"]["standing"], shown["alpha"]["breached"]) == ("missed", True)
    assert shown["alpha"]["since"]
    (alert,) = (await metrics.call("/v1/alerts")).json()["alerts"]
    assert (alert["project_id"], alert["target"], alert["limit"]) == (PROJECT, "alpha", 0.8)
    assert alert["since"] == shown["alpha"]["since"]
    assert alert["found"]["high"] < 0.8
    assert shown["label_error_rate"]["standing"] == shown["audit_pass_rate"]["standing"] == "too few"
    await labelled(metrics, 100, 400, differing=0)
    await until(lambda: len(told(metrics)) > 1)
    assert [kind for kind, _ in told(metrics)] == ["target_breached", "target_recovered"]
    shown = {entry["target"]: entry for entry in (await metrics.quality())["targets"]}
    assert (shown["alpha"]["standing"], shown["alpha"]["breached"]) == ("unsure", False), "over, and not proven to be"


async def test_lots_that_are_rejected_again_and_again_break_the_pass_rate(metrics: Metrics) -> None:
    for number in range(8):
        await metrics.upstream.annotation(f"k1-u{number}", 1, "ann", "yes")
        rejected = LotRejected(lot_id=f"k1-l{number}", inspected=9, errors=3, on_reject="inspect_all")
        await metrics.upstream.lots(f"k1-l{number}", lot_rejected=rejected)
    await metrics.upstream.lots("k1-l9", lot_accepted=LotAccepted(lot_id="k1-l9", inspected=9, lot_units=60))
    await until(lambda: any(entry.target == "audit_pass_rate" for _, entry in told(metrics)))
    breach = next(entry for kind, entry in told(metrics) if entry.target == "audit_pass_rate")
    assert (breach.limit, breach.units) == (0.95, pytest.approx(9, abs=4))
    assert breach.interval.high < 0.95
    await metrics.settle()
    assert (await metrics.quality())["audit_pass_rate"]["value"] == pytest.approx(1 / 9)


async def test_nothing_is_told_of_the_targets_of_a_paused_project_until_it_goes_on(metrics: Metrics) -> None:
    await metrics.upstream.project(Policy(), revision=2, life="paused")
    await labelled(metrics, 0, 100, differing=5)
    found = await metrics.quality()
    assert {entry["target"]: entry["standing"] for entry in found["targets"]}["alpha"] == "missed"
    await metrics.house.clock.sleep(3 * HELD_SECONDS)
    assert not told(metrics), "what stands still breaches nothing"
    await metrics.upstream.project(Policy(), revision=3)
    await until(lambda: told(metrics))
    assert [kind for kind, _ in told(metrics)] == ["target_breached"]


async def test_what_is_broken_is_listed_a_page_at_a_time_to_who_may_see_it(metrics: Metrics) -> None:
    lives = [measure_of(life).repository.rows_of(PROJECT) for life in (metrics.service, *metrics.others)]
    (rows,) = [life for life in lives if life is not None]
    for name, entry in (("alpha", TargetStanding(True, 9_000_000)), ("drift/labels", TargetStanding(True, 3_000_000))):
        rows.tell(PROJECT, name, entry)
    for name, entry in (
        ("label_error_rate", TargetStanding(True, 3_000_000)),
        ("audit_pass_rate", TargetStanding(False, 1_000_000)),
    ):
        rows.tell(PROJECT, name, entry)
    found: list[Any] = []
    cursor = ""
    while True:
        page = (await metrics.call(f"/v1/alerts?limit=1&cursor={cursor}")).json()
        found += page["alerts"]
        assert len(page["alerts"]) <= 1
        if not (cursor := page["next"]):
            break
    assert [row["target"] for row in found] == ["drift/labels", "label_error_rate", "alpha"]
    assert [row["since"][:19] for row in found] == ["1970-01-01T00:00:03", "1970-01-01T00:00:03", "1970-01-01T00:00:09"]
    whole = (await metrics.call("/v1/alerts", Role.CLIENT, "k1")).json()
    assert (whole["alerts"], whole["next"]) == (found, "")
    assert (await metrics.call(f"/v1/alerts?project_id={PROJECT}")).json()["alerts"] == found
    beside = next(
        key for key in map("k1-{}".format, range(100_000)) if slot_of_project(key) == slot_of_project(PROJECT)
    )
    assert (await metrics.call(f"/v1/alerts?project_id={beside}")).status == 404
    its_teller = Upstream(metrics.house)
    its_teller.project_id = beside
    await its_teller.project(Policy())
    measures = [measure_of(life) for life in (metrics.service, *metrics.others)]
    await until(lambda: all(beside in measure.projects.rows for measure in measures))
    assert (await metrics.call(f"/v1/alerts?project_id={beside}")).json()["alerts"] == []
    assert (await metrics.call("/v1/alerts", Role.CLIENT, "k2")).json() == {"alerts": [], "next": ""}
    await metrics.upstream.project(Policy(), revision=4, life="closed")
    await until(lambda: all(measure.projects.rows[PROJECT].life == "closed" for measure in measures))
    assert (await metrics.call("/v1/alerts")).json()["alerts"] == [], (
        "closed, and no label for long: nobody can mend it"
    )
    rows.sums_of(PROJECT).newest_us = metrics.house.clock.now_us()
    assert (await metrics.call("/v1/alerts")).json()["alerts"] == found, "somebody labelled a moment ago"
    for cursor in ("no", "WyJhIl0", "WzEsMiwzXQ"):
        refused = await metrics.call(f"/v1/alerts?cursor={cursor}")
        assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "cursor")
