"""Label schemas that change: what was said before counts for what it says now, everywhere and at once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.contracts.topics import QUALITY
from concord.labels.versions import Step
from services.ingest.domain.project import Policy
from services.metrics.domain.standing import SCHEMA_WORDS
from simulation.house import House
from tests.support.service import until
from tests.unit.services.metrics.running import LABELS, Metrics, measure_of, start

TREE: dict[str, Any] = {
    "kind": "taxonomy",
    "nodes": [{"id": "all"}, *({"id": one, "parent": "all"} for one in ("no", "yes"))],
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
        return [one.competence_estimated for one in events if one.HasField("competence_estimated")]

    await until(lambda: told() and told()[-1].revision > SCHEMA_WORDS)
    assert [(one.known, one.given, one.times) for one in told()[-1].answers] == [(1, 1, 1)], "in the places they had"
