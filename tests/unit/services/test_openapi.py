"""The API from its document alone: of every route what is sent, what is answered, and examples of both.

No route is listed here: one that is added is looked at as all others are.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from concord.chassis.http import PAGE_MAX
from tests.support.five import Five, with_five
from tests.unit.services.test_doors import filled

CALLERS = ("client/key/k1", "annotator/ann-1", "adjudicator/adj", "auditor/aud", "operator/op")
PROBLEM = "application/problem+json"
FILE = "A file."
TYPED = {"type", "anyOf", "oneOf", "enum", "const", "$ref", "properties"}

WHOLE = {
    "ingest /v1/imports/{import_id} cautions": "of one body's refusals, the first hundred",
    "ingest /v1/imports/{import_id} refused": "of one body, the first hundred",
    "ingest /v1/projects/{project_id} guideline_examples": "of one guideline",
    "ingest /v1/projects/{project_id} without_effect": "the fields of one policy",
    "ingest /v1/projects/{project_id}/guidelines/{version} guideline_examples": "of one guideline",
    "ingest /v1/projects/{project_id}/schemas/{version} steps": "of one change",
    "assign /v1/annotators/{annotator_id} credentials": "of one person",
    "assign /v1/annotators/{annotator_id} languages": "of one person",
    "assign /v1/annotators/{annotator_id} skills": "of one person",
    "assign /v1/me credentials": "of one person",
    "assign /v1/me languages": "of one person",
    "assign /v1/me leases": "what one person holds",
    "assign /v1/me projects": "the first hundred; more_projects says how many there are",
    "assign /v1/me skills": "of one person",
    "assign /v1/projects/{project_id}/guideline examples": "of one guideline",
    "adjudicate /v1/escalations/{unit_id}/objects objects": "what one unit shows",
    "adjudicate /v1/escalations/{unit_id}/objects sides": "those of one unit",
    "adjudicate /v1/projects/{project_id}/escalations/bars bars": "of confidences, so many",
    "adjudicate /v1/projects/{project_id}/gold/candidates candidates": "so many as are asked for, the best first",
    "adjudicate /v1/projects/{project_id}/retraining units": "what one try missed",
    "adjudicate /v1/projects/{project_id}/retraining/appeals appeals": "what the newest tries missed",
    "adjudicate /v1/projects/{project_id}/rulings/agreement differences": "the newest",
    "adjudicate /v1/projects/{project_id}/spending reasons": "one a reason",
    "audit /v1/inspections held_back": "lots of those that were looked at",
    "audit /v1/inspections inspections": "what is to be done now, so many: who has done it asks for the next",
    "audit /v1/keys keys": "one a certificate seed",
    "audit /v1/lots/{lot_id} held_for": "one an annotator with units in the lot",
    "audit /v1/projects/{project_id}/export/manifest companions": "of one export",
    "audit /v1/projects/{project_id}/export/manifest files": "of one export",
    "audit /v1/projects/{project_id}/inspection last_verdicts": "five",
    "audit /v1/projects/{project_id}/models models": "a hundred a project",
    "audit /v1/projects/{project_id}/models/{model_id}/next units": "so many as are asked for",
    "audit /v1/projects/{project_id}/models/{model_id}/score classes": "one a class",
    "audit /v1/projects/{project_id}/models/{model_id}/score fields": "one a field",
    "audit /v1/projects/{project_id}/rechecks rechecks": "the newest fifty, and those that go on",
    "audit /v1/projects/{project_id}/webhooks webhooks": "so many a project as may be",
    "audit /v1/units/{unit_id}/lineage entries": "of one unit",
    "audit /v1/units/{unit_id}/lineage lines": "of one unit",
    "metrics /v1/projects/{project_id}/quality confidence_curve": "so many bins",
    "metrics /v1/projects/{project_id}/quality fields": "one a field",
    "metrics /v1/projects/{project_id}/quality schema_versions": "the newest ten",
    "metrics /v1/projects/{project_id}/quality/agreement fields": "one a field",
    "assign /v1/projects/{project_id}/conduct/mine answers": "ANSWERS_MAX",
    "assign /v1/projects/{project_id}/conduct/mine rules": "one a rule",
    "metrics /v1/projects/{project_id}/quality/mine confusion": "one a field",
    "metrics /v1/projects/{project_id}/quality/mine days": "DAYS_MAX, and what was before",
    "metrics /v1/projects/{project_id}/quality/mine paces": "PARTS",
    "metrics /v1/projects/{project_id}/quality/mine periods": "PERIODS_MAX, and what was before",
    "metrics /v1/projects/{project_id}/quality/models models": "MODELS_SHOWN_MAX",
    "adjudicate /v1/projects/{project_id}/inferences inferences": "RUNS_MAX",
    "adjudicate /v1/projects/{project_id}/inferences/{inference_id} fields": "one a field",
    "metrics /v1/projects/{project_id}/quality targets": "one a promise",
    "metrics /v1/projects/{project_id}/quality/bias contrasts": "the largest",
    "metrics /v1/projects/{project_id}/quality/bias positions": "one a field, with twenty names each",
    "metrics /v1/projects/{project_id}/quality/bias suggestions": "one a source",
    "metrics /v1/projects/{project_id}/quality/drift measures": "one a measure",
    "metrics /v1/projects/{project_id}/quality/pairs fields": "one a field, the pairs that share most",
}
"""Lists that are sent whole, and what bounds each. One that is not here comes in pages."""

TOLD_BY_NAME = {
    "project_id",
    "topic",
    "state",
    "kind",
    "skill",
    "language",
    "vendor",
    "text",
    "field",
    "first",
    "second",
}
PAGING = {"limit", "cursor", "after"}
UNFILTERED = {
    "ingest /v1/projects/{project_id}/changes": "a history, in its order",
    "ingest /v1/projects/{project_id}/guidelines": "versions, in their order",
    "ingest /v1/projects/{project_id}/schemas": "versions, in their order",
    "assign /v1/projects/{project_id}/annotations": "the caller's own of late, fifty at most",
    "assign /v1/projects/{project_id}/stranded": "they are few, and all of them are to be looked at",
    "assign /v1/projects/{project_id}/guidelines/{version}/acknowledgements": "who has read one version",
    "assign /v1/projects/{project_id}/conduct": "they are few, and all of them are to be looked at",
    "assign /v1/projects/{project_id}/qualifications": "one row a person who is to qualify",
    "adjudicate /v1/projects/{project_id}/gold": "what is in doubt, and all of it is to be ruled",
    "audit /v1/projects/{project_id}/models/{model_id}/disagreements": "in the order of what is learnt most from",
    "audit /v1/projects/{project_id}/models/{model_id}/review": "what the caller may judge, in that order",
    "metrics /v1/projects/{project_id}/annotators": "one row a person of a project",
}
"""Lists in pages that nothing narrows, and why nobody misses it."""


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
    for kind, entry in operation.get("requestBody", {}).get("content", {}).items():
        yield "body", kind, entry
    for status, answer in operation["responses"].items():
        for kind, entry in answer.get("content", {}).items():
            yield status, kind, entry


def untold(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of a schema of which it is not said what they hold."""
    if not schema.keys() & TYPED and "description" not in schema:
        yield path or "all of it"
    for name, entry in schema.get("properties", {}).items():
        yield from untold(entry, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from untold(schema["items"], f"{path}[]")
    for entry in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from untold(entry, path)


def lists(documents: dict[str, Any]) -> Iterator[tuple[str, str, set[str], bool]]:
    """Yield service and path, the name of each list that its GET answers, its parameters, and whether it has a next."""
    for service, document in documents.items():
        for path, item in document["paths"].items():
            body = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
            if body is None or not path.startswith("/v1"):
                continue
            schema = _resolved(document, body["schema"])
            names = {parameter["name"] for parameter in item["get"].get("parameters", ()) if parameter["in"] == "query"}
            for name, field in schema.get("properties", {}).items():
                if _resolved(document, field).get("type") == "array":
                    yield f"{service} {path}", name, names, "next" in schema["properties"]


def paged(documents: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield service and path of each list that goes on, and its operation."""
    for place in dict.fromkeys(place for place, _, _, goes_on in lists(documents) if goes_on):
        service, path = place.split(" ")
        yield place, documents[service]["paths"][path]["get"]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_route_tells_what_it_does_and_how_it_can_end(documents: dict[str, Any]) -> None:
    found = list(operations(documents))
    assert len(found) > 60
    for name, operation in found:
        assert operation.get("description"), f"{name} does not say what it does"
        statuses = set(operation["responses"])
        assert {status for status in statuses if status < "300"}, f"{name} tells of no success"
        assert {"429", "503"} <= statuses, name
        if operation.get("security"):
            assert {"401", "403", "422"} <= statuses, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, name
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"].keys() & TYPED, f"{name}: of {parameter['name']} is not said what it may be"
            is_told = "description" in parameter or parameter["name"] in TOLD_BY_NAME
            assert is_told, f"{name}: of {parameter['name']} is not said what it means"
        in_path = {entry["name"] for entry in operation.get("parameters", ()) if entry["in"] == "path"}
        assert {part[1:-1] for part in name.split("/") if part.startswith("{")} <= in_path, name


def roles_of(operation: dict[str, Any]) -> set[str]:
    """Return the roles that an operation tells it lets in."""
    found = re.search(r"\n\nRole: ([a-z ]+)[.,]", operation["description"])
    return set(found[1].split(" or ")) if found else set()


def test_every_route_that_asks_for_a_credential_tells_who_is_let_in(documents: dict[str, Any]) -> None:
    for name, operation in operations(documents):
        assert bool(operation.get("security")) == bool(roles_of(operation)), name


def test_every_body_and_every_answer_has_a_schema_and_an_example_of_it(documents: dict[str, Any]) -> None:
    for name, operation in operations(documents):
        found = list(bodies(operation))
        assert {status for status, _, _ in found} >= set(operation["responses"]) - {"204"}, f"{name} answers what?"
        for status, kind, entry in found:
            place = f"{name}: {status} {kind}"
            if kind == PROBLEM:
                assert entry["schema"] == {"$ref": "#/components/schemas/Problem"}, place
                assert entry["example"]["status"] == int(status), place
                continue
            assert list(untold(entry["schema"])) == [], place
            if (kind == "application/json" or kind.endswith("+json")) and entry["schema"].get("description") != FILE:
                assert "example" in entry, place
                faults = [
                    fault.message for fault in Draft202012Validator(entry["schema"]).iter_errors(entry["example"])
                ]
                assert faults == [], place
            else:
                assert entry["schema"].get("description"), place


def test_problems_fit_what_is_said_of_them(documents: dict[str, Any]) -> None:
    for name, document in documents.items():
        schema = document["components"]["schemas"]["Problem"]
        for place, operation in operations({name: document}):
            for status, kind, entry in bodies(operation):
                if kind == PROBLEM:
                    assert Draft202012Validator(schema).is_valid(entry["example"]), f"{place} {status}"


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

    entry, seen = dict(operations(documents)), set()
    for name, status, kind, body in with_five(answers):
        content = {
            item.partition(";")[0]: element
            for item, element in entry[name]["responses"][str(status)]["content"].items()
        }
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


def test_every_list_comes_in_pages_or_is_bounded_by_what_it_is_of(documents: dict[str, Any]) -> None:
    whole, pages = set(), 0
    for place, name, parameters, goes_on in lists(documents):
        if goes_on:
            pages += 1
            assert "limit" in parameters, place
            assert parameters & {"cursor", "after"}, place
        else:
            whole.add(f"{place} {name}")
    assert whole == set(WHOLE)
    assert pages > 20


def test_every_list_in_pages_is_paged_alike_and_can_be_narrowed_or_need_not_be(documents: dict[str, Any]) -> None:
    """One name for how many, with its bounds and without a default of its own; one cursor; and filters."""
    unfiltered = set()
    for place, operation in paged(documents):
        asked = {parameter["name"]: parameter for parameter in operation["parameters"] if parameter["in"] == "query"}
        bounds = next(entry for entry in asked["limit"]["schema"]["anyOf"] if entry["type"] == "integer")
        assert (bounds["minimum"], bounds["maximum"]) == (1, PAGE_MAX), place
        assert len(asked.keys() & {"cursor", "after"}) == 1, f"{place}: one way to go on"
        assert not any(asked[name]["required"] for name in asked.keys() & PAGING), place
        for name in asked.keys() - PAGING:
            assert "description" in asked[name] or name in TOLD_BY_NAME, f"{place}: what does {name} leave out?"
        if not asked.keys() - PAGING:
            unfiltered.add(place)
    assert unfiltered == set(UNFILTERED)


async def _asked(five: Five, queries: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, _ in paged({name: json.loads(json.dumps(five.app(name).openapi())) for name in five.services}):
        service, path = place.split(" ")
        # Whoever may not is told that first; of one who may, the odd query is refused.
        answers = [
            (await five.call(service, "GET", f"{filled(path, five)}?{query}", who)).status
            for query in queries
            for who in CALLERS
        ]
        found[place] = answers
    return found


def test_every_list_refuses_a_parameter_that_it_has_not_or_has_twice_and_a_limit_out_of_bounds(
    documents: dict[str, Any],
) -> None:
    """And whom it refuses for their role: those whom its document does not let in."""
    let_in = {place: roles_of(operation) for place, operation in paged(documents)}
    odd = ["no-such-filter=1", "limit=0", f"limit={PAGE_MAX + 1}", "limit=ten", "limit=-1", "limit=1&limit=2"]

    async def asked(five: Five) -> dict[str, list[int]]:
        return await _asked(five, odd)

    for place, statuses in with_five(asked).items():
        assert set(statuses) <= {403, 404, 422}, (place, statuses)
        assert statuses.count(422) >= len(odd), f"{place}: an odd query was passed over"
        roles = {who.partition("/")[0] for who, status in zip(CALLERS, statuses, strict=False) if status != 403}
        assert roles == let_in[place] - {"privacy"}, place
