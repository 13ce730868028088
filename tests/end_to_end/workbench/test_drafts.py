"""A draft is there again in another browser, and neither of two windows writes over what it has not seen."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.pages import Pages

pytestmark = pytest.mark.real

TEXT = {"kind": "text"}


def units(count: int) -> list[dict[str, str]]:
    return [{"id": f"u{place}", "content": f"Text number {place}."} for place in range(count)]


def test_what_was_begun_in_one_browser_goes_on_in_another_and_is_sent_once(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, TEXT, units(1))
    first = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    with first.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 200):
        first.locator("textarea").fill("half a thought")
    second = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    expect(second.locator("textarea")).to_have_value("half a thought")
    second.locator("textarea").press("End")
    second.keyboard.type(", and the rest")
    second.keyboard.press("Control+Enter")
    assert pages.resolutions(project_id, 1) == {"u0": "half a thought, and the rest"}


def test_of_two_windows_each_is_told_what_the_other_has_saved(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, TEXT, units(1))
    first = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    second = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    with first.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 200):
        first.locator("textarea").fill("from here")
    second.locator("textarea").fill("from there")
    notice = second.locator("[data-elsewhere]")
    notice.wait_for()
    assert second.locator("textarea").input_value() == "from there", "nothing is taken away from anybody"
    notice.locator("button").first.click()
    expect(second.locator("textarea")).to_have_value("from here")
    second.keyboard.press("Control+Enter")
    assert pages.resolutions(project_id, 1) == {"u0": "from here"}


def test_offline_a_draft_waits_in_the_browser_and_is_saved_when_the_network_is_back(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, TEXT, units(1))
    person = pages.person("annotator", f"ann-{slug}")
    page = person.at_desk(project_id)
    person.context.set_offline(True)
    page.locator("textarea").fill("written in a tunnel")
    page.wait_for_selector(".notice.warn")
    with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 200):
        person.context.set_offline(False)
    other = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    expect(other.locator("textarea")).to_have_value("written in a tunnel")


def worked(page: Page) -> float:
    """Work for a second at least; return how much active time this browser has kept of the unit, in milliseconds."""
    for place in range(6):
        page.mouse.move(200 + 10 * place, 300)
        page.wait_for_timeout(200)
    page.reload()
    page.wait_for_selector("[data-unit]")
    kept: float = page.evaluate("""JSON.parse(localStorage.getItem(
      Object.keys(localStorage).find((name) => name.includes(":draft:")))).active_ms""")
    return kept


def test_active_time_goes_on_after_every_reload_and_is_sent_whole(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, {"kind": "text"}, [{"id": "u0", "content": "Text."}])
    page = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    page.locator("textarea").fill("one")
    first = worked(page)
    second = worked(page)
    assert first >= 1_000
    assert second >= first + 1_000
    page.locator("textarea").fill("two")
    with page.expect_request("**/assign/v1/submissions") as sent:
        page.keyboard.press("Control+Enter")
    body = sent.value.post_data_json
    assert body is not None
    (submission,) = body["submissions"]
    assert (submission["label"], submission["active_ms"] >= second) == ("two", True)
