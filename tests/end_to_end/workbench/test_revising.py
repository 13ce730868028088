"""A label is looked at again, changed by key before its unit is settled, and stands when it is too late."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.workbench.test_sending import CHOICE, send, units
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

TWO = {
    "overlap": {"initial": 2, "max": 2},
    "gold": {"rate": 0},
    "consensus": {"method": "majority", "confidence": 0.9},
    "lot": {"size": 500},
}
LOOK = "CONCORD_TEST_LOOK"
"""A folder for pictures of the page, for whoever works on it."""


def look(page: Page, name: str) -> None:
    """Keep a picture of the page in light and in dark, if somebody wants to look."""
    if not (folder := os.environ.get(LOOK)):
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        page.screenshot(path=Path(folder) / f"{name}-{scheme}.png")


def labelled(pages: Pages, project_id: str, label: str, name: str) -> None:
    """Have another annotator say this of the next unit."""
    pages.ask("assign", "PUT", f"/annotators/{name}", {}, role="operator")
    token = pages.stack.issuer.token("annotator", name)
    given: dict[str, list[dict[str, str]]] = pages.ask(
        "assign", "POST", f"/projects/{project_id}/claims", {"units": 1}, token=token
    )
    (assignment,) = given["assignments"]
    path = f"/assignments/{assignment['assignment_id']}/submission"
    pages.ask("assign", "POST", path, {"label": label}, token=token)


def test_a_label_is_changed_by_key_until_its_unit_is_settled(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, CHOICE, units(1), policy=TWO)
    token = pages.stack.issuer.token("annotator", f"ann-{slug}")
    person = pages.person("annotator", f"ann-{slug}")
    page = person.at_desk(project_id)
    send(page, "1")
    page.wait_for_selector("[data-waiting]", state="detached")
    page.locator(f"a[href='/revising/{project_id}']").click()
    row = page.locator("[data-annotation]")
    row.locator("b", has_text="alpha").wait_for()
    annotation = row.get_attribute("data-annotation")
    look(page, "list")
    page.keyboard.press("1")
    page.wait_for_selector("[data-unit]")
    expect(page.locator(".content .text")).to_have_text("Text number 0.")
    look(page, "unit")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    row.locator("b", has_text="beta").wait_for()
    expect(row.locator(".badge")).to_have_count(1)
    look(page, "changed")
    labelled(pages, project_id, "beta", f"other-{slug}")
    assert pages.resolutions(project_id, 1) == {"u0": "beta"}
    # Assign hears of it a moment after adjudicate has decided; until then the label looks as if it could be changed.
    path = f"/annotations/{annotation}"
    until(lambda: None if pages.ask("assign", "GET", path, token=token)["revisable"] else True, "the end of revising")
    page = person.open(f"/revising/{project_id}?annotation={annotation}")
    page.locator(".nothing", has_text="too late").wait_for()
    look(page, "late")
    assert person.refused() == []
