"""Agreement in parts, and the units on which two annotators disagree: how they are reckoned and told."""

import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from concord.chassis.identity import Role
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from concord.labels import encoded, schema_from
from concord.quality.krippendorff import krippendorff_alpha
from services.ingest.domain.project import Overlap, Policy
from services.metrics.domain.bounded import HOUR_US
from services.metrics.domain.sliced import Sliced, sliced
from services.metrics.domain.survey import Survey
from services.metrics.domain.unit import Annotation, Unit
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start
from tests.unit.services.metrics.test_surveys import FIRST_HOUR, annotators, past_of

SCHEMA = schema_from({"kind": "choice", "classes": ["a", "b", "c"]})
NORTH = ("ann", "bob", "cem", "dan")


def surveyed(units: int = 600) -> tuple[Survey, list[list[str]]]:
    """Return a survey of units with two labels each, and those labels; c is told from b by nobody, and dan guesses."""
    generator, found, rows = random.Random(5), Survey(), []
    for number in range(units):
        truth = "abc"[number % 3]
        people = generator.sample(NORTH, 2)
        labels = [
            generator.choice("abc") if who == "dan" else "a" if truth == "a" else generator.choice("bc")
            for who in people
        ]
        given = {
            str(place): Annotation(who, encoded(label).decode(), at_us=(1 + number % 2) * HOUR_US + place)
            for place, (who, label) in enumerate(zip(people, labels, strict=True))
        }
        found.add([Unit(PROJECT, annotations=given, asked=2)])
        rows.append(labels)
    return found, rows


