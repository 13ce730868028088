"""What ingest's OpenAPI document says is what its door does: no 5xx, and no status, header or body that is not in it.

`CONCORD_OPENAPI_CASES=300` draws that many cases an operation, where a test draws a few.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulation.house import House
from tests.support.ingest import Ingest, start
from tests.support.service import caller

# Read as what it is at run time: its types are generic in what it was loaded from, which says nothing here.
schemathesis: Any = import_module("schemathesis")
said: Any = import_module("schemathesis.specs.openapi.checks")
CASES = int(os.environ.get("CONCORD_OPENAPI_CASES", "8"))
CHECKS = [
    import_module("schemathesis.checks").not_a_server_error,
    said.status_code_conformance,
    said.content_type_conformance,
    said.response_headers_conformance,
    said.response_schema_conformance,
]
DEFINITION = {"label_schema": {"kind": "choice", "classes": ["no", "yes"]}, "guideline": "# Say yes or no"}
THERE = {"project_id": "k1-p", "slug": "p", "version": 1}
"""What most cases are about: at random nobody would come upon an id."""
FOLLOWED = "/v1/imports/{import_id}/events"
"""Tells of an import until it is complete: asked for those alone that are not there."""
AS_DRAWN = (
    "text/csv",
    "application/zip",
    "application/x-zip-compressed",
    "application/vnd.apache.parquet",
    "application/x-parquet",
    "application/octet-stream",
    "application/x-ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
)


def as_drawn(context: Any, value: Any) -> bytes:
    """Send what was drawn for a body as it is, and as JSON where it is no text."""
    del context
    if isinstance(value, str):
        return value.encode(errors="replace")
    return value if isinstance(value, bytes) else json.dumps(value).encode()


schemathesis.serializer(*AS_DRAWN)(as_drawn)


async def begun() -> tuple[Ingest, dict[str, Any]]:
    """Return a running ingest, and what a client of it has, by the name of the path's parameter."""
    ingest = await start(House())
    await ingest.define(DEFINITION)
    report = await ingest.admit([{"id": "a", "content": "text a"}])
    import_id = (await ingest.call("POST", "/v1/projects/k1-p/imports", {"name": "file"})).json()["import_id"]
    return ingest, {**THERE, "import_id": import_id, "unit_id": report["units"][0]["unit_id"]}


def asked(runner: asyncio.Runner, operation: Any) -> Counter[int]:
    """Ask an operation for all its cases, of a door of its own; return how often it answered with which status."""
    ingest, there = runner.run(begun())
    statuses: Counter[int] = Counter()

    async def answer(case: Any) -> httpx.Response:
        sent = case.as_transport_kwargs(base_url="http://service.test")
        content = sent.get("data")
        if "json" in sent:
            content = json.dumps(sent["json"]).encode()
        headers = {name: value for name, value in dict(sent["headers"]).items() if name.lower() != "authorization"}
        async with caller(ingest.service, ingest.token) as client:
            return await client.request(
                sent["method"], sent["url"], params=sent.get("params"), headers=headers, content=content
            )

    modes = schemathesis.GenerationMode
    strategy = operation.as_strategy(modes.POSITIVE) | operation.as_strategy(modes.NEGATIVE)

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=strategy, known=st.sampled_from([True, True, True, False]))
    def hold(case: Any, known: bool) -> None:
        if known and operation.path != FOLLOWED:
            case.path_parameters = {name: there.get(name, drawn) for name, drawn in case.path_parameters.items()}
        answered = runner.run(answer(case))
        statuses[answered.status_code] += 1
        case.validate_response(answered, checks=CHECKS)

    drawn: Callable[[], None] = hold
    drawn()
    runner.run(ingest.service.runtime.stop())
    return statuses


def test_no_case_of_the_openapi_document_is_answered_otherwise_than_it_says() -> None:
    with asyncio.Runner() as runner:
        ingest, _ = runner.run(begun())
        document = ingest.service.application.openapi()  # type: ignore[attr-defined]  # it is a FastAPI application
        runner.run(ingest.service.runtime.stop())
        schema = schemathesis.openapi.from_dict(document)
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) == sum(len(methods) for methods in document["paths"].values())
        statuses = {f"{operation.method} {operation.path}": asked(runner, operation) for operation in operations}
    total = sum(statuses.values(), Counter[int]())
    sys.stderr.write(f"{total.total()} cases of {len(statuses)} operations: {dict(sorted(total.items()))}\n")
    assert all(status.total() for status in statuses.values())
    assert {200, 202, 404, 422} <= total.keys(), "cases come through, and are not all refused for the same"
