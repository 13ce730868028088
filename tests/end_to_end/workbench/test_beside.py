"""A model beside people, on real parts: its table, what becomes of units that it and they passed over, and new gold."""

import json
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from cli.main import main
from cli.session import TOKEN
from concord.contracts.names import NAME_CHARACTERS_MAX
from tests.end_to_end.workbench.test_newest import out_of_reach
from tests.end_to_end.workbench.test_safety import looks
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

SCHEMA = {"kind": "choice", "classes": ["yes", "no"]}
UNITS = 6
OPTIONS: dict[str, Any] = {"color_scheme": "light", "reduced_motion": "reduce"}


def label_all(pages: Pages, project_id: str, name: str, kind: str, text: str, count: int = UNITS) -> None:
    """Let somebody label all units: people say `text` of every third one, and no of the others; a model says yes."""
    pages.ask("assign", "PUT", f"/annotators/{name}", {"kind": kind}, role="operator")
    token = pages.stack.issuer.token("annotator", name)
    path = f"/projects/{project_id}/claims"

    def held() -> list[dict[str, Any]] | None:
        offers: list[dict[str, Any]] = pages.ask("assign", "POST", path, {"units": count}, token=token)["assignments"]
        return offers if len(offers) == count else None

    offers = sorted(until(held, f"{count} units"), key=lambda unit: unit["unit_id"])
    labels = [
        {"assignment_id": assignment["assignment_id"], "label": "no" if kind == "human" and place % 3 else text}
        for place, assignment in enumerate(offers)
    ]
    body = pages.ask("assign", "POST", "/submissions", {"submissions": labels}, token=token)["results"]
    assert {entry["status"] for entry in body} == {"late" if kind == "model" else "accepted"}


def worked(pages: Pages, slug: str) -> str:
    """Return a project that two people agree on, and a model labels beside them; its name is as long as may be."""
    policy = {
        "overlap": {"initial": 2, "max": 2},
        "gold": {"rate": 0, "candidate_labels_min": 2, "candidate_confidence_min": 0.5},
        "consensus": {"method": "majority", "confidence": 0.5},
    }
    units = [{"id": f"u{place}", "content": f"Is text {place} about a town?"} for place in range(UNITS)]
    project_id = pages.project(slug, SCHEMA, units, policy=policy, name="Towns", guideline="# Towns\n\nOnly **towns**.")
    label_all(pages, project_id, f"{slug}-model-".ljust(NAME_CHARACTERS_MAX, "x"), "model", "yes")
    for name in ("ann", "bob"):
        label_all(pages, project_id, f"{slug}-{name}", "human", "yes")
    pages.resolutions(project_id, UNITS)
    return project_id


