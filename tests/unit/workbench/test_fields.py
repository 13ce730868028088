"""What pages read of the services' answers: a field that no service sets is shown to nobody, and nobody notices."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import pytest

from tests.support.five import Five, with_five
from tests.unit.workbench.test_pages import scripts
from workbench.files import FOLDER

ASKED = re.compile(
    r"""(?:(?:(?:const )?(?P<name>\w+)|const \{ (?P<fields>[^}=]+) \}) = await |(?P<setter>set\w+|tell)\(await )?"""
    r"""ask\("(?P<service>\w+)", "(?P<method>[A-Z]+)", (?:`(?P<template>[^`]*)`|"(?P<plain>[^"]*)"|(?P<variable>\w+))"""
    r"""(?:[^;\n]*?\)\s*\.then\((?:(?P<into>set\w+)|\((?P<heard>\w+)\) =>))?"""
)
STATE = re.compile(r"const \[(\w+), (\w+)\] = useState")
ADDRESS = re.compile(r"const (\w+) = `(/[^`]*)`;")
BLANK = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}")
SNAKE = re.compile(r"(?<![\w\-/.])(?:\w+\??)?\.([a-z]+(?:_[a-z0-9]+)+)\b")
EACH = "map|filter|find|some|every|flatMap|toSorted|findLast"
ON_ANY = frozenset({"message", "status", "then", "catch"})
OURS = frozenset({"characters_max", "rows_sha256"})
"""Of label schemas and of certificates, which no answer's schema spells out."""

PUT_THERE = {"retraining.js: told.content", "revising.js: given.content"}
"""What a page itself puts beside an answer: a unit's payload."""
SENTENCE = re.compile(r'\bt\(\s*"[^"]*"')
SEVERAL = frozenset({"/projects/x/quality/x", "/projects/x/x"})
"""Addresses whose last part is one of several routes."""


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    async def all_of(five: Five) -> dict[str, Any]:
        return {name: json.loads(json.dumps(five.app(name).openapi())) for name in five.services}

    return with_five(all_of)


def resolved(document: Mapping[str, Any], schema: Any) -> list[Mapping[str, Any]]:
    """Return what a schema may be, without references, unions and null."""
    if "$ref" in schema:
        return resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if several:
        return list(chain.from_iterable(resolved(document, part) for part in several))
    return [] if schema.get("type") == "null" else [schema]


def reply_of(document: Mapping[str, Any], method: str, path: str) -> list[Mapping[str, Any]]:
    """Return what a route answers when all is well; the path has `x` for what is filled in."""
    asked = f"/v1{path.partition('?')[0]}"
    for template, item in sorted(document["paths"].items(), key=lambda pair: pair[0].count("{")):
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", template)
        )
        if method.lower() in item and re.fullmatch(pattern, asked):
            replies = item[method.lower()]["responses"]
            found = [body for status, body in replies.items() if status.startswith("2") and "content" in body]
            return [
                part
                for body in found
                for content in body["content"].values()
                for part in resolved(document, content.get("schema", {}))
            ]
    raise AssertionError(f"{method} {asked} is no route")


def fields_in(document: Any) -> Iterator[str]:
    """Yield the name of every field of every body, and of what stands in an address."""
    if isinstance(document, dict):
        yield from document.get("properties", {})
        if document.get("in") in ("query", "path"):
            yield document["name"]
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from fields_in(part)


def balanced(text: str, begin: int) -> str:
    """Return what stands in the parentheses that open just before `begin`."""
    depth, at = 1, begin
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[begin : at - 1]


