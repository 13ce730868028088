"""What the OpenAPI document says beside the routes: every refusal is problem+json, and who wants a credential."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from concord.chassis.http.problems import MEDIA_TYPE
from concord.chassis.identity import Guard, guards_of

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
_REFUSAL = {
    "description": "Refused.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI) -> None:
    """Let the application's OpenAPI document say what the chassis does to every route."""
    of_routes = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = of_routes()
        return _completed(document, _bearer_operations(app)) if fresh else document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _bearer_operations(app: FastAPI) -> set[tuple[str, str]]:
    """Return path and method of what is guarded by a bearer credential, and not by a guard of another kind."""
    return {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, APIRoute) and any(type(guard) is Guard for guard in guards_of(route.dependant))
        for method in route.methods or ()
    }


def _completed(document: dict[str, Any], bearer: set[tuple[str, str]]) -> dict[str, Any]:
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
            responses = item[method].setdefault("responses", {})
            responses.pop("422", None)
            responses.setdefault("default", _REFUSAL)
            if (path, method) in bearer:
                item[method]["security"] = [{"bearer": []}]
    return document
