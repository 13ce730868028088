"""What Prometheus sees of projects and their annotators, as many of them as one process may show."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments, Telemetry
from concord.quality.estimate import Estimate
from services.metrics.domain.drift import Drifted
from services.metrics.domain.fields import FieldReport
from services.metrics.domain.position import Favoured
from services.metrics.domain.report import Report
from services.metrics.domain.standing import Competence
from services.metrics.domain.targets import Target, TargetStanding
from services.metrics.telemetry import (
    ANNOTATOR_INSTRUMENTS,
    DRIFT_INSTRUMENTS,
    FIELD_INSTRUMENTS,
    INSTRUMENTS,
    POSITION_INSTRUMENTS,
    PROJECT_INSTRUMENTS,
    TARGET_INSTRUMENTS,
)

OBSERVED_MAX = 200
"""Labels of a project whose way into the metrics is observed at one measurement, evenly picked."""
IN_TIME_SECONDS = 5.0
"""Within which 99 of 100 labels are to be in every measure; the objective's rules count those that assign took."""
PROJECTS_SHOWN_MAX = 380
ANNOTATORS_SHOWN_MAX = 2_400
DRIFTS_SHOWN_MAX, FIELDS_SHOWN_MAX, POSITIONS_SHOWN_MAX = 2_400, 1_200, 1_200
"""Series are bounded: an instrument table holds 10,000 children, and Prometheus not many more of one process."""
QUIET_SECONDS = 900.0
"""Who has not changed for so long may be let go of for one that has."""
FINISHED_SECONDS = 7 * 86_400.0
"""A project without a label for so long is done or stands still: it is shown no more, and its quality pages nobody."""

Labels = tuple[str, ...]


