"""Definitions: what is refused because nobody could keep it, and what is told of what has no effect."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from concord.chassis.http import PAGE_BYTES_MAX
from concord.contracts.topics import PROJECTS
from services.ingest.domain.project import Policy
from tests.support.ingest import DEFINITION, Ingest

ROOT = Path(__file__).parents[4]
READERS = ("assign", "adjudicate", "audit", "metrics")
PRICES = {"label": 1.0, "decision": 10.0, "error": 100.0}


@pytest.mark.parametrize(
    ("audit", "lot_size", "field"),
    [
        ({"alpha": 0.5, "beta": 0.5}, 1, "policy.audit.beta"),
        ({"aql": 0.5, "ltpd": 0.50000000001}, 2, "policy.audit.ltpd"),
        ({"aql": 0.45, "ltpd": 0.46}, 5_000, "policy.audit.ltpd"),
        ({"aql": 0.45, "ltpd": 0.4502, "alpha": 0.0001, "beta": 0.0001}, 5_000, "policy.audit.ltpd"),
    ],
)
async def test_a_policy_that_audit_could_not_plan_is_refused_with_field_and_cure(
    ingest: Ingest, audit: Any, lot_size: int, field: str
) -> None:
    body = {**DEFINITION, "policy": {"audit": audit, "lot": {"size": lot_size}}}
    answer = await ingest.call("PUT", "/v1/projects/p", body)
    assert answer.status == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert error["cure"]
    assert (await ingest.call("GET", "/v1/projects")).json()["projects"] == []


@pytest.mark.parametrize(
    ("consensus", "field"),
    [
        ({"wrong_at_most": 0.0}, "policy.consensus.wrong_at_most"),
        ({"wrong_at_most": 0.6}, "policy.consensus.wrong_at_most"),
        ({"wrong_at_most": 0.02, "confidence": 0.9}, "policy.consensus.wrong_at_most"),
        ({"wrong_at_most": 0.02, "method": "majority"}, "policy.consensus.wrong_at_most"),
        ({"learn": "guess"}, "policy.consensus.learn"),
        ({"prices": PRICES | {"error": 0.0}}, "policy.consensus.prices.error"),
        ({"prices": PRICES | {"label": 1e9}}, "policy.consensus.prices.label"),
        ({"prices": {"label": 1.0, "decision": 10.0}}, "policy.consensus.prices.error"),
        ({"prices": PRICES, "method": "majority"}, "policy.consensus.prices"),
        ({"prices": PRICES, "confidence": 0.8}, "policy.consensus.prices"),
        ({"prices": PRICES, "wrong_at_most": 0.1}, "policy.consensus.prices"),
    ],
)
async def test_a_consensus_that_cannot_be_meant_is_refused_with_field_and_cure(
    ingest: Ingest, consensus: Any, field: str
) -> None:
    answer = await ingest.call("PUT", "/v1/projects/p", {**DEFINITION, "policy": {"consensus": consensus}})
    assert answer.status == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert error["cure"]


async def test_projects_with_long_guidelines_come_in_pages_of_bounded_size(ingest: Ingest) -> None:
    for number in range(14):
        answer = await ingest.call("PUT", f"/v1/projects/p{number:02}", {**DEFINITION, "guideline": "x" * 390_000})
        assert answer.status == 201
    await ingest.published()
    found: list[str] = []
    after, sizes = "", list[int]()
    while len(sizes) < 20:
        answer = await ingest.call("GET", "/v1/projects", query=f"limit=500&after={after}")
        page = answer.json()
        found += [project["project_id"] for project in page["projects"]]
        sizes.append(len(answer.body))
        if (after := page["next"]) is None:
            break
    assert found == [f"k1-p{number:02}" for number in range(14)]
    assert len(sizes) > 2
    assert max(sizes) < 1.2 * PAGE_BYTES_MAX


async def test_prices_are_told_with_the_confidence_from_which_an_error_costs_no_more_than_a_ruling(
    ingest: Ingest,
) -> None:
    body = await ingest.define({**DEFINITION, "policy": {"consensus": {"prices": PRICES}}})
    assert body["policy"]["consensus"]["prices"] == PRICES
    (event,) = ingest.house.events(PROJECTS)
    answer = event.project_defined.policy.consensus
    assert (answer.prices.label, answer.prices.decision, answer.prices.error) == (1.0, 10.0, 100.0)
    assert answer.confidence == pytest.approx(0.9)


async def test_wrong_at_most_is_told_to_the_others_as_the_confidence_that_it_is(ingest: Ingest) -> None:
    body = await ingest.define({**DEFINITION, "policy": {"consensus": {"wrong_at_most": 0.02, "learn": "gold"}}})
    assert body["policy"]["consensus"]["wrong_at_most"] == 0.02, "what was said is shown as it was said"
    (event,) = ingest.house.events(PROJECTS)
    answer = event.project_defined.policy.consensus
    assert (answer.confidence, answer.learn) == (pytest.approx(0.98), "gold")


async def test_a_plausible_policy_for_large_lots_is_taken(ingest: Ingest) -> None:
    audit = {"aql": 0.05, "ltpd": 0.07, "alpha": 0.05, "beta": 0.1}
    await ingest.define({**DEFINITION, "policy": {"audit": audit, "lot": {"size": 5_000}}})


async def test_classes_in_another_order_are_the_same_classes_and_keep_their_first_order(ingest: Ingest) -> None:
    await ingest.define()
    turned = {"label_schema": {"kind": "choice", "classes": ["yes", "no"]}, "guideline": "Anew."}
    body = await ingest.define(turned)
    assert body["label_schema"]["classes"] == ["no", "yes"]
    assert (body["revision"], body["guideline"]) == (2, "Anew.")
    less = {"label_schema": {"kind": "choice", "classes": ["no", "perhaps"]}}
    answer = await ingest.call("PUT", "/v1/projects/p", less)
    assert [error["field"] for error in answer.json()["errors"]] == ["label_schema.classes"]


async def test_so_are_the_classes_of_a_field_and_the_fields_themselves(ingest: Ingest) -> None:
    def form(*fields: tuple[str, list[str]]) -> dict[str, Any]:
        asked = [{"name": name, "schema": {"kind": "choice", "classes": classes}} for name, classes in fields]
        return {"label_schema": {"kind": "form", "fields": asked}, "guideline": "g"}

    await ingest.define(form(("a", ["no", "yes"]), ("b", ["x", "y"])))
    body = await ingest.define(form(("a", ["yes", "no"]), ("b", ["y", "x"])))
    assert body["revision"] == 1, "it says nothing new"
    assert [field["schema"]["classes"] for field in body["label_schema"]["fields"]] == [["no", "yes"], ["x", "y"]]
    body = await ingest.define(form(("b", ["x", "y"]), ("a", ["no", "yes"])))
    assert (body["revision"], [field["name"] for field in body["label_schema"]["fields"]]) == (1, ["a", "b"])


async def test_a_definition_is_told_which_of_its_fields_have_no_effect(ingest: Ingest) -> None:
    assert (await ingest.define())["without_effect"] == []
    schema = {"kind": "choice", "classes": ["no", "yes"]}
    unread = {"privacy": {"reidentification": "sealed"}, "audit": {"fraction": 0.2}}
    body = await ingest.define({"label_schema": schema, "policy": unread})
    assert body["without_effect"] == ["policy.privacy.reidentification", "policy.audit.fraction"]
    both = {"privacy": {"reidentification": "sealed", "treatments": {"email": "mask"}}, "audit": {"plan": "fraction"}}
    assert (await ingest.define({"label_schema": schema, "policy": both}))["without_effect"] == []


def leaves(policy: Any, path: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(policy):
        value = getattr(policy, field.name)
        if isinstance(value, msgspec.Struct):
            yield from leaves(value, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def test_every_field_of_a_policy_is_read_by_some_service_and_not_only_checked() -> None:
    read = {
        node.attr
        for service in (*READERS, "ingest")
        for file in (ROOT / "services" / service).rglob("*.py")
        if service != "ingest" or file.name not in ("project.py", "defining.py", "unread.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
    }
    for path in leaves(Policy()):
        assert path.rsplit(".", 1)[-1] in read, path
