"""Surveys: pairs, drift, bias and suggestions of a project, as its door tells them and as they are told to others."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from concord.chassis.broker.port import TopicPartition
from concord.chassis.clock import SystemClock
from concord.chassis.identity import Role
from concord.contracts.topics import ANNOTATORS, QUALITY
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from concord.labels import encoded
from services.ingest.domain.project import Overlap, Policy
from services.metrics.domain.bounded import HOUR_US
from services.metrics.domain.drift import CURRENT_UNITS, REFERENCE_UNITS
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows
from services.metrics.surveying import Surveys
from simulation.house import House, call
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start

FIRST_HOUR = SystemClock().now_us() // HOUR_US - 40
PEOPLE = [f"w{number:02d}" for number in range(24)]


class Past:
    """Tells metrics of units at other times than now, as its handlers would be told by the topics."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.served = Handlers(rows)
        self.units = self.active_ms = 0
        self.first: Sequence[dict[str, str]] = ()
        self.guidelines: Sequence[int] = ()

    def unit(self, hour: int, rows: Sequence[tuple[str, Any]], **known: Any) -> None:
        """Tell of a unit that came in and was labelled by these, under `guidelines`, who had seen `first` first."""
        self.units += 1
        unit_id, at_us = f"k1-v{self.units}", hour * HOUR_US
        about = Metadata(event_id="e", client_id=CLIENT, project_id=PROJECT, occurred_at_us=at_us)
        admitted = UnitAdmitted(unit_id=unit_id, overlap_initial=len(rows), **known)
        self.served.units([UnitEvent(metadata=about, unit_admitted=admitted)])
        for place, (who, label) in enumerate(rows):
            submitted = AnnotationSubmitted(
                unit_id=unit_id,
                annotation_id=f"{unit_id}.{place}",
                annotator_id=who,
                label=encoded(label),
                active_ms=self.active_ms,
                shown_first=self.first[place] if self.first else {},
                by_model=who.startswith("model"),
                guideline_version=self.guidelines[place] if self.guidelines else 0,
            )
            self.served.annotations([AnnotationEvent(metadata=about, annotation_submitted=submitted)])


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.surveying.PAUSE", 0.0)
    running = await start(House())
    await running.upstream.project(Policy(overlap=Overlap(initial=2, max=5)))
    await until(lambda: PROJECT in measure_of(running.service).projects.rows)
    yield running
    await running.stop()


def surveys_of(metrics: Metrics) -> Surveys:
    found: Surveys = metrics.service.application.state.service.surveys  # type: ignore[attr-defined] # it is FastAPI's
    return found


def past_of(metrics: Metrics) -> Past:
    rows = measure_of(metrics.service).repository.rows_of(PROJECT)
    assert rows is not None
    return Past(rows)


async def told(metrics: Metrics, what: str) -> Any:
    answer = await metrics.call(f"/v1/projects/{PROJECT}/quality/{what}", Role.CLIENT, CLIENT)
    assert answer.status == 200, answer.body
    return answer.json()


def drifts_told(metrics: Metrics) -> list[Any]:
    cluster = metrics.house.cluster
    places = [TopicPartition(QUALITY.name, place) for place in range(cluster.partitions_of(QUALITY.name))]
    records = [record for place in places for record in cluster.log(place)]
    events = [QualityEvent.FromString(record.value) for record in records]
    return [event.drift_detected for event in events if event.HasField("drift_detected")]


async def test_pairs_with_the_most_evidence_are_told_with_kappa_and_interval(metrics: Metrics) -> None:
    past, generator = past_of(metrics), random.Random(1)
    for number in range(300):
        truth = generator.choice(["no", "yes"])
        careless = truth if generator.random() < 0.6 else generator.choice(["no", "yes"])
        past.unit(FIRST_HOUR, [("ann", truth), ("bob" if number % 3 else "cem", careless)])
    found = await told(metrics, "pairs")
    (field,) = found["fields"]
    assert [(pair["first"], pair["second"], pair["units"]) for pair in field["pairs"]] == [
        ("ann", "bob", 200),
        ("ann", "cem", 100),
    ]
    assert (field["pairs_met"], field["pairs_counted"]) == (2, 1.0)
    kappa = field["pairs"][0]["kappa"]
    assert kappa["low"] < kappa["value"] < kappa["high"] < 0.8
    assert kappa["method"].startswith("Cohen's kappa")


