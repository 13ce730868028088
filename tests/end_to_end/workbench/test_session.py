"""Nobody is sent away from their work: a session goes on by itself, and where it may not, the page stays as it is."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from deploy.local import listeners
from deploy.local.ports import free_port
from deploy.local.services import workbench_environment
from deploy.local.stack import Stack
from tests.end_to_end.workbench.test_sending import CHOICE, send, units
from tests.support.pages import Pages, Person, painted, until
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

TOKEN_SECONDS = 24
DUE_SECONDS = TOKEN_SECONDS / 2 - 2
"""A token is not renewed before it has come to half its time; seconds are counted as whole ones on the way there."""


@contextmanager
def hasty_workbench(stack: Stack, folder: Path) -> Iterator[str]:
    """Run one more process of the workbench, whose tokens hold for some seconds alone; give its address."""
    port = free_port()
    settings = workbench_environment(stack.ports, stack.issuer)
    settings |= {"CONCORD_HTTP_PORT": str(port), "CONCORD_WORKBENCH_LOCAL_SECONDS": str(TOKEN_SECONDS)}
    with (folder / "workbench.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "workbench"], env=settings, stdout=log, stderr=log)
        try:
            until(lambda: listeners.answers_ready(port) or None, "a workbench")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def renewals(base: str) -> dict[str, float]:
    """Return how many sessions a workbench was asked to go on with, by what came of it."""
    page = httpx.get(f"{base}/metrics", timeout=PATIENCE_SECONDS).text
    found = re.findall(r'concord_workbench_renewals_total\{result="(\w+)"\} ([0-9.]+)', page)
    return {result: float(count) for result, count in found}


def test_a_session_goes_on_by_itself_in_two_tabs_and_its_token_is_asked_for_once(
    pages: Pages, slug: str, tmp_path: Path
) -> None:
    project_id = pages.project(slug, CHOICE, units(3))
    with hasty_workbench(pages.stack, tmp_path) as base:
        first = pages.person()
        asked: set[Page] = set()
        first.context.on(
            "request", lambda request: asked.add(request.frame.page) if request.url.endswith("/renewal") else None
        )
        began = time.monotonic()
        person = Person(first.context, base).sign_in("annotator", f"ann-{slug}")
        page = person.at_desk(project_id)
        other = first.context.new_page()
        other.goto(f"{base}/annotate")
        other.wait_for_selector("html[data-ready]", state="attached")
        send(page, "1")
        word = page.evaluate("fetch('/session').then((one) => one.json()).then((told) => told.csrf)")
        until(lambda: asked == {page, other}, "both tabs ask", page=page)
        page.wait_for_timeout(500)
        found = renewals(base)
        assert found.keys() == {"renewed"}
        # One for both, unless so much time has passed that it was due again.
        assert 1 <= found["renewed"] <= max(1, (time.monotonic() - began) // DUE_SECONDS)
        assert page.evaluate("fetch('/session').then((one) => one.json()).then((told) => told.csrf)") == word
        send(page, "2")
        expect(page.locator(".notice.warn")).to_have_count(0)
        assert len(pages.resolutions(project_id, 2)) == 2
        assert person.faults == []


def with_all_in_hand(person: Person, project_id: str, count: int) -> Page:
    """Open a project's desk and return its page when it holds so many units: the session is needed for none of them."""
    read: list[str] = []
    person.page.on("requestfinished", lambda request: read.append(request.url) if "/payloads/" in request.url else None)
    page = person.at_desk(project_id)
    until(lambda: len(read) >= count, f"{count} units in hand", page=page)
    painted(page)
    return page


def signed_in_again(page: Page, subject: str) -> None:
    """Follow the notice to a tab of its own, and sign in there."""
    with page.context.expect_page() as opened:
        page.locator(".notice.warn a").click()
    tab = opened.value
    tab.wait_for_selector("html[data-ready]", state="attached")
    card = tab.locator(".card").filter(has=tab.locator("h2:text-is('Annotator')"))
    card.locator("input").fill(subject)
    card.locator("button").click()
    tab.get_by_text("Close this tab").wait_for()
    tab.close()


def test_a_page_whose_session_has_ended_keeps_its_work_and_goes_on_after_the_next_sign_in(
    pages: Pages, slug: str
) -> None:
    project_id = pages.project(slug, {"kind": "text"}, units(2))
    subject = f"ann-{slug}"
    person = pages.person("annotator", subject)
    page = with_all_in_hand(person, project_id, 2)
    page.locator("textarea").fill("the first")
    person.context.clear_cookies()  # as a browser does when they have come to their end
    page.keyboard.press("Control+Enter")
    expect(page.locator("textarea")).to_have_value("")
    page.locator("textarea").fill("half of the sec")
    page.locator(".notice.warn", has_text="Your work is kept here").wait_for()
    expect(page.locator("[data-waiting]")).to_have_count(1)
    signed_in_again(page, subject)
    # The page that was left has heard of it: what it kept is sent, and what was being written still stands.
    page.locator(".notice.warn").wait_for(state="detached")
    expect(page.locator("textarea")).to_have_value("half of the sec")
    page.keyboard.press("Control+Enter")
    stored = pages.resolutions(project_id, 2)
    assert sorted(stored.values()) == ["half of the sec", "the first"]
    assert person.refused() == []


def test_what_one_person_has_not_sent_is_never_sent_as_another(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, {"kind": "text"}, units(1))
    subject = f"ann-{slug}"
    person = pages.person("annotator", subject)
    page = person.at_desk(project_id)
    page.locator("textarea").fill("of the first person")
    person.context.clear_cookies()
    page.keyboard.press("Control+Enter")
    page.locator(".notice.warn").wait_for()
    signed_in_again(page, f"other-{slug}")
    page.locator(".top .subject", has_text=f"other-{slug}").wait_for()
    kept = page.evaluate("(name) => JSON.parse(localStorage.getItem(name))", f"concord:{subject}:outbox")
    assert [entry["label"] for entry in kept] == ["of the first person"]
    assert page.evaluate("(name) => localStorage.getItem(name)", f"concord:other-{slug}:outbox") in (None, "[]")
    # They come back to this browser, and it is sent.
    person.sign_in("annotator", subject)
    person.open(f"/annotate/{project_id}")
    assert pages.resolutions(project_id, 1) == {"u0": "of the first person"}
