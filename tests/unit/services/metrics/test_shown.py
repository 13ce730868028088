"""What Prometheus is shown: the longest quiet makes room, nobody vanishes in silence, the finished page nobody."""

import pytest

from concord.chassis.projects import Project, project_from
from concord.chassis.telemetry import Telemetry, exposition
from concord.chassis.telemetry.instruments import LABEL_VALUES_MAX
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.projects_pb2 import ProjectDefined, ProjectEvent
from concord.labels import encoded
from concord.quality.intervals import wilson
from services.metrics.domain.report import Report, report
from services.metrics.domain.standing import Standing, competences
from services.metrics.domain.sums import Sums
from services.metrics.domain.targets import Target, TargetStanding, targets_of
from services.metrics.shown import (
    ANNOTATORS_SHOWN_MAX,
    DRIFTS_SHOWN_MAX,
    FIELDS_SHOWN_MAX,
    FINISHED_SECONDS,
    IN_TIME_SECONDS,
    OBSERVED_MAX,
    POSITIONS_SHOWN_MAX,
    PROJECTS_SHOWN_MAX,
    QUIET_SECONDS,
    Series,
    limits_of,
)
from services.metrics.telemetry import (
    ANNOTATOR_INSTRUMENTS,
    DRIFT_INSTRUMENTS,
    FIELD_INSTRUMENTS,
    POSITION_INSTRUMENTS,
    PROJECT_INSTRUMENTS,
    TARGET_INSTRUMENTS,
)

