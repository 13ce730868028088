"""Rulings in a browser: drawn objects one by one, by keys and by mouse, and escalations closed together by a lead."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.workbench.test_safety import claimed, looks
from tests.support.pages import PLAIN, Pages, until

pytestmark = pytest.mark.real

BOXES = {"kind": "boxes", "classes": ["car", "van"]}
TEXT = "Ada met Bob in Bern"
FORM = {
    "kind": "form",
    "fields": [
        {"name": "tone", "schema": {"kind": "choice", "classes": ["plain", "odd"]}},
        {"name": "who", "title": "Who is named?", "schema": {"kind": "spans", "classes": ["person", "place"]}},
    ],
}


def box(left: int, name: str = "car") -> dict[str, Any]:
    return {"left": left, "top": 40, "right": left + 100, "bottom": 140, "class": name}


def boxes(*drawn: dict[str, Any]) -> dict[str, Any]:
    return {"boxes": list(drawn)}


def spans(*drawn: tuple[int, int, str]) -> dict[str, Any]:
    rows = [{"start": start, "end": end, "class": name} for start, end, name in drawn]
    return {"answers": {"tone": "plain", "who": {"spans": rows}}}


def picture(number: int) -> dict[str, Any]:
    return {"content": {"uri": f"{PLAIN}?{number}"}, "media_type": "image/svg+xml"}


def text(number: int) -> dict[str, Any]:
    return {"content": f"{TEXT}, {number}"}


def said_by_two(
    pages: Pages,
    slug: str,
    schema: Mapping[str, Any],
    content: Callable[[int], Mapping[str, Any]],
    labels: tuple[Any, Any],
    consensus: Mapping[str, Any] | None = None,
) -> str:
    """Return a project of two units of which two annotators say each one of these."""
    policy = {
        "overlap": {"initial": 2, "max": 2}, "gold": {"rate": 0}, "lot": {"size": 2},
        "consensus": consensus or {"method": "majority", "confidence": 0.6},
        "audit": {"plan": "fraction", "fraction": 1.0, "on_reject": "inspect_all"},
    }  # fmt: skip
    units = [{"id": f"u{number}", **content(number)} for number in (1, 2)]
    project_id = pages.project(slug, dict(schema), units, policy=policy)
    for name, label in zip((f"ann-{slug}", f"bob-{slug}"), labels, strict=True):
        pages.ask("assign", "PUT", f"/annotators/{name}", {}, role="operator")
        token = pages.stack.issuer.token("annotator", name)
        for offer in until(lambda: claimed(pages, project_id, token), "two units"):  # noqa: B023 - called at once
            path = f"/assignments/{offer['assignment_id']}/submission"
            pages.ask("assign", "POST", path, {"label": label}, token=token)
    return project_id


def ruling(page: Page) -> Page:
    page.wait_for_selector(".objects .region")
    return page


def stand(page: Page, *states: str) -> None:
    """Wait until the objects stand so, from first to last."""
    expect(page.locator(".objects .region .badge")).to_have_text(list(states))


def stand_in_any_order(page: Page, *states: str) -> None:
    badges = page.locator(".objects .region .badge")
    until(lambda: sorted(badges.all_inner_texts()) == sorted(states), f"objects that stand so: {states}")


def reasoned(page: Page, reason: str) -> None:
    page.get_by_label("Reason", exact=True).fill(reason)


def origins(pages: Pages, project_id: str, settled: int) -> list[Any]:
    """Return what the units' ledgers say of the regions in their rulings, once so many are there."""
    pages.resolutions(project_id, settled)
    lines = pages.ask("adjudicate", "GET", f"/projects/{project_id}/resolutions")

    def told(unit_id: str) -> Any:
        entries = pages.ask("audit", "GET", f"/units/{unit_id}/lineage")["entries"]
        found = [entry for entry in entries if entry["what"] == "resolved"]
        return (found[-1].get("regions"), found[-1].get("regions_dropped")) if found else None

    settled_ids = [line["unit_id"] for line in lines if line["status"] == "adjudicated"]
    return [until(lambda: told(settled_id), "a line in the ledger") for settled_id in settled_ids]  # noqa: B023 - called at once


