"""Who may see and do what: every role, bound to a client or not, on every route of all five services, with things of
two clients in every state.

A caller who is bound to one client never learns that another has anything: not by a list, a link, a status or a word.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import TOPICS
from simulation.house import Answer
from tests.support.five import DEFINITION, Five, Things, with_five

OWN, OTHER = "k1", "k2"

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
"""Each has a door to the dead letters of the topics that it writes."""

ROLES: dict[tuple[str, str, str], set[Role]] = {
    ("ingest", "PUT", "/v1/projects/{slug}"): {Role.CLIENT},
    ("ingest", "GET", "/v1/projects"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/projects/{project_id}/pause"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/projects/{project_id}/resume"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/projects/{project_id}/close"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}/changes"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}/guidelines"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}/guidelines/{version}"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}/schemas"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "GET", "/v1/projects/{project_id}/schemas/{version}"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/projects/{project_id}/units"): {Role.CLIENT},
    ("ingest", "POST", "/v1/projects/{project_id}/units/find"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/projects/{project_id}/seal"): {Role.CLIENT},
    ("ingest", "POST", "/v1/projects/{project_id}/erasures"): {Role.CLIENT},
    ("ingest", "POST", "/v1/projects/{project_id}/events"): {Role.CLIENT},
    ("ingest", "POST", "/v1/projects/{project_id}/imports"): {Role.CLIENT},
    ("ingest", "GET", "/v1/imports/{import_id}"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "PATCH", "/v1/imports/{import_id}"): {Role.CLIENT},
    ("ingest", "GET", "/v1/imports/{import_id}/events"): {Role.CLIENT, Role.OPERATOR},
    ("ingest", "POST", "/v1/units/{unit_id}/reidentification"): {Role.PRIVACY},
    ("ingest", "GET", "/v1/payloads/{unit_id}"): set(),
    ("ingest", "GET", "/v1/payloads/{unit_id}/suggestion"): set(),
    ("assign", "POST", "/v1/projects/{project_id}/claims"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/assignments/{assignment_id}/submission"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/submissions"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/projects/{project_id}/annotations"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/annotations/{annotation_id}"): {Role.ANNOTATOR},
    ("assign", "PUT", "/v1/annotations/{annotation_id}/revisions/{revision}"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/claims"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/annotators"): {Role.OPERATOR},
    ("assign", "POST", "/v1/annotators"): {Role.OPERATOR},
    ("assign", "PATCH", "/v1/annotators/{annotator_id}"): {Role.OPERATOR},
    ("assign", "PUT", "/v1/annotators/{annotator_id}"): {Role.OPERATOR},
    ("assign", "GET", "/v1/annotators/{annotator_id}"): {Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/guideline"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/projects/{project_id}/guidelines/{version}/acknowledgement"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/projects/{project_id}/guidelines/{version}/acknowledgements"): {Role.CLIENT, Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/stranded"): {Role.CLIENT, Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/qualifications"): {Role.CLIENT, Role.OPERATOR},
    ("assign", "POST", "/v1/projects/{project_id}/qualifications"): {Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/conduct"): {Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/conduct/mine"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/projects/{project_id}/conduct/appeals"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/projects/{project_id}/conduct/rulings"): {Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR},
    ("assign", "POST", "/v1/projects/{project_id}/conduct"): {Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR},
    ("assign", "GET", "/v1/projects/{project_id}/gold/stock"): {Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR},
    ("assign", "PUT", "/v1/assignments/{assignment_id}/draft"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/assignments/{assignment_id}/draft"): {Role.ANNOTATOR},
    ("assign", "DELETE", "/v1/assignments/{assignment_id}/draft"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/assignments/{assignment_id}/skip"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/assignments/{assignment_id}/return"): {Role.ANNOTATOR},
    ("assign", "POST", "/v1/assignments/{assignment_id}/renew"): {Role.ANNOTATOR},
    ("assign", "GET", "/v1/me"): {Role.ANNOTATOR},
    ("adjudicate", "GET", "/v1/escalations"): {Role.ADJUDICATOR},
    ("adjudicate", "POST", "/v1/escalations/{unit_id}/ruling"): {Role.ADJUDICATOR},
    ("adjudicate", "GET", "/v1/escalations/{unit_id}/objects"): {Role.ADJUDICATOR},
    ("adjudicate", "POST", "/v1/rulings"): {Role.ADJUDICATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/gold"): {Role.ADJUDICATOR, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/retraining"): {Role.ANNOTATOR},
    ("adjudicate", "POST", "/v1/projects/{project_id}/retraining"): {Role.ANNOTATOR},
    ("adjudicate", "POST", "/v1/projects/{project_id}/retraining/appeals"): {Role.ANNOTATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/retraining/appeals"): {Role.ANNOTATOR},
    ("adjudicate", "POST", "/v1/gold/{unit_id}/ruling"): {Role.ADJUDICATOR, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/gold/candidates"): {Role.ADJUDICATOR, Role.OPERATOR},
    ("adjudicate", "POST", "/v1/gold/candidates/{unit_id}"): {Role.ADJUDICATOR, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/resolutions"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/competence"): {Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/spending"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/questions"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "POST", "/v1/projects/{project_id}/questions/{question_id}/answer"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/rulings/agreement"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "POST", "/v1/projects/{project_id}/escalations/close"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/escalations/bars"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/lots"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/rechecks"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "POST", "/v1/projects/{project_id}/rechecks"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}/corrections"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/inspection"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "POST", "/v1/projects/{project_id}/inspection/resumption"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}"): {Role.CLIENT, Role.OPERATOR, Role.AUDITOR},
    ("audit", "GET", "/v1/inspections"): {Role.AUDITOR},
    ("audit", "POST", "/v1/inspections"): {Role.AUDITOR},
    ("audit", "GET", "/v1/lots/{lot_id}/certificate"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}/certificate.html"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/certificate.html"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}/withdrawals"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}/export"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/certificate"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/withdrawals"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/export"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/export/manifest"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/lots/{lot_id}/ledger"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/units/{unit_id}/lineage"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/keys"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "POST", "/v1/projects/{project_id}/webhooks"): {Role.CLIENT},
    ("audit", "GET", "/v1/projects/{project_id}/webhooks"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "PATCH", "/v1/projects/{project_id}/webhooks/{webhook_id}"): {Role.CLIENT},
    ("audit", "DELETE", "/v1/projects/{project_id}/webhooks/{webhook_id}"): {Role.CLIENT},
    ("audit", "POST", "/v1/projects/{project_id}/webhooks/{webhook_id}/rotation"): {Role.CLIENT},
    ("audit", "POST", "/v1/projects/{project_id}/webhooks/{webhook_id}/test"): {Role.CLIENT},
    ("audit", "GET", "/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}"): {
        Role.CLIENT,
        Role.OPERATOR,
    },
    ("audit", "POST", "/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/resend"): {Role.CLIENT},
    ("audit", "POST", "/v1/projects/{project_id}/models/outputs"): {Role.CLIENT},
    ("audit", "GET", "/v1/projects/{project_id}/models"): {
        Role.CLIENT,
        Role.OPERATOR,
        Role.AUDITOR,
        Role.ADJUDICATOR,
    },
    ("audit", "GET", "/v1/projects/{project_id}/models/{model_id}/score"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/models/{model_id}/disagreements"): {Role.CLIENT, Role.OPERATOR},
    ("audit", "GET", "/v1/projects/{project_id}/models/{model_id}/review"): {Role.AUDITOR, Role.ADJUDICATOR},
    ("audit", "POST", "/v1/projects/{project_id}/models/{model_id}/review"): {Role.AUDITOR, Role.ADJUDICATOR},
    ("audit", "GET", "/v1/projects/{project_id}/models/{model_id}/next"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/alerts"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/mine"): {Role.ANNOTATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/time"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/events"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/pairs"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/pairs/units"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/agreement"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/models"): {Role.CLIENT, Role.OPERATOR},
    ("adjudicate", "POST", "/v1/projects/{project_id}/inferences"): {Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/inferences"): {Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/inferences/{inference_id}"): {Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/inferences/{inference_id}/units"): {Role.OPERATOR},
    ("adjudicate", "GET", "/v1/projects/{project_id}/inferences/{inference_id}/annotators"): {Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/report.html"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/drift"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/quality/bias"): {Role.CLIENT, Role.OPERATOR},
    ("metrics", "GET", "/v1/projects/{project_id}/annotators"): {Role.CLIENT, Role.OPERATOR},
    **{(service, "GET", "/v1/dead-letters"): {Role.OPERATOR} for service in SERVICES},
    **{(service, "POST", "/v1/dead-letters/{letter_id}/replay"): {Role.OPERATOR} for service in SERVICES},
}
"""Who has any business there; none: the link is the credential. A new route is given its line, or the walk fails."""

SUBJECTS = {
    Role.CLIENT: "key",
    Role.ANNOTATOR: "ann-1",
    Role.ADJUDICATOR: "adj",
    Role.AUDITOR: "aud",
    Role.OPERATOR: "op",
    Role.PRIVACY: "officer",
}
PER_ITEM = {("assign", "/v1/submissions"), ("adjudicate", "/v1/rulings"), ("audit", "/v1/inspections")}
BOUND_MAY_NOT = {
    *((service, "/v1/dead-letters") for service in SERVICES),
    *((service, "/v1/dead-letters/{letter_id}/replay") for service in SERVICES),
    ("assign", "/v1/annotators"),
    ("assign", "/v1/annotators/{annotator_id}"),
}
QUERIES = {"/v1/projects/{project_id}/withdrawals": "?issue=1"}
NO_OBJECT = {("audit", "/v1/keys")}


def filled(path: str, things: Things) -> Iterator[str]:
    """Yield the path for each thing that it can be about."""
    path += QUERIES.get(path, "")
    path = path.replace("{project_id}", things.project).replace("{slug}", "p").replace("{annotator_id}", "ann-2")
    path = path.replace("{import_id}", things.import_id).replace("{version}", "1").replace("{letter_id}", "l")
    path = path.replace("{webhook_id}", things.webhook)
    path = path.replace("{delivery_id}", things.delivery).replace("{model_id}", things.model)
    path = path.replace("{question_id}", "q0")
    path = path.replace("{assignment_id}", things.assignment).replace("{revision}", "1")
    path = path.replace("{annotation_id}", things.assignment)
    units, lots = list(things.units.values()), list(things.lots.values())
    for unit in units if "{unit_id}" in path else [""]:
        for lot in lots if "{lot_id}" in path else [""]:
            yield path.replace("{unit_id}", unit).replace("{lot_id}", lot)


def bodies(method: str, path: str, things: Things) -> Any:
    """Return a body that would do something, where one is taken."""
    if method == "PATCH" and "webhooks" in path:
        return {"url": "https://new.example.org/"}
    if "/revisions/" in path:
        return {"label": "no"}
    if method == "PUT":
        return DEFINITION if "projects" in path else {}
    if method == "PATCH" and "/annotators/" in path:
        return {"state": "paused"}
    if path == "/v1/claims":
        return {"units": 1}  # what is held of one's own is offered again
    by_end: dict[str, Any] = {
        "/units": [{"id": "new", "content": "new"}],
        "/events": {
            "specversion": "1.0",
            "id": "new",
            "source": f"/projects/{things.project}",
            "type": "concord.unit.v1",
            "data": {"content": "new"},
        },
        "/imports": {"name": "new"},
        "/webhooks": {"url": "https://new.example.org/"},
        "/erasures": {"reason": "x", "ids": list(things.units), "subject": "x"},
        "/units/find": {"ids": ["u0", "new"]},
        "/claims": {"units": 50},
        "/submission": {"label": "no"},
        "/submissions": {"submissions": [{"assignment_id": things.assignment, "label": "no"}]},
        "/skip": {"reason": "x"},
        "/qualifications": {"annotator_id": "ann-1"},
        "/conduct": {"annotator_id": "ann-1"},
        "/ruling": {"label": "no", "reason": "x"},
        "/rulings": {"rulings": [{"unit_id": unit, "label": "no", "reason": "x"} for unit in things.units.values()]},
        "/resumption": {"reason": "x"},
        "/rechecks": {"lot_id": next(iter(things.lots.values()))},
        "/models/outputs": {"event_id": "new", "model": "m", "model_version": "1", "label": "no"},
        "/review": {"judgements": [{"unit_id": unit, "right": "first"} for unit in things.units.values()]},
        "/answer": {"answer": "x"},
        "/reidentification": {"reason": "x", "candidates": [{"kind": "email", "value": "ada@example.org"}]},
        "/escalations/close": {"above": 0.5, "reason": "x"},
        "/inspections": {"verdicts": [{"unit_id": unit, "label": "no"} for unit in things.units.values()]},
    }
    found = [body for end, body in by_end.items() if path.endswith(end) and method == "POST"]
    return found[0] if found else None


def marks(things: Things) -> list[bytes]:
    """Return what only this client's things are called."""
    return [
        name.encode()
        for name in (
            things.project,
            *things.units.values(),
            *things.lots.values(),
            things.import_id,
            things.webhook,
            things.delivery,
            things.model,
            "text of k2",
        )
    ]


