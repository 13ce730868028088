"""Certificates, what was withdrawn since, and the key."""

import asyncio

from fastapi import Request, Response

from concord.chassis.http import AnyId, json_answer
from concord.pages.parts import MEDIA_TYPE
from concord.pages.style import AS_PAGE
from services.audit.domain.certificate_page import Vouched, certificate_page
from services.audit.domain.signing import ALGORITHM, key_set
from services.audit.domain.verification import statement_of
from services.audit.door.means import JSON, AnyIssue, ClientOrOperator, Issued, accepted, attachment, door_of, issue_of
from services.audit.schemas import JsonWebKey, Key


async def lot_certificate(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the signed certificate of an accepted lot: the same bytes for ever."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    return attachment(await door.handlers.certificates.of_lot(lot), JSON, f"{lot_id}.certificate.json")


async def lot_page(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show an accepted lot's certificate as a page: one file, its plots in it, that fetches nothing."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    certificate = await door.handlers.certificates.of_lot(lot)
    return await _page(certificate, len(lot.erased))


async def lot_withdrawals(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the signed list of what was erased of a lot since it was accepted."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    return attachment(await door.handlers.certificates.withdrawn_of_lot(lot), JSON, f"{lot_id}.withdrawals.json")


async def lot_corrections(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the signed list of what rechecks found wrong of a lot since it was accepted."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    return attachment(await door.handlers.certificates.corrected_of_lot(lot), JSON, f"{lot_id}.corrections.json")


async def project_certificate(
    request: Request, project_id: AnyId, caller: ClientOrOperator, issue: AnyIssue = None
) -> Response:
    """Hand over a project's signed certificate: the same bytes for ever.

    `issue` is its number; without it, that over all lots that are accepted by now, made if there is none yet.
    """
    door = door_of(request)
    _, found = await issue_of(door, project_id, caller, issue)
    certificate = await door.handlers.certificates.of_issue(found)
    return attachment(certificate, JSON, f"{project_id}-{found.number}.certificate.json")


async def project_page(
    request: Request, project_id: AnyId, caller: ClientOrOperator, issue: AnyIssue = None
) -> Response:
    """Show a project's certificate as a page: one file that fetches nothing; `issue` as of the certificate."""
    door = door_of(request)
    state, found = await issue_of(door, project_id, caller, issue)
    certificate = await door.handlers.certificates.of_issue(found)
    lots = await door.handlers.certificates.lots_of(state, found)
    return await _page(certificate, sum(len(lot.erased) for lot in lots) - sum(found.erased.values()))


async def project_withdrawals(request: Request, project_id: AnyId, caller: ClientOrOperator, issue: Issued) -> Response:
    """Hand over the signed list of what was erased of a project since one of its certificates."""
    door = door_of(request)
    state, found = await issue_of(door, project_id, caller, issue)
    gone = await door.handlers.certificates.withdrawn_of_issue(state, found)
    return attachment(gone, JSON, f"{project_id}-{found.number}.withdrawals.json")


async def show_key(request: Request, caller: ClientOrOperator) -> Response:
    """Show the public key that certificates are verified with."""
    del caller
    door = door_of(request)
    signer = door.handlers.means.signer
    keys = key_set(signer.public_key, door.settings.certificates.retired)
    shown = [JsonWebKey(**key) for key in keys]
    return json_answer(Key(ALGORITHM, signer.key_id, signer.public_key, shown))


async def _page(certificate: bytes, erased: int) -> Response:
    vouched = Vouched(
        "This page comes from the service that signs; verify the certificate to rest on it.", False, erased
    )
    page = await asyncio.to_thread(lambda: certificate_page(statement_of(certificate), vouched))
    return Response(page, media_type=MEDIA_TYPE, headers=AS_PAGE)
