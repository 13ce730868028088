"""The pages on which people write to one another: known labels in doubt, appeals, questions, life, alerts."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.end_to_end.workbench.doubted import doubted, questioned
from tests.end_to_end.workbench.hostile import PAYLOADS
from tests.end_to_end.workbench.test_live import spoil
from tests.end_to_end.workbench.test_safety import TEXT_SCHEMA, disputed, hostile_person, looks, seen
from tests.support.pages import Pages, painted, until

pytestmark = pytest.mark.real

ALERTS = "**/api/metrics/v1/alerts*"
WORDS_MAX = 2_000
"""Of an appeal, a ruling's reason, an answer."""
REASON_MAX = 500
"""Of a project's turn."""
FOCUS_STEPS_MAX = 120


def pieces(most: int) -> Iterator[str]:
    """Yield all texts that would run, in texts of at most so many characters."""
    piece = ""
    for text in PAYLOADS:
        if len(piece) + len(text) + 1 > most:
            yield piece
            piece = ""
        piece += f"{text} "
    yield piece


def broken(project_id: str) -> dict[str, Any]:
    """Return what metrics says of broken promises, which a project must miss for a minute on fifty units."""
    found = {"value": 0.41, "low": 0.33, "high": 0.49, "units": 80, "method": "m", "reason": ""}
    rows: list[dict[str, Any]] = [
        {"project_id": project_id, "target": "alpha", "limit": 0.8, "found": found},
        {"project_id": PAYLOADS[2], "target": f"drift/{PAYLOADS[0]}", "limit": None, "found": None},
    ]
    return {"alerts": [{**row, "since": "2026-11-27T14:05:00.000Z"} for row in rows], "next": ""}


def show_alerts(page: Page, project_id: str) -> None:
    def told(route: Route) -> None:
        route.fulfill(content_type="application/json", body=json.dumps(broken(project_id)))

    page.route(ALERTS, told)


def test_what_people_write_to_one_another_runs_nowhere(pages: Pages, slug: str) -> None:
    classes = (TEXT_SCHEMA["classes"][0], TEXT_SCHEMA["classes"][1])
    project_id = doubted(pages, slug, classes, name=PAYLOADS[2], guideline="\n\n".join(PAYLOADS))
    words = list(pieces(WORDS_MAX))
    learner = hostile_person(pages, "annotator", f"{slug}-wrong")
    page = learner.open(f"/retraining/{project_id}")
    page.get_by_label("Were you right? Say why").fill(words[0])
    page.get_by_role("button", name="Appeal").click()
    seen(page, ".notice[role=status]")
    judge = hostile_person(pages, "adjudicator", f"{slug}-judge")
    page = judge.open(f"/gold/{project_id}")
    page.get_by_label("Reason", exact=True).fill(words[-1])
    seen(page, ".own .pick")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    seen(page, ".ruling, .nothing")
    other = disputed(pages, f"{slug}-d")
    questioned(pages, other, words[0])
    client = hostile_person(pages, "client", "client-1")
    page = client.open(f"/projects/{other}")
    seen(page, ".questions .answer")
    page.get_by_role("textbox", name="The answer in short").fill(words[-1])
    reasons = list(pieces(REASON_MAX))
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Reason").last.fill(reasons[0])
    page.locator("dialog").get_by_role("button", name="Pause").click()
    seen(page, ".life .notice")
    seen(hostile_person(pages, "annotator", f"{slug}dx").open(f"/annotate/{other}"), ".nothing")
    show_alerts(client.page, project_id)
    seen(client.open("/alerts"), ".listing tbody tr:nth-child(2)")
    spoil(pages, f"{PAYLOADS[1]}{slug}")
    operator = hostile_person(pages, "operator", "operator-1")
    operator.open("/dead-letters").get_by_label("Filter: Dead letters").fill(slug)
    seen(operator.page, "tbody tr")
    for person in (learner, judge, client, operator):
        assert person.faults == []
        # A payload may be refused by the policy only where a picture of a unit lies at an address of its own.
        assert [name for name in person.refused() if not name.startswith("img-src")] == []


