"""Audit's HTTP door: the route table; one concern a file."""

from typing import Any

from fastapi import APIRouter

from concord.chassis.http import documented
from concord.exports import DoesNotFit
from concord.exports.jsonl import MEDIA_TYPE
from services.audit.domain.addresses import UrlRefused
from services.audit.domain.delivery import DeliveryDoesNotExist, NotDead, TooManyOpen
from services.audit.domain.endpoint import EndpointDoesNotExist, TooManyEndpoints, UrlTaken
from services.audit.domain.issue import IssueDoesNotExist, NothingToCertify, TooManyLots
from services.audit.domain.lot import LotDoesNotExist, LotNotAccepted
from services.audit.domain.output import ModelDoesNotExist, OutputWish
from services.audit.domain.series import NotDiscontinued
from services.audit.domain.unit import InspectedOtherwise, LabelledAnew, UnitDoesNotExist
from services.audit.door import certificates, exports, feedback, inspections, ledgers, lots, webhooks
from services.audit.door.feedback_bodies import (
    Disagreements,
    Judgements,
    ModelList,
    NextUnits,
    PostedOutputs,
    Review,
    ScoreBody,
    TakenJudgements,
)
from services.audit.door.lot_bodies import LotBody, Lots, RecheckBody, Rechecks, Together
from services.audit.door.means import Door
from services.audit.handlers import LabelRefused, NobodyAtFault, NothingCorrected, NothingToRecheck, NothingWithdrawn
from services.audit.schemas import (
    DeliveryBody,
    DeliveryList,
    Inspections,
    Key,
    LineageBody,
    Manifest,
    RecheckWish,
    Resumption,
    TakenVerdicts,
    Verdicts,
    WebhookBody,
    WebhookChange,
    WebhookList,
    WebhookWish,
)

__all__ = ["STATUSES", "Door", "router"]

STATUSES: dict[type[Exception], int] = {
    LotDoesNotExist: 404,
    LotNotAccepted: 409,
    IssueDoesNotExist: 404,
    NothingToCertify: 409,
    NothingWithdrawn: 404,
    NothingCorrected: 404,
    NobodyAtFault: 409,
    NothingToRecheck: 409,
    TooManyLots: 409,
    NotDiscontinued: 409,
    DoesNotFit: 422,
    exports.NoSuchPart: 404,
    exports.InParts: 422,
    UnitDoesNotExist: 404,
    InspectedOtherwise: 409,
    LabelledAnew: 409,
    LabelRefused: 422,
    EndpointDoesNotExist: 404,
    DeliveryDoesNotExist: 404,
    UrlRefused: 422,
    UrlTaken: 409,
    TooManyEndpoints: 409,
    TooManyOpen: 409,
    NotDead: 409,
    ModelDoesNotExist: 404,
}


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/lots", **documented(reply=Lots, refusals=(404,)))(lots.list_lots)
    routes.get("/projects/{project_id}/inspection", **documented(reply=Together, refusals=(404,)))(lots.show_together)
    resuming = documented(body=Resumption, reply=Together, refusals=(404, 409))
    routes.post("/projects/{project_id}/inspection/resumption", **resuming)(lots.resume_inspection)
    routes.get("/projects/{project_id}/rechecks", **documented(reply=Rechecks, refusals=(404,)))(lots.list_rechecks)
    raised = documented(body=RecheckWish, reply=RecheckBody, status=201, refusals=(404, 409))
    routes.post("/projects/{project_id}/rechecks", **raised)(lots.raise_recheck)
    routes.get("/lots/{lot_id}", **documented(reply=LotBody, refusals=(404,)))(lots.show_lot)
    routes.get("/inspections", **documented(reply=Inspections, refusals=(404,)))(inspections.list_inspections)
    routes.post("/inspections", **documented(body=Verdicts, reply=TakenVerdicts))(inspections.inspect_many)
    signed = documented(reply=dict[str, Any], refusals=(404, 409))
    exported = documented(reply_media_types=exports.MEDIA_TYPES, streamed=True, refusals=(404, 409))
    routes.get("/lots/{lot_id}/certificate", **signed)(certificates.lot_certificate)
    paged = documented(reply_media_types=("text/html",), refusals=(404, 409))
    routes.get("/lots/{lot_id}/certificate.html", **paged)(certificates.lot_page)
    routes.get("/projects/{project_id}/certificate.html", **paged)(certificates.project_page)
    routes.get("/lots/{lot_id}/withdrawals", **signed)(certificates.lot_withdrawals)
    routes.get("/lots/{lot_id}/corrections", **signed)(certificates.lot_corrections)
    routes.get("/lots/{lot_id}/export", **exported)(exports.lot_export)
    routes.get("/projects/{project_id}/certificate", **signed)(certificates.project_certificate)
    routes.get("/projects/{project_id}/withdrawals", **signed)(certificates.project_withdrawals)
    routes.get("/projects/{project_id}/export", **exported)(exports.project_export)
    documents = documented(reply=Manifest, refusals=(404, 409))
    routes.get("/projects/{project_id}/export/manifest", **documents)(exports.project_manifest)
    recorded = documented(reply_media_types=(MEDIA_TYPE,), streamed=True, refusals=(404, 409))
    routes.get("/lots/{lot_id}/ledger", **recorded)(ledgers.lot_ledger)
    routes.get("/units/{unit_id}/lineage", **documented(reply=LineageBody, refusals=(404,)))(ledgers.unit_lineage)
    routes.get("/keys", **documented(reply=Key))(certificates.show_key)
    _webhooks(routes)
    _feedback(routes)
    return routes


