"""The API from its document alone: of every route what is sent, what is answered, and examples of both.

No route is listed here: one that is added is looked at as all others are.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.five import Five, with_five
from tests.unit.services.test_doors import filled

CALLERS = ("client/key/k1", "annotator/ann-1", "adjudicator/adj", "auditor/aud", "operator/op")
PROBLEM = "application/problem+json"
FILE = "A file."
TYPED = {"type", "anyOf", "oneOf", "enum", "const", "$ref", "properties"}


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """The document of each service, as it is shown."""

    async def all_of(five: Five) -> dict[str, Any]:
        return {name: json.loads(json.dumps(five.app(name).openapi())) for name in five.services}

    return with_five(all_of)


def operations(documents: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation under /v1 by service, method and path."""
    for name, document in documents.items():
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if path.startswith("/v1"):
                    yield f"{name} {method.upper()} {path}", operation


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield status (or `body`), media type and what is said of each body and answer."""
    for kind, said in operation.get("requestBody", {}).get("content", {}).items():
        yield "body", kind, said
    for status, answer in operation["responses"].items():
        for kind, said in answer.get("content", {}).items():
            yield status, kind, said


def untold(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of a schema of which it is not said what they hold."""
    if not schema.keys() & TYPED and "description" not in schema:
        yield path or "all of it"
    for name, one in schema.get("properties", {}).items():
        yield from untold(one, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from untold(schema["items"], f"{path}[]")
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from untold(one, path)


def test_every_route_tells_what_it_does_and_how_it_can_end(documents: dict[str, Any]) -> None:
    found = list(operations(documents))
    assert len(found) > 60
    for name, operation in found:
        assert operation.get("description"), f"{name} does not say what it does"
        statuses = set(operation["responses"])
        assert {one for one in statuses if one < "300"}, f"{name} tells of no success"
        assert {"429", "503"} <= statuses, name
        if operation.get("security"):
            assert {"401", "403", "422"} <= statuses, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, name
        for one in operation.get("parameters", ()):
            assert one["schema"].keys() & TYPED, f"{name}: of {one['name']} is not said what it may be"
        in_path = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert {part[1:-1] for part in name.split("/") if part.startswith("{")} <= in_path, name


def test_every_body_and_every_answer_has_a_schema_and_an_example_of_it(documents: dict[str, Any]) -> None:
    for name, operation in operations(documents):
        found = list(bodies(operation))
        assert {status for status, _, _ in found} >= set(operation["responses"]) - {"204"}, f"{name} answers what?"
        for status, kind, said in found:
            place = f"{name}: {status} {kind}"
            if kind == PROBLEM:
                assert said["schema"] == {"$ref": "#/components/schemas/Problem"}, place
                assert said["example"]["status"] == int(status), place
                continue
            assert list(untold(said["schema"])) == [], place
            if (kind == "application/json" or kind.endswith("+json")) and said["schema"].get("description") != FILE:
                assert "example" in said, place
                faults = [fault.message for fault in Draft202012Validator(said["schema"]).iter_errors(said["example"])]
                assert faults == [], place
            else:
                assert said["schema"].get("description"), place


def test_problems_fit_what_is_said_of_them(documents: dict[str, Any]) -> None:
    for name, document in documents.items():
        schema = document["components"]["schemas"]["Problem"]
        for place, operation in operations({name: document}):
            for status, kind, said in bodies(operation):
                if kind == PROBLEM:
                    assert Draft202012Validator(schema).is_valid(said["example"]), f"{place} {status}"


def test_what_is_really_answered_is_what_the_document_says(documents: dict[str, Any]) -> None:
    """Every GET of the five, with ids of things that are there, as everybody who may."""

    async def answers(five: Five) -> list[tuple[str, int, str, bytes]]:
        found = []
        for service, method, path in five.routes():
            if method != "GET" or path.endswith("/events"):
                continue
            for who in CALLERS:
                answer = await five.call(service, method, filled(path, five), who)
                kind = answer.headers.get("content-type", "").partition(";")[0]
                found.append((f"{service} {method} {path}", answer.status, kind, answer.body))
        return found

    told, seen = dict(operations(documents)), set()
    for name, status, kind, body in with_five(answers):
        content = {one.partition(";")[0]: said for one, said in told[name]["responses"][str(status)]["content"].items()}
        assert kind in content, (name, status, kind)
        if status == 200 and kind == "application/json":
            seen.add(name)
            schema = content[kind]["schema"]
            faults = [fault.message for fault in Draft202012Validator(schema).iter_errors(json.loads(body))]
            assert faults == [], name
    assert len(seen) > 20


def test_a_field_of_which_nothing_is_said_is_seen() -> None:
    assert list(untold({"type": "object", "properties": {"a": {}, "b": {"type": "array", "items": {}}}})) == [
        ".a",
        ".b[]",
    ]