async def walked(five: Five) -> None:
    assert set(five.routes()) == set(ROLES), "a new route is given its roles above"
    other = five.things[OTHER]
    before = [len(five.house.records(topic)) for topic in TOPICS]
    for (service, method, template), allowed in ROLES.items():
        for role, subject in SUBJECTS.items():
            who = f"{role}/{subject}/{OWN}"
            for path in filled(template, other):
                if template == "/v1/projects/{slug}":
                    continue  # the slug is the caller's own: there is no way to name another's
                answer = await five.call(service, method, path, who, bodies(method, path, other))
                place = (service, method, path, who, answer.status, answer.body)
                if role not in allowed:
                    assert answer.status == (401 if not allowed else 403), place
                elif (service, template) in BOUND_MAY_NOT:
                    assert answer.status == 403, place
                else:
                    _own_only(service, template, answer, other, place)
        for path in filled(template, other):
            answer = await five.call(service, method, path, "", bodies(method, path, other))
            assert answer.status == 401, (service, method, path)
    assert [len(five.house.records(topic)) for topic in TOPICS] == before, "nobody of k1 changed anything of k2"


def _own_only(service: str, template: str, answer: Answer, other: Things, place: Any) -> None:
    if (service, template) in PER_ITEM and answer.status == 200 and "results" in (body := answer.json()):
        assert body["results"], place
        for result in body["results"]:
            assert result.get("status") in ("refused", None), place
            assert result.get("error", {}).get("status", 404) == 404, place
        return
    listed = "{" not in template
    assert answer.status == (200 if listed else 404), place
    if listed and (service, template) not in NO_OBJECT:
        assert not any(mark in answer.body for mark in marks(other)), place