def test_a_senior_rules_what_is_drawn_one_by_one_by_keys_and_by_mouse(pages: Pages, slug: str) -> None:
    first, second, third = box(20), box(250), box(480, "van")
    project_id = said_by_two(pages, slug, BOXES, picture, (boxes(first, second), boxes({**first, "right": 116}, third)))
    judge = pages.person("adjudicator", f"judge-{slug}", color_scheme="light", reduced_motion="reduce")
    page = ruling(judge.open(f"/adjudicate?project={project_id}"))
    page.wait_for_selector(".stage svg")
    stand(page, "taken", "open", "open")
    assert "ann-" not in page.content(), "blind: no annotator's name"
    assert looks(page) == []
    # By keys alone: what is looked at first is open.
    page.keyboard.press("Enter")
    page.get_by_text("2 objects are open").first.wait_for()
    page.keyboard.press("d")
    page.keyboard.press("y")
    stand(page, "taken", "dropped", "taken")
    page.get_by_text("none is open").wait_for()
    # Back to the second one, and it is taken after all, a little further right than anybody drew it.
    page.keyboard.press(",")
    page.keyboard.press("y")
    page.keyboard.press(",")
    page.keyboard.press("Shift+ArrowRight")
    reasoned(page, "The second is there, a little further on.")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Ruled in this sitting: 1").wait_for()
    labels = pages.resolutions(project_id, 1)
    (ruled,) = labels.values()
    assert [entry["left"] for entry in ruled["boxes"]] == [20, 260, 480]
    # By mouse: the other unit, one side whole, and one object dropped from it.
    ruling(page)
    page.locator(".answer", has_text="van").get_by_role("button").click()
    stand_in_any_order(page, "dropped", "taken", "taken")
    page.locator(".objects .region", has_text="van").click()
    page.locator(".objects").get_by_role("button", name="Drop it").click()
    stand_in_any_order(page, "dropped", "dropped", "taken")
    reasoned(page, "There is one car.")
    page.locator(".sending .primary").click()
    page.get_by_text("Ruled in this sitting: 2").wait_for()
    assert sorted(len(resolution["boxes"]) for resolution in pages.resolutions(project_id, 2).values()) == [1, 3]
    rows = origins(pages, project_id, 2)
    by_keys, by_mouse = sorted(rows, key=lambda entry: -len(entry[0][""]))
    assert [entry[0] for entry in by_keys[0][""]] == ["merged", "corrected", "drawn"]
    assert (by_keys[1], [entry[0] for entry in by_mouse[0][""]], by_mouse[1]) == (0, ["drawn"], 2)


def test_in_a_form_what_all_agree_on_is_there_and_only_what_differs_is_ruled(pages: Pages, slug: str) -> None:
    rows = spans((0, 3, "person"), (8, 11, "person")), spans((0, 3, "person"), (15, 19, "place"))
    project_id = said_by_two(pages, slug, FORM, text, rows)
    page = ruling(pages.person("adjudicator", f"judge-{slug}").open(f"/adjudicate?project={project_id}"))
    stand(page, "taken", "open", "open")
    page.keyboard.press("y")
    page.keyboard.press("d")
    stand(page, "taken", "taken", "dropped")
    reasoned(page, "Bern is no person.")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Ruled in this sitting: 1").wait_for()
    (ruled,) = pages.resolutions(project_id, 1).values()
    assert ruled == spans((0, 3, "person"), (8, 11, "person"))
    ((regions, dropped),) = origins(pages, project_id, 1)
    assert ([entry[0] for entry in regions["who"]], dropped) == (["drawn", "drawn"], 1)


