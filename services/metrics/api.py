"""Metrics' HTTP door."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, not_ours, page_size, position_of
from concord.chassis.places.gather import merged
from concord.chassis.projects import Project, visible
from concord.contracts.names import NAME_CHARACTERS_MAX
from concord.pages.parts import MEDIA_TYPE
from concord.pages.style import AS_PAGE
from services.metrics.domain.agreement import Coefficients
from services.metrics.domain.by_version import VersionReport
from services.metrics.domain.fatigue import Breaks, Person
from services.metrics.domain.fields import FieldReport
from services.metrics.domain.standing import Competence
from services.metrics.domain.targets import Target, TargetStanding
from services.metrics.measure import Measure, Measured, breaks_of
from services.metrics.page.document import report_page
from services.metrics.page.material import material
from services.metrics.reached import ClientOrOperator, reached_by
from services.metrics.schemas.quality import (
    ALERT_LIST,
    Alert,
    AlertList,
    Annotator,
    AnnotatorField,
    Annotators,
    Estimated,
    FieldQuality,
    Lots,
    Promised,
    Quality,
    StatedConfidence,
    Tired,
    VersionQuality,
    time_of,
)
from services.metrics.schemas.surveyed import (
    AgreementInPart,
    AgreementInParts,
    AgreementOfPairs,
    Anchoring,
    Bias,
    ContrastBody,
    Drift,
    MeasureDrift,
    PairsOfField,
    PartsOfField,
    PositionBody,
    UnitApart,
    UnitsApart,
)
from services.metrics.shown import is_finished
from services.metrics.surveying import schemas_of

NO_PARTS = "Nothing has got two labels yet, or labels of this kind are no single values and are not followed in parts."
FIRST = ("", "", "")
"""Before every place in the list of alerts."""
FIELD_CHARACTERS_MAX = 200
EVENT_STREAM = "text/event-stream"
FOLLOW_SECONDS = 1.0
SILENT_TURNS_MAX = 15
"""So many turns without news, a comment is sent, so that nobody between takes the stream for dead."""
ENCODER = msgspec.json.Encoder()


Who = Annotated[str, Query(max_length=NAME_CHARACTERS_MAX, description="An annotator; to be named.")]
OfField = Annotated[
    str, Query(alias="field", max_length=FIELD_CHARACTERS_MAX, description="Where labels have several; else left out.")
]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/alerts", **documented(reply=AlertList, refusals=(404,)))(list_alerts)
    routes.get("/projects/{project_id}/quality", **documented(reply=Quality, refusals=(404,)))(show_quality)
    followed = documented(reply_lines=Quality, reply_media_types=(EVENT_STREAM,), refusals=(404,))
    routes.get("/projects/{project_id}/quality/events", **followed)(follow_quality)
    routes.get("/projects/{project_id}/quality/pairs", **documented(reply=AgreementOfPairs, refusals=(404,)))(
        show_pairs
    )
    routes.get("/projects/{project_id}/quality/pairs/units", **documented(reply=UnitsApart, refusals=(404,)))(
        list_units_apart
    )
    routes.get("/projects/{project_id}/quality/agreement", **documented(reply=AgreementInParts, refusals=(404,)))(
        show_agreement
    )
    routes.get("/projects/{project_id}/quality/drift", **documented(reply=Drift, refusals=(404,)))(show_drift)
    routes.get("/projects/{project_id}/quality/bias", **documented(reply=Bias, refusals=(404,)))(show_bias)
    page = documented(reply_media_types=(MEDIA_TYPE,), refusals=(404,))
    routes.get("/projects/{project_id}/report.html", **page)(show_report)
    routes.get("/projects/{project_id}/annotators", **documented(reply=Annotators, refusals=(404,)))(list_annotators)
    return routes


async def list_alerts(
    request: Request,
    caller: ClientOrOperator,
    limit: Limit = None,
    cursor: str = "",
    project_id: Annotated[str | None, Query(description="Only those of this project.")] = None,
) -> Response:
    """List what is broken in the caller's projects, what has been for longest first: promises missed, and drift."""
    reached, size = reached_by(request), page_size(limit)
    after = position_of(cursor) if cursor else ()
    if cursor and (len(after) != len(FIRST) or not all(isinstance(part, str) for part in after)):
        raise not_ours()
    if project_id is not None:
        visible(reached.measure.projects, project_id, caller)
    # A project's owner has all of it.
    others = [ALERT_LIST.decode(page) for page in (await reached.gather.pages(request) if project_id is None else ())]
    taken_over = {alert.place for page in others for alert in page.alerts}  # of who leaves, and answers on
    own = [
        alert
        for alert in _broken(reached.measure, project_id)
        if caller.may_touch(alert.project_id)
        and project_id in (None, alert.project_id)
        and alert.place > (after or FIRST)
        and alert.place not in taken_over
    ]
    pages = [sorted(own, key=lambda alert: alert.place), *(page.alerts for page in others)]
    found = merged(pages, key=lambda alert: alert.place, items_max=size + 1)
    is_more = len(found) > size or any(alert_list.next for alert_list in others)
    return json_answer(AlertList(found[:size], cursor_of(*found[:size][-1].place) if is_more else ""))