def test_a_caller_bound_to_one_client_sees_and_touches_nothing_of_another_on_any_route() -> None:
    with_five(walked)


async def lists(five: Five) -> dict[str, set[str]]:
    """Return whose things each list shows to people bound to k1, to k2 and to none."""
    seen: dict[str, set[str]] = {}
    for client in ("/k1", "/k2", ""):
        for who, service, path, key in (
            ("adjudicator/adj", "adjudicate", "/v1/escalations", "escalations"),
            ("auditor/aud", "audit", "/v1/inspections", "inspections"),
            ("annotator/ann-1", "assign", "/v1/me", "leases"),
            ("operator/op", "ingest", "/v1/projects", "projects"),
        ):
            body = (await five.told(service, "GET", path, who + client))[key]
            seen[f"{path}{client}"] = {project["project_id"] for project in body}
            for unit in body:
                if "payload_url" in unit:
                    assert unit["unit_id"] in unit["payload_url"]
    return seen


def test_lists_show_the_things_of_whom_the_caller_is_bound_to_and_of_all_to_who_is_not() -> None:
    seen = with_five(lists)
    for path in ("/v1/escalations", "/v1/inspections", "/v1/me", "/v1/projects"):
        assert seen[f"{path}/k1"] == {"k1-p"}
        assert seen[f"{path}/k2"] == {"k2-p"}
        assert seen[path] == {"k1-p", "k2-p"}


