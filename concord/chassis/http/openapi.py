"""What the OpenAPI document says beside the routes: every refusal is problem+json, and who wants a credential."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute

from concord.chassis.http.documented import JSON, NO_HEAD, OWN_REFUSALS
from concord.chassis.http.examples import example_of, tell
from concord.chassis.http.problems import MEDIA_TYPE
from concord.chassis.identity import Guard, Role, guards_of

_METHODS = {"get", "put", "post", "delete", "patch", "head"}
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with the fields that were wrong and how to put them right.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "problem", "cure"],
                "properties": {"field": _TEXT, "problem": _TEXT, "cure": _TEXT},
            },
        },
    },
}
_GOES_ON = "`next` of the page before; left out, the first page."
_PAGING = {"cursor": _GOES_ON, "after": _GOES_ON}
"""What the parameters say by which every list goes on."""
_OF_ALL = (429, 503)
_OF_CREDENTIALS = (401, 403)
_OF_PARAMETERS = (422,)
_OF_FIELDS = (400, 422)
_OF_BODIES = (400, 408, 413, 415, 422)


def _example(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    document = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": f"{title}, and why.",
        "instance": "/v1/…",
    }
    if status in _OF_FIELDS:
        document["errors"] = [
            {"field": "policy.overlap.initial", "problem": "is 0", "cure": "send a number from 1 to 100"}
        ]
    return document


def _refused(status: int) -> dict[str, Any]:
    return {
        "description": f"{HTTPStatus(status).phrase}.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _example(status)}},
    }


def describe(app: FastAPI) -> None:
    """Let the application's OpenAPI document say what the chassis does to every route: all statuses there can be."""
    of_routes = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = of_routes()
        return _completed(document, _guards(app)) if fresh else document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _guards(app: FastAPI) -> dict[tuple[str, str], Guard]:
    """Return, by path and method, the guard of what is guarded."""
    return {
        (route.path_format, method.lower()): guard
        for route in app.routes
        if isinstance(route, APIRoute)
        for guard in guards_of(route.dependant)
        for method in route.methods or ()
    }


def _completed(document: dict[str, Any], guards: Mapping[tuple[str, str], Guard]) -> dict[str, Any]:
    """Return the document with the refusals and the credential added in place."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    # FastAPI's own wording of refusals, which is never sent.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = _PROBLEM
    components.setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
    for path, item in document.get("paths", {}).items():
        for method in item.keys() & _METHODS:
            operation, guard = item[method], guards.get((path, method))
            if type(guard) is Guard:
                operation["security"] = [{"bearer": []}]
                _tell_roles(operation, guard)
            _tell_refusals(operation, None if guard is None else type(guard))
            _tell_examples(operation)
            _tell_paging(operation)
    return document


def _tell_roles(operation: dict[str, Any], guard: Guard) -> None:
    """Say who is let in, where a reader looks for what the operation does."""
    no_model = ", and no model" if guard.people and Role.ANNOTATOR in guard.roles else ""
    meaning = operation.get("description", "")
    operation["description"] = f"{meaning}\n\nRole: {' or '.join(guard.roles)}{no_model}.".strip()


def _tell_paging(operation: dict[str, Any]) -> None:
    """Say what the parameters mean by which a list goes on, where the route does not."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["name"] in _PAGING:
            parameter.setdefault("description", _PAGING[parameter["name"]])


def _tell_examples(operation: dict[str, Any]) -> None:
    """Give every JSON body and answer an example, and say what the fields of any JSON hold."""
    sent = operation.get("requestBody", {}).get("content", {})
    bodies = [(kind, entry, True) for kind, entry in sent.items()]
    for answer in operation["responses"].values():
        bodies += [(kind, entry, False) for kind, entry in answer.get("content", {}).items()]
    for kind, body, required_only in bodies:
        schema = body["schema"]
        tell(schema)
        if "example" in body or "examples" in body or "$ref" in schema:
            continue
        if kind == JSON or kind.endswith("+json"):
            body["example"] = example_of(schema, required_only=required_only)
        elif "contentSchema" in schema:
            tell(schema["contentSchema"])
            body["example"] = _line(kind, example_of(schema["contentSchema"]))


def _line(kind: str, entry: Any) -> str:
    """Return a line of a stream."""
    text = msgspec.json.encode(entry).decode()
    return f"event: progress\ndata: {text}\n\n" if kind == "text/event-stream" else f"{text}\n"


def _tell_refusals(operation: dict[str, Any], guard: type[Guard] | None) -> None:
    """Add every refusal that the operation can end with."""
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    statuses = [*operation.pop(OWN_REFUSALS, ()), *_OF_ALL]
    operation.pop(NO_HEAD, None)
    if guard is not None:
        # A guard of another kind has no roles to ask for.
        statuses += _OF_CREDENTIALS if guard is Guard else _OF_CREDENTIALS[:1]
        # Whoever is let in may still have put a parameter into the query that the route does not have.
        statuses += _OF_PARAMETERS
    if "requestBody" in operation:
        statuses += _OF_BODIES
    for status in sorted(set(statuses)):
        responses[str(status)] = _refused(status)