def _broken(measure: Measure, only: str | None) -> Iterator[Alert]:
    """Yield what was told to be broken and not taken back since, by no order; of one project, or of all there are.

    Of a project that was not measured here yet, since its place was gained a moment ago, the measure is not known.
    """
    known = measure.repository
    held = [known.places.get(place) for place in measure.owner.answered()] if only is None else [known.rows_of(only)]
    for rows in filter(None, held):
        for project_id, standings in rows.told.items():
            project, found = measure.projects.rows.get(project_id), measure.measured.get(project_id)
            if project is None or not any(standing.breached for standing in standings.values()):
                continue
            newest_us = rows.sums[project_id].newest_us if project_id in rows.sums else 0
            if project.life == "closed" and is_finished(newest_us, measure.clock.now_us()):
                continue  # it was so to the end, and nobody can put it right: its quality and its report say so
            targets = {} if found is None else {target.name: target for target, _ in measure.targets(project, found)}
            for name, standing in standings.items():
                if standing.breached:
                    yield _alert(project_id, name, targets.get(name), standing)


def _alert(project_id: str, name: str, target: Target | None, standing: TargetStanding) -> Alert:
    limit, estimate = (None, None) if target is None else (target.limit, Estimated.of(target.estimate))
    return Alert(project_id, name, limit, estimate, time_of(standing.since_us))


