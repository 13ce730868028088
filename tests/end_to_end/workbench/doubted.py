"""A project of which the newest pages have something to say: a wrong known label, who failed, a question."""

from functools import partial
from typing import Any

from tests.support.pages import Pages, until

GOOD = 5


def doubted(pages: Pages, slug: str, classes: tuple[str, str] = ("even", "odd"), **changes: Any) -> str:
    """Return a project of which one known label is wrong: five say so, and `SLUG-wrong` has failed by the others."""
    # Whoever comes after the last of the good is not shown what these bring into doubt.
    people = [f"{slug}-wrong", *(f"{slug}-good-{number}" for number in range(GOOD))]
    units = [
        {"id": f"g{place}", "content": f"Is {place} even?", "gold": classes[0]} for place in (*range(0, 12, 2), 13)
    ]
    for name in people:
        pages.ask("assign", "PUT", f"/annotators/{name}", {}, role="operator")
    asked = {"qualify": "once", "pass_accuracy": 0.5, "qualify_units_max": 6, "retrain_units": 2}
    policy = {"gold": {"rate": 0.5, **asked}}
    project_id = pages.project(slug, {"kind": "choice", "classes": classes}, units, policy=policy, **changes)
    for name in people:
        token = pages.stack.issuer.token("annotator", name)
        offers = until(partial(_all_held, pages, project_id, token, len(units)), "all the gold")
        rows = [
            (offer["assignment_id"], int(pages.http.get(offer["payload_url"]).text.split()[1]) % 2) for offer in offers
        ]
        is_wrong = name.endswith("wrong")
        labels = [{"assignment_id": entry, "label": classes[odd != is_wrong]} for entry, odd in rows]
        pages.ask("assign", "POST", "/submissions", {"submissions": labels}, token=token)
    until(
        lambda: pages.ask("adjudicate", "GET", f"/projects/{project_id}/gold", role="operator")["gold"] or None,
        "a doubt",
    )
    return project_id


def _all_held(pages: Pages, project_id: str, token: str, count: int) -> list[dict[str, Any]] | None:
    claimed = pages.ask("assign", "POST", f"/projects/{project_id}/claims", {"units": count}, token=token)
    offers: list[dict[str, Any]] = claimed["assignments"]
    return offers if len(offers) == count else None


def questioned(pages: Pages, project_id: str, reason: str) -> None:
    """Let an adjudicator say of an open escalation that the guideline does not tell, and the question be heard of."""
    path = f"/escalations?project_id={project_id}"

    def waiting() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = pages.ask("adjudicate", "GET", path, role="adjudicator")["escalations"]
        return found or None

    unit = until(waiting, "an escalation")[0]["unit_id"]
    ruling = {"outcome": "guideline_unclear", "reason": reason}
    pages.ask("adjudicate", "POST", f"/escalations/{unit}/ruling", ruling, role="adjudicator")
    asked = f"/projects/{project_id}/questions"
    until(lambda: pages.ask("adjudicate", "GET", asked)["questions"] or None, "a question")
