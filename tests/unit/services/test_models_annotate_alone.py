"""A model annotates, and is nothing besides, whatever its credential says: on every route of all five services."""

import json

from concord.chassis.identity import Role, guards_of
from tests.support.five import SETTLE_SECONDS, Five, with_five

MODEL = "ann-1"
PEOPLES_OWN = ("adjudicate", "POST", "/v1/projects/{project_id}/retraining/appeals")
IDS = {"unit_id": "k1-u-none", "project_id": "k1-p-none"}


async def answered(five: Five, subject: str) -> dict[tuple[str, str, str], list[tuple[int, str]]]:
    """Return what each route says to somebody, once for every role that it lets in: the status, and the problem."""
    found = {}
    for service, method, path in five.routes():
        (route,) = (
            base_route
            for base_route in five.app(service).routes
            if getattr(base_route, "path_format", "") == path and method in (getattr(base_route, "methods", None) or ())
        )
        roles = [role for guard in guards_of(route.dependant) for role in guard.roles]  # type: ignore[attr-defined]  # an APIRoute
        rows = []
        for role in roles:
            bound = f"/{'k1'}" if role is Role.CLIENT else ""
            shown = path
            for part in path.split("/"):
                if part.startswith("{"):
                    shown = shown.replace(part, IDS.get(part.strip("{}").removesuffix(":path"), "k1-x-none"))
            answer = await five.call(service, method, shown, f"{role}/{subject}{bound}", {})
            rows.append((answer.status, answer.body.decode(errors="replace")))
        found[service, method, path] = rows
    return found


def refused_as_a_model(rows: tuple[int, str]) -> bool:
    """Return whether an answer is the refusal of a model, with field and cure."""
    if rows[0] != 403 or "is a model" not in rows[1]:
        return False
    (error,) = json.loads(rows[1])["errors"]
    assert error["field"] == "authorization"
    assert "a person" in error["cure"]
    return True


def test_no_route_but_an_annotators_lets_a_model_in_whatever_role_it_was_given() -> None:
    async def ask(five: Five) -> tuple[dict[tuple[str, str, str], list[tuple[int, str]]], ...]:
        before = await answered(five, MODEL)
        await five.told("assign", "PUT", f"/v1/annotators/{MODEL}", "operator/op", {"kind": "model"})
        await five.house.clock.sleep(SETTLE_SECONDS)
        after = await answered(five, MODEL)
        await five.told("assign", "PUT", f"/v1/annotators/{MODEL}", "operator/op", {"kind": "human"})
        await five.house.clock.sleep(SETTLE_SECONDS)
        return before, after, await answered(five, MODEL)

    before, as_model, as_person = with_five(ask)
    assert not [route for route, rows in [*before.items(), *as_person.items()] if any(map(refused_as_a_model, rows))]
    guarded = {route: rows for route, rows in as_model.items() if rows}
    refused = {route for route, rows in guarded.items() if all(map(refused_as_a_model, rows))}
    let_in = {route for route, rows in guarded.items() if not any(map(refused_as_a_model, rows))}
    assert refused | let_in == set(guarded)
    assert PEOPLES_OWN in refused
    assert {("adjudicate", "POST", "/v1/rulings"), ("audit", "POST", "/v1/inspections")} <= refused
    assert let_in >= {("assign", "POST", "/v1/claims"), ("assign", "GET", "/v1/me")}
    assert {service for service, _, _ in refused} == {"ingest", "assign", "adjudicate", "audit", "metrics"}
