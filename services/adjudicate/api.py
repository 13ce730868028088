"""Adjudicate's HTTP door."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, NamedTuple, cast

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.errors import ConcordError
from concord.chassis.http import (
    AnyId,
    Limit,
    begun,
    decode,
    decode_each,
    documented,
    json_answer,
    page_size,
    read_json,
    read_split,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.journal.record import Outcome
from concord.chassis.places.by_place import NotHere
from concord.chassis.projects import Project, visible
from concord.contracts.ids import slot_of
from concord.labels import Json
from concord.labels.form import Form
from services.adjudicate.domain.escalation import (
    EscalationDoesNotExist,
    NotEscalated,
    RulingRefused,
    disputes,
)
from services.adjudicate.domain.questions import AnswerRefused, QuestionDoesNotExist, TooManyQuestions
from services.adjudicate.domain.referral import REFERRALS_MAX, ReferralsUsedUp
from services.adjudicate.domain.spending import Ledger, Spent, ledger_of
from services.adjudicate.domain.unit import LABELLED, UnitState
from services.adjudicate.domain.waiting import waits
from services.adjudicate.door.means import Door, door_of, label_in, referrals_of, sides_with_places
from services.adjudicate.door.queue_pages import cursor_at, place_in, shortened, together
from services.adjudicate.handlers.rulings import RulingWish
from services.adjudicate.schemas import (
    ESCALATIONS,
    NAMED_UNIT,
    RULED_UNITS,
    RULING,
    RULINGS,
    UNIT_RULING,
    AnnotatorWeight,
    EscalatedField,
    Escalation,
    Escalations,
    FieldAnswer,
    Known,
    LabelDecision,
    LabelLedger,
    ProjectSpending,
    ProjectWeights,
    ReasonSpent,
    Resolution,
    ResolvedField,
    RuledUnit,
    RuledUnits,
    Ruling,
    Rulings,
    RulingsSplit,
    UnitRuling,
)

STATUSES: dict[type[Exception], int] = {
    EscalationDoesNotExist: 404,
    QuestionDoesNotExist: 404,
    NotEscalated: 409,
    ReferralsUsedUp: 409,
    TooManyQuestions: 409,
    RulingRefused: 422,
    AnswerRefused: 422,
}
LINES = "application/x-ndjson"
BECAME = {"guideline_unclear": "waits", "refer_back": "referred"}
"""What becomes of a unit by an outcome; by the others it is ruled."""
CONFUSION_NUMBERS_MAX = 100_000
"""Of all matrices in one answer; where one alone has more, none is shown."""

Adjudicator = Annotated[Caller, require(Role.ADJUDICATOR)]
Operator = Annotated[Caller, require(Role.OPERATOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/escalations", **documented(reply=Escalations, refusals=(404,)))(list_escalations)
    ruled = documented(body=Ruling, reply=RuledUnit, refusals=(404, 409))
    routes.post("/escalations/{unit_id}/ruling", **ruled)(rule_one)
    routes.post("/rulings", **documented(body=Rulings, reply=RuledUnits))(rule_many)
    streamed = documented(reply_lines=Resolution, reply_media_types=(LINES,), refusals=(404,))
    routes.get("/projects/{project_id}/resolutions", **streamed)(stream_resolutions)
    weighed = documented(reply=ProjectWeights, refusals=(404,))
    routes.get("/projects/{project_id}/competence", **weighed)(show_competence)
    spent = documented(reply=ProjectSpending, refusals=(404,))
    routes.get("/projects/{project_id}/spending", **spent)(show_spending)
    return routes


async def list_escalations(
    request: Request, caller: Adjudicator, project_id: str | None = None, limit: Limit = None, cursor: str = ""
) -> Response:
    """List what the caller may rule, most to be gained first: units they annotated are left out."""
    door, units_max = door_of(request), page_size(limit)
    after = place_in(cursor) if cursor else None
    others: list[bytes] = []
    if project_id is not None:
        visible(door.handlers.projects, project_id, caller)
    else:
        others = await door.gather.pages(request)
    units, last = await door.handlers.queue.for_adjudicator(
        caller.subject, units_max, project_id=project_id, client_id=caller.client_id, after=after
    )
    mine = Escalations([_escalation(door, unit) for unit in units], cursor_at(last) if last is not None else "")
    return json_answer(shortened(together([shortened(mine), *map(ESCALATIONS.decode, others)], units_max)))


async def rule_one(request: Request, unit_id: AnyId, caller: Adjudicator) -> Response:
    """Rule one unit; the ruling is binding. It may wait for an answer about the guideline instead, or go back."""
    ruling = await read_json(request, RULING)
    answer = _said(ruling)
    outcome = await _rule(request, caller, unit_id, answer)
    assert outcome.state is not None
    shown = label_in(outcome.state.label) if outcome.state.status in LABELLED else None
    return json_answer(RuledUnit(unit_id, _became(outcome, answer), label=shown, question_id=outcome.state.question_id))


def _said(ruling: Ruling | UnitRuling) -> RulingWish:
    """Return what is ruled.

    Raises:
        RulingRefused: there is a label where none belongs, or none where one does.
    """
    labelled = ruling.label is not msgspec.UNSET
    if ruling.outcome == "label" and not labelled:
        cure = "send the label; or `outcome`: unanswerable, guideline_unclear or refer_back"
        raise RulingRefused("label", "is missing", cure)
    if ruling.outcome != "label" and labelled:
        raise RulingRefused("label", f"does not go with {ruling.outcome}", "leave the label out, or the outcome")
    if ruling.question_id and ruling.outcome != "guideline_unclear":
        raise RulingRefused("question_id", f"does not go with {ruling.outcome}", "leave it out")
    if ruling.outcome == "refer_back" and ruling.to is msgspec.UNSET:
        raise RulingRefused("to", "is missing", "say whom the unit goes to: same or others")
    if ruling.outcome != "refer_back" and ruling.to is not msgspec.UNSET:
        raise RulingRefused("to", f"does not go with {ruling.outcome}", "leave it out")
    label = cast("Json", ruling.label) if labelled else None
    to = "same" if ruling.to is msgspec.UNSET else ruling.to
    return RulingWish(ruling.outcome, ruling.reason, label, ruling.question_id, to)


def _became(outcome: Outcome[UnitState], answer: RulingWish) -> str:
    if outcome.repeated:
        return "repeated"
    return BECAME.get(answer.outcome, "ruled")


async def rule_many(request: Request, caller: Adjudicator) -> Response:
    """Rule a batch of units; each has its own result, and none keeps another from being ruled."""
    sent = (await read_split(request, RULINGS)).rulings
    read = decode_each(UNIT_RULING, sent, "rulings")

    async def serve(some: Sequence[_Sent]) -> list[RuledUnit]:
        return [await _ruled(request, caller, item) for item in some]

    results = await door_of(request).gather.split(
        request,
        [_Sent(bytes(text), ruling) for text, ruling in zip(sent, read, strict=True)],
        slot=lambda item: None if isinstance(item.ruling, ConcordError) else slot_of(item.ruling.unit_id),
        serve=serve,
        written=lambda some: msgspec.json.encode(RulingsSplit([msgspec.Raw(reply.text) for reply in some])),
        read=lambda answer: RULED_UNITS.decode(answer).results,
    )
    return json_answer(RuledUnits(results))


class _Sent(NamedTuple):
    """One ruling of a batch, as it was sent and as it was read, or why it could not be."""

    text: bytes
    ruling: UnitRuling | ConcordError


async def _ruled(request: Request, caller: Caller, sent: _Sent) -> RuledUnit:
    """Rule one unit of a batch; return what became of it."""
    ruling = sent.ruling
    if isinstance(ruling, ConcordError):
        return _unread(sent.text, ruling)
    try:
        answer = _said(ruling)
        outcome = await _rule(request, caller, ruling.unit_id, answer)
    except (EscalationDoesNotExist, NotEscalated, RulingRefused, TooManyQuestions) as refusal:
        return RuledUnit(ruling.unit_id, "refused", field=refusal.field, problem=str(refusal), cure=refusal.cure)
    question_id = "" if outcome.state is None else outcome.state.question_id
    return RuledUnit(ruling.unit_id, _became(outcome, answer), label=answer.label, question_id=question_id)


async def _rule(request: Request, caller: Caller, unit_id: str, answer: RulingWish) -> Outcome[UnitState]:
    """Rule a unit that the caller may see; another client's looks as if it were not there."""
    if not caller.may_touch(unit_id):
        raise EscalationDoesNotExist("There is no such escalation.")
    return await door_of(request).handlers.rulings.rule(caller.subject, unit_id, answer)


