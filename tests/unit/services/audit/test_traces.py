"""Whoever follows a unit whose trace is recorded comes to its lot's sample, verdict and certificate, and what left."""

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest
from opentelemetry.trace import SpanKind

from concord.chassis.clock import LoopClock
from concord.chassis.journal.announce import Announcer
from concord.chassis.telemetry import BATCH_LINKS_MAX, log_to
from concord.contracts.codec import decode
from concord.contracts.topics import LOTS, QUALITY
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.quality_pb2 import DriftDetected, QualityEvent
from services.audit.domain.unit import UnitState
from services.audit.handlers import drawing
from services.audit.handlers.traces import LOT_TRACES_MAX, traces_of
from services.ingest.domain import project as policies
from simulation.house import House
from tests.support.audit import LOT, RELABEL, UNITS, Audit, lot_id, start
from tests.support.receivers import TAKEN, Came, Hooked, hooked
from tests.support.traced import RECORDED_MAX, TracedHouse, number_of, trace, traceparent
from tests.support.upstream import PROJECT

FIRST, SECOND, ASKED, UNKNOWN = 1, 2, 3, RECORDED_MAX + 5


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


async def sealed(house: House, policy: policies.Audit = RELABEL, traces: dict[int, int] | None = None) -> Audit:
    """Return an audit with a lot, the units of which at these places came in by these traces."""
    audit = await start(house)
    known = {4: FIRST, 11: SECOND, 12: SECOND, 15: UNKNOWN} if traces is None else traces
    audit.upstream.traces = {UNITS[place]: trace(number) for place, number in known.items()}
    await audit.define(policies.Policy(audit=policy))
    await audit.more(LOT, UNITS)
    return audit


def told(house: House) -> dict[str, int]:
    """Return the number of the trace that the last event of each kind on the lots' topic is of."""
    records = [(cast("LotEvent", decode(LOTS, record.value)), record) for record in house.records(LOTS)]
    return {str(event.WhichOneof("event")): number_of(record.headers) for event, record in records}


@pytest.mark.usefixtures("lives")
async def test_a_certificate_is_signed_in_the_trace_of_a_unit_and_found_from_every_other() -> None:
    house = TracedHouse()
    audit = await sealed(house)
    await audit.resolve()
    assert told(house)["sample_drawn"] == FIRST
    await audit.inspect({})
    kept, digest = house.kept, hashlib.sha256((await audit.client(f"/v1/lots/{LOT}/certificate")).body).hexdigest()
    for name in ("draw sample", "judge lot"):
        assert kept.linked(name) == {FIRST: {SECOND}, SECOND: {FIRST}}, "and none that a client alone has recorded"
    judged, twin = (kept.named("judge lot")[number] for number in (FIRST, SECOND))
    assert judged.context is not None
    judged_id = judged.context.span_id
    assert [link.context.span_id for link in twin.links] == [judged_id]
    for span in (judged, twin):
        assert dict(span.attributes or {}) == {
            "concord.project.id": PROJECT,
            "concord.lot.id": LOT,
            "concord.lot.rework": 0,
            "concord.lot.units": len(UNITS),
            "concord.lot.status": "accepted",
            "concord.certificate.sha256": digest,
        }
    signing = kept.named("sign certificate")
    assert list(signing) == [FIRST]
    signed = signing[FIRST]
    assert signed.parent is not None
    assert (signed.parent.span_id, (signed.attributes or {})["concord.certificate.sha256"]) == (judged_id, digest)
    assert told(house)["lot_accepted"] == FIRST
    known = [(await audit.client(f"/v1/units/{UNITS[place]}/lineage")).json()["trace_id"] for place in (4, 11, 15, 0)]
    assert known == [f"{FIRST:032x}", f"{SECOND:032x}", "", ""], "so a unit's trace is found by the unit"
    assert {span.kind for span in kept.spans if span.name == "publish"} == {SpanKind.PRODUCER}
    await audit.stop()


async def test_a_process_that_begins_anew_finds_the_traces_of_a_lot_again() -> None:
    house = TracedHouse()
    audit = await sealed(house)
    await audit.resolve()
    again = await audit.restarted()
    (lot,) = again.repository.open_lots(None)
    assert lot.traces is None, "they are kept with the units alone"
    await again.inspect({})
    assert (await again.lot())["status"] == "accepted"
    assert house.kept.linked("judge lot") == {FIRST: {SECOND}, SECOND: {FIRST}}
    assert told(house)["lot_accepted"] == FIRST
    await again.stop()