def modelled(pages: Pages, slug: str) -> str:
    """Return a project of which a model says otherwise than what was accepted, of two units."""
    choice = {"kind": "choice", "classes": ["yes", "no"]}
    project_id = said_by_two(pages, slug, choice, text, ("yes", "yes"))

    def accepted() -> bool | None:
        for inspection in pages.ask("audit", "GET", f"/inspections?project_id={project_id}", role="auditor")[
            "inspections"
        ]:
            verdicts = {"verdicts": [{"unit_id": inspection["unit_id"], "label": "yes"}]}
            pages.ask("audit", "POST", "/inspections", verdicts, role="auditor")
        lots = pages.ask("audit", "GET", f"/projects/{project_id}/lots")["lots"]
        return (bool(lots) and lots[0]["status"] == "accepted") or None

    until(accepted, "an accepted lot")
    outputs = "".join(
        json.dumps({"event_id": f"u{number}", "model": "m", "model_version": "1", "label": "no", "confidence": 0.9})
        + "\n"
        for number in (1, 2)
    )
    answer = pages.http.post(
        f"{pages.stack.addresses['audit']}/v1/projects/{project_id}/models/outputs",
        content=outputs,
        headers={
            "authorization": f"Bearer {pages.stack.issuer.client_key}",
            "content-type": "application/x-ndjson",
        },
    )
    assert answer.is_success, answer.text
    return project_id


def test_whoever_judges_a_models_disagreements_is_not_told_whose_side_is_whose(pages: Pages, slug: str) -> None:
    project_id = modelled(pages, slug)
    judge = pages.person("adjudicator", f"judge-{slug}", color_scheme="light", reduced_motion="reduce")
    page = judge.open(f"/judging/{project_id}")
    page.wait_for_selector(".sides .answer")
    expect(page.locator(".pieces li")).to_have_count(2)
    assert sorted(page.locator(".pieces li").all_inner_texts()) == ["no", "yes"]
    assert "0.9" not in page.locator("main").inner_text()
    assert looks(page) == []
    page.keyboard.press("Enter")
    page.get_by_text("Say which is right.").wait_for()
    side = page.locator(".answer", has_text="no").get_attribute("aria-label")
    page.keyboard.press("1" if side == "Side A" else "2")
    page.keyboard.press("Enter")
    page.get_by_text("Judged in this sitting: 1").wait_for()
    page.locator(".picks").get_by_text("By the guideline either may be").click()
    page.locator(".sending .primary").click()
    page.get_by_text("Nothing of this model waits for you").wait_for()
    (model,) = pages.ask("audit", "GET", f"/projects/{project_id}/models")["models"]
    found = pages.ask("audit", "GET", f"/projects/{project_id}/models/{model['model_id']}/score")["findings"]
    assert {name: units for name, units in found.items() if units} == {"label_error": 1, "ambiguous": 1}


def test_a_lead_sees_what_each_bar_would_close_and_closes_there(pages: Pages, slug: str) -> None:
    choice = {"kind": "choice", "classes": ["yes", "no"]}
    consensus = {"method": "posterior", "confidence": 0.9999}
    project_id = said_by_two(pages, slug, choice, text, ("yes", "yes"), consensus)
    lead = pages.person("client", color_scheme="light", reduced_motion="reduce")
    bars = f"/projects/{project_id}/escalations/bars"
    until(lambda: pages.ask("adjudicate", "GET", bars)["waiting"] == 2 or None, "two escalations")
    until(lambda: [bar["units"] for bar in pages.ask("adjudicate", "GET", bars)["bars"]][:1] == [2], "two to be closed")
    page = lead.open(f"/closing/{project_id}")
    page.get_by_text("2 units wait for a ruling").wait_for()
    page.wait_for_selector(".bars tr.chosen")
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    expect(page.locator(".bars tr.chosen")).to_contain_text("50%")
    expect(page.locator(".bars tr.chosen .amount")).to_have_text("2")
    assert looks(page) == []
    page.get_by_label("Why they need no ruling").fill("Sure enough.")
    page.keyboard.press("Control+Enter")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("It is not undone")
    assert looks(page) == []
    dialog.get_by_role("button", name="Leave them").click()
    assert pages.ask("adjudicate", "GET", bars)["waiting"] == 2, "nothing is closed before it is said twice"
    page.get_by_role("button", name="Settle 2 units …").click()
    dialog.get_by_role("button", name="Settle 2 units", exact=True).click()
    page.get_by_text("2 units are settled, from 50% on.").wait_for()
    page.get_by_text("0 units wait for a ruling").wait_for()
    assert set(pages.resolutions(project_id, 2).values()) == {"yes"}