# What can be worked on a page and is seen; of several that are one to the keyboard (a radio's, a roving one's) one.
WORKED = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true })
    && !(one.type === 'radio' && !one.checked) && (document.querySelector('dialog[open]') ?? document).contains(one))
  .map((one) => { one.dataset.worked ??= `${Math.random()}`;
    return [one.dataset.worked, one.outerHTML.slice(0, 90)]; })"""
FOCUSED = """() => { const one = document.activeElement; const style = getComputedStyle(one);
  return [one.dataset?.worked ?? '', style.outlineStyle !== 'none' || style.boxShadow !== 'none']; }"""


def out_of_reach(page: Page) -> list[str]:
    """Return what the Tab key does not reach on a page, and what it reaches without showing where it is.

    A page on which something came or went meanwhile is gone through once more.
    """

    def found() -> tuple[list[str]] | None:
        before: dict[str, str] = dict(page.evaluate(WORKED))
        missed = _missed_by_tab(page, before)
        return (missed,) if dict(page.evaluate(WORKED)).keys() == before.keys() else None

    missed: list[str] = until(found, "a page that stands still")[0]
    return missed


def _missed_by_tab(page: Page, wanted: dict[str, str]) -> list[str]:
    unseen: set[str] = set()
    reached: set[str] = set()
    page.evaluate("document.activeElement?.blur()")
    for _ in range(FOCUS_STEPS_MAX):
        page.keyboard.press("Tab")
        name, is_shown = page.evaluate(FOCUSED)
        if name in reached:
            break
        if name:
            reached.add(name)
            if not is_shown:
                unseen.add(name)
    missing = [f"not reached: {what}" for name, what in wanted.items() if name not in reached]
    return [*missing, *(f"not seen: {wanted.get(name, name)}" for name in unseen)]


def test_the_newest_pages_keep_nobody_out(pages: Pages, slug: str) -> None:
    project_id = doubted(pages, slug, guideline="# Even\n\nBy **two**.")
    other = disputed(pages, f"{slug}-d")
    escalated = partial(pages.ask, "adjudicate", "GET", f"/escalations?project_id={other}", role="adjudicator")
    unit_id = until(lambda: escalated()["escalations"] or None, "an escalation")[0]["unit_id"]
    questioned(pages, other, "Is a town near?")
    options: dict[str, Any] = {"color_scheme": "light", "reduced_motion": "reduce"}
    found: dict[str, Any] = {}

    def look(name: str, page: Page, wait: str) -> None:
        page.wait_for_selector(wait)
        page.wait_for_selector("[aria-busy=true]", state="detached")
        painted(page)
        found[name] = [*looks(page), *out_of_reach(page)]

    judge = pages.person("adjudicator", f"{slug}-j", **options)
    look("gold", judge.open(f"/gold/{project_id}"), ".own .pick")
    learner = pages.person("annotator", f"{slug}-wrong", **options)
    look("candidates", judge.open(f"/gold/{project_id}/candidates"), "main [role=status] .badge")
    look("retraining", learner.open(f"/retraining/{project_id}"), ".own textarea")
    client = pages.person("client", **options)
    look("questions", client.open(f"/projects/{other}"), ".questions .answer")
    look("agreement", client.open(f"/agreement/{other}"), "main:not(:has([aria-busy=true])) h1")
    page = client.open("/units")
    page.get_by_label("Concord's id of it").fill(unit_id)
    page.get_by_role("button", name="Find").click()
    look("a unit", page, ".timeline")
    show_alerts(client.page, project_id)
    look("alerts", client.open("/alerts"), ".listing tbody tr:nth-child(2)")
    look("new", client.open("/new"), ".preview .pick")
    look("verify", client.open("/verify"), "form")
    operator = pages.person("operator", **options)
    look("people", operator.open("/people"), ".roster tbody tr")
    operator.page.get_by_role("button", name="Add somebody").click()
    look("somebody new", operator.page, "dialog form")
    operator.page.keyboard.press("Escape")
    look("dead letters", operator.open("/dead-letters"), ".listing")
    person = pages.person("annotator", f"{slug}-e", **options)
    page = person.open("/annotate")
    person.context.clear_cookies()
    page.wait_for_selector(".notice.warn a")
    look("a session that has ended", page, ".notice.warn a")
    wrong = {name: entry for name, entry in found.items() if entry}
    assert not wrong, json.dumps(wrong, indent=1)
