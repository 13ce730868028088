"""Measuring: the projects that changed are concluded upon, shown to Prometheus and told to the others."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from concord.chassis.broker.port import Broker, BrokerUnavailable, Outgoing
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.places.by_place import NotHere
from concord.chassis.places.owner import Owner
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Telemetry
from concord.contracts.ids import place_of, slot_of_project
from concord.labels.fields import Field
from services.metrics.announcements import (
    agreement_measured,
    break_due,
    crowd_measured,
    gold_doubted,
    target_turned,
)
from services.metrics.domain.agreement import Coefficients, classes_of, coefficients
from services.metrics.domain.crowd import crowd_found
from services.metrics.domain.doubting import Looking
from services.metrics.domain.fatigue import Breaks, Due, Person
from services.metrics.domain.report import Report, report
from services.metrics.domain.standing import (
    Competence,
    expected_accuracies,
    in_field,
    ranked,
    sameness,
)
from services.metrics.domain.sums import Sums
from services.metrics.domain.targets import HELD_US, Target, TargetStanding, targets_of, turned
from services.metrics.estimates import estimates_of
from services.metrics.repository import Repository, Rows
from services.metrics.shown import Series, limits_of

MEASURE_SECONDS = 1.0

CONCLUDED_MAX = 200
"""Conclusions upon annotators between which nobody else gets to run: some 10 ms of them, were all new."""

BREAK_TOLD_SECONDS = 60.0

CROWD = "/crowd"
"""In place of an annotator's id, which no annotator's is, among what waits to be told of a project."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was last concluded about a project.

    Attributes:
        competences: of each annotator, by id, without what is expected: that is reckoned when it is asked for.
        fields: the same in each field, where labels have several.
    """

    report: Report
    competences: Mapping[str, Competence]
    fields: Mapping[str, Mapping[str, Competence]]


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

    Attributes:
        series: what Prometheus sees.
        held_us: how long a target must be missed, or met again, before that is told.
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
        self.series = Series(telemetry, clock)
        self.held_us = HELD_US
        self._measuring: set[str] = set()
        self._turning: set[str] = set()
        self._fresh: defaultdict[str, set[str]] = defaultdict(set)
        self._breaks: dict[tuple[str, str], tuple[Due, float]] = {}
        self._unsaid: dict[tuple[str, str, str], Outgoing] = {}
        self._crowds_due: dict[str, list[Field]] = {}
        self._looking: defaultdict[str, Looking] = defaultdict(Looking)

    async def turn(self) -> None:
        """Measure every project that has changed, and tell what is new; what could not be told is told next time.

        Called every MEASURE_SECONDS.
        """
        begun = self.clock.monotonic()
        await self._look()
        if awaited := self.series.awaited():
            for rows in self.repository.places.values():
                rows.changed |= awaited & rows.sums.keys()
        measured = 0
        for place in sorted(self.owner.open()):
            measured += await self._measure_place(place)
        self.series.retire({project_id: found.report.newest_us for project_id, found in self.measured.items()})
        seconds = self.clock.monotonic() - begun if measured else None
        self.series.measured(seconds, self.repository.units_open)
        self._tell_breaks()
        await self._tell()

    async def _measure_place(self, place: int) -> int:
        """Measure what has changed in a place; return how many projects that were."""
        rows = await self._closed(place)
        if rows is None:
            return 0
        changed = [project_id for project_id in sorted(rows.changed) if project_id in self.projects.rows]
        for project_id in changed:
            if self.repository.places.get(place) is not rows:
                return 0
            await self._measure(self.projects.rows[project_id], rows)
            self._turning.add(project_id)
            # Others get to run: requests, and the next batch.
            await self.clock.sleep(0)
        for project_id in sorted(self._crowds_due.keys() & rows.sums.keys()):
            if self.repository.places.get(place) is not rows:
                return 0
            self._measure_field_crowd(self.projects.rows[project_id], rows)
            await self.clock.sleep(0)
        for project_id in sorted(self._looking.keys() & rows.sums.keys() & self.projects.rows.keys()):
            self._look_at_gold(self.projects.rows[project_id], rows.sums[project_id])
        for project_id in sorted(rows.timed.keys() & self.projects.rows.keys()):
            self._ask_for_breaks(self.projects.rows[project_id], rows)
        for project_id in sorted(self._turning & self.measured.keys() & rows.sums.keys()):
            self._hold_against_targets(self.projects.rows[project_id], rows)
        return len(changed)

    async def _closed(self, place: int) -> Rows | None:
        """Return a place's rows with what is settled closed; None when they are not ours, or not any more.

        Others get to run meanwhile, for it may be all that was caught up with.
        """
        rows = self.repository.places.get(place)
        if rows is not None:
            for _ in rows.closing():
                await self.clock.sleep(0)
        return rows if rows is self.repository.places.get(place) else None

    async def now(self, project: Project) -> Measured:
        """Return what is known of a project this moment, whether or not it is time to measure it.

        Raises:
            NotHere: its place is another process's, or is being counted.
        """
        rows = self.repository.rows_of(project.project_id)
        if rows is None:
            raise NotHere(project.project_id)
        found = self.measured.get(project.project_id)
        # What is just being measured is changed no more, and what was concluded of it is not yet here.
        if found is None or project.project_id in rows.changed | self._measuring:
            return await self._concluded(project, rows, found.report.freshness_p95_seconds if found else None)
        return found

    def expected(self, project: Project) -> tuple[Mapping[str, float], Mapping[str, Mapping[str, float]]]:
        """Return how often each annotator is expected to be right, by id, and the same in each field."""
        sums = self._sums(project)
        fields = () if project.form is None else project.form.fields
        whole = expected_accuracies(sums.standings, project.schema)
        return whole, {ask.name: expected_accuracies(in_field(sums.standings, ask.name), ask.schema) for ask in fields}

    def _sums(self, project: Project) -> Sums:
        rows = self.repository.rows_of(project.project_id)
        sums = (None if rows is None else rows.sums.get(project.project_id)) or Sums()
        sums.read_by(project.versions)
        return sums

    def serves(self, project_id: str) -> bool:
        """Return whether the project's place is counted by this process now; who leaves only answers what it knows."""
        return place_of(slot_of_project(project_id), self.owner.places) in self.owner.open()

    def say(self, project_id: str, about: str, outgoing: Outgoing) -> None:
        """Tell of a project at the next turn; what was to be said about the same thing gives way to it."""
        self._unsaid[project_id, f"/{about}", ""] = outgoing

    def drop(self, place: int, rows: Rows) -> None:
        """Show and tell no more of the projects of a place that is lost."""
        del place
        for project_id in rows.sums:
            self.measured.pop(project_id, None)
            self._fresh.pop(project_id, None)
        self._turning -= rows.sums.keys()
        self.series.forget(rows.sums)
        for about in [about for about in self._breaks if about[0] in rows.sums]:
            del self._breaks[about]
        for waiting in [waiting for waiting in self._unsaid if waiting[0] in rows.sums]:
            del self._unsaid[waiting]
        for project_id in self._crowds_due.keys() & rows.sums.keys():
            del self._crowds_due[project_id]
        for project_id in self._looking.keys() & rows.sums.keys():
            del self._looking[project_id]

    async def _measure(self, project: Project, rows: Rows) -> None:
        project_id = project.project_id
        rows.changed.discard(project_id)
        sums = rows.sums[project_id]
        waiting_us, sums.waiting_us = sums.waiting_us, []
        waited = sorted(max(0, self.clock.now_us() - at_us) / MICROSECONDS for at_us in waiting_us)
        freshness = waited[min(len(waited) - 1, round(0.95 * len(waited)))] if waited else None
        self._measuring.add(project_id)
        try:
            found = await self._concluded(project, rows, freshness)
        except Exception:
            log.exception("project %s could not be measured", project_id)
            self.series.failed(project_id)
            return
        finally:
            self._measuring.discard(project_id)
        if not self.repository.holds(project_id, rows):
            return
        before = self.measured.get(project_id)
        self.measured[project_id] = found
        self.series.show(project, found.report, found.competences, self._fresh.pop(project_id, set()))
        self.series.observe(project, waited)
        self._say_agreement(project_id, before, found)
        estimates = await estimates_of(project, rows.estimated.pop(project_id, set()), sums, self.clock)
        if not self.repository.holds(project_id, rows):
            return
        self._unsaid |= {(project_id, *about): outgoing for about, outgoing in estimates.items()}
        if project_id in rows.crowds:
            rows.crowds.discard(project_id)
            self._looking[project_id].begin(sums)
            if project.form is not None:
                self._crowds_due[project_id] = [field for field in project.form.fields if field.classed is not None]
            elif project.classed is not None:
                self._say_crowd(project, Field("", project.schema), sums)

    def _say_agreement(self, project_id: str, before: Measured | None, found: Measured) -> None:
        """Tell of the agreement on the whole label, and on each field of it, where it is new."""
        if before is None or before.report.alpha != found.report.alpha:
            outgoing = agreement_measured(project_id, found.report.alpha, found.report.newest_us)
            self._unsaid[project_id, "", ""] = outgoing
        known = {} if before is None else {part.field: part.alpha for part in before.report.fields}
        for part in found.report.fields:
            if known.get(part.field) != part.alpha:
                outgoing = agreement_measured(project_id, part.alpha, found.report.newest_us, part.field)
                self._unsaid[project_id, "", part.field] = outgoing

    def _measure_field_crowd(self, project: Project, rows: Rows) -> None:
        """Fit one field more of a project, for a fit takes some tens of milliseconds."""
        due = self._crowds_due[project.project_id]
        if due:
            self._say_crowd(project, due.pop(0), rows.sums[project.project_id])
        if not due:
            del self._crowds_due[project.project_id]

    def _say_crowd(self, project: Project, field: Field, sums: Sums) -> None:
        crowd = crowd_found(sums, classes_of(field.schema), project.policy.gold.pass_accuracy, field.name)
        crowd = replace(crowd, revision=ranked(crowd.revision, project.schema_version))
        self._unsaid[project.project_id, CROWD, field.name] = crowd_measured(project.project_id, crowd, field.name)

    def _look_at_gold(self, project: Project, sums: Sums) -> None:
        """Tell of gold whose known label most good annotators disagree with."""
        looking = self._looking[project.project_id]
        found = looking.look(sums, sameness(project.schema), project.policy.gold.pass_accuracy)
        for doubt in (gold for gold in found if gold.closed_since or project.policy.gold.doubts):
            self.say(project.project_id, f"doubt/{doubt.unit_id}", gold_doubted(project.project_id, doubt))
        if not looking:
            del self._looking[project.project_id]

    def _ask_for_breaks(self, project: Project, rows: Rows) -> None:
        """Ask people for the breaks that are due, and, of a place that was gained, for those that still run."""
        project_id, now_us = project.project_id, self.clock.now_us()
        breaks = breaks_of(project)
        for annotator_id in sorted(rows.timed.pop(project_id)):
            person = rows.people[project_id][annotator_id]
            person.judged(breaks)
            if person.due.kind and person.due.until_us > now_us:
                self._breaks.setdefault((project_id, annotator_id), (person.due, 0.0))
            rows.judged(project_id)

    def _tell_breaks(self) -> None:
        """Tell the breaks that run, and again every BREAK_TOLD_SECONDS: who deals out work may be another by then."""
        now_us, now = self.clock.now_us(), self.clock.monotonic()
        for (project_id, annotator_id), (due, told_us) in list(self._breaks.items()):
            if due.until_us <= now_us:
                del self._breaks[project_id, annotator_id]
            elif not told_us or now - told_us >= BREAK_TOLD_SECONDS:
                self._breaks[project_id, annotator_id] = due, now
                self._unsaid[project_id, f"/break/{annotator_id}", ""] = break_due(project_id, annotator_id, due)

    def coefficients(self, project: Project) -> Coefficients:
        """Return the coefficients beside alpha, reckoned when they are asked for."""
        sums = self._sums(project)
        return coefficients(sums.read_tally(), project.schema, rows_over=sums.rows_over)

    def people(self, project: Project) -> Mapping[str, Person]:
        """Return the people of a project that are watched for fatigue."""
        rows = self.repository.rows_of(project.project_id)
        return {} if rows is None else rows.people.get(project.project_id, {})

    def targets(self, project: Project, found: Measured) -> list[tuple[Target, TargetStanding]]:
        """Return a project's targets, each with what was told of it."""
        rows = self.repository.rows_of(project.project_id)
        standings = {} if rows is None else rows.told.get(project.project_id, {})
        promised = targets_of(limits_of(project), found.report)
        return [(target, standings.get(target.name, TargetStanding())) for target in promised]

    def _hold_against_targets(self, project: Project, rows: Rows) -> None:
        """Tell of targets that turned; look again at the next turn while one is turning, though nothing changes."""
        if project.paused:
            return  # what stands still breaches nothing; it is looked at again when it goes on
        project_id, now_us = project.project_id, self.clock.now_us()
        found = self.targets(project, self.measured[project_id])
        self._turning.discard(project_id)
        for target, before in found:
            after, news = turned(before, target, now_us, self.held_us)
            if after != before:
                rows.tell(project_id, target.name, after)
            if after.turning_us:
                self._turning.add(project_id)
            if news is not None:
                self._unsaid[project_id, f"/target/{target.name}", ""] = target_turned(project_id, target, news, now_us)
        self.series.show_targets(project, [each for each, _ in found], rows.told.get(project_id, {}))

    async def _concluded(self, project: Project, rows: Rows, freshness_p95_seconds: float | None) -> Measured:
        """Conclude upon a project: upon those of its people alone of whom something was learnt, CONCLUDED_MAX at once.

        Others get to run between them, also when all are new, as they are to who was just dealt the place.
        """
        sums = rows.sums.get(project.project_id) or Sums()
        sums.read_by(project.versions)
        fields = () if project.form is None else project.form.fields
        whole = Field("", project.schema)
        people: dict[str, dict[str, Competence]] = {part.name: {} for part in (whole, *fields)}
        fresh = self._fresh[project.project_id]
        concluded = 0
        for annotator_id in sorted(sums.standings):
            standing = sums.standings[annotator_id]
            for field in (whole, *fields):
                found, is_news = standing.concluded(annotator_id, sameness(field.schema), field.name)
                people[field.name][annotator_id] = found
                if is_news:
                    fresh.add(annotator_id)
                    concluded += 1
            if concluded >= CONCLUDED_MAX:
                concluded = 0
                await self.clock.sleep(0)
        await self.clock.sleep(0)
        overlap_max, now_us = project.policy.overlap.max, self.clock.now_us()
        summary = report(
            project.project_id, sums, project.schema, overlap_max, now_us, freshness_p95_seconds,
            list(people[""].values()), project.versions,
        )  # fmt: skip
        return Measured(summary, people.pop(""), people)

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
            for about, outgoing in saying.items():
                if self._unsaid.get(about) is outgoing:
                    del self._unsaid[about]


def breaks_of(project: Project) -> Breaks:
    """Return what a project says of breaks."""
    policy = project.policy.fatigue
    return Breaks(policy.breaks, policy.false_alarm_units, policy.break_seconds, policy.session_minutes_max)
