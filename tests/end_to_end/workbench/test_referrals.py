"""A reviewer sends a unit back by key, annotators label it again at their desks, and it comes back with all of it."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.workbench.test_revising import look
from tests.end_to_end.workbench.test_rulings import said_by_two
from tests.end_to_end.workbench.test_safety import looks
from tests.end_to_end.workbench.test_sending import CHOICE
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real
COMMENT = "Mind the second sentence."


def test_a_unit_goes_back_with_a_comment_and_its_annotators_label_it_again(pages: Pages, slug: str) -> None:
    labels = CHOICE["classes"][:2]
    project_id = said_by_two(pages, slug, CHOICE, lambda number: {"content": f"Text {number}."}, (labels[0], labels[1]))
    judge = pages.person("adjudicator", f"judge-{slug}", color_scheme="light", reduced_motion="reduce")
    page = judge.open(f"/adjudicate?project={project_id}")
    page.get_by_text("Side A").first.wait_for()
    page.keyboard.press("u")
    page.get_by_text("Their labels are set aside.").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("Say what they are to look at.").wait_for()
    page.get_by_label("Comment to the annotators").fill(COMMENT)
    look(page, "send-back")
    assert looks(page, apart=True) == []
    page.get_by_role("button", name="Send back").click()
    page.get_by_text("Ruled in this sitting: 1").wait_for()
    senior = pages.stack.issuer.token("adjudicator", f"judge-{slug}")
    waiting = f"/escalations?project_id={project_id}"
    (other,) = until(
        lambda: pages.ask("adjudicate", "GET", waiting, token=senior)["escalations"] or None, "the other unit"
    )
    ruling = {"label": labels[0], "reason": "It says so."}
    pages.ask("adjudicate", "POST", f"/escalations/{other['unit_id']}/ruling", ruling, token=senior)

    ann = pages.person("annotator", f"ann-{slug}", color_scheme="light", reduced_motion="reduce")
    desk = ann.at_desk(project_id)
    expect(desk.locator("[data-comment]")).to_contain_text(COMMENT)
    desk.get_by_text("It begins with what you had said.").wait_for()
    look(desk, "sent-back")
    assert looks(desk, apart=True) == []
    desk.keyboard.press("Enter")
    desk.wait_for_selector("[data-waiting]", state="detached")

    token = pages.stack.issuer.token("annotator", f"bob-{slug}")
    path = f"/projects/{project_id}/claims"
    (offer,) = until(
        lambda: pages.ask("assign", "POST", path, {"units": 1}, token=token)["assignments"] or None, "a unit"
    )
    assert offer["comment"] == COMMENT
    pages.ask("assign", "POST", f"/assignments/{offer['assignment_id']}/submission", {"label": labels[1]}, token=token)

    until(lambda: pages.ask("adjudicate", "GET", waiting, token=senior)["escalations"] or None, "what was sent back")
    page = judge.open(f"/adjudicate?project={project_id}")
    page.get_by_text("Sent back before").wait_for()
    expect(page.locator(".referrals q")).to_have_text(COMMENT)
    assert f"ann-{slug}" not in page.content(), "blind: no annotator's name"
    look(page, "came-back")
    assert looks(page, apart=True) == []
