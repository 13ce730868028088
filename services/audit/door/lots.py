"""Where lots stand."""

from typing import Annotated

from fastapi import Query, Request, Response

from concord.chassis.http import PAGE_MAX, AnyId, Limit, json_answer, page_size, read_json
from concord.chassis.projects import visible
from concord.quality.estimate import Estimate
from services.audit.domain.lot import RECHECK, LotDoesNotExist, LotState, Status
from services.audit.domain.place import OpenLot
from services.audit.domain.recheck import Recheck
from services.audit.domain.series import Series
from services.audit.domain.times import timestamp
from services.audit.domain.verdict import CONFIDENCE, Plan, Rate
from services.audit.domain.waiting import Held, Repeating, waits
from services.audit.door.lot_bodies import (
    LotBody,
    Lots,
    PlanTerms,
    RateBody,
    RecheckBody,
    Rechecks,
    RepeatsBody,
    ReReviewBody,
    Together,
)
from services.audit.door.means import Anyone, ClientOrOperator, Door, door_of
from services.audit.handlers.drawing import LOOKED_AT_ONCE
from services.audit.schemas import RECHECK_WISH, RESUMPTION

LOTS_LOOKED_AT_MAX = PAGE_MAX
"""As many lots as are read for a page of those that stand in one way."""


async def list_lots(
    request: Request,
    project_id: AnyId,
    caller: ClientOrOperator,
    limit: Limit = None,
    after: str = "",
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
) -> Response:
    """List a project's lots and where each stands, by id, a page at a time; `after` is the page's `next`.

    Of one `status` a page may hold fewer than were asked for, or none, and still have a next.
    """
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    repository, wanted = door.handlers.means.repository, page_size(limit)
    lot_ids = [lot_id for lot_id in await repository.lot_ids(project_id) if lot_id > after]
    looked_at = wanted if status is None else LOTS_LOOKED_AT_MAX
    page = [lot for lot in await repository.lots(lot_ids[:looked_at]) if status in (None, lot.status)]
    rest = lot_ids[looked_at - 1] if len(lot_ids) > looked_at else None
    if len(page) > wanted:
        page, rest = page[:wanted], page[wanted - 1].lot_id
    together = _together(await door.handlers.standing.now(project_id))
    return json_answer(Lots([_lot(door, lot) for lot in page], rest, together))