@pytest.mark.parametrize("later", [House, TracedHouse])
async def test_a_lot_is_judged_whether_its_units_came_in_before_traces_were_on_or_after(later: type[House]) -> None:
    house: House = House() if later is TracedHouse else TracedHouse()
    audit = await sealed(house)
    await audit.resolve()
    await audit.kill(*audit.lives)
    other = later(clock=house.clock, signing_key=house.signing_key)
    other.databases, other.cluster, other.lives = house.databases, house.cluster, house.lives
    again = await start(other)
    again.upstream.causes = 1_000
    await again.inspect({})
    assert (await again.lot())["status"] == "accepted"
    if isinstance(other, TracedHouse):
        assert other.kept.named("judge lot") == {}
    await again.stop()


async def test_a_lot_that_goes_back_and_is_drawn_again_stays_in_its_trace() -> None:
    house = TracedHouse()
    audit = await sealed(house)
    await audit.resolve()
    await audit.inspect({}, default="no")
    assert told(house)["lot_rejected"] == FIRST
    status = {(span.attributes or {}).get("concord.lot.status") for span in house.kept.named("judge lot").values()}
    assert status == {"relabelling"}
    await audit.resolve(label="no", rework=1)
    await audit.inspect({}, default="no")
    rework = {(span.attributes or {})["concord.lot.rework"] for span in house.kept.named("draw sample").values()}
    assert rework == {1}
    assert told(house)["lot_accepted"] == told(house)["sample_drawn"] == FIRST
    await audit.stop()


async def test_why_a_lot_stands_still_is_found_from_its_units(monkeypatch: pytest.MonkeyPatch) -> None:
    house, lines = TracedHouse(), io.StringIO()
    audit = await sealed(house)
    log_to(lines, "audit")
    monkeypatch.setattr(drawing, "PLAN_SECONDS_MAX", -1.0)
    await audit.resolve()
    assert "takes over" in (await audit.lot())["problem"]
    told_in = {number: span.status.is_ok for number, span in house.kept.named("draw sample").items()}
    assert told_in == {FIRST: False, SECOND: False}
    rows = [row for row in map(json.loads, lines.getvalue().splitlines()) if row["message"].startswith(f"lot {LOT}")]
    assert rows[0]["trace_id"] == f"{FIRST:032x}"
    assert rows[0]["message"].endswith("draw sample ended by Unplannable")
    monkeypatch.undo()
    again = await audit.restarted()
    assert (await again.lot())["status"] == "auditing"
    await again.stop()


@pytest.mark.parametrize("traces", [{}, {4: FIRST}])
async def test_the_request_that_brought_the_last_verdict_is_linked_or_goes_on(traces: dict[int, int]) -> None:
    house = TracedHouse()
    audit = await sealed(house, traces=traces)
    await audit.resolve()
    work = (await audit.work())[: audit.needed()]
    await audit.verdicts(work[:-1], headers=[("traceparent", traceparent(SECOND))])
    await audit.verdicts(work[-1:], headers=[("traceparent", traceparent(ASKED))])
    linked = {FIRST: {ASKED}, ASKED: {FIRST}} if traces else {ASKED: set()}
    assert house.kept.linked("judge lot") == linked
    assert told(house)["lot_accepted"] == (FIRST if traces else ASKED)
    await audit.stop()


@pytest.mark.usefixtures("lives")
async def test_a_lot_that_leaves_is_told_in_its_units_traces_and_linked_to_who_asked() -> None:
    house = TracedHouse()
    audit = await sealed(house)
    await audit.resolve()
    await audit.inspect({})
    path = f"/v1/lots/{LOT}/export"
    first = await audit.client(path, query="format=csv", headers=[("traceparent", traceparent(ASKED))])
    assert first.status == 200, first.body
    assert house.kept.linked("export lot") == {FIRST: {SECOND, ASKED}, SECOND: {FIRST}, ASKED: {FIRST}}
    left = house.kept.named("export lot")[SECOND].attributes or {}
    assert (left["concord.lot.id"], left["concord.export.format"]) == (LOT, "csv")
    assert told(house)["lot_exported"] == FIRST
    again = len(house.kept.spans)
    assert (await audit.client(path, query="format=csv")).body == first.body
    assert "export lot" not in {span.name for span in house.kept.spans[again:]}, "it has left before"
    await audit.stop()