async def show_quality(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show a project's quality as it is now."""
    measure = reached_by(request).measure
    return json_answer(await _now(measure, visible(measure.projects, project_id, caller)))


async def follow_quality(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Follow a project's quality: a server-sent event whenever it has changed, at most one a second.

    The stream ends when the project is taken over by another process; whoever asks again is led there.
    """
    reached = reached_by(request)
    measure, clock = reached.measure, reached.measure.clock
    project = visible(measure.projects, project_id, caller)
    await measure.now(project)
    reached.followers.must_have_room(caller.client_id)

    async def events() -> AsyncIterator[bytes]:
        with reached.followers.one_more(caller.client_id):
            silent, last = 0, None
            while measure.serves(project_id) and (known := measure.projects.rows.get(project_id)) is not None:
                found = measure.measured.get(project_id)
                breached = [] if found is None else [standing.breached for _, standing in measure.targets(known, found)]
                if (says := (id(found), breached)) != last:
                    silent, last = 0, says
                    yield b"event: quality\ndata: " + ENCODER.encode(await _now(measure, known)) + b"\n\n"
                elif (silent := silent + 1) % SILENT_TURNS_MAX == 0:
                    yield b": nothing new\n\n"
                await clock.sleep(FOLLOW_SECONDS)

    return StreamingResponse(events(), media_type=EVENT_STREAM, headers={"cache-control": "no-store"})


async def show_pairs(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show how far pairs of a project's annotators agree: Cohen's kappa of those that share the most units."""
    reached = reached_by(request)
    project = visible(reached.measure.projects, project_id, caller)
    found, at_us = await reached.surveys.pairs(project)
    return json_answer(AgreementOfPairs(project_id, [PairsOfField.of(pairs) for pairs in found], time_of(at_us)))


async def list_units_apart(
    request: Request,
    project_id: AnyId,
    caller: ClientOrOperator,
    first: Who = "",
    second: Who = "",
    field_name: OfField = "",
    limit: Limit = None,
    cursor: str = "",
) -> Response:
    """List the units on which two annotators disagree, by id: those whose lot is not settled for good."""
    reached, size = reached_by(request), page_size(limit)
    project = visible(reached.measure.projects, project_id, caller)
    after = position_of(cursor) if cursor else [""]
    if len(after) != 1 or not isinstance(after[0], str):
        raise not_ours()
    for name, who in (("first", first), ("second", second)):
        if not who:
            raise Invalid("Two annotators are to be named.", [FieldError(name, "is missing", "name an annotator")])
    if field_name not in (names := list(schemas_of(project))):
        error = FieldError("field", "is none of the project's", f"use one of: {', '.join(names) or 'none at all'}")
        raise Invalid("Labels have no such field.", [error])
    found, at_us = await reached.surveys.disagreed(project, field_name, first, second)
    listed = sorted((unit for unit in found.units if unit.unit_id > after[0]), key=lambda apart: apart.unit_id)
    more = cursor_of(listed[size - 1].unit_id) if len(listed) > size else ""
    page = [UnitApart.of(apart) for apart in listed[:size]]
    counts = found.both, found.disagreed, len(found.units)
    return json_answer(UnitsApart(project_id, field_name, *counts, page, more, time_of(at_us)))


async def show_agreement(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show agreement by class, time, slice, version of the guideline, and kind, vendor and language of annotators."""
    reached = reached_by(request)
    project = visible(reached.measure.projects, project_id, caller)
    found, at_us = await reached.surveys.sliced(project)
    fields = [
        PartsOfField(name, [AgreementInPart.of(part) for part in parts], "" if parts else NO_PARTS)
        for name, parts in found.items()
    ]
    return json_answer(AgreementInParts(project_id, fields, time_of(at_us)))


async def show_drift(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show whether labels, or what comes in, have moved since a project began."""
    reached = reached_by(request)
    project = visible(reached.measure.projects, project_id, caller)
    found, at_us = await reached.surveys.drifts(project)
    return json_answer(Drift(project_id, [MeasureDrift.of(drift) for drift in found], time_of(at_us)))


async def show_bias(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show how groups and slices are labelled beside the rest, what suggestions do, and if the first is favoured."""
    reached = reached_by(request)
    project = visible(reached.measure.projects, project_id, caller)
    found, at_us = await reached.surveys.contrasts(project)
    contrasts = [ContrastBody.of(contrast) for contrast in found]
    suggestions = [Anchoring.of(anchored) for anchored in (await reached.surveys.anchored(project))[0]]
    positions = [PositionBody.of(favoured) for favoured in (await reached.surveys.favoured(project))[0]]
    return json_answer(Bias(project_id, contrasts, suggestions, positions, time_of(at_us)))


async def show_report(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show a project's quality as a page: one file, its plots in it, that fetches nothing and runs nothing."""
    reached = reached_by(request)
    project = visible(reached.measure.projects, project_id, caller)
    found = await material(reached.measure, reached.surveys, project)
    return Response(report_page(found), media_type=MEDIA_TYPE, headers=AS_PAGE)


async def list_annotators(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, after: str = ""
) -> Response:
    """List how well and how fast each annotator of a project works, by id, a page at a time; `after` is its `next`."""
    measure, known, wanted = reached_by(request).measure, reached_by(request).annotators.rows, page_size(limit)
    project = visible(measure.projects, project_id, caller)
    found, breaks, people = await measure.now(project), breaks_of(project), measure.people(project)
    expected, expected_in_fields = measure.expected(project)
    in_fields = _in_fields(found.fields, expected_in_fields)
    names = sorted(name for name in found.competences if name > after)
    rows = []
    for name in names[:wanted]:
        row, person = known.get(name), people.get(name) if breaks.asked else None
        kind, tired = row.kind if row is not None else None, None if person is None else _tired(person, breaks)
        rows.append(_annotator(found.competences[name], expected.get(name), kind, tired, in_fields.get(name)))
    return json_answer(Annotators(project_id, rows, names[wanted - 1] if len(names) > wanted else None))


async def _now(measure: Measure, project: Project) -> Quality:
    found = await measure.now(project)
    return _quality(found, measure.coefficients(project), measure.targets(project, found))


def _quality(found: Measured, beside: Coefficients, targets: Sequence[tuple[Target, TargetStanding]]) -> Quality:
    report = found.report
    return Quality(
        project_id=report.project_id,
        alpha=Estimated.of(report.alpha),
        percent_agreement=Estimated.of(report.percent_agreement),
        fleiss_kappa=Estimated.of(beside.fleiss_kappa),
        gwet_ac1=Estimated.of(beside.gwet_ac1),
        prevalence_note=beside.prevalence_note,
        annotations=report.annotations,
        annotations_counted=report.annotations_counted,
        gold_annotations=report.gold_annotations,
        gold_correct=report.gold_correct,
        units_consensus=report.units_consensus,
        units_adjudicated=report.units_adjudicated,
        units_escalated=report.units_escalated,
        units_unanswerable=report.units_unanswerable,
        lots=Lots(
            report.lots.sealed, report.lots.accepted, report.lots.rejections, report.lots.inspected, report.lots.errors
        ),
        label_error_rate=Estimated.of(report.label_error_rate),
        confidence_gap=Estimated.of(report.confidence_gap),
        confidence_curve=[StatedConfidence.of(confidence_bin) for confidence_bin in report.confidence_bins],
        audit_pass_rate=Estimated.of(report.audit_pass_rate),
        targets=[_promised(target, standing) for target, standing in targets],
        labels_saved=report.labels_saved,
        labels_saved_share=report.labels_saved_share,
        turnaround_p50_seconds=report.turnaround_p50_seconds,
        turnaround_p95_seconds=None if report.turnaround_p95.value is None else round(report.turnaround_p95.value),
        freshness_p95_seconds=report.freshness_p95_seconds,
        newest_at=time_of(report.newest_us) if report.newest_us else None,
        computed_at=time_of(report.computed_at_us),
        fields=[_field(field) for field in report.fields] or msgspec.UNSET,
        schema_versions=[_version(version) for version in report.versions] or msgspec.UNSET,
        units_of_several_versions=report.units_of_several_versions if report.versions else msgspec.UNSET,
    )


def _field(found: FieldReport) -> FieldQuality:
    alpha, shared = Estimated.of(found.alpha), Estimated.of(found.percent_agreement)
    return FieldQuality(found.field, alpha, shared, found.gold_annotations, found.gold_correct)


def _version(found: VersionReport) -> VersionQuality:
    return VersionQuality(found.version, Estimated.of(found.alpha), Estimated.of(found.percent_agreement))


def _promised(target: Target, standing: TargetStanding) -> Promised:
    return Promised(
        target=target.name,
        limit=target.limit,
        standing=target.standing,
        found=Estimated.of(target.estimate),
        breached=standing.breached,
        since=time_of(standing.since_us) if standing.since_us else None,
    )


def _tired(person: Person, breaks: Breaks) -> Tired:
    found, due = person.found(breaks), person.due
    until = time_of(due.until_us) if due.kind else None
    return Tired(found.slower, found.less_accurate, found.unjudged, due.kind, due.reason, until)


def _in_fields(
    found: Mapping[str, Mapping[str, Competence]], expected: Mapping[str, Mapping[str, float]]
) -> dict[str, list[AnnotatorField]]:
    """Return by annotator what is concluded in each field."""
    by_annotator: dict[str, list[AnnotatorField]] = defaultdict(list)
    for name, people in found.items():
        for person in people.values():
            accuracy, sure = (
                Estimated.on_gold(person.accuracy, person.gold_units),
                expected[name].get(person.annotator_id),
            )
            row = AnnotatorField(name, person.gold_units, person.gold_correct, accuracy, sure)
            by_annotator[person.annotator_id].append(row)
    return by_annotator


def _annotator(
    found: Competence,
    expected: float | None,
    kind: str | None,
    tired: Tired | None,
    fields: list[AnnotatorField] | None,
) -> Annotator:
    return Annotator(
        annotator_id=found.annotator_id,
        kind=kind,
        gold_units=found.gold_units,
        gold_correct=found.gold_correct,
        accuracy=Estimated.on_gold(found.accuracy, found.gold_units),
        expected_accuracy=expected,
        annotations=found.annotations,
        active_ms_median=found.active_ms_median,
        fatigue=tired,
        fields=msgspec.UNSET if fields is None else fields,
    )