class Bounded:
    """What is shown, the longest quiet first, and what there is no room for.

    Args:
        most: how many may be shown.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.withheld: set[Labels] = set()
        self._shown: OrderedDict[Labels, float] = OrderedDict()

    def __contains__(self, labels: Labels) -> bool:
        return labels in self._shown

    def known(self, first: Collection[str]) -> list[Labels]:
        """Return what is shown or withheld whose first label is one of these."""
        return [labels for labels in (*self._shown, *self.withheld) if labels[0] in first]

    def shown(self) -> list[Labels]:
        """Return what is shown."""
        return list(self._shown)

    def awaited(self, now: float) -> Iterator[Labels]:
        """Yield what is withheld although there is room by now, as many of them as there is."""
        quiet = takewhile(lambda since: now - since >= QUIET_SECONDS, self._shown.values())
        room = self.most - len(self._shown) + sum(1 for _ in quiet)
        yield from islice(sorted(self.withheld), room)

    def admit(self, labels: Labels, now: float) -> tuple[bool, Labels | None]:
        """Return whether these may be shown now, and which are to be let go of for them."""
        gone: Labels | None = None
        if labels not in self._shown and len(self._shown) >= self.most:
            oldest, since = next(iter(self._shown.items()))
            if now - since < QUIET_SECONDS:
                self.withheld.add(labels)
                return False, None
            gone = oldest
            del self._shown[oldest]
        self._shown[labels] = now
        self._shown.move_to_end(labels)
        self.withheld.discard(labels)
        return True, gone

    def let_go(self, labels: Labels) -> None:
        """Show these no more."""
        self._shown.pop(labels, None)
        self.withheld.discard(labels)


class Series:
    """The series of the projects that this process measures.

    Args:
        telemetry: where they are shown.
        clock: says what is quiet.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self.clock = clock
        self._own = telemetry.instruments(INSTRUMENTS)
        self._own.counter("concord_metrics_labels_in_time")  # zero from the start: what comes first is an increase
        self._own.gauge("concord_metrics_measured_timestamp_seconds")
        self._of_projects = telemetry.instruments(PROJECT_INSTRUMENTS)
        self._of_targets = telemetry.instruments(TARGET_INSTRUMENTS)
        self._of_annotators = telemetry.instruments(ANNOTATOR_INSTRUMENTS)
        self._of_drifts = telemetry.instruments(DRIFT_INSTRUMENTS)
        self._of_fields = telemetry.instruments(FIELD_INSTRUMENTS)
        self._of_positions = telemetry.instruments(POSITION_INSTRUMENTS)
        self._unmeasured: set[str] = set()
        self._projects = Bounded(PROJECTS_SHOWN_MAX)
        self._annotators = Bounded(ANNOTATORS_SHOWN_MAX)
        self._drifts = Bounded(DRIFTS_SHOWN_MAX)
        self._fields = Bounded(FIELDS_SHOWN_MAX)
        self._positions = Bounded(POSITIONS_SHOWN_MAX)
        self._parts = (
            (self._annotators, self._of_annotators),
            (self._drifts, self._of_drifts),
            (self._fields, self._of_fields),
            (self._positions, self._of_positions),
        )

    def measured(self, seconds: float | None, units_open: int) -> None:
        """Show how long a turn took, if anything was measured, and what is held."""
        if seconds is not None:
            self._own.histogram("concord_metrics_measure_seconds").observe(seconds)
        self._own.gauge("concord_metrics_units_open").set(units_open)
        self._own.gauge("concord_metrics_projects_unmeasured").set(len(self._unmeasured))
        for kind, bounded in (
            ("project", self._projects),
            ("annotator", self._annotators),
            ("drift", self._drifts),
            ("field", self._fields),
            ("position", self._positions),
        ):
            self._own.gauge("concord_metrics_series_withheld", kind).set(len(bounded.withheld))

    def awaited(self) -> set[str]:
        """Return the projects of which something is withheld for which there is room by now."""
        now = self.clock.monotonic()
        return {
            labels[0] for bounded in (self._projects, self._annotators, self._fields) for labels in bounded.awaited(now)
        }

    def failed(self, project_id: str) -> None:
        """Count a project as one that could not be measured, until it is shown or forgotten."""
        self._unmeasured.add(project_id)

    def show(
        self, project: Project, report: Report, people: Mapping[str, Competence], fresh: Collection[str] = ()
    ) -> bool:
        """Show what was found of a project; return whether there is room for it.

        Args:
            project: which.
            report: what was found of it.
            people: its annotators, by id.
            fresh: those of whom something else was found than was shown; of a project that was not shown it is all.
        """
        labels = (project.project_id, project.client_id)
        self._unmeasured.discard(project.project_id)
        self._own.gauge("concord_metrics_measured_timestamp_seconds").set(report.computed_at_us / MICROSECONDS)
        known = labels in self._projects
        if is_finished(report.newest_us, self.clock.now_us()):
            self.forget([project.project_id])
            return False
        may, gone = self._projects.admit(labels, self.clock.monotonic())
        if gone is not None:
            self._forget_project(gone)
        if not may:
            return False
        shown = self._of_projects
        # The other ends of both intervals, and the turnaround, are findings of the contract.
        _show_value(shown, "concord_agreement_alpha", labels, report.alpha.value)
        _show_value(shown, "concord_agreement_alpha_high", labels, report.alpha.high)
        _show_value(shown, "concord_agreement_percent", labels, report.percent_agreement.value)
        _show_value(shown, "concord_label_error_rate_low", labels, report.label_error_rate.low)
        _show_estimate(shown, "concord_confidence_gap", labels, report.confidence_gap)
        for name, value in (
            ("concord_agreement_units", report.alpha.units),
            ("concord_label_error_units", report.label_error_rate.units),
            ("concord_confidence_gap_units", report.confidence_gap.units),
            ("concord_annotations", report.annotations),
            ("concord_gold_annotations", report.gold_annotations),
            ("concord_units_consensus", report.units_consensus),
            ("concord_units_adjudicated", report.units_adjudicated),
            ("concord_units_escalated", report.units_escalated),
            ("concord_units_unanswerable", report.units_unanswerable),
            ("concord_units_accepted", report.turnaround_p95.units),
            ("concord_lots_accepted", report.lots.accepted),
            ("concord_lots_rejections", report.lots.rejections),
            ("concord_labels_saved", report.labels_saved),
            ("concord_labelled_timestamp_seconds", report.newest_us / MICROSECONDS),
        ):
            shown.gauge(name, *labels).set(value)
        # Who was withheld may have found room meanwhile.
        waiting = {series[-1] for series in self._annotators.withheld if series[:-1] == labels}
        wanted = waiting.union(fresh) & people.keys() if known else people
        self._show_annotators(labels, [people[annotator_id] for annotator_id in sorted(wanted)])
        self._show_fields(labels, report.fields)
        return True

    def show_targets(
        self, project: Project, targets: Iterable[Target], standings: Mapping[str, TargetStanding]
    ) -> None:
        """Show a project's targets beside their measures, where it is shown."""
        labels = (project.project_id, project.client_id)
        if labels not in self._projects:
            return
        for target in targets:
            self._of_targets.gauge("concord_contract_target", *labels, target.name).set(target.limit)
            self._of_targets.gauge("concord_contract_units_min", *labels, target.name).set(target.units_min)
            _show_estimate(self._of_targets, "concord_contract_finding", (*labels, target.name), target.estimate)
            breached = target.name in standings and standings[target.name].breached
            self._of_targets.gauge("concord_contract_breached", *labels, target.name).set(breached)

    def show_drifts(self, project: Project, found: Iterable[Drifted], names: Collection[str]) -> None:
        """Show what has moved in a project, where it is shown; `names` holds the measures of which a drift is told."""
        labels = (project.project_id, project.client_id)
        if labels not in self._projects:
            return
        for drift in found:
            of_measure = (*labels, drift.measure)
            if drift.psi is None:
                self._drifts.let_go(of_measure)
                self._of_drifts.forget_all(*of_measure)
            elif self._admitted(self._drifts, self._of_drifts, of_measure):
                self._of_drifts.gauge("concord_drift_psi", *of_measure).set(drift.psi)
                self._of_drifts.gauge("concord_drift_found", *of_measure).set(drift.measure in names)

    def show_positions(self, project: Project, found: Iterable[Favoured]) -> None:
        """Show how far what stood first is favoured in a project, where it is shown and there are labels."""
        labels = (project.project_id, project.client_id)
        if labels not in self._projects:
            return
        for favoured in found:
            of_field, position = (*labels, favoured.field), favoured.people
            if position.expected is None:
                self._positions.let_go(of_field)
                self._of_positions.forget_all(*of_field)
            elif self._admitted(self._positions, self._of_positions, of_field):
                _show_estimate(self._of_positions, "concord_position_first", of_field, position.first)
                self._of_positions.gauge("concord_position_expected", *of_field).set(position.expected)
                self._of_positions.gauge("concord_position_labels", *of_field).set(position.first.units)
                self._of_positions.gauge("concord_position_found", *of_field).set(favoured.is_found)

    def _show_fields(self, labels: Labels, found: Iterable[FieldReport]) -> None:
        for report in found:
            of_field = (*labels, report.field)
            if self._admitted(self._fields, self._of_fields, of_field):
                _show_estimate(self._of_fields, "concord_field_agreement_alpha", of_field, report.alpha)
                self._of_fields.gauge("concord_field_agreement_units", *of_field).set(report.alpha.units)

    def _admitted(self, bounded: Bounded, shown: Instruments, labels: Labels) -> bool:
        """Return whether these may be shown now; what they take the place of is shown no more."""
        may, gone = bounded.admit(labels, self.clock.monotonic())
        if gone is not None:
            shown.forget_all(*gone)
        return may

    def observe(self, project: Project, waited: Sequence[float]) -> None:
        """Count labels that came into the measures in time; observe how long all took, where the project is shown."""
        in_time = sum([seconds <= IN_TIME_SECONDS for seconds in waited])
        self._own.counter("concord_metrics_labels_in_time").inc(in_time)
        labels = (project.project_id, project.client_id)
        if not waited or labels not in self._projects:
            return
        histogram = self._of_projects.histogram("concord_event_to_metric_seconds", *labels)
        for seconds in waited[:: -(-len(waited) // OBSERVED_MAX)]:
            histogram.observe(seconds)

    def retire(self, newest_us: Mapping[str, int]) -> None:
        """Show finished projects no more. `newest_us` tells the event time of the newest label of those measured."""
        before_us = self.clock.now_us() - FINISHED_SECONDS * MICROSECONDS
        self.forget([labels[0] for labels in self._projects.shown() if newest_us.get(labels[0], 0) < before_us])

    def forget(self, project_ids: Iterable[str]) -> None:
        """Show these projects and their annotators no more."""
        gone = set(project_ids)
        self._unmeasured -= gone
        for labels in self._projects.known(gone):
            self._projects.let_go(labels)
            self._forget_project(labels)
        for bounded, shown in self._parts:
            for labels in bounded.known(gone):
                bounded.let_go(labels)
                shown.forget_all(*labels)

    def _forget_project(self, labels: Labels) -> None:
        self._of_projects.forget_all(*labels)
        self._of_targets.forget_all(*labels)

    def _show_annotators(self, labels: Labels, found: Sequence[Competence]) -> None:
        for competence in found:
            if not competence.gold_units:
                continue
            of_annotator = (*labels, competence.annotator_id)
            if self._admitted(self._annotators, self._of_annotators, of_annotator):
                _show_estimate(self._of_annotators, "concord_annotator_accuracy", of_annotator, competence.accuracy)
                self._of_annotators.gauge("concord_annotator_gold_units", *of_annotator).set(competence.gold_units)


def _show_estimate(shown: Instruments, name: str, labels: Labels, estimate: Estimate) -> None:
    _show_value(shown, name, labels, estimate.value)
    _show_value(shown, f"{name}_low", labels, estimate.low)
    _show_value(shown, f"{name}_high", labels, estimate.high)


def _show_value(shown: Instruments, name: str, labels: Labels, value: float | None) -> None:
    """Set the series, or take it away: what is not defined is not zero."""
    if value is None:
        shown.forget(name, *labels)
    else:
        shown.gauge(name, *labels).set(value)


def is_finished(newest_us: int, now_us: int) -> bool:
    """Return whether a project whose newest label is of this moment is shown no more."""
    return now_us - newest_us > FINISHED_SECONDS * MICROSECONDS


def limits_of(project: Project) -> dict[str, float]:
    """Return what a project's targets promise, by name."""
    found = project.targets
    return {
        "alpha": found.alpha,
        "label_error_rate": found.label_error_rate,
        "audit_pass_rate": found.audit_pass_rate,
        "turnaround_p95_seconds": found.turnaround_p95_seconds,
    }