def _webhooks(routes: APIRouter) -> None:
    taken = documented(body=WebhookWish, reply=WebhookBody, status=201, refusals=(404, 409))
    changed = documented(body=WebhookChange, reply=WebhookBody, refusals=(404, 409))
    shown = documented(reply=WebhookBody, refusals=(404,))
    documents = documented(reply=DeliveryBody, refusals=(404,))
    sent = documented(reply=DeliveryBody, status=202, refusals=(404, 409))
    routes.post("/projects/{project_id}/webhooks", **taken)(webhooks.register)
    routes.get("/projects/{project_id}/webhooks", **documented(reply=WebhookList, refusals=(404,)))(
        webhooks.list_webhooks
    )
    routes.patch("/projects/{project_id}/webhooks/{webhook_id}", **changed)(webhooks.change)
    routes.delete("/projects/{project_id}/webhooks/{webhook_id}", **shown)(webhooks.remove)
    routes.post("/projects/{project_id}/webhooks/{webhook_id}/rotation", **shown)(webhooks.rotate)
    routes.post("/projects/{project_id}/webhooks/{webhook_id}/test", **sent)(webhooks.attempt)
    routes.get(
        "/projects/{project_id}/webhooks/{webhook_id}/deliveries",
        **documented(reply=DeliveryList, refusals=(404,)),
    )(webhooks.list_deliveries)
    routes.get("/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}", **documents)(
        webhooks.show_delivery
    )
    routes.post("/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/resend", **sent)(
        webhooks.send_again
    )


def _feedback(routes: APIRouter) -> None:
    of_project, of_model = "/projects/{project_id}/models", "/projects/{project_id}/models/{model_id}"
    posted = documented(
        body=OutputWish, body_media_types=(), lines=feedback.LINES, reply=PostedOutputs, refusals=(404,)
    )
    routes.post(f"{of_project}/outputs", **posted)(feedback.post_outputs)
    routes.get(of_project, **documented(reply=ModelList, refusals=(404,)))(feedback.list_models)
    routes.get(f"{of_model}/score", **documented(reply=ScoreBody, refusals=(404,)))(feedback.show_score)
    disagreeing = documented(reply=Disagreements, refusals=(404,))
    routes.get(f"{of_model}/disagreements", **disagreeing)(feedback.list_disagreements)
    routes.get(f"{of_model}/review", **documented(reply=Review, refusals=(404,)))(feedback.list_review)
    judged = documented(body=Judgements, reply=TakenJudgements, refusals=(404,))
    routes.post(f"{of_model}/review", **judged)(feedback.judge)
    routes.get(f"{of_model}/next", **documented(reply=NextUnits, refusals=(404,)))(feedback.next_units)
