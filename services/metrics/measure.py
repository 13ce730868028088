"""Measuring: the projects that changed are concluded upon, shown to Prometheus and told to the others."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from concord.chassis.broker.port import Broker, BrokerUnavailable, Outgoing
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unavailable
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments, Telemetry
from concord.quality.estimate import Estimate
from services.metrics.announcements import agreement_measured, competence_estimated, crowd_measured
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.crowd import crowd_found
from services.metrics.domain.report import UNITS_MIN, Report, report
from services.metrics.domain.standing import Competence, competences, gold_answers
from services.metrics.domain.sums import Sums
from services.metrics.repository import Repository
from services.metrics.telemetry import ANNOTATOR_INSTRUMENTS, INSTRUMENTS, PROJECT_INSTRUMENTS

MEASURE_SECONDS = 1.0
STILL_COUNTING = "What was told before this process started is still being counted; ask again in a second."
OBSERVED_MAX = 200
"""Labels of a project whose way into the metrics is observed at one measurement, evenly picked."""
PROJECTS_SHOWN_MAX = 350
ANNOTATORS_SHOWN_MAX = 2_400
"""Series are bounded: an instrument table holds 10,000 children, and Prometheus not many more of one process."""

CROWD = "/crowd"
"""In place of an annotator's id, which no annotator's is, among what waits to be told of a project."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was last concluded about a project."""

    report: Report
    competences: tuple[Competence, ...]