async def test_of_a_lot_without_a_recorded_trace_no_span_is_made_and_its_log_line_has_a_trace_id() -> None:
    house, lines = TracedHouse(), io.StringIO()
    audit = await sealed(house, traces={4: UNKNOWN})
    await audit.resolve()
    log_to(lines, "audit")
    await audit.inspect({})
    assert house.kept.spans == []
    (line,) = [row for row in map(json.loads, lines.getvalue().splitlines()) if row["message"].startswith(f"lot {LOT}")]
    accepted = told(house)["lot_accepted"]
    assert line["trace_id"] == f"{accepted:032x}"
    assert accepted not in {0, UNKNOWN}, "whose client alone would have it recorded"
    await audit.stop()


async def test_all_that_is_told_of_a_lot_and_a_recheck_is_in_the_trace_of_their_units() -> None:
    house = TracedHouse()
    policy = policies.Audit(aql=0.05, ltpd=0.3, recheck_units=5, recheck_pause_hours=24)
    # Whichever units are drawn, they came in by one request.
    audit = await sealed(house, policy, dict.fromkeys(range(len(UNITS)), SECOND))
    await audit.resolve()
    await audit.inspect({})
    drift = QualityEvent(drift_detected=DriftDetected(measure="labels", value=0.3, category='"yes"'))
    announcer = Announcer("upstream", "drift", house.clock.now_us())
    await audit.upstream.broker.publish([announcer.event(QUALITY, PROJECT, "k1", PROJECT, drift)])
    await audit.settle()
    await audit.verdicts(await audit.work())
    events = told(house)
    wanted = {"sample_drawn", "unit_audited", "lot_accepted", "recheck_raised", "recheck_concluded"}
    assert {kind: events[kind] for kind in wanted} == dict.fromkeys(wanted, SECOND), "a verdict is its unit's, too"
    assert house.kept.linked("raise recheck") == house.kept.linked("conclude recheck") == {SECOND: set()}
    await audit.stop()


def test_no_more_traces_are_kept_of_a_lot_than_are_told() -> None:
    units = [UnitState(f"u{number}", PROJECT, traceparent=traceparent(number // 2)) for number in range(2, 200)]
    found = traces_of(units[60:], traces_of(units[:60]))
    assert found == [traceparent(number) for number in range(1, LOT_TRACES_MAX + 1)]
    assert LOT_TRACES_MAX == BATCH_LINKS_MAX


def test_a_webhook_goes_on_in_the_trace_of_what_it_tells_to_the_receiver() -> None:
    houses: list[TracedHouse] = []

    def house(clock: LoopClock) -> House:
        houses.append(TracedHouse(clock=clock))
        return houses[-1]

    async def scenario(hooks: Hooked) -> list[Came]:
        url = "https://good.example.org/in"
        await hooks.register(url, "lot.accepted")
        answers = [500, 204]

        async def answer(came: Came) -> Any:
            del came
            status = answers.pop(0)
            return TAKEN if status == 204 else type(TAKEN)(False, f"It answered {status}.")

        hooks.receivers.behaviours[url] = answer
        hooks.audit.upstream.traces = {lot_id(1): trace(FIRST)}
        await hooks.accept(1)
        await asyncio.sleep(2)
        await hooks.again()
        await asyncio.sleep(30)
        answers.append(204)
        await hooks.audit.upstream.lots(lot_id(2), lot_accepted=LotAccepted(lot_id=lot_id(2), inspected=5))
        await asyncio.sleep(2)
        return hooks.receivers.came

    first, second, other = hooked(scenario, house)
    spans = [span for span in houses[0].kept.spans if span.name == "deliver webhook"]
    assert [(span.kind, span.status.is_ok) for span in spans] == [(SpanKind.CLIENT, False), (SpanKind.CLIENT, True)]
    for came, span in zip((first, second), spans, strict=True):
        assert span.context is not None
        assert came.headers["traceparent"] == f"00-{FIRST:032x}-{span.context.span_id:016x}-01"
    assert [(span.attributes or {})["concord.webhook.attempt"] for span in spans] == [1, 2]
    assert "traceparent" not in other.headers, "which would keep a receiver from recording what it likes"