async def show_together(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show what a project's lots come to together, and how severely the next one is inspected."""
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    return json_answer(_together(await door.handlers.standing.now(project_id)))


async def resume_inspection(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Say that the cause was put right for which inspection was discontinued: the next lot's is tightened."""
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    resumption = await read_json(request, RESUMPTION)
    return json_answer(_together(await door.handlers.standing.resume(project_id, resumption.reason)))


async def list_rechecks(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """List what was inspected once more after it had left, as something had drifted or a lot was rejected."""
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    repository = door.handlers.means.repository
    raised = (await repository.rechecks(project_id)).raised[::-1]
    lots = {lot.lot_id: lot for lot in await repository.lots([recheck.lot_id for recheck in raised])}
    return json_answer(
        Rechecks([_recheck(recheck, lots[recheck.lot_id]) for recheck in raised if recheck.lot_id in lots])
    )


async def raise_recheck(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Have what accepted lots hold of who is at fault for a rejected lot inspected once more.

    While one is under way for that rejection, it is that one; after it, what it left is inspected.
    """
    door = door_of(request)
    visible(door.handlers.means.projects, project_id, caller)
    wish, repository = await read_json(request, RECHECK_WISH), door.handlers.means.repository
    lot = await repository.lot(wish.lot_id, caller.client_id)
    if lot.project_id != project_id:
        raise LotDoesNotExist(f"There is no lot {wish.lot_id}.")
    recheck = await door.handlers.rechecks.asked(lot)
    (opened,) = await repository.lots([recheck.lot_id])
    return json_answer(_recheck(recheck, opened), 201)


async def show_lot(request: Request, lot_id: AnyId, caller: Anyone) -> Response:
    """Show where a lot stands."""
    door = door_of(request)
    return json_answer(_lot(door, await door.handlers.means.repository.lot(lot_id, caller.client_id)))


def _lot(door: Door, lot: LotState) -> LotBody:
    known = door.handlers.means.repository.open_lot(lot.project_id, lot.lot_id)
    lacks_auditor = known is not None and known.lacks_auditor
    problem = "" if known is None else known.problem
    unsettled = None if known is None or known.waits_for is None else len(known.waits_for)
    project = door.handlers.means.projects.rows.get(lot.project_id)
    paused = project.life_reason if project is not None and project.paused else None
    at_least = known is not None and known.there + LOOKED_AT_ONCE < len(lot.unit_ids)
    owes = project is not None and project.policy.audit.repeat_inspections > 0
    now = None if known is None else known.made()
    repeating = Repeating() if now is None else Repeating(now.owed if owes else 0, now.inspected, now.decided)
    held = _held(known)
    waiting = waits(
        lot, unsettled, problem, paused, lacks_auditor=lacks_auditor, at_least=at_least, repeating=repeating, held=held
    )
    return LotBody(
        lot_id=lot.lot_id,
        project_id=lot.project_id,
        status=lot.status,
        units=len(lot.members),
        rework=lot.rework,
        rejections=lot.rejections,
        plan=lot.plan.in_words() if lot.plan is not None else "",
        sample_size=len(lot.sample) if lot.status != "accepted" else lot.inspected,
        inspected=lot.inspected if now is None else now.inspected,
        errors=lot.errors if now is None else now.errors,
        repeats_waiting=repeating.owed,
        corrected=len(lot.corrections),
        label_error_rate=None
        if lot.rate is None
        else {"value": lot.rate.value, "low": lot.rate.low, "high": lot.rate.high},
        accepted_at=timestamp(lot.accepted_at_us) if lot.accepted_at_us else None,
        erased_since=len(lot.erased),
        corrected_since=len(lot.corrected_since),
        problem=problem or (waiting.why if lacks_auditor else ""),
        plan_terms=None if lot.plan is None else _terms(lot.plan),
        inspection="" if lot.plan is None or lot.plan.standard is None else lot.plan.standard.inspection,
        unanswerable=len(lot.unanswerable),
        waits_for=waiting.waits_for,
        waits=waiting.why,
        sealed_at=timestamp(lot.sealed_at_us) if lot.sealed_at_us else None,
        held=held.left > 0,
        held_for=list(lot.held_for),
        re_review=ReReviewBody(held.units, held.inspected, held.errors, held.left) if held.units else None,
    )


def _held(known: OpenLot | None) -> Held:
    """Return for what a lot is held; nothing once it is judged."""
    if known is None or not known.inspected or not known.radius or known.state.status in RECHECK:
        return Held()
    now = known.re_reviewed()
    return Held(now.units, now.inspected, now.errors, len(now.left), known.state.held_for)


def _recheck(recheck: Recheck, lot: LotState) -> RecheckBody:
    rate = lot.rate
    return RecheckBody(
        lot_id=lot.lot_id,
        status=lot.status,
        measure=recheck.measure,
        category=recheck.category,
        since=timestamp(recheck.from_us),
        raised_at=timestamp(recheck.raised_at_us),
        wanted=recheck.wanted,
        among=recheck.among,
        units=len(lot.members),
        inspected=lot.inspected,
        changed=lot.errors,
        changed_unit_ids=[lot.unit_ids[place] for place in lot.corrections],
        changed_rate=None if rate is None else _rate(rate),
        rejected_lot_id=recheck.rejected_lot_id,
        annotator_ids=[finding.fault.annotator_id for finding in recheck.findings],
    )


def _together(series: Series) -> Together:
    pool, switching = series.pool, series.switching
    rate, repeats = pool.leaving_error_rate(CONFIDENCE), pool.repeats
    return Together(
        project_id=series.project_id,
        lots=pool.lots,
        units=pool.units,
        inspected=pool.inspected,
        errors_found=pool.errors,
        rejections=pool.rejections,
        label_error_rate=_rate(rate),
        inspection=series.severity,
        score=switching.score,
        last_verdicts=list(switching.verdicts),
        rejected_tightened=switching.rejected,
        switched_by=series.switched_by,
        reason=series.reason,
        repeats=RepeatsBody(
            repeats.repeated,
            repeats.agreed,
            repeats.wrong,
            repeats.confirmed,
            repeats.right,
            repeats.overturned,
            _rate(pool.by_their_word(CONFIDENCE)),
        ),
    )


def _rate(rate: Estimate | Rate) -> RateBody:
    return RateBody(rate.value, rate.low, rate.high, rate.units, rate.reason)


def _terms(plan: Plan) -> PlanTerms:
    level, inspection = (plan.standard.level, plan.standard.inspection) if plan.standard is not None else ("", "")
    share = plan.sample_size / plan.lot_units
    return PlanTerms(plan.kind, share, plan.aql, plan.ltpd, plan.alpha, plan.beta, plan.lot_units, level, inspection)
