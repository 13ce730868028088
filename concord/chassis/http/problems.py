"""Every refusal as problem+json (RFC 9457) with the field and the cure."""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.errors import BadRequest, ConcordError, FieldError, Invalid, Passing, Unavailable
from concord.chassis.http.head import HEAD, answers_head
from concord.chassis.store.port import StoreUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FIELD_ERRORS_MAX = 50
RETRY_SECONDS = 2
_CURES = {404: "see /openapi.json for the routes there are", 405: "see the Allow header for the methods there are"}
_encode = msgspec.json.encode

DomainStatuses = Mapping[type[Exception], int]
"""The status of each exception of a service's domain, which stays free of HTTP. Subclasses follow their parent."""


def problem(
    status: int,
    detail: str,
    *,
    instance: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem+json response; its title is the status' own, as RFC 9457 has it for the type `about:blank`.

    Args:
        status: the HTTP status.
        detail: what happened, as a sentence.
        instance: the request's path, or the id under which the log tells more.
        errors: which fields were wrong and how to put them right; the first 50 are sent.
        headers: sent with it.
    """
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if instance is not None:
        content["instance"] = instance
    if errors:
        content["errors"] = [
            {"field": e.field, "problem": e.problem, "cure": e.cure} for e in errors[:FIELD_ERRORS_MAX]
        ]
    return Response(_encode(content), status, dict(headers or {}), MEDIA_TYPE)


def refusal(error: ConcordError, instance: str | None = None) -> Response:
    """Return the response that tells a caller of this refusal."""
    return problem(
        error.status,
        error.detail,
        instance=instance,
        errors=error.errors,
        headers=error.headers(),
    )


def unexpected(fault: BaseException, path: str) -> Response:
    """Log a fault nobody foresaw and return a response that tells its id and nothing else."""
    incident = str(uuid.uuid4())
    log.error("incident %s on %s", incident, path, exc_info=fault)
    return problem(
        500,
        "Something went wrong here, not with your request; quote the instance when you report it.",
        instance=f"urn:uuid:{incident}",
    )


def domain_refusal(fault: Exception, status: int) -> ConcordError:
    """Return a domain exception as a refusal: its sentence, and what it tells of fields.

    The exception tells of one field by its attributes `field`, `problem` (its sentence if it has none) and `cure`,
    or of several by `errors`, each with these three.
    """
    faults = getattr(fault, "errors", None) or ([fault] if hasattr(fault, "cure") else [])
    errors = [
        FieldError(getattr(entry, "field", "body"), getattr(entry, "problem", str(entry)), entry.cure)
        for entry in faults
    ]
    error = ConcordError(str(fault), errors, retry_after_seconds=RETRY_SECONDS if status in (429, 503) else None)
    error.status = status
    return error


def field_errors(fault: RequestValidationError) -> list[FieldError]:
    """Return pydantic's findings as paths with a cure."""
    found = []
    for error in fault.errors()[:FIELD_ERRORS_MAX]:
        place = [part for part in error["loc"] if part not in ("body", "query", "path", "header")]
        found.append(FieldError(_path(place), error["msg"].removeprefix("Value error, "), _cure(error)))
    return found


def _path(parts: Sequence[str | int]) -> str:
    """Return a path such as `units[3].payload`; `body` for the whole of it.

    >>> _path(["units", 3, "payload"])
    'units[3].payload'
    """
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    return path or "body"


def _cure(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "missing":
        return "send it"
    if kind == "extra_forbidden":
        return "leave it out, or see /openapi.json for how it is spelt"
    if "expected" in context:
        return f"send {context['expected']}"
    limits = [f"{name.replace('_', ' ')} {value}" for name, value in context.items() if name != "error"]
    return f"send a value with {', '.join(limits)}" if limits else "see /openapi.json for what is taken here"


def _methods(request: Request) -> list[str]:
    """Return every method of a request's address: the framework tells only those of the first route that has it."""
    matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods | ({HEAD} if any(map(answers_head, matching)) else set()))


_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (StoreUnavailable, "The store does not answer"),
    (BrokerUnavailable, "The broker does not answer"),
)
"""What is said of what does not answer; anything else that passes, as a table that is behind, is this process's own."""


async def _hung_up(request: Request, _: ClientDisconnect) -> Response:
    # Nobody is there to read it; it is counted as the caller's doing, and pages nobody here.
    bad_request = BadRequest("The body broke off: the connection was closed before its end.")
    return refusal(bad_request, request.scope["path"])


def install(app: FastAPI, domain: DomainStatuses) -> None:
    """Make the application answer every refusal as problem+json.

    Args:
        app: the application.
        domain: the service's table of domain exceptions.
    """

    async def concord_error(request: Request, fault: ConcordError) -> Response:
        return refusal(fault, request.scope["path"])

    async def invalid(request: Request, fault: RequestValidationError) -> Response:
        errors = field_errors(fault)
        detail = f"{errors[0].field}: {errors[0].problem}." if errors else "The request is not what this route takes."
        return refusal(Invalid(detail, errors), request.scope["path"])

    async def http_error(request: Request, fault: HTTPException) -> Response:
        if isinstance(fault.__cause__, ConcordError):
            return refusal(fault.__cause__, request.scope["path"])
        cure = _CURES.get(fault.status_code)
        detail = f"{fault.detail}; {cure}." if cure else f"{fault.detail}."
        headers = {name.lower(): value for name, value in (fault.headers or {}).items()}
        if fault.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(_methods(request))
        return problem(fault.status_code, detail, instance=request.scope["path"], headers=headers)

    async def unavailable(request: Request, fault: Exception) -> Response:
        log.warning("%s: %s", type(fault).__name__, fault)
        what = next((text for kind, text in _AWAY if isinstance(fault, kind)), "This process is catching up")
        entry = Unavailable(f"{what}; nothing was acknowledged, and the same request may be sent again.")
        return refusal(entry, request.scope["path"])

    def of_domain(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def domain_error(request: Request, fault: Exception) -> Response:
            return refusal(domain_refusal(fault, status), request.scope["path"])

        return domain_error

    app.add_exception_handler(ConcordError, concord_error)  # type: ignore[arg-type]  # starlette knows only Exception
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(HTTPException, http_error)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(ClientDisconnect, _hung_up)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(Passing, unavailable)
    for kind, status in domain.items():
        app.add_exception_handler(kind, of_domain(status))