async def own(five: Five) -> list[tuple[str, int]]:
    """Do with one's own things, bound to the client, what nobody else could."""
    mine = five.things[OWN]
    unit = mine.units
    asked: list[tuple[str, str, str, str, Any]] = [
        ("annotator/ann-1/k1", "assign", "POST", f"/v1/assignments/{mine.assignment}/renew", None),
        ("annotator/ann-1/k1", "assign", "POST", f"/v1/assignments/{mine.assignment}/submission", {"label": "no"}),
        ("annotator/ann-2/k1", "assign", "POST", f"/v1/projects/{mine.project}/claims", {"units": 2}),
        ("annotator/ann-2/k1", "assign", "GET", f"/v1/projects/{mine.project}/guideline", None),
        ("adjudicator/adj/k1", "adjudicate", "GET", f"/v1/escalations?project_id={mine.project}", None),
        (
            "adjudicator/adj/k1",
            "adjudicate",
            "POST",
            f"/v1/escalations/{unit['escalated']}/ruling",
            {"label": "no", "reason": "x"},
        ),
        ("auditor/aud/k1", "audit", "GET", f"/v1/inspections?project_id={mine.project}", None),
        ("client/key/k1", "audit", "GET", f"/v1/lots/{mine.lots['accepted']}/export", None),
        ("client/key/k1", "audit", "GET", f"/v1/projects/{mine.project}/webhooks/{mine.webhook}/deliveries", None),
        ("operator/op/k1", "adjudicate", "GET", f"/v1/projects/{mine.project}/competence", None),
        ("client/key/k1", "adjudicate", "GET", f"/v1/projects/{mine.project}/spending", None),
        ("operator/op/k1", "metrics", "GET", f"/v1/projects/{mine.project}/annotators", None),
        ("operator/op", "assign", "GET", "/v1/annotators/ann-1", None),
        ("operator/op", "assign", "GET", "/v1/annotators", None),
        ("annotator/ann-2/k1", "assign", "POST", "/v1/claims", {}),
    ]
    found = [
        (f"{who} {method} {path}", (await five.call(service, method, path, who, body)).status)
        for who, service, method, path, body in asked
    ]
    verdicts = {"verdicts": [{"unit_id": unit["inspected"], "label": "yes"}]}
    body = await five.told("audit", "POST", "/v1/inspections", "auditor/aud/k1", verdicts)
    assert [result["status"] for result in body["results"]] == ["taken"]
    path, query = mine.links["annotator"]
    shown = await five.call("ingest", "GET", f"{path}?{query}")
    assert (shown.status, shown.body) == (200, b"text of k1: held")
    return found


def test_a_caller_bound_to_one_client_does_all_that_the_role_may_with_its_things() -> None:
    assert [(what, status) for what, status in with_five(own) if status != 200] == []


@pytest.mark.parametrize("project", ["k2-p", "k1-none", "k2-none", "none"])
def test_another_clients_project_and_none_at_all_look_the_same(project: str) -> None:
    async def told(five: Five) -> set[tuple[int, bytes]]:
        answers = [
            await five.call(
                service,
                "GET",
                path.replace("{project_id}", project).replace("{version}", "1") + QUERIES.get(path, ""),
                f"{max(roles)}/adj/k1",
            )
            for (service, method, path), roles in ROLES.items()
            if method == "GET" and "{project_id}" in path
        ]
        return {(answer.status, answer.body.replace(project.encode(), b"X")) for answer in answers}

    assert {status for status, _ in with_five(told)} == {404}
