"""Label schemas that change: what was said before counts for what it says now, everywhere and at once."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from concord.contracts.topics import QUALITY, RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import GoldFlagged, GoldRuled, ResolutionEvent
from concord.labels.versions import Step
from services.ingest.domain.project import Policy
from services.metrics.domain.standing import SCHEMA_WORDS
from services.metrics.domain.sums import ROW_BYTES, ClosedSums, Sums
from services.metrics.domain.unit import Share, Unit
from services.metrics.recount import READ, Recount
from services.metrics.repository import Rows
from simulation.house import House
from tests.support.service import until
from tests.unit.services.metrics.running import LABELS, Metrics, measure_of, start

TREE: dict[str, Any] = {
    "kind": "taxonomy",
    "nodes": [{"id": "all"}, *({"id": name, "parent": "all"} for name in ("no", "yes"))],
}
RENAMED = TREE | {"nodes": [*TREE["nodes"][:2], {"id": "surely", "parent": "all"}, {"id": "unsure", "parent": "all"}]}
STEPS = (Step(2, "rename", "", "yes", ("surely",)), Step(2, "add", "", "unsure"))


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", 0.02)
    found = await start(House())
    await found.upstream.project(Policy(), schema=TREE)
    yield found
    await found.stop()


async def changed(metrics: Metrics, schema: dict[str, Any], *steps: Step) -> None:
    await metrics.upstream.project(Policy(), revision=2, schema=schema, steps=steps)
    projects = measure_of(metrics.service).projects.rows
    await until(lambda: projects[metrics.upstream.project_id].revision == 2)


async def test_agreement_is_that_of_labels_of_all_versions_as_they_read_now(metrics: Metrics) -> None:
    await metrics.label()
    before = await metrics.quality()
    await changed(metrics, RENAMED, *STEPS)
    assert (await metrics.quality())["alpha"]["value"] == pytest.approx(before["alpha"]["value"])
    await metrics.upstream.unit("k1-v1")
    for number, (who, label) in enumerate((("ann", "yes"), ("bob", "surely")), start=1):
        await metrics.upstream.annotation("k1-v1", number, who, label, schema_version=number)
    after = await metrics.quality()
    assert after["alpha"]["units"] == len(LABELS) + 1
    assert after["percent_agreement"]["value"] > before["percent_agreement"]["value"], "yes and surely agree"


async def test_agreement_is_told_under_each_version_as_labels_were_given_and_counted_anew_it_is_the_same(
    metrics: Metrics,
) -> None:
    body: dict[str, list[tuple[str, int]]] = {
        "k1-v1": [("yes", 1), ("yes", 1)],
        "k1-v2": [("no", 1), ("yes", 1)],
        "k1-v3": [("no", 1), ("no", 1)],
        "k1-w1": [("surely", 2), ("surely", 2)],
        "k1-w2": [("unsure", 2), ("unsure", 2)],
        "k1-x1": [("yes", 1), ("surely", 2)],
    }
    for unit_id in body:
        await metrics.upstream.unit(unit_id)
    for unit_id in ("k1-v1", "k1-v2", "k1-v3"):
        await labelled(metrics, unit_id, body[unit_id])
    first = await metrics.quality()
    assert "schema_versions" not in first, "there is one"
    await changed(metrics, RENAMED, *STEPS)
    for unit_id in ("k1-w1", "k1-w2", "k1-x1"):
        await labelled(metrics, unit_id, body[unit_id])
    quality = await metrics.quality()
    entry, two = quality["schema_versions"]
    assert (entry["schema_version"], entry["alpha"]["units"]) == (1, 3)
    assert entry["alpha"]["value"] == pytest.approx(first["alpha"]["value"])
    assert (two["schema_version"], two["alpha"]["units"], two["alpha"]["value"]) == (2, 2, 1.0)
    assert (quality["alpha"]["units"], quality["units_of_several_versions"]) == (6, 1)
    counting = Recount(metrics.upstream.project_id)
    for topic in READ:
        for event in metrics.house.events(topic):
            counting.take(event)
    anew = counting.figures()
    assert anew["units_of_several_versions"] == 1
    for row in (entry, two):
        for name in ("alpha", "percent_agreement"):
            figure = f"schema {row['schema_version']}: {name}"
            assert anew[figure] == pytest.approx(row[name]["value"]), figure
            assert anew[f"{figure}.units"] == row[name]["units"]


def test_units_of_later_versions_stay_under_them_when_they_are_closed_and_go_where_rows_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = Rows()
    units = [Unit("k1-p", counted=Share((('"yes"', 2),), 2, schema_version=version)) for version in (1, 2, 2, 0)]
    sums = rows.sums_of("k1-p")
    closed = ClosedSums()
    for unit in units:
        sums.replace(Share(), unit.counted)
        closed.add([unit])
    assert {version: sum(label_tally.rows.values()) for version, label_tally in sums.by_version.items()} == {2: 2, 0: 1}
    again = Sums()
    closed = msgspec.msgpack.decode(msgspec.msgpack.encode(closed), type=ClosedSums)
    closed.put_into(again)
    assert (again.by_version, again.tally) == (sums.by_version, sums.tally)
    for unit in units:
        sums.replace(unit.counted, Share())
    assert (sums.by_version, sums.tally.rows) == ({}, {})
    monkeypatch.setattr("services.metrics.domain.sums.CLOSED_ROWS_BYTES_MAX", 2 * (ROW_BYTES + 5))
    few = ClosedSums()
    few.add([units[1]])
    assert (few.rows_over, few.rows, few.versions) == (False, {(('"yes"', 2),): 1}, {2: {(('"yes"', 2),): 1}})
    few.add([units[3]])
    assert few.rows_over
    assert few.rows == {(('"yes"', 2),): 1}, "the one that is too many is in neither"
    assert not few.versions.get(0)


async def labelled(metrics: Metrics, unit_id: str, rows: list[tuple[str, int]]) -> None:
    for number, (label, version) in enumerate(rows, start=1):
        who = ("ann", "bob")[number - 1]
        await metrics.upstream.annotation(unit_id, number, who, label, schema_version=version)


async def test_gold_is_read_and_that_of_a_class_that_is_offered_no_more_is_set_aside_and_told_anew(
    metrics: Metrics,
) -> None:
    for number, (gold, label) in enumerate((("yes", "yes"), ("no", "no"), ("no", "yes"))):
        await metrics.upstream.unit(f"k1-g{number}", gold=gold)
        await metrics.upstream.annotation(f"k1-g{number}", 1, "ann", label)
    assert (await metrics.quality())["gold_annotations"] == 3
    await changed(metrics, RENAMED, *STEPS, Step(2, "retire", "", "no"))
    quality = await metrics.quality()
    assert (quality["gold_annotations"], quality["gold_correct"]) == (1, 1)

    def told() -> list[Any]:
        events = metrics.house.events(QUALITY)
        return [event.competence_estimated for event in events if event.HasField("competence_estimated")]

    await until(lambda: told() and told()[-1].revision > SCHEMA_WORDS)
    assert [(answer.known, answer.given, answer.times) for answer in told()[-1].answers] == [(1, 1, 1)], (
        "in the places they had"
    )


async def test_gold_that_nobody_can_say_any_more_is_told_and_answers_from_before_are_not_judged_by_what_it_is_now(
    metrics: Metrics,
) -> None:
    upstream = metrics.upstream
    for unit_id, gold in (("k1-g1", "no"), ("k1-g2", "yes"), ("k1-g3", "no")):
        await upstream.unit(unit_id, gold=gold)
    await upstream.annotation("k1-g1", 1, "ann", "no")
    assert (await metrics.quality())["gold_annotations"] == 1
    await changed(metrics, RENAMED, *STEPS, Step(2, "retire", "", "no"))

    def closed() -> dict[str, tuple[int, str, list[str]]]:
        rows = [entry.gold_doubted for entry in metrics.house.events(QUALITY) if entry.HasField("gold_doubted")]
        return {row.unit_id: (row.closed_since, row.known_label.decode(), list(row.annotators)) for row in rows}

    await until(lambda: len(closed()) >= 2)
    assert closed() == {"k1-g1": (2, '"no"', ["ann"]), "k1-g3": (2, '"no"', [])}
    about: dict[str, Any] = {
        "unit_id": "k1-g1",
        "revision": 2,
        "outcome": "corrected",
        "known_label": b'"unsure"',
        "schema_version": 2,
    }
    ruled = ResolutionEvent(gold_ruled=GoldRuled(**about))
    await upstream.tell(RESOLUTIONS, "k1-g1", ResolutionEvent(gold_flagged=GoldFlagged(unit_id="k1-g1", revision=1)))
    assert (await metrics.quality())["gold_annotations"] == 0
    await upstream.tell(RESOLUTIONS, "k1-g1", ruled)
    for number, (who, label) in enumerate((("bob", "unsure"), ("cem", "surely")), start=2):
        await upstream.annotation("k1-g1", number, who, label, schema_version=2)
    quality = await metrics.quality()
    assert (quality["gold_annotations"], quality["gold_correct"]) == (2, 1), "ann could not say it"
    counting = Recount(upstream.project_id)
    for topic in READ:
        for event in metrics.house.events(topic):
            counting.take(event)
    assert (counting.figures()["gold_annotations"], counting.figures()["gold_correct"]) == (2, 1)