class Measure:
    """Concludes, shows and tells, at most once in MEASURE_SECONDS for each project and only when it has changed.

    Until all is counted that the topics held at the start, nothing is told, no freshness is observed, and whoever asks
    is told to ask again: what is read anew after a start was said before, and a part of it is no project's quality.

    Args:
        repository: the sums.
        projects: their schemas, policies and targets.
        broker: where findings are told.
        telemetry: where series are shown.
        clock: paces it.
        caught_up: whether everything that the topics hold is counted.
        taken_up: whether everything that they held at the start is.

    Attributes:
        live: whether it was, once.
    """

    def __init__(
        self,
        repository: Repository,
        projects: Table[Project],
        broker: Broker,
        telemetry: Telemetry,
        clock: Clock,
        caught_up: Callable[[], Awaitable[bool]],
        taken_up: Callable[[], Awaitable[bool]],
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.broker = broker
        self.clock = clock
        self.measured: dict[str, Measured] = {}
        self.live = False
        self._caught_up = caught_up
        self._taken_up = taken_up
        self._instruments = telemetry.instruments(INSTRUMENTS)
        self._of_projects = telemetry.instruments(PROJECT_INSTRUMENTS)
        self._of_annotators = telemetry.instruments(ANNOTATOR_INSTRUMENTS)
        self._projects_shown: set[str] = set()
        self._annotators_shown: set[tuple[str, str]] = set()
        self._unsaid: dict[tuple[str, str], Outgoing] = {}

    async def turn(self) -> None:
        """Measure every project that has changed, and tell what is new; what could not be told is told next time.

        Called every MEASURE_SECONDS.
        """
        begun = self.clock.monotonic()
        self.live = self.live or await self._taken_up()
        if self.live and self.repository.may_close(self.clock.now_us()) and await self._caught_up():
            self.repository.close(self.clock.now_us())
        changed = [project_id for project_id in sorted(self.repository.changed) if project_id in self.projects.rows]
        for project_id in changed:
            self._measure(self.projects.rows[project_id])
            # Others get to run: requests, and the next batch.
            await self.clock.sleep(0)
        if changed:
            self._instruments.histogram("concord_metrics_measure_seconds").observe(self.clock.monotonic() - begun)
        self._instruments.gauge("concord_metrics_units_open").set(self.repository.units_open)
        await self._tell()

    def now(self, project: Project) -> Measured:
        """Return what is known of a project this moment, whether or not it is time to measure it.

        Raises:
            Unavailable: a part of what the topics held at the start is still to be counted.
        """
        if not self.live:
            raise Unavailable(STILL_COUNTING, retry_after_seconds=1)
        found = self.measured.get(project.project_id)
        if found is None or project.project_id in self.repository.changed:
            return self._concluded(project, found.report.freshness_p95_seconds if found else None)
        return found

    def _measure(self, project: Project) -> None:
        project_id = project.project_id
        self.repository.changed.discard(project_id)
        sums = self.repository.sums[project_id]
        waiting_us, sums.waiting_us = sums.waiting_us, []
        waited = sorted((self.clock.now_us() - at_us) / MICROSECONDS for at_us in waiting_us)
        freshness = waited[min(len(waited) - 1, round(0.95 * len(waited)))] if waited and self.live else None
        try:
            found = self._concluded(project, freshness)
        except Exception:
            # One project's labels must not blind the others; its own series stand still meanwhile.
            log.exception("project %s could not be measured", project_id)
            return
        before = self.measured.get(project_id)
        self.measured[project_id] = found
        self._show(project, found)
        if self.live and waited:
            histogram = self._of_projects.histogram("concord_event_to_metric_seconds", *_labels(project))
            for seconds in waited[:: -(-len(waited) // OBSERVED_MAX)]:
                histogram.observe(seconds)
        if before is None or before.report.alpha != found.report.alpha:
            self._unsaid[project_id, ""] = agreement_measured(project_id, found.report.alpha, found.report.newest_us)
        news = self.repository.estimated.pop(project_id, set())
        classes = classes_of(project.schema)
        for one in found.competences:
            if one.annotator_id in news:
                answers = gold_answers(sums.standings[one.annotator_id], classes)
                told = competence_estimated(project_id, len(classes), answers, one)
                self._unsaid[project_id, one.annotator_id] = told
        if project_id in self.repository.crowds:
            self.repository.crowds.discard(project_id)
            if len(classes) > 1:
                crowd = crowd_found(sums, classes, project.policy.gold.pass_accuracy)
                self._unsaid[project_id, CROWD] = crowd_measured(project_id, crowd)

    def _concluded(self, project: Project, freshness_p95_seconds: float | None) -> Measured:
        sums = self.repository.sums.get(project.project_id) or Sums()
        overlap_max, now_us = project.policy.overlap.max, self.clock.now_us()
        people = tuple(competences(sums.standings, project.schema))
        said = report(project.project_id, sums, project.schema, overlap_max, now_us, freshness_p95_seconds, people)
        return Measured(said, people)

    async def _tell(self) -> None:
        """Tell what is new: of each project and each of its annotators the newest finding, which says it all."""
        if not self._unsaid or not self.live:
            return
        saying = dict(self._unsaid)
        try:
            await self.broker.publish(list(saying.values()))
        except BrokerUnavailable as fault:
            log.warning("%d findings wait to be told: %s", len(saying), fault)
        else:
            for about, told in saying.items():
                if self._unsaid[about] is told:
                    del self._unsaid[about]

    def _show(self, project: Project, found: Measured) -> None:
        """Set the project's series."""
        self._projects_shown.add(project.project_id)
        if len(self._projects_shown) > PROJECTS_SHOWN_MAX:
            self._projects_shown.discard(project.project_id)
            return
        labels, shown, said = _labels(project), self._of_projects, found.report
        _show_estimate(shown, "concord_agreement_alpha", labels, said.alpha)
        _show_value(shown, "concord_agreement_percent", labels, said.percent_agreement.value)
        _show_estimate(shown, "concord_label_error_rate", labels, said.label_error_rate)
        _show_estimate(shown, "concord_confidence_gap", labels, said.confidence_gap)
        _show_value(shown, "concord_turnaround_p95_seconds", labels, said.turnaround_p95_seconds)
        for name, value in (
            ("concord_agreement_units", said.alpha.units),
            ("concord_label_error_units", said.label_error_rate.units),
            ("concord_confidence_gap_units", said.confidence_gap.units),
            ("concord_annotations", said.annotations),
            ("concord_gold_annotations", said.gold_annotations),
            ("concord_units_consensus", said.units_consensus),
            ("concord_units_adjudicated", said.units_adjudicated),
            ("concord_units_escalated", said.units_escalated),
            ("concord_lots_accepted", said.lots.accepted),
            ("concord_lots_rejections", said.lots.rejections),
            ("concord_labels_saved", said.labels_saved),
            ("concord_quality_computed_timestamp_seconds", said.computed_at_us / MICROSECONDS),
        ):
            shown.gauge(name, *labels).set(value)
        targets = project.targets
        for measure, target in (
            ("alpha", targets.alpha),
            ("label_error_rate", targets.label_error_rate),
            ("audit_pass_rate", targets.audit_pass_rate),
            ("turnaround_p95_seconds", targets.turnaround_p95_seconds),
        ):
            shown.gauge("concord_contract_target", *labels, measure).set(target)
            shown.gauge("concord_contract_units_min", *labels, measure).set(UNITS_MIN)
        self._show_annotators(labels, found.competences)

    def _show_annotators(self, labels: tuple[str, str], found: Sequence[Competence]) -> None:
        for one in found:
            place = (labels[0], one.annotator_id)
            if place not in self._annotators_shown:
                if len(self._annotators_shown) == ANNOTATORS_SHOWN_MAX or not one.gold_units:
                    continue
                self._annotators_shown.add(place)
            of_annotator = (*labels, one.annotator_id)
            _show_estimate(self._of_annotators, "concord_annotator_accuracy", of_annotator, one.accuracy)
            self._of_annotators.gauge("concord_annotator_gold_units", *of_annotator).set(one.gold_units)


def _labels(project: Project) -> tuple[str, str]:
    return project.project_id, project.client_id


def _show_estimate(shown: Instruments, name: str, labels: tuple[str, ...], estimate: Estimate) -> None:
    _show_value(shown, name, labels, estimate.value)
    _show_value(shown, f"{name}_low", labels, estimate.low)
    _show_value(shown, f"{name}_high", labels, estimate.high)


def _show_value(shown: Instruments, name: str, labels: tuple[str, ...], value: float | None) -> None:
    """Set the series, or take it away: what is not defined is not zero."""
    if value is None:
        shown.forget(name, *labels)
    else:
        shown.gauge(name, *labels).set(value)
