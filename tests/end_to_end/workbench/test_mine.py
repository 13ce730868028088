"""One's own quality in a browser: read by keys alone, with what is told of hidden gold and no more."""

import pytest

from tests.end_to_end.workbench.worked import weeks_of_work
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

GOLD_A_DAY, DAYS = 4, 20


def test_somebody_reads_their_own_quality_and_goes_back_to_work_by_a_key(pages: Pages, slug: str) -> None:
    name = f"ann-{slug}"
    project_id = weeks_of_work(pages, slug, name, DAYS, GOLD_A_DAY)
    token = pages.stack.issuer.token("annotator", name)
    path = f"/projects/{project_id}/quality/mine"

    def counted() -> bool:
        found = pages.ask("metrics", "GET", path, token=token)
        # What is gold comes on a topic of its own, and may come after the labels.
        return bool(found["labels"] == 2 * GOLD_A_DAY * DAYS and found["gold_units"] > (DAYS - 2) * GOLD_A_DAY - 10)

    until(counted, "all labels, and all gold that is told")
    told = pages.ask("metrics", "GET", path, token=token)
    person = pages.person("annotator", name)
    page = person.open(f"/annotate/{project_id}")
    page.get_by_role("button", name="My standing").press("Enter")
    page.locator("dialog").get_by_role("link", name="My quality").press("Enter")
    page.locator(".numbers").wait_for()
    # A day is isolated from the words around it, which may run the other way.
    text = page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")
    # The last day but one may be told by now, or not yet: the service says which.
    assert f"{told['gold_correct']} of {told['gold_units']} right, until {told['stated_until']}" in text
    assert told["gold_units"] <= (DAYS - 1) * GOLD_A_DAY
    assert page.get_by_role("group", name="Accuracy over time").locator("tbody tr").count() == len(told["periods"]) > 4
    assert page.get_by_role("group", name="What you take for what").locator("tbody tr").count() == 2
    assert page.get_by_role("group", name="Speed and accuracy").locator("tbody tr").count() == 3
    assert page.get_by_role("group", name="Active time by day").locator("tbody tr").count() == DAYS
    assert "all others together" in text
    assert "other-1" not in text
    page.keyboard.press("b")
    page.wait_for_url(f"**/annotate/{project_id}")
