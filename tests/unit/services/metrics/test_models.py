"""Models that annotate: people agree without them, and each is held against people, class by class."""

from collections.abc import AsyncIterator

import pytest

from concord.contracts.v1.resolutions_pb2 import ConsensusReached
from services.ingest.domain.models import Models
from services.ingest.domain.project import Overlap, Policy
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.survey import Survey
from services.metrics.domain.unit import Annotation, Unit
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start

PATH = f"/v1/projects/{PROJECT}/quality/models"


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.surveying.PAUSE", 0.0)
    running = await start(House())
    await running.upstream.project(Policy(overlap=Overlap(initial=2, max=5), models=Models(counted="never")))
    await until(lambda: PROJECT in measure_of(running.service).projects.rows)
    yield running
    await running.stop()


async def unit(metrics: Metrics, name: str, people: str, model: str, label: str) -> None:
    """Let two people and a model beside them label a unit, and consensus settle it."""
    await metrics.upstream.unit(name)
    for number, text in enumerate(people.split(), start=1):
        await metrics.upstream.annotation(name, number, f"w{number}", text)
    await metrics.upstream.annotation(name, 9, "m1", model, by_model=True, late=True, active_ms=50)
    reached = ConsensusReached(unit_id=name, label=f'"{label}"'.encode(), overlap_initial=2)
    await metrics.upstream.resolution(name, consensus_reached=reached)


async def test_a_model_is_told_apart_and_people_agree_without_it(metrics: Metrics) -> None:
    for number in range(6):
        await unit(metrics, f"k1-uyes{number}", "yes yes", "yes" if number else "no", "yes")
    for number in range(4):
        await unit(metrics, f"k1-uno{number}", "no no", "yes", "no")
    await metrics.settle()
    quality = await metrics.quality()
    assert quality["percent_agreement"]["value"] == 1.0, "people always agree"
    answer = await metrics.call(PATH)
    assert answer.status == 200, answer.body
    body = answer.json()
    assert (body["counted"], body["people"]["annotators"], body["people"]["annotations"]) == ("never", 2, 20)
    (model,) = body["models"]
    assert (model["annotator_id"], model["labelling"]["annotations"]) == ("m1", 10)
    assert model["labelling"]["active_ms_median"] == 50
    (whole,) = model["fields"]
    assert (whole["agreement"]["value"], whole["agreement"]["units"]) == (0.5, 10)
    assert whole["agreement"]["low"] < 0.5 < whole["agreement"]["high"]
    assert whole["resolved"]["value"] == 0.5
    assert whole["people_agreement"]["value"] == 1.0
    assert whole["kappa"]["value"] < 0.1
    classes = {
        class_name["label"]: (class_name["of_people"]["value"], class_name["of_model"]["value"])
        for class_name in whole["classes"]
    }
    assert classes == {"yes": (5 / 6, 5 / 9), "no": (0.0, 0.0)}


def settled(*annotations: Annotation, label: str = '"yes"') -> Unit:
    found = Unit("k1-p", annotations={str(place): annotation for place, annotation in enumerate(annotations)}, asked=2)
    found.settlement, found.resolved = "consensus", label
    return found


def test_a_model_that_had_a_part_in_what_a_unit_was_settled_with_is_not_right_for_that() -> None:
    counted, beside = Survey(), Survey()
    people = Annotation("ann", '"yes"', at_us=1)
    counted.add([settled(people, Annotation("m1", '"yes"', at_us=2, model=True))])
    beside.add([settled(people, Annotation("m1", '"yes"', at_us=2, late=True, model=True))])
    assert (counted.aspects[""].resolved.tables, len(counted.aspects[""].beside.tables)) == ({}, 1)
    assert beside.aspects[""].resolved.tables == {"m1": {('"yes"', '"yes"'): 1}}
    assert counted.aspects[""].pairs.tables == {}, "a pair of a person and a model is no pair of people"


def test_what_is_counted_of_models_stays_when_units_are_closed() -> None:
    sums, read = ClosedSums(), Survey()
    entry = settled(Annotation("ann", '"no"', at_us=1), Annotation("m1", '"yes"', at_us=2, late=True, model=True))
    sums.add([entry])
    read.merge(sums.survey)
    assert read.aspects[""].beside.tables == {"m1": {('"yes"', '"no"'): 1}}
    assert read.aspects[""].resolved.tables == {"m1": {('"yes"', '"yes"'): 1}}
