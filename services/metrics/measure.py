"""Measuring: the projects that changed are concluded upon, shown to Prometheus and told to the others."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from concord.chassis.broker.port import Broker, BrokerUnavailable, Outgoing
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.places.by_place import NotHere
from concord.chassis.places.owner import Owner
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
from services.metrics.repository import Repository, Rows
from services.metrics.telemetry import ANNOTATOR_INSTRUMENTS, INSTRUMENTS, PROJECT_INSTRUMENTS

MEASURE_SECONDS = 1.0
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

    Of a place that is not served yet nothing is told and no freshness observed: what is read anew was said before, and
    a part of it is no project's quality. What is shown of a place that is lost is shown no more: its owner shows it.

    Args:
        repository: the sums.
        owner: knows which places are served.
        projects: their schemas, policies and targets.
        broker: where findings are told.
        telemetry: where series are shown.
        clock: paces it.
        look: asks how far the topics go, where something waits for that.
    """

    def __init__(
        self,
        repository: Repository,
        owner: Owner,
        projects: Table[Project],
        broker: Broker,
        telemetry: Telemetry,
        clock: Clock,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self.repository = repository
        self.owner = owner
        self.projects = projects
        self.broker = broker
        self.clock = clock
        self.measured: dict[str, Measured] = {}
        self._look = look
        self._instruments = telemetry.instruments(INSTRUMENTS)
        self._of_projects = telemetry.instruments(PROJECT_INSTRUMENTS)
        self._of_annotators = telemetry.instruments(ANNOTATOR_INSTRUMENTS)
        self._projects_shown: dict[str, tuple[str, str]] = {}
        self._annotators_shown: set[tuple[str, str, str]] = set()
        self._unsaid: dict[tuple[str, str], Outgoing] = {}

    async def turn(self) -> None:
        """Measure every project that has changed, and tell what is new; what could not be told is told next time.

        Called every MEASURE_SECONDS.
        """
        begun = self.clock.monotonic()
        await self._look()
        measured = 0
        for place in sorted(self.owner.open()):
            measured += await self._measure_place(place)
        if measured:
            self._instruments.histogram("concord_metrics_measure_seconds").observe(self.clock.monotonic() - begun)
        self._instruments.gauge("concord_metrics_units_open").set(self.repository.units_open)
        await self._tell()

    async def _measure_place(self, place: int) -> int:
        """Measure what has changed in a place; return how many projects that were."""
        rows = self.repository.places.get(place)
        if rows is None:
            return 0
        rows.close()
        changed = [project_id for project_id in sorted(rows.changed) if project_id in self.projects.rows]
        for project_id in changed:
            if self.repository.places.get(place) is not rows:
                return 0
            self._measure(self.projects.rows[project_id], rows)
            # Others get to run: requests, and the next batch.
            await self.clock.sleep(0)
        return len(changed)

    def now(self, project: Project) -> Measured:
        """Return what is known of a project this moment, whether or not it is time to measure it.

        Raises:
            NotHere: its place is another process's, or is being counted.
        """
        rows = self.repository.rows_of(project.project_id)
        if rows is None:
            raise NotHere(project.project_id)
        found = self.measured.get(project.project_id)
        if found is None or project.project_id in rows.changed:
            return self._concluded(project, rows, found.report.freshness_p95_seconds if found else None)
        return found

    def drop(self, place: int, rows: Rows) -> None:
        """Show and tell no more of the projects of a place that is lost."""
        del place
        for project_id in rows.sums:
            self.measured.pop(project_id, None)
            labels = self._projects_shown.pop(project_id, None)
            if labels is not None:
                self._of_projects.forget_all(*labels)
        lost = {about for about in self._annotators_shown if about[0] in rows.sums}
        self._annotators_shown -= lost
        for about in lost:
            self._of_annotators.forget_all(*about)
        for waiting in [waiting for waiting in self._unsaid if waiting[0] in rows.sums]:
            del self._unsaid[waiting]

    def _measure(self, project: Project, rows: Rows) -> None:
        project_id = project.project_id
        rows.changed.discard(project_id)
        sums = rows.sums[project_id]
        waiting_us, sums.waiting_us = sums.waiting_us, []
        waited = sorted((self.clock.now_us() - at_us) / MICROSECONDS for at_us in waiting_us)
        freshness = waited[min(len(waited) - 1, round(0.95 * len(waited)))] if waited else None
        try:
            found = self._concluded(project, rows, freshness)
        except Exception:
            # One project's labels must not blind the others; its own series stand still meanwhile.
            log.exception("project %s could not be measured", project_id)
            return
        before = self.measured.get(project_id)
        self.measured[project_id] = found
        self._show(project, found)
        if waited:
            histogram = self._of_projects.histogram("concord_event_to_metric_seconds", *_labels(project))
            for seconds in waited[:: -(-len(waited) // OBSERVED_MAX)]:
                histogram.observe(seconds)
        if before is None or before.report.alpha != found.report.alpha:
            self._unsaid[project_id, ""] = agreement_measured(project_id, found.report.alpha, found.report.newest_us)
        news = rows.estimated.pop(project_id, set())
        classes = classes_of(project.schema)
        for one in found.competences:
            if one.annotator_id in news:
                answers = gold_answers(sums.standings[one.annotator_id], classes)
                told = competence_estimated(project_id, len(classes), answers, one)
                self._unsaid[project_id, one.annotator_id] = told
        if project_id in rows.crowds:
            rows.crowds.discard(project_id)
            if len(classes) > 1:
                crowd = crowd_found(sums, classes, project.policy.gold.pass_accuracy)
                self._unsaid[project_id, CROWD] = crowd_measured(project_id, crowd)

    def _concluded(self, project: Project, rows: Rows, freshness_p95_seconds: float | None) -> Measured:
        sums = rows.sums.get(project.project_id) or Sums()
        overlap_max, now_us = project.policy.overlap.max, self.clock.now_us()
        people = tuple(competences(sums.standings, project.schema))
        said = report(project.project_id, sums, project.schema, overlap_max, now_us, freshness_p95_seconds, people)
        return Measured(said, people)

    async def _tell(self) -> None:
        """Tell what is new: of each project and each of its annotators the newest finding, which says it all."""
        if not self._unsaid:
            return
        saying = dict(self._unsaid)
        try:
            await self.broker.publish(list(saying.values()))
        except BrokerUnavailable as fault:
            log.warning("%d findings wait to be told: %s", len(saying), fault)
        else:
            for about, told in saying.items():
                if self._unsaid.get(about) is told:
                    del self._unsaid[about]

    def _show(self, project: Project, found: Measured) -> None:
        """Set the project's series."""
        labels, shown, said = _labels(project), self._of_projects, found.report
        if project.project_id not in self._projects_shown and len(self._projects_shown) == PROJECTS_SHOWN_MAX:
            return
        self._projects_shown[project.project_id] = labels
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
            of_annotator = (*labels, one.annotator_id)
            if of_annotator not in self._annotators_shown:
                if len(self._annotators_shown) == ANNOTATORS_SHOWN_MAX or not one.gold_units:
                    continue
                self._annotators_shown.add(of_annotator)
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
