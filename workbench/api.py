"""The workbench's door: pages and their files, signing in, plans, and what is handed on to the services."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from concord.chassis.errors import FieldError, Forbidden, Invalid, Unavailable
from concord.chassis.http import NO_HEAD, json_answer, read_json
from concord.chassis.http.misfits import field_error
from concord.chassis.identity import Caller, Guard, Role, require, verified
from workbench.files import PageFiles
from workbench.forward import Forwarder
from workbench.issuer import NotBegun
from workbench.plans import PlanWish, plan_of
from workbench.sign_in import SIGN_IN, SIGN_IN_PAGE, SignedOut, SignIn, with_cookies

PAGES = (
    "/",
    "/sign-in",
    "/annotate",
    "/annotate/{one}",
    "/revising/{one}",
    "/mine/{one}",
    "/retraining/{one}",
    "/adjudicate",
    "/gold/{one}",
    "/gold/{one}/candidates",
    "/audit",
    "/projects",
    "/projects/{one}",
    "/closing/{one}",
    "/agreement/{one}",
    "/judging/{one}",
    "/alerts",
    "/units",
    "/units/{one}",
    "/new",
    "/people",
    "/dead-letters",
    "/verify",
    "/keys",
)
"""Every address of a page: all are the one document, whose script shows what the address says."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
NO_HEADS = {NO_HEAD: True}
"""Of what a look ahead would use up, as an issuer's code, and of what may stream: the service itself answers HEAD."""
DOCUMENT = "index.html"
WHY: Mapping[type[Exception], str] = {NotBegun: "not_begun", Forbidden: "refused", Unavailable: "away"}
"""What the sign-in page is told of who did not come in; the sentence with its details is in the log."""

log = logging.getLogger(__name__)


class Onward(Guard):
    """Lets in whoever is signed in and leaves the query alone: what a route of a service reads is for that to say."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; raises as `verified` does."""
        return await verified(request.app.state.identity, request.scope)


Anybody = Annotated[Caller, require(*Role)]
AnybodyOnward = Annotated[Caller, Depends(Onward(tuple(Role)))]
PLAN_FIELDS = [
    {"name": field.name, "in": "query", "required": field.required} for field in msgspec.structs.fields(PlanWish)
]


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach."""

    files: PageFiles
    forwarder: Forwarder
    sign_in: SignIn


def router() -> APIRouter:
    """Return the route table. What has no guard shows nothing of anybody: pages, their files, and signing in."""
    routes = APIRouter()
    hidden: dict[str, Any] = {"include_in_schema": False, "response_class": Response}
    for path in PAGES:
        routes.get(path, **hidden)(show_page)
    routes.get("/files/{name:path}", **hidden)(show_file)
    routes.get("/session", **hidden)(show_session)
    routes.post("/session/renewal", **hidden)(renew_session)
    routes.post("/sign-in", **hidden)(sign_in)
    routes.get("/sign-in/issuer", **hidden, openapi_extra=NO_HEADS)(leave_for_issuer)
    routes.get("/sign-in/back", **hidden, openapi_extra=NO_HEADS)(come_back)
    routes.post("/sign-out", **hidden)(sign_out)
    routes.get("/plan", openapi_extra={"parameters": PLAN_FIELDS}, **hidden)(show_plan)
    for method in METHODS:
        routes.add_api_route("/api/{service}/{path:path}", forward, methods=[method], openapi_extra=NO_HEADS, **hidden)
    return routes


def _door(request: Request) -> Door:
    return cast("Door", request.app.state.service)


async def show_page(request: Request) -> Response:
    """Show the one document."""
    return _door(request).files.answer(DOCUMENT, request.headers)


async def show_file(request: Request, name: str) -> Response:
    """Show a script, a style or a picture of the pages."""
    return _door(request).files.answer(name, request.headers)


async def show_session(request: Request) -> Response:
    """Say who is signed in."""
    answer = json_answer(await _door(request).sign_in.who(request))
    answer.headers["cache-control"] = "no-store"
    return answer


async def renew_session(request: Request) -> Response:
    """Go on with the session of this browser: with another token, where it is time."""
    session, cookies = await _door(request).sign_in.renewed(request)
    return with_cookies(json_answer(session), cookies)


async def sign_in(request: Request) -> Response:
    """Sign somebody in on the local stack."""
    wish = await read_json(request, SIGN_IN)
    return with_cookies(Response(status_code=204), await _door(request).sign_in.as_local(wish))


async def leave_for_issuer(request: Request, then: str = "/") -> Response:
    """Send the browser to the issuer."""
    try:
        address, cookie = await _door(request).sign_in.leave(then)
    except (Forbidden, Unavailable) as fault:
        return _not_in(request, fault)
    return with_cookies(RedirectResponse(address, 303), [cookie])


async def come_back(request: Request) -> Response:
    """Take the browser back from the issuer; who is not taken back is told why on the sign-in page."""
    try:
        page, cookies = await _door(request).sign_in.back(request)
    except (Forbidden, Unavailable) as fault:
        return _not_in(request, fault)
    return with_cookies(RedirectResponse(page, 303), cookies)


def _not_in(request: Request, fault: Forbidden | Unavailable) -> Response:
    why = next(code for kind, code in WHY.items() if isinstance(fault, kind))
    log.warning("nobody was signed in (%s): %s", why, fault.detail)
    return with_cookies(RedirectResponse(f"{SIGN_IN_PAGE}?why={why}", 303), [_door(request).sign_in.over()])


async def sign_out(request: Request) -> Response:
    """End the session of this browser, and tell where the issuer ends its own."""
    address, cookies = await _door(request).sign_in.out(request)
    return with_cookies(json_answer(SignedOut(address)), cookies)


async def show_plan(request: Request, caller: Anybody) -> Response:
    """Say what an audit policy comes to."""
    del caller
    try:
        wish = msgspec.convert(dict(request.query_params), PlanWish, strict=False)
    except msgspec.ValidationError as fault:
        error = field_error(fault, PlanWish, b"")
        raise Invalid(f"{error.field}: {error.problem}.", [error]) from fault
    try:
        plan = await asyncio.to_thread(plan_of, wish)
    except ValueError as fault:
        raise Invalid(str(fault), [FieldError("query", "is no plan", str(fault))]) from fault
    return json_answer(plan)


async def forward(request: Request, service: Annotated[str, Path()], caller: AnybodyOnward) -> Response:
    """Hand a request on to a service, which decides by itself what this person may do."""
    del caller
    return await _door(request).forwarder.forward(request, service)