def _unread(sent: bytes, refusal: ConcordError) -> RuledUnit:
    """Return the result of a ruling that could not be read, under its unit's id where that can."""
    try:
        unit_id = decode(NAMED_UNIT, sent).unit_id
    except ConcordError:
        unit_id = ""
    error = refusal.errors[0]
    return RuledUnit(unit_id, "refused", field=error.field, problem=error.problem, cure=error.cure)


async def stream_resolutions(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Stream where every unit of a project stands, one JSON object a line; gold units are left out."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)

    async def lines() -> AsyncIterator[bytes]:
        async for page in door.handlers.queue.of_project(project_id):
            yield b"".join(msgspec.json.encode(_resolution(unit, project)) + b"\n" for unit in page)

    return StreamingResponse(await begun(lines()), media_type=LINES)


async def show_competence(
    request: Request, project_id: AnyId, caller: Operator, limit: Limit = None, after: str = "", field: str = ""
) -> Response:
    """Show by which confusion matrices the labels of a project are weighed, by annotator id, a page at a time.

    Where labels have several fields: of the one that is asked for, and without a name which there are.
    """
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    known_fields = {} if project.form is None else {asked.name: asked for asked in project.form.fields}
    weights = door.handlers.weights(project, known_fields[field]) if field in known_fields else None
    if not known_fields and not field:
        weights = door.handlers.weights(project)
    if weights is None:
        return json_answer(ProjectWeights(0, [], fields=[name for name in known_fields if known_fields[name].classed]))
    room = CONFUSION_NUMBERS_MAX // weights.classes**2
    known = [state for state in door.handlers.repository.competence(project_id, field) if state.annotator_id > after]
    shown = known[: min(page_size(limit), room or len(known))]
    learnt = {name: answers.units for name, answers in weights.learnt.items()}
    annotators = [
        AnnotatorWeight(
            competence.annotator_id,
            round(competence.answers.units),
            weights.matrix(competence.annotator_id) if room else [],
            learnt.get(competence.annotator_id, 0.0),
        )
        for competence in shown
    ]
    left = len(known) > len(shown)
    crowd = door.handlers.repository.crowd(project_id, field)
    seen = door.handlers.deciding.seen(project, known_fields.get(field))
    units = sum(seen.values())
    return json_answer(
        ProjectWeights(
            weights.gold_units,
            annotators,
            shown[-1].annotator_id if left else "",
            dependence=crowd.dependence,
            dependence_units=crowd.dependence_units,
            gold_answers=crowd.gold_answers,
            prevalence_units=units,
            prevalence_gold_share=sum(weights.gold.values()) / units if units else None,
            gold_share=weights.crowd.gold_share,
            learnt_until_us=door.handlers.repository.view(project_id).shares.tallied_until_us,
        )
    )


async def show_spending(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show what a project's labels were spent on and saved, by why units were given no more, and were worth."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    spending = door.handlers.repository.view(project_id).shares.spending
    every = sum(spending.values(), start=Spent())
    saved = every.fixed - every.labels
    ledger = None
    if project.policy.consensus.method == "posterior" and (weights := door.handlers.weights(project)) is not None:
        # What a fixed overlap takes is summed over the ways in which labels may fall: tens of milliseconds at most.
        ledger = _ledger(every, await asyncio.to_thread(ledger_of, every, weights))
    return json_answer(
        ProjectSpending(
            every.units,
            every.labels,
            every.fixed,
            saved,
            saved / every.fixed if every.fixed else None,
            [
                ReasonSpent(name, spent.units, spent.labels, spent.fixed - spent.labels)
                for name, spent in spending.items()
            ],
            ledger,
        )
    )


def _ledger(every: Spent, found: Ledger) -> LabelLedger:
    at_fixed = Known(*(None if share is None else share * every.units for share in found.fixed))
    saved = Known(*(None if labels is None else labels - every.labels for labels in msgspec.structs.astuple(at_fixed)))
    return LabelLedger(
        Known(*found.certainty), Known(*found.fixed), at_fixed, saved,
        every.bought, every.expected, every.real, Known(*found.gain),
    )  # fmt: skip


def _resolution(unit: UnitState, project: Project) -> Resolution:
    waiting = waits(unit, project.policy.overlap.initial, project.life, project.life_reason)
    settled = unit.status in LABELLED
    return Resolution(
        unit.unit_id,
        unit.status,
        label_in(unit.label) if settled else None,
        unit.confidence,
        label_in(unit.leading_label),
        len(unit.counted()),
        unit.rework,
        unit.source_id,
        [ResolvedField(field.field, field.confidence, field.decided) for field in unit.fields],
        unit.ruling_reason if unit.status == "unanswerable" else "",
        unit.question_id,
        bool(unit.closed_by),
        unit.schema_version,
        [LabelDecision(step.labels, step.cost, step.expected, step.goes_on) for step in unit.steps],
        waiting.waits_for,
        waiting.why,
        len(unit.referrals),
    )


def _escalation(door: Door, unit: UnitState) -> Escalation:
    if (project := door.handlers.projects.rows.get(unit.project_id)) is None:
        # Its place has come here before its definition was read: both come from others, by ways of their own.
        raise NotHere(unit.project_id)
    sides, _ = sides_with_places(door, project, unit)
    return Escalation(
        unit_id=unit.unit_id,
        project_id=unit.project_id,
        payload_url=door.link(unit.unit_id),
        reason=unit.escalated_for,
        confidence=unit.confidence,
        leading_label=label_in(project.read_text(unit.leading_label)),
        sides=sides,
        label_schema=project.offered().spec(),
        guideline=project.guideline_text,
        guideline_version=project.guideline_version,
        rework=unit.rework,
        fields=[] if project.form is None else _fields(door, project, project.form, unit),
        schema_version=project.schema_version,
        referrals=referrals_of(door, project, unit),
        referrals_left=REFERRALS_MAX - len(unit.referrals),
    )


def _fields(door: Door, project: Project, form: Form, unit: UnitState) -> list[EscalatedField]:
    given = [voice.label for voice in unit.counted() if voice.label and project.says(voice.label)]
    found = []
    for dispute in disputes(form, unit, [project.weighed(msgspec.json.decode(label)) for label in given]):
        answers = [FieldAnswer(answer, times) for answer, times in dispute.answers]
        door.generator.shuffle(answers)
        found.append(EscalatedField(dispute.field, dispute.confidence, dispute.decided, dispute.agreed, answers))
    return found
