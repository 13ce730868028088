"""Metrics over the memory ports: events in on topics, findings out, numbers through its HTTP door."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.broker.memory import NoFaults
from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.http import unguarded_routes
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import DEAD_LETTERS, QUALITY, UNITS
from concord.contracts.v1.lots_pb2 import LotAccepted, LotPlan, LotRejected, StatedConfidence
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, Escalated, RuledUnanswerable
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from concord.quality.acceptance import SinglePlan
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_error import Inspection, pooled_leaving_error_rate
from services.ingest.domain.project import Overlap, Policy, Targets
from services.metrics import bootstrap
from services.metrics.settings import MetricsSettings
from simulation.house import ENVIRONMENT, House, call
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import LABELS, SETTLE_SECONDS, Metrics, measure_of, owns, start

PLAN = LotPlan(kind="single", lot_units=60, aql=0.01, ltpd=0.1, alpha=0.05, beta=0.1, sample_size=17, accept_max=0)


class Muted(NoFaults):
    """A broker that takes nothing."""

    def __init__(self) -> None:
        self.on = False

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if self.on and operation == "publish":
            raise BrokerUnavailable("it is full")


class Held(NoFaults):
    """A broker that lets metrics read what was told before when it is told to: after its two tables."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.lone_readers = 0

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        self.lone_readers += operation == "join" and not subject
        if operation == "join" and self.lone_readers > 2:
            await self.let_go.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def metrics(request: pytest.FixtureRequest) -> AsyncIterator[Metrics]:
    found = await start(House(), lives=request.param)
    await found.upstream.project(Policy(overlap=Overlap(initial=2, max=5)))
    yield found
    await found.stop()


async def test_alpha_and_percent_agreement_are_those_of_the_batch_whatever_is_delivered_twice(metrics: Metrics) -> None:
    await metrics.label(times=3)
    quality = await metrics.quality()
    counts = [[labels.count("no"), labels.count("yes")] for labels in LABELS]
    expected = krippendorff_alpha(counts)
    assert quality["alpha"]["value"] == pytest.approx(expected.value)
    assert (quality["alpha"]["low"], quality["alpha"]["high"]) == pytest.approx((expected.low, expected.high))
    assert quality["alpha"]["units"] == len(LABELS)
    assert quality["percent_agreement"]["value"] == pytest.approx(4 / 6)
    assert quality["annotations"] == quality["annotations_counted"] == 2 * len(LABELS)