def parts(found: Survey, groups: dict[str, dict[str, tuple[str, ...]]] | None = None) -> dict[tuple[str, str], Sliced]:
    several = sliced(SCHEMA, found.aspects[""], groups or {})
    return {(part.by, part.part or str(part.from_us // HOUR_US)): part for part in several}


def alpha(rows: list[list[str]], classes: str = "abc") -> float:
    value = krippendorff_alpha([[labels.count(class_name) for class_name in classes] for labels in rows]).value
    assert value is not None
    return value


def test_a_class_is_held_against_all_others_and_a_window_against_nothing_but_its_units() -> None:
    survey, rows = surveyed()
    found = parts(survey)
    for name in "abc":
        binary = [["t" if label == name else "o" for label in labels] for labels in rows]
        assert found["class", f'"{name}"'].alpha.value == pytest.approx(alpha(binary, "to"))
    assert (found["class", '"a"'].alpha.value or 0) > 0.2 + (found["class", '"c"'].alpha.value or 0)
    for window in (1, 2):
        assert found["time", str(window)].alpha.value == pytest.approx(alpha(rows[window - 1 :: 2]))
    assert sum(found["time", str(window)].alpha.units for window in (1, 2)) == len(rows)


def test_a_group_is_measured_among_itself_and_one_of_them_who_guesses_makes_its_interval_wide() -> None:
    survey, rows = surveyed()
    languages: dict[str, tuple[str, ...]] = {who: ("nl",) if who == "dan" else ("nl", "de") for who in NORTH}
    found = parts(survey, {"language": languages})
    everybody, but_dan = found["language", "nl"], found["language", "de"]
    assert everybody.alpha.value == pytest.approx(alpha(rows)), "of two labels a unit it is alpha itself"
    assert (but_dan.alpha.value or 0) > (everybody.alpha.value or 0) + 0.1
    by_units = krippendorff_alpha([[labels.count(name) for name in "abc"] for labels in rows])
    assert everybody.alpha.low is not None
    assert everybody.alpha.high is not None
    assert by_units.low is not None
    assert by_units.high is not None
    assert everybody.alpha.high - everybody.alpha.low > 2 * (by_units.high - by_units.low)
    assert "by people" in everybody.alpha.method


def test_labels_that_are_no_single_values_have_no_parts() -> None:
    spans = schema_from({"kind": "spans", "classes": ["x"]})
    assert list(sliced(spans, Survey().aspect(""), {})) == []


def given(number: int, versions: tuple[int, int], labels: tuple[str, str]) -> Unit:
    annotations = {
        str(place): Annotation(who, encoded(label).decode(), at_us=place + 1, guideline_version=version)
        for place, (who, version, label) in enumerate(zip(("ann", "bob"), versions, labels, strict=True))
    }
    return Unit(PROJECT, annotations=annotations, asked=2, admitted_at_us=number)


def test_a_version_of_the_guideline_is_told_of_the_units_that_were_labelled_under_it_alone() -> None:
    survey, closed, generator = Survey(), Survey(), random.Random(7)
    rows: dict[int, list[list[str]]] = {1: [], 2: [], 12: []}
    for number in range(300):
        version = (1, 2, 12)[number % 3]
        labels = generator.choice("abc"), generator.choice("abc")
        labels = (labels[0], labels[0]) if version > 1 and number % 5 else labels
        (survey if number % 2 else closed).add([given(number, (version, version), labels)])
        rows[version].append(list(labels))
        survey.add([given(number, (1, 2), ("a", "b"))])  # its labels were given under two
        survey.add([given(number, (0, 0), ("a", "b"))])  # under which was not told
    survey.merge(msgspec.msgpack.decode(msgspec.msgpack.encode(closed), type=Survey))
    found = [part for part in sliced(SCHEMA, survey.aspects[""], {}) if part.by == "guideline"]
    assert [part.part for part in found] == ["1", "2", "12"]
    for part in found:
        assert part.alpha.value == pytest.approx(alpha(rows[int(part.part)]))
        assert part.alpha.units == 100
    assert (found[1].alpha.value or 0) > 0.5 + (found[0].alpha.value or 0)


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.surveying.PAUSE", 0.0)
    running = await start(House())
    await running.upstream.project(Policy(overlap=Overlap(initial=2, max=5)))
    await until(lambda: PROJECT in measure_of(running.service).projects.rows)
    yield running
    await running.stop()


def revised(number: int, label: str, version: int) -> AnnotationEvent:
    about = Metadata(event_id="r", client_id=CLIENT, project_id=PROJECT, occurred_at_us=FIRST_HOUR * HOUR_US)
    word = AnnotationRevised(
        unit_id=f"k1-v{number}",
        annotation_id=f"k1-v{number}.0",
        annotator_id="w00",
        label=encoded(label),
        revision=1,
        guideline_version=version,
    )
    return AnnotationEvent(metadata=about, annotation_revised=word)


async def told(metrics: Metrics, what: str) -> Any:
    answer = await metrics.call(f"/v1/projects/{PROJECT}/quality/{what}", Role.CLIENT, CLIENT)
    return answer.json() | {"status": answer.status}


async def test_labels_whose_clock_is_ahead_of_ours_have_not_waited_for_less_than_nothing(metrics: Metrics) -> None:
    past_of(metrics).unit(FIRST_HOUR + 50, [("ann", "no"), ("bob", "no")])
    await metrics.settle()
    quality = (await metrics.call(f"/v1/projects/{PROJECT}/quality")).json()
    assert (quality["annotations"], quality["freshness_p95_seconds"]) == (2, 0.0)
    exposed = (await metrics.call("/metrics")).body.decode()
    assert f'concord_event_to_metric_seconds_sum{{client="k1",project="{PROJECT}"}} 0.0' in exposed


async def test_the_door_tells_agreement_by_class_time_slice_and_language(metrics: Metrics) -> None:
    past, generator = past_of(metrics), random.Random(3)
    await annotators(metrics)
    for number in range(200):
        truth = generator.choice(["no", "yes"])
        other = truth if number % 2 else generator.choice(["no", "yes"])
        past.unit(FIRST_HOUR + number % 2, [("w00", truth), ("w01", other)], stratum="law" if number % 2 else "news")
    past.guidelines = (3, 3)
    for _ in range(2):
        past.unit(FIRST_HOUR, [("w00", "no"), ("w01", "no")])
    past.served.annotations([revised(past.units, "yes", 4)])
    (field,) = (await told(metrics, "agreement"))["fields"]
    found = {(part["by"], part["part"]): part for part in field["parts"]}
    assert found["slice", "law"]["alpha"]["value"] == 1.0 > found["slice", "news"]["alpha"]["value"]
    assert {("class", '"no"'), ("class", '"yes"'), ("time", "")} <= set(found)
    assert found["guideline", "3"]["alpha"]["units"] == 1, "what was said again under version 4 is under two"
    hours = [part for part in field["parts"] if part["by"] == "time"]
    assert [(hour["alpha"]["units"], hour["start"] < hour["end"]) for hour in hours] == [(102, True), (100, True)]
    assert {("kind", "human"), ("language", "de"), ("language", "en")} <= set(found)
    assert "vendor" not in {by for by, _ in found}, "they are of two, so none of both labelled a unit"
    assert field["reason"] == ""


async def test_units_on_which_two_disagree_are_listed_by_page_without_gold_and_what_is_erased(metrics: Metrics) -> None:
    past = past_of(metrics)
    for number in range(9):
        past.unit(FIRST_HOUR, [("ann", "no"), ("bob", "yes" if number % 3 else "no")])
    past.unit(FIRST_HOUR, [("ann", "no"), ("bob", "yes")], gold_label=encoded("no"))
    past.unit(FIRST_HOUR, [("ann", "no"), ("cem", "yes")])
    erased = Metadata(event_id="e", client_id=CLIENT, project_id=PROJECT, occurred_at_us=FIRST_HOUR * HOUR_US)
    past.served.units([UnitEvent(metadata=erased, unit_erased=UnitErased(unit_id="k1-v2"))])
    page = await told(metrics, "pairs/units?first=bob&second=ann&limit=3")
    assert (page["both"], page["disagreed"], page["listed"]) == (8, 5, 5)
    assert [(unit["unit_id"], unit["first"], unit["second"]) for unit in page["units"]] == [
        (f"k1-v{number}", "yes", "no") for number in (3, 5, 6)
    ]
    rest = await told(metrics, f"pairs/units?first=bob&second=ann&limit=3&cursor={page['next']}")
    assert ([unit["unit_id"] for unit in rest["units"]], rest["next"]) == (["k1-v8", "k1-v9"], "")
    nobody = await told(metrics, "pairs/units?first=bob&second=cem")
    assert (nobody["both"], nobody["units"]) == (0, [])
    assert (await told(metrics, "pairs/units?first=bob&second=ann&field=mood"))["status"] == 422
    assert (await told(metrics, "pairs/units?first=bob"))["status"] == 422
