"""Outputs of clients' models: posting them, their scores, disagreements and who judges them, what to label next."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import BadRequest, Invalid, UnsupportedMediaType
from concord.chassis.http import (
    AnyId,
    Limit,
    Overlong,
    Whole,
    allow_body,
    cursor_of,
    decode_line,
    fitting,
    json_answer,
    media_type,
    not_ours,
    page_size,
    position_of,
    read_json,
    read_lines,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import Project, visible
from concord.labels import ClassedSchema, decoded
from concord.quality.drift import Drift
from concord.quality.estimate import Estimate
from concord.quality.model_score import accuracy, by_class, calibration
from services.audit.domain.feedback import UNSCORED, Compared, model_first
from services.audit.domain.output import (
    DisagreementDoesNotExist,
    JudgedBefore,
    Model,
    OutputWish,
    counted,
)
from services.audit.domain.times import timestamp
from services.audit.door.feedback_bodies import (
    JUDGEMENTS,
    BinBody,
    CalibrationBody,
    ClassBody,
    DisagreementBody,
    Disagreements,
    DriftBody,
    FieldBody,
    JudgementWish,
    ModelBody,
    ModelList,
    NextUnit,
    NextUnits,
    PostedOutputs,
    RefusedOutput,
    Review,
    ReviewWork,
    ScoreBody,
    TakenJudgement,
    TakenJudgements,
)
from services.audit.door.lot_bodies import RateBody
from services.audit.door.means import ClientOrOperator, Door, door_of
from services.audit.handlers.feedback import Tally
from services.audit.handlers.outputs import POSTED_AT_ONCE, Posting, Refusal

LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
OUTPUTS_BYTES_MAX = 16_000_000
REFUSED_SHOWN_MAX = 100
NEXT_UNITS_DEFAULT, NEXT_UNITS_MAX = 100, 1_000
RANDOM_SHARE_DEFAULT = 0.2

Client = Annotated[Caller, require(Role.CLIENT)]
Reviewer = Annotated[Caller, require(Role.AUDITOR, Role.ADJUDICATOR)]
Known = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR, Role.AUDITOR, Role.ADJUDICATOR)]
Cursor = Annotated[str, Query(description="`next` of the page before.")]
RandomShare = Annotated[float, Query(ge=0.0, le=1.0, description="Of them, drawn at random.")]
Units = Annotated[Whole, Query(ge=1, le=NEXT_UNITS_MAX, description=f"How many, {NEXT_UNITS_MAX} at most.")]

_OUTPUT = msgspec.json.Decoder(OutputWish)


async def post_outputs(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Take outputs of models, a line of JSON each; what was taken before changes nothing, if it is the same."""
    door, project = _door(request, project_id, caller)
    if media_type(request) not in LINES:
        kind = media_type(request) or "of no type"
        raise UnsupportedMediaType(f"The body is {kind}; send a line of JSON each as `content-type: {LINES[0]}`.")
    allow_body(request, OUTPUTS_BYTES_MAX, gzip=True)
    posting = Posting(project)
    posted = repeated = refused_count = 0
    refused: list[RefusedOutput] = []
    async for some in _lines(request):
        wishes = [wish for _, wish in some if isinstance(wish, OutputWish)]
        results = iter(await door.handlers.outputs.post(posting, wishes))
        for line, refusal in some:
            result = next(results) if isinstance(refusal, OutputWish) else refusal
            if isinstance(result, Refusal):
                refused_count += 1
                if len(refused) < REFUSED_SHOWN_MAX:
                    refused.append(RefusedOutput(line, *result))
            elif result:
                posted += 1
            else:
                repeated += 1
    return json_answer(PostedOutputs(posted, repeated, refused_count, refused))


async def list_models(request: Request, project_id: AnyId, caller: Known) -> Response:
    """List the versions of models that a project holds outputs of."""
    door, _ = _door(request, project_id, caller)
    found = await door.handlers.feedback.models(project_id)
    return json_answer(ModelList([_model(model) for model in found.models]))