async def test_a_drift_of_labels_is_told_once_when_it_has_held_and_shown_until_it_is_over(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, generator, surveys = past_of(metrics), random.Random(2), surveys_of(metrics)
    monkeypatch.setattr(surveys.measure, "held_us", 0)

    def label(hours: range, share: float, units: int) -> None:
        for hour in hours:
            for _ in range(units):
                text = "yes" if generator.random() < share else "no"
                past.unit(hour, [("ann", text), ("bob", text)], content_length=400, stratum="news")

    label(range(FIRST_HOUR, FIRST_HOUR + 5), 0.1, REFERENCE_UNITS // 5)
    (early,) = [measure for measure in (await told(metrics, "drift"))["measures"] if measure["measure"] == "labels"]
    assert (early["psi"], early["found"]) == (None, False)
    assert "200 of later hours are needed" in early["reason"]
    label(range(FIRST_HOUR + 10, FIRST_HOUR + 12), 0.1, CURRENT_UNITS // 2)
    for _ in range(3):
        await surveys.turn()
    await metrics.settle()
    assert not drifts_told(metrics), "nothing has moved"
    label(range(FIRST_HOUR + 20, FIRST_HOUR + 22), 0.4, CURRENT_UNITS // 2)
    for _ in range(4):
        await surveys.turn()
    await metrics.settle()
    (event,) = drifts_told(metrics)
    assert (event.measure, event.subject_id, event.limit) == ("labels", PROJECT, 0.1)
    assert (event.reference_units, event.current_units) == (REFERENCE_UNITS, CURRENT_UNITS)
    assert event.value > 0.1
    assert event.p_value < 0.01
    assert event.current_from_us == (FIRST_HOUR + 20) * HOUR_US
    found = {measure["measure"]: measure for measure in (await told(metrics, "drift"))["measures"]}
    assert [name for name, entry in found.items() if entry["found"]] == ["labels"]
    assert found["content_length"]["psi"] is None, "one category alone cannot move"
    assert found["labels"]["current"]["shares"]['"yes"'] > 0.3
    assert found["labels"]["reference"]["shares"]['"yes"'] < 0.2
    shown = (await call(metrics.service.application, "GET", "/metrics")).body.decode()
    assert f'concord_drift_found{{client="{CLIENT}",measure="labels",project="{PROJECT}"}} 1.0' in shown
    label(range(FIRST_HOUR + 30, FIRST_HOUR + 32), 0.1, CURRENT_UNITS // 2)
    for _ in range(3):
        await surveys.turn()
    shown = (await call(metrics.service.application, "GET", "/metrics")).body.decode()
    assert f'concord_drift_found{{client="{CLIENT}",measure="labels",project="{PROJECT}"}} 0.0' in shown
    assert len(drifts_told(metrics)) == 1


async def test_what_comes_in_drifts_too(metrics: Metrics) -> None:
    past = past_of(metrics)
    for number in range(REFERENCE_UNITS + CURRENT_UNITS):
        late = number >= REFERENCE_UNITS
        known = {"content_length": 2_000 if late or number % 10 == 0 else 200, "media_type": "text/plain"}
        past.unit(FIRST_HOUR + 5 * late, [], **known, stratum="law" if number % 2 else "news")
    found = {measure["measure"]: measure for measure in (await told(metrics, "drift"))["measures"]}
    assert [name for name, entry in found.items() if entry["found"]] == ["content_length"]
    assert found["stratum"]["adjusted"] > 0.9
    assert found["content_length"]["adjusted"] == pytest.approx(2 * found["content_length"]["p_value"])


async def annotators(metrics: Metrics) -> None:
    for number, who in enumerate(PEOPLE):
        defined = AnnotatorDefined(
            annotator_id=who, revision=1, kind="human", vendor="acme" if number % 3 else "other", languages=["de", "en"]
        )
        await metrics.upstream.tell(ANNOTATORS, who, AnnotatorEvent(annotator_defined=defined))
    await until(lambda: len(surveys_of(metrics).annotators.rows) == len(PEOPLE))


async def test_a_vendor_whose_people_err_more_and_a_slice_that_is_labelled_otherwise_are_found(
    metrics: Metrics,
) -> None:
    await annotators(metrics)
    past, generator = past_of(metrics), random.Random(4)
    for number in range(900):
        slice_name = "law" if number % 2 else "news"
        truth = "yes" if generator.random() < (0.6 if slice_name == "law" else 0.2) else "no"
        chosen = generator.sample(PEOPLE, 2)
        known: dict[str, Any] = {"gold_label": encoded(truth)} if number % 3 == 0 else {}
        rows = []
        for who in chosen:
            errs = generator.random() < (0.35 if PEOPLE.index(who) % 3 == 0 else 0.08)
            rows.append((who, {"yes": "no", "no": "yes"}[truth] if errs else truth))
        past.unit(FIRST_HOUR, rows, stratum=slice_name, **known)
    found = (await told(metrics, "bias"))["contrasts"]
    errors = {(entry["by"], entry["group"], entry["within"]): entry for entry in found if entry["measure"] == "error"}
    worse = errors["vendor", "other", None]
    assert worse["found"]
    assert worse["difference"]["low"] < 0.27 < worse["difference"]["high"]
    assert worse["rest"]["value"] == errors["vendor", "acme", None]["rate"]["value"]
    assert errors["vendor", "other", "law"]["difference"]["value"] > 0.1
    assert not errors["slice", "law", None]["found"]
    labels = {(entry["by"], entry["group"]): entry for entry in found if entry["label"] == "yes"}
    assert labels["slice", "law"]["found"]
    assert labels["slice", "law"]["difference"]["value"] > 0.2
    assert not any(entry["by"] == "language" and entry["found"] for entry in found), "all speak the same"
    assert not any(entry["by"] == "kind" for entry in found), "one group has no rest"
    assert [entry["found"] for entry in found] == sorted((entry["found"] for entry in found), reverse=True)


async def test_what_showing_suggestions_does_is_told_against_the_arm_from_which_they_are_kept(metrics: Metrics) -> None:
    past, generator = past_of(metrics), random.Random(6)
    for number in range(1_200):
        truth = generator.choice(["no", "yes"])
        suggested = truth if generator.random() < 0.7 else {"yes": "no", "no": "yes"}[truth]
        hidden = number % 4 == 0
        known: dict[str, Any] = {"gold_label": encoded(truth)} if number % 3 == 0 else {}
        rows = []
        for who in ("ann", "bob"):
            own = truth if generator.random() < 0.9 else {"yes": "no", "no": "yes"}[truth]
            follows = not hidden and generator.random() < 0.4
            rows.append((who, suggested if follows else own))
        past.unit(FIRST_HOUR, rows, suggested_label=encoded(suggested), suggestion_hidden=hidden, **known)
    (found,) = (await told(metrics, "bias"))["suggestions"]
    whole = found["followed"]
    assert whole["difference"]["low"] > 0.03
    assert whole["difference"]["adjusted"] < 0.01
    assert whole["hidden"]["value"] == pytest.approx(0.7 * 0.9 + 0.3 * 0.1, abs=0.05)
    assert sorted(entry["label"] for entry in found["by_label"]) == ["no", "yes"]
    misled = found["gold_misled"]
    assert misled["shown"]["value"] > misled["hidden"]["value"] + 0.15
    assert found["gold_errors"]["difference"]["value"] > 0


async def test_a_survey_is_made_anew_when_something_changed_and_others_run_while_it_is(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.surveying.WALKED_MAX", 10)
    past, surveys = past_of(metrics), surveys_of(metrics)
    project = surveys.projects.rows[PROJECT]
    past.unit(FIRST_HOUR, [("ann", "yes"), ("bob", "yes")])
    first, _ = await surveys.of(project)
    again, _ = await surveys.of(project)
    assert again is first
    for _ in range(95):
        past.unit(FIRST_HOUR, [("ann", "yes"), ("bob", "yes")])
    pauses = 0
    asleep = surveys.clock.sleep

    class Breathing:
        def __getattr__(self, name: str) -> object:
            return getattr(measure_of(metrics.service).clock, name)

        async def sleep(self, seconds: float) -> None:
            nonlocal pauses
            pauses += 1
            await asleep(seconds)

    monkeypatch.setattr(surveys, "clock", Breathing())
    changed, _ = await surveys.of(project)
    assert changed.units == 96
    assert pauses == 10