async def test_a_new_life_counts_the_same(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.upstream.unit("k1-g", gold="yes")
    await metrics.upstream.annotation("k1-g", 1, "ann", "yes")
    before, annotators = await metrics.quality(), await metrics.annotators()
    await metrics.stop()
    again = await start(metrics.house)
    after = await again.quality()
    assert {**after, "computed_at": None, "freshness_p95_seconds": None} == {
        **before,
        "computed_at": None,
        "freshness_p95_seconds": None,
    }
    assert await again.annotators() == annotators
    await again.stop()


async def test_late_labels_and_those_of_an_earlier_rework_do_not_enter_agreement(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.upstream.annotation("k1-u0", 3, "cyd", "no", late=True)
    assert (await metrics.quality())["annotations_counted"] == 2 * len(LABELS)
    rejected = LotRejected(lot_id="k1-l1", on_reject="relabel", unit_ids=["k1-u0", "k1-u1"])
    await metrics.upstream.lots("k1-l1", lot_rejected=rejected)
    quality = await metrics.quality()
    assert (quality["alpha"]["units"], quality["annotations"]) == (len(LABELS) - 2, 2 * len(LABELS) + 1)
    assert quality["lots"]["rejections"] == 1
    for place, annotator in enumerate(("dan", "eve"), start=4):
        await metrics.upstream.annotation("k1-u0", place, annotator, "yes", rework=1)
    assert (await metrics.quality())["alpha"]["units"] == len(LABELS) - 1


async def test_gold_measures_annotators_and_is_left_out_of_agreement(metrics: Metrics) -> None:
    await metrics.upstream.annotation("k1-g1", 1, "ann", "yes", active_ms=3_000)
    for number, (gold, label) in enumerate([("yes", "yes"), ("no", "no"), ("no", "yes")], start=1):
        await metrics.upstream.unit(f"k1-g{number}", gold=gold)
        await metrics.upstream.annotation(f"k1-g{number}", 1, "ann", label, active_ms=1_000 * number, times=2)
    quality, annotators = await metrics.quality(), await metrics.annotators()
    assert quality["alpha"]["units"] == quality["annotations_counted"] == 0
    assert (quality["gold_annotations"], quality["gold_correct"]) == (3, 2)
    ann = annotators["ann"]
    assert (ann["gold_units"], ann["gold_correct"], ann["annotations"], ann["active_ms_median"]) == (3, 2, 3, 3_000)
    assert ann["accuracy"]["value"] == pytest.approx(3 / 5)
    assert ann["accuracy"]["low"] < 3 / 5 < ann["accuracy"]["high"]
    assert 0 < ann["expected_accuracy"] < 1


async def test_the_accuracy_of_who_has_labelled_no_gold_is_not_known(metrics: Metrics) -> None:
    await metrics.upstream.annotation("k1-u1", 1, "ann", "yes", active_ms=3_000)
    accuracy = (await metrics.annotators())["ann"]["accuracy"]
    assert (accuracy["value"], accuracy["low"], accuracy["high"], accuracy["units"]) == (None, None, None, 0)
    assert accuracy["reason"] == "not known: no gold unit was labelled"


async def test_competence_is_told_once_for_what_is_known_and_outranks_what_was_told_before(metrics: Metrics) -> None:
    for number, label in enumerate(["yes", "no", "no"]):
        await metrics.upstream.unit(f"k1-g{number}", gold="no")
        await metrics.upstream.annotation(f"k1-g{number}", 1, "ann", label)
        await metrics.settle()
    rows = [
        event.competence_estimated for event in metrics.house.events(QUALITY) if event.HasField("competence_estimated")
    ]
    assert [row.revision for row in rows] == [1, 2, 3]
    assert rows[-1].classes == 2
    assert [(answer.known, answer.given, answer.times) for answer in rows[-1].answers] == [(0, 0, 2), (0, 1, 1)]
    assert (rows[-1].gold_units, rows[-1].gold_correct) == (3, 2)
    await metrics.stop()
    again = await start(metrics.house)
    await again.settle()
    events = [event for event in metrics.house.events(QUALITY) if event.HasField("competence_estimated")]
    by_id: dict[str, set[bytes]] = {}
    for event in events:
        by_id.setdefault(event.metadata.event_id, set()).add(event.SerializeToString(deterministic=True))
    assert len(by_id) == 3, "a new life tells what is known, and that was told before"
    assert all(len(contents) == 1 for contents in by_id.values())
    await again.stop()


def measured(house: House) -> list[Any]:
    """Return what was told of crowds."""
    return [event for event in house.events(QUALITY) if event.HasField("crowd_measured")]


async def test_what_gold_says_of_the_crowd_is_told_when_it_changes_and_again_by_a_new_life(metrics: Metrics) -> None:
    for number in range(3):
        await metrics.upstream.unit(f"k1-g{number}", gold="no")
        for place, annotator in enumerate(("ann", "bob")):
            await metrics.upstream.annotation(f"k1-g{number}", place, annotator, "yes" if number else "no")
    await metrics.settle()
    await metrics.label()
    await metrics.settle()
    rows = measured(metrics.house)
    last = rows[-1].crowd_measured
    assert (last.gold_answers, last.dependence_units, last.revision) == (6, 3, 9)
    assert [(gold_unit.known, gold_unit.units) for gold_unit in last.gold_units] == [(0, 3)]
    assert last.dependence > 0.15, "both are wrong together"
    await metrics.stop()
    again = await start(metrics.house)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(events := measured(metrics.house)) == len(rows):  # noqa: ASYNC110 - a house of topics sets no event
            await asyncio.sleep(0.01)
    assert events[-1] == rows[-1], "the same finding is the same event"
    await again.stop()


async def test_settled_units_say_how_many_labels_adaptive_overlap_saved(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.upstream.resolution("k1-u0", consensus_reached=ConsensusReached(unit_id="k1-u0", label=b'"yes"'))
    await metrics.upstream.resolution("k1-u2", escalated=Escalated(unit_id="k1-u2"))
    await metrics.upstream.resolution("k1-u5", adjudicated=Adjudicated(unit_id="k1-u5", label=b'"yes"'))
    await metrics.upstream.resolution("k1-u5", escalated=Escalated(unit_id="k1-u5"))
    quality = await metrics.quality()
    standing = ("units_consensus", "units_adjudicated", "units_escalated", "units_unanswerable")
    assert [quality[name] for name in standing] == [1, 1, 1, 0]
    assert (quality["labels_saved"], quality["labels_saved_share"]) == (6, pytest.approx(6 / 10))
    compared = quality["alpha"]["units"]
    await metrics.upstream.resolution("k1-u2", ruled_unanswerable=RuledUnanswerable(unit_id="k1-u2"))
    quality = await metrics.quality()
    assert [quality[name] for name in standing] == [1, 1, 0, 1]
    assert quality["labels_saved"] == 6, "no label of it was worth anything"
    assert quality["alpha"]["units"] == compared - 1, "on what has no right label nobody agrees"


@pytest.mark.parametrize("sealed_first", [True, False])
async def test_accepted_lots_give_the_label_error_rate_and_the_turnaround(metrics: Metrics, sealed_first: bool) -> None:
    await metrics.label()
    unit_ids = [f"k1-u{number}" for number in range(len(LABELS))]
    accepted = LotAccepted(lot_id="k1-l1", inspected=3, errors=1, lot_units=6, plan=PLAN)
    if sealed_first:
        await metrics.upstream.lot("k1-l1", unit_ids)
        await metrics.settle()
    await metrics.upstream.lots("k1-l1", lot_accepted=accepted)
    await metrics.settle()
    await metrics.upstream.lot("k1-l1", unit_ids)
    quality = await metrics.quality()
    assert quality["lots"] == {"sealed": 1, "accepted": 1, "rejections": 0, "inspected": 3, "errors": 1}
    rate = quality["label_error_rate"]
    assert rate["value"] == pytest.approx((6 / 3 - 1) / 6)
    assert 0 <= rate["low"] <= rate["value"] <= rate["high"]
    assert quality["turnaround_p95_seconds"] is not None


async def test_a_lot_inspected_whole_adds_no_wrong_labels_to_those_of_one_that_was_sampled(metrics: Metrics) -> None:
    whole = LotAccepted(lot_id="k1-l1", inspected=500, errors=50, lot_units=500)
    sampled = LotAccepted(lot_id="k1-l2", inspected=60, errors=0, lot_units=500)
    await metrics.upstream.lots("k1-l1", lot_accepted=whole)
    await metrics.upstream.lots("k1-l2", lot_accepted=sampled)
    pooled = pooled_leaving_error_rate([Inspection(500, 500, 50), Inspection(500, 60, 0)])
    rate = (await metrics.quality())["label_error_rate"]
    assert [rate[name] for name in ("value", "low", "high", "units")] == [0.0, 0.0, pytest.approx(pooled.high), 560]


async def test_stated_confidence_is_held_against_audits_each_label_once(metrics: Metrics) -> None:
    """A lot labelled anew was seen with two labels of each unit; one inspected whole was seen with the same ones."""

    def stated(units: int, right: int) -> list[StatedConfidence]:
        return [StatedConfidence(bin=6, units=units, stated=0.96 * units, right=right)]

    back = [f"k1-u{number}" for number in range(100)]
    unclear = (await metrics.quality())["confidence_gap"]
    assert (unclear["value"], unclear["units"]) == (None, 0)
    for lot, anew in (("k1-l1", 1), ("k1-l2", 0)):
        rejected = LotRejected(lot_id=lot, inspected=20, errors=8, unit_ids=back, confidences=stated(20, 12))
        left = LotAccepted(
            lot_id=lot, rework=anew, inspected=100, errors=10, lot_units=100, confidences=stated(100, 90)
        )
        await metrics.upstream.lots(lot, lot_rejected=rejected)
        await metrics.upstream.lots(lot, lot_accepted=left)
    quality = await metrics.quality()
    gap, (point,) = quality["confidence_gap"], quality["confidence_curve"]
    assert gap["units"] == point["units"] == 220
    assert gap["value"] == pytest.approx(0.96 - (90 + 90 + 60) / 300)
    assert gap["low"] < gap["value"] < gap["high"]
    assert (point["stated_from"], point["stated"]) == (0.95, pytest.approx(0.96))
    assert point["right"]["value"] == pytest.approx(192 / 220)


async def test_the_inspections_on_which_lots_were_rejected_are_in_the_upper_end_once(metrics: Metrics) -> None:
    left = LotAccepted(lot_id="k1-l1", rework=1, inspected=17, errors=0, lot_units=60, plan=PLAN)
    back = [f"k1-u{number}" for number in range(60)]
    rejected = LotRejected(lot_id="k1-l1", inspected=9, errors=3, on_reject="relabel", unit_ids=back, plan=PLAN)
    await metrics.upstream.lots("k1-l1", lot_accepted=left)
    without = (await metrics.quality())["label_error_rate"]["high"]
    for _ in range(2):
        await metrics.upstream.lots("k1-l1", lot_rejected=rejected)
    bounds = SinglePlan(PLAN.sample_size, PLAN.accept_max).bounds()
    pooled = pooled_leaving_error_rate([Inspection(60, 17, 0, bounds)], [Inspection(60, 9, 3, bounds)])
    quality = await metrics.quality()
    assert quality["label_error_rate"]["high"] == pytest.approx(pooled.high)
    assert pooled.high is not None
    assert pooled.high > without
    assert quality["lots"]["rejections"] == 1


async def test_alpha_rests_on_the_labels_that_were_asked_of_every_unit(metrics: Metrics) -> None:
    await metrics.label()
    before = await metrics.quality()
    for number in (2, 5):  # their first two disagree, so adjudicate asked on
        for place, annotator in enumerate(("cyd", "dan", "eve"), start=3):
            await metrics.upstream.annotation(f"k1-u{number}", place, annotator, "yes")
    after = await metrics.quality()
    assert after["alpha"] == before["alpha"]
    assert after["percent_agreement"] == before["percent_agreement"]
    assert after["annotations_counted"] == before["annotations_counted"] + 6


async def test_a_resolution_says_on_how_many_labels_alpha_rests_and_a_unit_without_all_of_them_is_left_out(
    metrics: Metrics,
) -> None:
    await metrics.label()
    await metrics.upstream.annotation("k1-u2", 3, "cyd", "yes")
    reached = ConsensusReached(unit_id="k1-u2", label=b'"yes"', overlap_initial=3)
    await metrics.upstream.resolution("k1-u2", consensus_reached=reached)
    single = ConsensusReached(unit_id="k1-u0", label=b'"yes"', overlap_initial=4)
    await metrics.upstream.resolution("k1-u0", consensus_reached=single)
    alpha = (await metrics.quality())["alpha"]
    expected = krippendorff_alpha([[2, 0], [1, 2], [2, 0], [0, 2], [1, 1]])
    assert (alpha["value"], alpha["units"]) == (pytest.approx(expected.value), len(LABELS) - 1)


async def test_what_cannot_be_told_waits_as_the_newest_of_each_and_no_more() -> None:
    muted = Muted()
    metrics = await start(House(), muted)
    await metrics.upstream.project(Policy(overlap=Overlap(initial=2, max=5)))
    await metrics.quality()
    muted.on = True
    before = len(metrics.house.events(QUALITY))
    for number in range(4):
        await metrics.upstream.unit(f"k1-g{number}", gold="yes")
        await metrics.upstream.annotation(f"k1-g{number}", 1, "ann", "yes")
        await metrics.settle()
    assert len(metrics.house.events(QUALITY)) == before
    muted.on = False
    await metrics.settle()
    rows = [event.competence_estimated for event in metrics.house.events(QUALITY)[before:]]
    assert [(row.annotator_id, row.gold_units) for row in rows if row.annotator_id] == [("ann", 4)]
    await metrics.stop()


async def test_an_erased_unit_counts_nowhere_but_in_what_people_did(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.upstream.unit("k1-g", gold="yes")
    await metrics.upstream.annotation("k1-g", 1, "ann", "yes")
    await metrics.upstream.erased("k1-u0")
    await metrics.upstream.erased("k1-g")
    quality = await metrics.quality()
    assert (quality["alpha"]["units"], quality["gold_annotations"]) == (len(LABELS) - 1, 0)
    assert quality["annotations"] == 2 * len(LABELS) + 1


async def test_prometheus_sees_measure_target_and_sample_size(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.settle()
    (owner,) = filter(owns, (metrics.service, *metrics.others))
    shown = (await call(owner.application, "GET", "/metrics")).body.decode()
    labels = f'{{client="{CLIENT}",project="{PROJECT}"}}'
    for name in ("agreement_alpha", "agreement_alpha_high", "agreement_units"):
        assert f"concord_{name}{labels}" in shown
    for name in ("finding", "finding_low", "finding_high", "target"):
        assert f'concord_contract_{name}{{client="{CLIENT}",measure="alpha",project="{PROJECT}"}}' in shown
    assert f"concord_event_to_metric_seconds_count{labels}" in shown
    undefined = f'concord_contract_finding{{client="{CLIENT}",measure="label_error_rate",project="{PROJECT}"}}'
    assert undefined not in shown, "what is not defined is not zero"


async def test_a_label_is_in_time_once_however_often_it_comes_and_none_is_that_a_life_finds_there(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.shown.IN_TIME_SECONDS", 3_600.0)
    await metrics.label(times=3)
    await metrics.settle()
    assert sum([await in_time(life) for life in (metrics.service, *metrics.others)]) == 2 * len(LABELS)
    await metrics.stop()
    again = await start(metrics.house)
    assert (await again.quality())["annotations"] == 2 * len(LABELS)
    assert await in_time(again.service) == 0
    await again.stop()


async def test_a_project_that_was_withheld_is_shown_once_there_is_room_though_nobody_labels(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.settle()
    (owner,) = filter(owns, (metrics.service, *metrics.others))
    series, of_it = measure_of(owner).series, (PROJECT, CLIENT)
    series.forget([PROJECT])
    series._projects.withheld.add(of_it)
    await until(lambda: of_it in series._projects)
    assert not series._projects.withheld


async def test_targets_that_change_hold_though_nobody_labels(metrics: Metrics) -> None:
    await metrics.label()
    await metrics.settle()
    policy = Policy(overlap=Overlap(initial=2, max=5))
    await metrics.upstream.project(policy, revision=2, targets=Targets(alpha=0.31))
    (owner,) = filter(owns, (metrics.service, *metrics.others))
    asked = measure_of(owner).series._of_targets.gauge("concord_contract_target", PROJECT, CLIENT, "alpha")
    await until(lambda: asked._value.get() == 0.31)


async def in_time(life: Service) -> float:
    """Return how many labels a life says were in time."""
    shown = (await call(life.application, "GET", "/metrics")).body.decode()
    (line,) = [line for line in shown.splitlines() if line.startswith("concord_metrics_labels_in_time_total ")]
    return float(line.split()[1])


async def test_a_client_sees_its_own_projects_and_no_other_has_any(metrics: Metrics) -> None:
    await metrics.settle()
    for path in (f"/v1/projects/{PROJECT}/quality", f"/v1/projects/{PROJECT}/annotators"):
        assert (await metrics.call(path, Role.CLIENT, CLIENT)).status == 200
        assert (await metrics.call(path, Role.CLIENT, "k2")).status == 404
        assert (await metrics.call(path, Role.ANNOTATOR)).status == 403
        assert (await call(metrics.service.application, "GET", path)).status == 401
    assert (await metrics.call("/v1/projects/k1-none/quality")).status == 404
    assert not unguarded_routes(metrics.service.application)  # type: ignore[arg-type] # it is FastAPI's


async def test_annotators_come_in_pages_by_id(metrics: Metrics) -> None:
    await metrics.label()
    everybody = sorted(await metrics.annotators())
    assert len(everybody) == 2
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        body = (await metrics.call(f"/v1/projects/{PROJECT}/annotators?limit=1&after={after}")).json()
        seen += [annotator["annotator_id"] for annotator in body["annotators"]]
        after = body["next"]
    assert seen == everybody
    assert (await metrics.call(f"/v1/projects/{PROJECT}/annotators?limit=0")).status == 422


async def test_poison_is_set_aside_and_its_partition_goes_on(metrics: Metrics) -> None:
    await metrics.upstream.tell(UNITS, "k1-u0", UnitEvent(unit_admitted=UnitAdmitted()))
    await metrics.label()
    assert (await metrics.quality())["alpha"]["units"] == len(LABELS)
    (letter,) = metrics.house.events(DEAD_LETTERS)
    assert (letter.service, letter.topic, letter.error) == ("metrics", UNITS.name, "Poison")


async def test_a_life_that_still_counts_what_was_told_before_it_tells_no_part_of_it_as_the_quality(
    metrics: Metrics,
) -> None:
    await metrics.label()
    before = await metrics.quality()
    await metrics.stop()
    counting = Held()
    service = bootstrap.wire(
        MetricsSettings.from_environment(ENVIRONMENT), metrics.house.ports("metrics", broker_faults=counting)
    )
    await service.runtime.start()
    after = Metrics(metrics.house, service, metrics.upstream, [])
    count = len(metrics.house.events(QUALITY))
    await metrics.house.clock.sleep(SETTLE_SECONDS)
    for path in ("quality", "annotators"):
        answer = await after.call(f"/v1/projects/{PROJECT}/{path}")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert len(metrics.house.events(QUALITY)) == count
    counting.let_go.set()
    await until(lambda: service.runtime.ready)
    quality = await after.quality()
    assert (quality["alpha"], quality["annotations"]) == (before["alpha"], before["annotations"])
    await after.stop()


async def test_a_project_that_cannot_be_measured_is_seen_beside_those_that_are(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unmeasurable(*arguments: object) -> None:
        raise ArithmeticError("a defect")

    monkeypatch.setattr("services.metrics.measure.Measure._concluded", unmeasurable)
    await metrics.label()
    (owner,) = filter(owns, (metrics.service, *metrics.others))
    async with asyncio.timeout(PATIENCE_SECONDS):
        shown = b""
        while b"concord_metrics_projects_unmeasured 1.0" not in shown:
            await asyncio.sleep(0.05)
            shown = (await call(owner.application, "GET", "/metrics")).body