async def show_score(request: Request, project_id: AnyId, model_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hold a version's outputs against all labels that are accepted by now."""
    door, project = _door(request, project_id, caller)
    tally = await door.handlers.feedback.score(project, model_id)
    model = (await door.handlers.feedback.models(project_id)).model(model_id)
    return json_answer(await asyncio.to_thread(_score, model, tally, project))


async def list_disagreements(
    request: Request,
    project_id: AnyId,
    model_id: AnyId,
    caller: ClientOrOperator,
    limit: Limit = None,
    cursor: Cursor = "",
) -> Response:
    """List where a version says another thing than what was accepted: first where it is sure, and so is the label."""
    door, project = _door(request, project_id, caller)
    page, rest = await door.handlers.feedback.disagreements(project, model_id, _after(cursor), page_size(limit))
    return json_answer(
        Disagreements([_disagreement(compared) for compared in page], None if rest is None else cursor_of(*rest))
    )


async def list_review(
    request: Request, project_id: AnyId, model_id: AnyId, caller: Reviewer, limit: Limit = None, cursor: Cursor = ""
) -> Response:
    """List disagreements for the caller to judge, of units that they had no part in, without whose label is whose."""
    door, project = _door(request, project_id, caller)
    if project.paused:
        return json_answer(Review([], None))
    page, rest = await door.handlers.feedback.disagreements(
        project, model_id, _after(cursor), page_size(limit), caller.subject
    )
    work = fitting([_work(door, compared, project) for compared in page])
    if len(work) < len(page):
        last = page[len(work) - 1]
        rest = last.rank, last.output.unit_id
    return json_answer(Review([*work], None if rest is None else cursor_of(*rest)))


async def judge(request: Request, project_id: AnyId, model_id: AnyId, caller: Reviewer) -> Response:
    """Take judgements on disagreements; each has its own result, and none keeps another from being taken."""
    door, project = _door(request, project_id, caller)
    sent = (await read_json(request, JUDGEMENTS)).judgements
    results = [await _judged(door, project, model_id, caller, wish) for wish in sent]
    return json_answer(TakenJudgements(results))


async def next_units(
    request: Request,
    project_id: AnyId,
    model_id: AnyId,
    caller: ClientOrOperator,
    units: Units = NEXT_UNITS_DEFAULT,
    random_share: RandomShare = RANDOM_SHARE_DEFAULT,
) -> Response:
    """Say which units to send for labelling next: the same again until they come in."""
    door, project = _door(request, project_id, caller)
    found = await door.handlers.feedback.next(project, model_id, units, random_share)
    drift, test = found.moved.stability, found.moved.test
    rows = [NextUnit(chosen.output.event_id, chosen.uncertain, list(chosen.reasons)) for chosen in found.chosen]
    risen = [decoded(class_name.encode()) for class_name in sorted(found.moved.classes)]
    return json_answer(
        NextUnits(rows, found.waiting, DriftBody(drift.value, test.p_value, _why_not(drift, test), risen))
    )


def _door(request: Request, project_id: str, caller: Caller) -> tuple[Door, Project]:
    """Return what the routes reach, and the project.

    Raises:
        NotFound: see `visible`.
    """
    door = door_of(request)
    return door, visible(door.handlers.means.projects, project_id, caller)


async def _lines(request: Request) -> AsyncIterator[list[tuple[int, OutputWish | Refusal]]]:
    """Yield the body's lines with their numbers, some at a time; empty ones are passed over."""
    some: list[tuple[int, OutputWish | Refusal]] = []
    number = 0
    async for lines in read_lines(request):
        for line in lines:
            number += 1
            if isinstance(line, Overlong):
                problem = f"is over {line.bytes_max} bytes"
                some.append((number, Refusal("line", problem, "send an output of one unit a line")))
            elif line.strip():
                some.append((number, _read(line)))
            if len(some) >= POSTED_AT_ONCE:
                yield some
                some = []
    if some:
        yield some


def _read(line: bytes) -> OutputWish | Refusal:
    try:
        return decode_line(_OUTPUT, line)
    except (BadRequest, Invalid) as refusal:
        error = refusal.errors[0]
        return Refusal("line" if error.field == "body" else error.field, error.problem, error.cure)


def _after(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    match position_of(cursor):
        case (int(rank), str(unit_id)):
            return rank, unit_id
        case _:
            raise not_ours()


async def _judged(door: Door, project: Project, model_id: str, caller: Caller, wish: JudgementWish) -> TakenJudgement:
    feedback = door.handlers.feedback
    try:
        status = await feedback.judge(project, model_id, wish.unit_id, wish.right, caller.subject, wish.reason)
    except (DisagreementDoesNotExist, JudgedBefore) as refusal:
        return TakenJudgement(wish.unit_id, "refused", refusal.field, str(refusal), refusal.cure)
    return TakenJudgement(wish.unit_id, status)


def _model(model: Model) -> ModelBody:
    return ModelBody(model.model_id, model.name, model.version, timestamp(model.first_at_us))


def _score(model: Model, tally: Tally, project: Project) -> ScoreBody:
    classes: list[ClassBody] = []
    if isinstance(project.schema, ClassedSchema):
        labels = project.schema.classes
        for label, score in zip(labels, by_class(tally.held, len(labels)), strict=True):
            classes.append(ClassBody(label, score.said, score.accepted, _rate(score.precision), _rate(score.recall)))
    sure = calibration(tally.held)
    bins = [BinBody(bin_.low, bin_.high, bin_.units, bin_.stated, _rate(bin_.right)) for bin_ in sure.bins]
    return ScoreBody(
        model=_model(model),
        outputs=tally.outputs,
        scored=len(tally.held),
        not_scored={reason: tally.unscored[reason] for reason in UNSCORED},
        accuracy=_rate(accuracy(tally.held)),
        classes=classes,
        fields=[FieldBody(name, _rate(tally.accuracy_of(name))) for name in tally.fields],
        calibration=CalibrationBody(
            bins, _rate(sure.error), sure.error_by_chance, _rate(sure.brier), _rate(sure.brier_classes)
        ),
        disagreements=sum(not held.right for held in tally.held),
        findings=counted(tally.findings),
    )


def _rate(estimate: Estimate) -> RateBody:
    return RateBody(estimate.value, estimate.low, estimate.high, estimate.units, estimate.reason)


def _why_not(stability: Drift, test: Drift) -> str:
    return stability.reason or test.reason


def _disagreement(compared: Compared) -> DisagreementBody:
    output, judgement = compared.output, compared.output.judgement
    return DisagreementBody(
        output.unit_id,
        output.event_id,
        compared.lot_id,
        _json(output.label),
        output.confidence,
        _json(compared.accepted),
        compared.certain,
        "" if judgement is None else judgement.finding,
        "" if judgement is None else judgement.reason,
    )


def _work(door: Door, compared: Compared, project: Project) -> ReviewWork:
    links = door.settings.payload_links
    until_us = door.handlers.means.clock.now_us() + links.seconds * MICROSECONDS
    sides = [_json(compared.output.label), _json(compared.accepted)]
    if not model_first(door.handlers.means.sample_secret, compared.output):
        sides.reverse()
    return ReviewWork(
        compared.output.unit_id,
        project.project_id,
        payload_link(links.keys[0], links.ingest_url, compared.unit_id, until_us),
        project.schema.spec(),
        project.guideline_text,
        project.guideline_version,
        *sides,
    )


def _json(label: str) -> Any:
    return decoded(label.encode())
