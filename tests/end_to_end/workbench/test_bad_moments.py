"""Pages at a bad moment: nobody answers, files are of another version, a link is old, a key is pressed twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.end_to_end.workbench.doubted import doubted
from tests.end_to_end.workbench.test_newest import show_alerts
from tests.end_to_end.workbench.test_safety import disputed
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

CHOICE = {"kind": "choice", "classes": ["alpha", "beta"]}


def go_on(route: Route) -> None:
    route.continue_()


def at_first(
    act: Callable[[Route], Any], times: int = 1, then: Callable[[Route], Any] = go_on
) -> Callable[[Route], None]:
    """Return what serves so many requests otherwise, and lets the rest through, or does something else with it."""
    served: list[Request] = []

    def serve(route: Route) -> None:
        served.append(route.request)
        (act if len(served) <= times else then)(route)

    return serve


class Gate:
    """Requests that wait until it is opened: what a page says meanwhile stays there until somebody has read it."""

    def __init__(self) -> None:
        self._held: list[Route] = []
        self._is_open = False

    def serve(self, route: Route) -> None:
        if self._is_open:
            route.continue_()
        else:
            self._held.append(route)

    def open(self) -> None:
        self._is_open = True
        for route in self._held:
            route.continue_()


def refuse(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, content_type="application/problem+json", body='{"detail": "no"}')


def hold(page: Page, pattern: str) -> list[Route]:
    """Return the requests of this address, which wait from now on until somebody lets them go on."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def first_of(page: Page, held: list[Route]) -> Route:
    first: Route = until(lambda: held[:1], "a request", page=page)[0]
    return first


def test_a_page_begins_by_itself_once_somebody_answers(pages: Pages) -> None:
    page, gate = pages.person().page, Gate()
    page.route("**/session", at_first(refuse(503), then=gate.serve))
    page.goto(f"{pages.base}/sign-in")
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    gate.open()
    page.wait_for_selector("html[data-ready] .card", state="attached")


def test_files_that_do_not_come_are_told_of_and_a_slow_page_is_not_shown_over_a_quick_one(pages: Pages) -> None:
    page = pages.person("client").open("/projects")
    page.route("**/roles/alerts.js", at_first(lambda route: route.abort()))
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("heading", name="This page could not be fetched.").wait_for()
    page.get_by_role("button", name="Load it anew").click()
    page.get_by_role("heading", name="Alerts").wait_for()
    held = hold(page, "**/roles/verify.js")
    page.get_by_role("link", name="Verify").click()
    slow = first_of(page, held)
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("heading", name="Projects", exact=True).wait_for()
    with page.expect_response("**/roles/verify.js"):
        slow.continue_()
    page.wait_for_timeout(200)
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


def test_every_page_is_named_and_has_the_keys_and_going_back_leaves_a_broken_address(pages: Pages) -> None:
    page = pages.person("client").open("/projects")
    expect(page).to_have_title("Projects – Concord")
    page.get_by_role("link", name="Alerts").click()
    expect(page).to_have_title("Alerts – Concord")
    page.get_by_role("heading", name="Alerts", exact=True).wait_for()
    expect(page.locator("#main")).to_be_focused()
    page.go_back()
    expect(page).to_have_title("Projects – Concord")
    page.evaluate("history.pushState(null, '', '/projects/%E0%A4%A'); dispatchEvent(new PopStateEvent('popstate'))")
    page.get_by_role("heading", name="There is no such page.").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Projects", exact=True).wait_for()


def test_a_unit_whose_payload_does_not_come_or_whose_link_is_old_is_asked_for_again(pages: Pages, slug: str) -> None:
    project_id = disputed(pages, slug)
    page, gate = pages.person("adjudicator", f"{slug}-j").page, Gate()
    page.route("**/api/ingest/v1/payloads/**", at_first(refuse(503), then=gate.serve))
    page.goto(f"{pages.base}/adjudicate?project={project_id}")
    expect(page.locator(".desk [role=alert]").first).to_contain_text("does not answer")
    gate.open()
    page.wait_for_selector(".ruling")
    page.unroute("**/api/ingest/v1/payloads/**")
    lists: list[str] = []
    page.on("request", lambda request: lists.append(request.url) if "/escalations?" in request.url else None)
    page.route("**/api/ingest/v1/payloads/**", at_first(refuse(401), times=2))
    page.reload()
    page.wait_for_selector(".ruling")
    assert len(lists) > 1, "the queue is asked for a link that holds"


def test_enter_pressed_twice_is_one_ruling(pages: Pages, slug: str) -> None:
    project_id = disputed(pages, slug)
    page = pages.person("adjudicator", f"{slug}-j").open(f"/adjudicate?project={project_id}")
    page.wait_for_selector(".ruling")
    rulings = hold(page, "**/ruling")
    page.locator(".own textarea").fill("It is so.")
    page.locator(".sides button").first.click()
    page.keyboard.press("Control+Enter")
    ruling = first_of(page, rulings)
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(200)
    assert len(rulings) == 1
    ruling.continue_()
    expect(page.locator(".progress b")).to_contain_text("1")


