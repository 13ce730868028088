"""A draft is there again in another browser, and neither of two windows writes over what it has not seen."""

import pytest

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
    assert second.locator("textarea").input_value() == "half a thought"
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
    assert second.locator("textarea").input_value() == "from here"
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
    assert other.locator("textarea").input_value() == "written in a tunnel"