def unknown(document: Mapping[str, Any], schemas: list[Any], name: str, text: str) -> Iterator[str]:
    """Yield the fields that a text reads of a variable, or of what lies in it, and that no schema of it has."""
    for found in re.finditer(rf"(?<![\w.]){re.escape(name)}\??\.(\w+)(?:\??\.(\w+))?", text):
        field, deeper = found.groups()
        if field in ON_ANY:
            continue
        known = [schema["properties"][field] for schema in schemas if field in schema.get("properties", {})]
        open_ended = any(schema.get("additionalProperties") or not schema.get("properties") for schema in schemas)
        if not known:
            if not open_ended:
                yield f"{name}.{field}"
            continue
        within = list(chain.from_iterable(resolved(document, schema) for schema in known))
        lists = [schema for schema in within if schema.get("type") == "array"]
        if lists and deeper and re.fullmatch(EACH, deeper):
            inner = balanced(text, found.end() + 1)
            items = list(chain.from_iterable(resolved(document, schema.get("items", {})) for schema in lists))
            if parameter := re.match(r"\(?(\w+)(?:, \w+)?\)? =>", inner):
                yield from unknown(document, items, parameter.group(1), inner)
            continue
        is_whole = bool(deeper) and not lists and all(schema.get("properties") for schema in within)
        if is_whole and not any(deeper in schema["properties"] for schema in within):
            yield f"{name}.{field}.{deeper}"


def roots(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield service, method, path, a variable that holds what was answered, and fields that are taken out at once.

    Of an address that a function makes, and of one of several routes at once, the path is empty.
    """
    states = {setter: state for state, setter in STATE.findall(text)}
    written_as = ADDRESS.findall(text)
    addresses = {name: path for name, path in written_as if [name for name, _ in written_as].count(name) == 1}
    for found in ASKED.finditer(text):
        part = found.groupdict()
        written = part["template"] if part["template"] is not None else part["plain"]
        path = written if written is not None else addresses.get(part["variable"], "")
        path = re.sub(r"\$\{(\w+)\}", lambda blank: addresses.get(blank[1], blank[0]), path)
        path = re.sub(r"(?<=\w)\$\{only\}$", "", path.partition("?")[0])
        path = BLANK.sub("x", path)
        name = part["name"] or part["heard"] or states.get(part["into"] or part["setter"] or "", "")
        is_known = path.startswith("/") and path not in SEVERAL
        yield part["service"], part["method"], path if is_known else "", name, part["fields"] or ""


def test_pages_read_only_fields_that_the_answer_has(documents: dict[str, Any]) -> None:
    seen, missing = 0, list[str]()
    for path in scripts():
        text = SENTENCE.sub("t(", path.read_text())
        unclear = set[str]()
        variables: defaultdict[str, list[Any]] = defaultdict(list)
        services: dict[str, str] = {}
        for service, method, asked, name, fields in roots(text):
            if not asked:
                unclear.add(name)
                continue
            schemas = reply_of(documents[service], method, asked)
            seen += 1
            for field in filter(None, (entry.partition(":")[0].strip() for entry in fields.split(","))):
                if not field.startswith("...") and not any(field in schema.get("properties", {}) for schema in schemas):
                    missing.append(f"{path.name}: {asked} has no {field}")
            if name:
                variables[name] += schemas
                services[name] = service
        for name, schemas in variables.items():
            if name in unclear:
                continue
            missing += [f"{path.name}: {field}" for field in unknown(documents[services[name]], schemas, name, text)]
    assert seen > 40
    assert set(missing) == PUT_THERE


def test_every_name_as_services_write_them_is_a_field_of_one(documents: dict[str, Any]) -> None:
    known = OURS | set(fields_in(list(documents.values())))
    door = "".join(path.read_text() for path in sorted((FOLDER.parent).glob("*.py")))
    unread = {
        f"{path.name}: {name}"
        for path in scripts()
        if not path.name.startswith("strings_")
        for name in SNAKE.findall(path.read_text())
        if name not in known and name not in door
    }
    assert unread == set()


def test_a_field_that_nobody_sets_is_found(documents: dict[str, Any]) -> None:
    """It was so for months: the page of one's standing showed an accuracy that assign never told."""
    page = """const [me, setMe] = useState(null);
    ask("assign", "GET", "/me").then(setMe, (fault) => setProblem(fault.message));
    return html`${me.accuracy} ${me.state} ${me.projects.filter((one) => one.notice).map((one) => one.nothing)}
    ${me.projects.map((one) => one.nobody)} ${me.leases.length}`;"""
    ((service, method, path, name, _),) = roots(page)
    schemas = reply_of(documents[service], method, path)
    assert list(unknown(documents[service], schemas, name, page)) == ["me.accuracy", "one.nobody"]