START_US = 10_000 * 1_000_000_000


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_us(self) -> int:
        return START_US + int(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Shown:
    def __init__(self) -> None:
        self.clock = Hands()
        self.telemetry = Telemetry("metrics")
        self.series = Series(self.telemetry, self.clock)

    def show(self, name: str, people: int = 0) -> bool:
        standings = {f"a{number}": Standing() for number in range(people)}
        for standing in standings.values():
            standing.answered('"yes"', '"yes"')
        found = project(name)
        people_found = {competence.annotator_id: competence for competence in competences(standings, found.schema)}
        return self.series.show(found, self.report(name), people_found)

    def report(self, name: str) -> Report:
        sums = Sums()
        sums.newest_us = self.clock.now_us()
        return report(name, sums, project(name).schema, 3, self.clock.now_us(), None)

    def has(self, text: str) -> bool:
        return text in self.text()

    def text(self) -> str:
        self.series.measured(None, 0)
        return exposition(self.telemetry.registry)[0].decode()


def project(name: str) -> Project:
    schema = encoded({"kind": "choice", "classes": ["no", "yes"]})
    about = Metadata(event_id="e", client_id="k1", project_id=name)
    return project_from(ProjectEvent(metadata=about, project_defined=ProjectDefined(name="p", label_schema=schema)))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    monkeypatch.setattr("services.metrics.shown.PROJECTS_SHOWN_MAX", 3)
    monkeypatch.setattr("services.metrics.shown.ANNOTATORS_SHOWN_MAX", 4)
    return Shown()


def test_a_project_that_could_not_be_measured_is_counted_until_it_was_or_is_anothers(shown: Shown) -> None:
    assert shown.has("concord_metrics_projects_unmeasured 0.0")
    for name in ("k1-a", "k1-b", "k1-b"):
        shown.series.failed(name)
    assert shown.has("concord_metrics_projects_unmeasured 2.0")
    shown.show("k1-a")
    assert shown.has("concord_metrics_projects_unmeasured 1.0")
    shown.series.forget(["k1-b"])
    assert shown.has("concord_metrics_projects_unmeasured 0.0")


def test_beyond_the_bound_what_has_been_quiet_the_longest_makes_room_and_until_then_it_is_told(shown: Shown) -> None:
    for name in ("k1-a", "k1-b", "k1-c"):
        assert shown.show(name)
    assert not shown.show("k1-d")
    assert shown.has('concord_metrics_series_withheld{kind="project"} 1.0')
    shown.clock.seconds = QUIET_SECONDS - 1
    assert shown.show("k1-a"), "what is shown stays while it changes"
    assert not shown.show("k1-e")
    assert not shown.series.awaited()
    shown.clock.seconds = QUIET_SECONDS
    assert shown.series.awaited() == {"k1-d", "k1-e"}, "two have been quiet for long enough"
    shown.series.forget(["k1-e"])
    assert shown.series.awaited() == {"k1-d"}
    assert shown.show("k1-d")
    assert not shown.series.awaited()
    assert shown.has('concord_metrics_series_withheld{kind="project"} 0.0')
    assert [shown.has(f'project="k1-{name}"') for name in "abcd"] == [True, False, True, True]


def test_annotators_are_bounded_by_themselves(shown: Shown) -> None:
    assert shown.show("k1-a", people=3)
    assert shown.show("k1-b", people=3)
    assert shown.has('concord_metrics_series_withheld{kind="annotator"} 2.0')
    shown.series.forget(["k1-a"])
    assert not shown.has('project="k1-a"')
    assert shown.show("k1-b", people=3)
    assert shown.has('concord_metrics_series_withheld{kind="annotator"} 0.0')


def test_a_project_without_a_label_for_a_week_is_shown_no_more_until_its_next_one(shown: Shown) -> None:
    assert shown.show("k1-a", people=1)
    targets = targets_of(dict.fromkeys(LIMITS, 0.9), shown.report("k1-a"))
    shown.series.show_targets(project("k1-a"), targets, {"alpha": TargetStanding(True, 1)})
    assert shown.has('concord_contract_breached{client="k1",measure="alpha",project="k1-a"} 1.0')
    assert not shown.has("concord_contract_finding{"), "what is not known is not zero"
    found = Target("audit_pass_rate", 0.9, wilson(85, 100), True)
    shown.series.show_targets(project("k1-a"), [found], {})
    assert shown.has('concord_contract_finding{client="k1",measure="audit_pass_rate",project="k1-a"} 0.85')
    assert shown.has('concord_contract_finding_low{client="k1",measure="audit_pass_rate",project="k1-a"} 0.7')
    labelled = {"k1-a": shown.clock.now_us()}
    shown.clock.seconds = FINISHED_SECONDS
    shown.series.retire(labelled)
    assert shown.has('project="k1-a"')
    shown.clock.seconds += 1
    shown.series.retire(labelled)
    assert not shown.has('project="k1-a"')
    assert shown.show("k1-a")
    assert shown.has('project="k1-a"')


def test_an_instrument_table_holds_all_that_may_be_shown() -> None:
    for instruments, most in (
        (PROJECT_INSTRUMENTS, PROJECTS_SHOWN_MAX),
        (TARGET_INSTRUMENTS, PROJECTS_SHOWN_MAX * len(limits_of(project("a")))),
        (ANNOTATOR_INSTRUMENTS, ANNOTATORS_SHOWN_MAX),
        (DRIFT_INSTRUMENTS, DRIFTS_SHOWN_MAX),
        (FIELD_INSTRUMENTS, FIELDS_SHOWN_MAX),
        (POSITION_INSTRUMENTS, POSITIONS_SHOWN_MAX),
    ):
        assert len(instruments) * most <= LABEL_VALUES_MAX


def test_when_a_projects_newest_label_was_given_is_told_by_whichever_process_measures_it_then(shown: Shown) -> None:
    given = shown.report("a")
    shown.clock.seconds += 2 * 86_400
    another = Shown()
    another.clock.seconds = shown.clock.seconds
    assert another.series.show(project("a"), given, {})
    (line,) = [line for line in another.text().splitlines() if line.startswith("concord_labelled_timestamp_seconds{")]
    assert float(line.split()[-1]) == START_US / 1e6


def test_that_a_project_was_measured_is_told_though_there_is_no_room_to_show_it(shown: Shown) -> None:
    assert shown.has("concord_metrics_measured_timestamp_seconds 0.0")
    for name in ("k1-a", "k1-b", "k1-c"):
        assert shown.show(name)
    shown.clock.seconds = 60.0
    assert not shown.show("k1-d"), "there is room for three"
    seconds = START_US / 1e6 + 60
    (line,) = [line for line in shown.text().splitlines() if line.startswith("concord_metrics_measured_timestamp")]
    assert float(line.split()[1]) == seconds


def test_labels_in_time_are_counted_whether_or_not_their_project_is_shown_and_late_ones_are_not(shown: Shown) -> None:
    assert shown.has("concord_metrics_labels_in_time_total 0.0"), "the first one is an increase"
    shown.show("k1-a")
    shown.series.observe(project("k1-a"), [0.1, IN_TIME_SECONDS, IN_TIME_SECONDS + 0.1])
    shown.series.observe(project("k1-withheld"), [0.1] * (OBSERVED_MAX + 1))
    assert shown.has(f"concord_metrics_labels_in_time_total {2 + OBSERVED_MAX + 1}.0")
    assert shown.has('concord_event_to_metric_seconds_count{client="k1",project="k1-a"} 3.0')
    assert not shown.has('project="k1-withheld"')


LIMITS = ("alpha", "label_error_rate", "audit_pass_rate", "turnaround_p95_seconds")
