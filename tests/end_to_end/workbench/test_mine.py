"""One's own quality in a browser: read by keys alone, with what is told of hidden gold and no more."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.workbench.worked import OTHERS, weeks_of_work
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

GOLD_A_DAY, DAYS = 4, 20


def test_somebody_reads_their_own_quality_and_goes_back_to_work_by_a_key(pages: Pages, slug: str) -> None:
    name = f"ann-{slug}"
    project_id = weeks_of_work(pages, slug, name, DAYS, GOLD_A_DAY)
    token = pages.stack.issuer.token("annotator", name)
    path = f"/projects/{project_id}/quality/mine"

    def counted() -> bool:
        # What is gold comes on a topic of its own, and may come after the labels.
        gold = pages.ask("metrics", "GET", f"/projects/{project_id}/quality")["gold_annotations"]
        labels = pages.ask("metrics", "GET", path, token=token)["labels"]
        return bool((labels, gold) == (2 * GOLD_A_DAY * DAYS, GOLD_A_DAY * DAYS + OTHERS // 2))

    until(counted, "all labels, and all gold")
    told = pages.ask("metrics", "GET", path, token=token)
    person = pages.person("annotator", name)
    page = person.open(f"/annotate/{project_id}")
    page.get_by_role("button", name="My standing").press("Enter")
    page.locator("dialog").get_by_role("link", name="My quality").press("Enter")
    page.locator(".numbers").wait_for()
    # A day is isolated from the words around it, which may run the other way.
    text = page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")
    assert f"{told['gold_correct']} of {told['gold_units']} right, until {told['stated_until']}" in text
    assert told["gold_units"] <= (DAYS - 1) * GOLD_A_DAY
    assert len(told["periods"]) > 4
    for name, rows in (
        ("Accuracy over time", len(told["periods"])), ("What you take for what", 2),
        ("Speed and accuracy", 3), ("Active time by day", DAYS),
    ):  # fmt: skip
        expect(page.get_by_role("group", name=name).locator("tbody tr")).to_have_count(rows)
    assert "all others together" in text
    assert "other-1" not in text
    page.keyboard.press("b")
    page.wait_for_url(f"**/annotate/{project_id}")