def test_the_unit_that_an_auditor_has_in_hand_stays_there_whatever_comes_before_it(pages: Pages, slug: str) -> None:
    pages.ask("assign", "PUT", f"/annotators/{slug}-a", {}, role="operator")
    project_id = pages.project(slug, CHOICE, [{"id": f"u{place}", "content": f"Text {place}."} for place in range(6)])
    token = pages.stack.issuer.token("annotator", f"{slug}-a")
    claim = partial(pages.ask, "assign", "POST", f"/projects/{project_id}/claims", {"units": 6}, token=token)
    offers = until(lambda: claim() if len(claim()["assignments"]) == 6 else None, "six units")
    labels = [{"assignment_id": offer["assignment_id"], "label": "alpha"} for offer in offers["assignments"]]
    pages.ask("assign", "POST", "/submissions", {"submissions": labels}, token=token)
    pages.ask("ingest", "POST", f"/projects/{project_id}/seal")
    page = pages.person("auditor", f"{slug}-b").open(f"/audit?project={project_id}")
    page.wait_for_selector("[data-unit]")

    def turned(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        route.fulfill(response=answer, json={**told, "inspections": told["inspections"][::-1]})

    page.route("**/audit/v1/inspections?*", turned)
    first = page.locator("[data-unit]").get_attribute("data-unit")
    with page.expect_response("**/audit/v1/inspections?*"):
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"[data-unit]:not([data-unit='{first}'])")
        second = page.locator("[data-unit]").get_attribute("data-unit")
    page.wait_for_timeout(200)
    assert page.locator("[data-unit]").get_attribute("data-unit") == second


def test_what_is_not_known_is_last_in_every_order(pages: Pages, slug: str) -> None:
    client = pages.person("client")
    show_alerts(client.page, slug)
    page = client.open("/alerts")
    page.wait_for_selector(".listing tbody tr:nth-child(2)")
    for _ in ("up", "down"):
        page.locator("thead button").nth(3).click()
        expect(page.locator("tbody tr").last.locator("td").nth(3)).to_have_text("–")


def told_of(page: Page, act: Callable[[], object]) -> str:
    """Return what a page says after something was tried with nobody answering."""
    act()
    alert = page.locator("main [role=alert]", has_text="answer").first
    alert.wait_for()
    return alert.inner_text()


def test_that_nobody_answers_is_said_in_words_and_what_is_half_typed_comes_to_nothing(pages: Pages, slug: str) -> None:
    client = pages.person("client")
    page = client.open("/new")
    page.get_by_label("Name", exact=True).fill(slug)
    page.get_by_label("Labels at first").fill("")
    expect(page.locator(".consequences")).not_to_contain_text("NaN")
    page.get_by_label("Labels at first").fill("2")
    page.route("**/api/ingest/v1/projects/*", lambda route: route.abort())
    assert "Try again" in told_of(page, page.get_by_role("button", name="Make the project").click)
    expect(page.locator(".notices")).not_to_contain_text("sent as soon as it does")


def test_a_page_that_was_left_asks_nothing_more(pages: Pages, slug: str) -> None:
    pages.project(slug, CHOICE, [])
    person = pages.person("annotator", f"{slug}-a")
    page = person.page
    held = hold(page, "**/api/assign/v1/me")
    person.open("/annotate")
    asked = first_of(page, held)
    page.evaluate("history.pushState(null, '', '/nowhere'); dispatchEvent(new PopStateEvent('popstate'))")
    page.get_by_role("heading", name="There is no such page.").wait_for()
    asked.continue_()
    page.wait_for_timeout(6_000)
    assert len(held) == 1


def test_what_a_service_hears_of_a_moment_later_comes_by_itself(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, CHOICE, [{"id": "u", "content": "A text."}], guideline="# By **train**")
    person = pages.person("annotator", f"{slug}-a")
    person.page.route("**/assign/v1/projects/*/guideline", at_first(refuse(404)))
    expect(person.at_desk(project_id).locator(".side .prose")).to_contain_text("By train")
    failed_in = doubted(pages, f"{slug}-d")
    learner = pages.person("annotator", f"{slug}-d-wrong")
    learner.page.route("**/adjudicate/v1/projects/*/retraining", at_first(refuse(404)))
    learner.open(f"/retraining/{failed_in}").get_by_label("Were you right? Say why").wait_for()


PAGES_OF_A_PROJECT = (
    ("client", "/agreement/{}", "**/metrics/v1/projects/*/quality/pairs", "No two annotators share a unit"),
    ("client", "/closing/{}", "**/adjudicate/v1/projects/*/escalations/bars", "0 units wait for a ruling"),
    ("adjudicator", "/adjudicate?project={}", "**/adjudicate/v1/escalations?*", "Nothing waits for your ruling"),
    ("adjudicator", "/gold/{}", "**/adjudicate/v1/projects/*/gold?*", "No known label is in doubt"),
    (
        "adjudicator",
        "/gold/{}/candidates",
        "**/adjudicate/v1/projects/*/gold/candidates?*",
        "No candidate waits for you",
    ),
    ("adjudicator", "/judging/{}", "**/audit/v1/projects/*/models", "No model has been posted"),
    ("auditor", "/audit?project={}", "**/audit/v1/inspections?*", "Nothing waits to be checked"),
    ("annotator", "/mine/{}", "**/metrics/v1/projects/*/quality/mine", "Where you stand"),
)
"""Who opens it, what it asks of a service that may not have heard of the project yet, and what it says in the end."""


def test_a_page_that_came_before_its_service_heard_of_the_project_fills_by_itself(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, CHOICE, [])
    for role, path, asked, text in PAGES_OF_A_PROJECT:
        person = pages.person(role, f"{slug}-{role}")
        person.page.route(asked, at_first(refuse(404)))
        with person.page.expect_response(lambda answer: answer.status == 404):
            page = person.open(path.format(project_id))
        page.locator("main").get_by_text(text).first.wait_for()
        expect(page.locator("main .problem:not(:empty)")).to_have_count(0)