def commanded(pages: Pages, *arguments: str) -> Any:
    """Return what a command of an operator tells."""
    names = {f"CONCORD_{name.upper()}_URL": address for name, address in pages.stack.addresses.items()}
    names[TOKEN] = pages.stack.issuer.token("operator", "operator-1")
    result = CliRunner().invoke(main, [*arguments, "--json"], env=names)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_model_is_held_against_people_and_all_labels_are_weighed_at_once(pages: Pages, slug: str) -> None:
    project_id = worked(pages, slug)
    body = commanded(pages, "infer", project_id, "--annotators", "--units")
    (field,) = body["inference"]["fields"]
    assert (body["inference"]["status"], field["units"], field["labels"], field["settled"]) == (
        "done",
        UNITS,
        12,
        UNITS,
    )
    assert [annotator["labels"] for annotator in body["annotators"]] == [UNITS, UNITS], (
        "a model's labels beside do not count"
    )
    assert body["units"] == [] == [annotator for annotator in body["annotators"] if annotator["accuracy"] < 0.5]

    def counted() -> dict[str, Any] | None:
        found: dict[str, Any] = commanded(pages, "models", "beside", project_id, "--label", "0.3", "--output", "0.01")
        models = found["models"]
        done = models and models[0]["fields"] and models[0]["fields"][0]["resolved"]["units"] == UNITS
        return found if done and found["people"]["annotations"] == 2 * UNITS else None

    beside = until(counted, "the model's labels in quality")
    (model,) = beside["models"]
    assert (model["labelling"]["annotations"], beside["counted"]) == (UNITS, "never")
    assert model["fields"][0]["resolved"]["value"] == pytest.approx(1 / 3)
    page = pages.person("client", **OPTIONS).open(f"/agreement/{project_id}")
    page.wait_for_selector(".models tbody tr:nth-child(2)")
    row = page.locator(".models tbody tr", has_text=f"{slug}-model")
    expect(row).to_contain_text("33%")
    row.get_by_role("button").click()
    expect(page.locator(".models table").nth(1)).to_contain_text("yes")
    assert [*looks(page), *out_of_reach(page)] == []
    page.set_viewport_size({"width": 390, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page itself does not scroll sideways on a phone, however long a name is"


def test_a_lead_confirms_and_declines_what_may_become_gold(pages: Pages, slug: str) -> None:
    project_id = worked(pages, slug)
    path = f"/projects/{project_id}/gold/candidates"
    listed = partial(pages.ask, "adjudicate", "GET", path, role="adjudicator")
    until(lambda: listed()["candidates"] if len(listed()["candidates"]) == UNITS else None, "candidates")
    page = pages.person("adjudicator", f"judge-{slug}", **OPTIONS).open(f"/gold/{project_id}/candidates")
    page.wait_for_selector(".own textarea")
    assert [*looks(page), *out_of_reach(page)] == []
    page.locator("h1").click()
    page.keyboard.press("Enter")
    expect(page.locator(".own .problem")).not_to_be_empty()
    for reason, key, done in (("A town, plainly.", "Control+Enter", 1), ("It may be a village.", "", 2)):
        page.get_by_label("Reason", exact=True).fill(reason)
        if key:
            page.keyboard.press(key)
        else:
            page.locator("h1").click()
            page.keyboard.press("s")
        expect(page.locator(".bar .quiet", has_text=str(done))).to_be_visible()
    until(lambda: True if len(listed()["candidates"]) == UNITS - 2 else None, "two fewer")
    stock = f"/projects/{project_id}/gold/stock"
    assert until(lambda: pages.ask("assign", "GET", stock)["units"] or None, "a gold unit") == 1


def test_what_two_people_find_unclear_is_asked_and_a_models_word_is_none(pages: Pages, slug: str) -> None:
    policy = {"overlap": {"initial": 2, "max": 3}, "gold": {"rate": 0}}
    project_id = pages.project(slug, SCHEMA, [{"id": "u", "content": "Is Old Town a town?"}], policy=policy)
    for name, kind in (("m1", "model"), ("m2", "model"), ("ann", "human")):
        pages.ask("assign", "PUT", f"/annotators/{slug}-{name}", {"kind": kind}, role="operator")
        token = pages.stack.issuer.token("annotator", f"{slug}-{name}")
        claim = partial(pages.ask, "assign", "POST", f"/projects/{project_id}/claims", {}, token=token)
        (offer,) = until(lambda: claim()["assignments"] or None, "the unit")  # noqa: B023 - called at once
        word = {"reason": f"{name} cannot say", "code": "guideline_unclear"}
        pages.ask("assign", "POST", f"/assignments/{offer['assignment_id']}/skip", word, token=token)
    page = pages.person("annotator", f"{slug}-bob", **OPTIONS).at_desk(project_id)
    page.keyboard.press("s")
    page.wait_for_selector("dialog .pick")
    assert [*looks(page), *out_of_reach(page)] == []
    page.get_by_role("button", name="The guideline does not say").click()
    asked = f"/projects/{project_id}/questions"
    # What each of them said is taken down one after the other.
    found = partial(pages.ask, "adjudicate", "GET", asked)
    body = until(
        lambda: [question for question in found()["questions"] if question["skipped"] == 2] or None,
        "what two people say",
    )
    assert [entry["status"] for entry in body] == ["noticed"], "of two people; of two models nothing"
