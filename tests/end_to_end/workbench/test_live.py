"""A lead's pages: quality as it is made, what is promised, who needs help, and everything that became of a unit."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Outgoing
from concord.contracts.topics import UNITS
from deploy.local.stack import Stack
from tests.end_to_end.workbench.doubted import doubted
from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

COUNT, TOGETHER, GOLD = 24, 4, 10
STREAM = "**/quality/events"
POLICY: dict[str, Any] = {
    "overlap": {"initial": 2, "max": 2}, "gold": {"rate": 0},
    "consensus": {"method": "majority", "confidence": 0.5},
}  # fmt: skip
PEOPLE = ("right", "hasty", "wrong")
LABELS = len(PEOPLE) * GOLD + 2 * COUNT


def busy(pages: Pages, slug: str) -> str:
    """Return a project in which some units are gold and nobody has labelled yet; three people are there.

    Nothing that tests look for is left to a draw: all gold names everybody, so that each answers all of it, and some
    units name the two who never agree.
    """
    people = [f"{name}-{slug}" for name in PEOPLE]
    units: list[dict[str, Any]] = [{"id": f"u{place}", "content": f"Is {place} even?"} for place in range(COUNT)]
    for unit in units[:TOGETHER]:
        unit["annotators"] = [people[0], people[-1]]
    units += [
        {"id": f"g{place}", "content": f"Is {100 + 2 * place} even?", "gold": "even", "annotators": people}
        for place in range(GOLD)
    ]
    for name in people:
        pages.ask("assign", "PUT", f"/annotators/{name}", {}, role="operator")
    return pages.project(slug, {"kind": "choice", "classes": ["even", "odd"]}, units, policy=POLICY, name="Even or odd")


def label_some(pages: Pages, project_id: str, slug: str, most: int) -> int:
    """Let everybody label some: one rightly, one but for every fifth, one never; say how many labels were taken."""
    taken = 0
    for name in PEOPLE:
        token = pages.stack.issuer.token("annotator", f"{name}-{slug}")
        offers = pages.ask("assign", "POST", f"/projects/{project_id}/claims", {"units": most}, token=token)
        labels = []
        for offer in offers["assignments"]:
            number = int(pages.http.get(offer["payload_url"]).text.split()[1])
            is_wrong = name == "wrong" or (name == "hasty" and number % 5 == 1)
            text = ("even", "odd")[(number + is_wrong) % 2]
            labels.append({"assignment_id": offer["assignment_id"], "label": text, "active_ms": 900 + 40 * number})
        if labels:
            pages.ask("assign", "POST", "/submissions", {"submissions": labels}, token=token)
            taken += len(labels)
    return taken


def shown(page: Page, labels: int) -> None:
    """Wait until so many labels are in the figures."""
    figure = page.locator(".figure", has_text="Annotations").locator(".value")
    until(lambda: True if int(figure.inner_text()) >= labels else None, f"{labels} labels on the page")


def test_a_lead_sees_quality_as_it_is_made_and_finds_a_unit(pages: Pages, slug: str) -> None:
    project_id = busy(pages, slug)
    client = pages.person("client")
    page, asked, over = client.page, [], []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.on("requestfailed", lambda request: over.append(request.url.rsplit("/", 1)[-1]))
    failed: list[Request] = []

    def once(route: Route) -> None:
        """The first try to follow finds nobody there."""
        failed.append(route.request)
        route.abort() if len(failed) == 1 else route.continue_()

    page.route(STREAM, once)
    client.open(f"/projects/{project_id}").wait_for_selector(".numbers")
    taken = 0
    while taken < LABELS:
        taken += until(lambda: label_some(pages, project_id, slug, 8), "units to label")
        shown(page, taken)
    # Nobody asked for the numbers again and again: they came, after a second try, over one stream.
    assert len(failed) >= 2
    assert asked.count("quality") <= 2
    expect(page.locator(".agreement .plot .line.way").last).to_have_attribute("d", re.compile("M.+L"))
    expect(page.locator(".agreement .plot .area.way").last).to_have_attribute("d", re.compile("M.+Z"))
    # Who is certainly under the bar, and nobody who only missed some.
    expect(page.locator(".help li")).to_have_count(1)
    expect(page.locator(".help li")).to_contain_text([f"wrong-{slug}"])
    expect(page.locator(".help li")).to_contain_text([f"0 of {GOLD}"])
    expect(page.locator(".promises li")).to_have_count(4)
    expect(page.get_by_text("No lot is accepted yet")).to_have_count(1)
    parts_and_pairs(page, project_id, slug)
    over.clear()
    find_a_unit(page, project_id, settled(pages, project_id))
    # Whoever leaves the page leaves the stream.
    until(lambda: "events" in over, "the end of the stream", page=page)
    assert client.refused() == []


def parts_and_pairs(page: Page, project_id: str, slug: str) -> None:
    """See agreement in parts and who agrees with whom, go to the units on which two do not, and back to the project."""
    page.get_by_role("link", name="Agreement in parts").click()
    page.locator(".matrix").wait_for()
    page.locator("td", has_text="Class, against all others").first.wait_for()
    wrong, right = (f"{name}-{slug}" for name in ("wrong", "right"))
    page.locator(".matrix button[aria-label*='wrong-'][aria-label*='right-']").first.click()
    rows = page.locator(".apart tbody tr")
    rows.first.wait_for()
    first, second = page.locator(".apart th button").all_inner_texts()[1:3]
    assert {first.strip(), second.strip()} == {wrong, right}
    assert all({*row.split("\t")[1:3]} == {"even", "odd"} for row in rows.all_inner_texts())
    assert (rows.first.locator("a").get_attribute("href") or "").startswith("/units/")
    page.goto(page.url.replace("/agreement/", "/projects/"))
    page.wait_for_selector(".numbers")


def settled(pages: Pages, project_id: str) -> str:
    """Return the client's id of a unit of whose label audit has heard, too."""
    source_id = next(iter(pages.resolutions(project_id, 1)))
    found = pages.ask("ingest", "POST", f"/projects/{project_id}/units/find", {"ids": [source_id]})["units"][0]
    lineage = f"/units/{found['unit_id']}/lineage"
    until(lambda: len(pages.ask("audit", "GET", lineage)["entries"]) > 1 or None, "a second entry")
    return source_id


def find_a_unit(page: Page, project_id: str, source_id: str) -> None:
    """Find a unit by the client's id, then by its own, and see what became of it."""
    page.get_by_label("Your id of it").fill("nothing so called")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("No unit nothing so called is known here.").wait_for()
    page.get_by_label("Your id of it").fill(source_id)
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector(".timeline")
    unit = page.locator("h1 code").inner_text()
    expect(page.locator(".timeline h2")).to_have_text(["Admitted", "Settled"])
    expect(page.get_by_text("It has 2 entries")).to_have_count(1)
    expect(page.locator(".timeline li:nth-child(2)").get_by_text("2 labels", exact=True)).to_have_count(1)
    page.locator("summary").last.click()
    line = json.loads(page.locator(".timeline pre").last.inner_text())
    assert (line["unit_id"], line["what"]) == (unit, "resolved")
    assert page.locator(f"main a[href='/projects/{project_id}']").count() == 1
    page.locator("nav").get_by_text("Units").click()
    page.get_by_label("Concord's id of it").fill(unit)
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector(".timeline")


def test_what_is_broken_is_told_first_and_when_it_was(pages: Pages, slug: str) -> None:
    project_id = pages.project(slug, {"kind": "choice", "classes": ["a", "b"]}, [])
    path = f"/projects/{project_id}/quality"
    # A miss is told when it has held for a minute on fifty units: the page is shown what metrics says then.
    quality = pages.ask("metrics", "GET", path)
    quality["targets"][0] |= {
        "standing": "missed", "breached": True, "since": "2026-11-27T14:05:00.000Z",
        "found": {"value": 0.41, "low": 0.33, "high": 0.49, "units": 80, "method": "m", "reason": ""},
    }  # fmt: skip
    body = f"event: quality\ndata: {json.dumps(quality)}\n\n"
    page = pages.person("operator").page
    page.route(STREAM, lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.goto(f"{pages.base}/projects/{project_id}")
    alert = page.locator(".alerts .notice")
    expect(alert).to_have_count(1)
    text = alert.inner_text()
    assert text.startswith("Agreement (alpha) is 0.41, and is to be at least ")
    assert "Nov 27, 2026" in text
    assert page.locator(".promises li.bad").inner_text().startswith("Agreement (alpha)")
    page.locator("#language").select_option("ar")
    page.locator("html[dir=rtl] .alerts .notice", has_text="الاتفاق").wait_for()


def letters_of(pages: Pages, key: str) -> list[dict[str, Any]]:
    """Return the dead letters of this key on the topic of units."""
    letters = pages.ask("ingest", "GET", f"/dead-letters?topic={UNITS.name}", role="operator")["letters"]
    return [letter for letter in letters if letter["key"] == key]


def spoil(pages: Pages, key: str) -> None:
    """Put a record on the topic of units that nobody can read, and wait until each reader has set it aside."""
    # In a thread of its own: the browser's driver has this one's loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_spoil(pages.stack, key.encode()))).result()
    until(lambda: len(letters_of(pages, key)) == len(UNITS.readers), "a letter of each reader")


async def _spoil(stack: Stack, key: bytes) -> None:
    broker = KafkaBroker(f"127.0.0.1:{stack.ports.kafka}", "spoiler")
    await broker.start()
    try:
        await broker.publish([Outgoing(UNITS.name, key, b"\xff rubbish", (), 0)])
    finally:
        await broker.stop()


def test_an_operator_sees_what_was_set_aside_and_why_and_sends_it_again(pages: Pages, slug: str) -> None:
    spoil(pages, slug)
    readers = len(UNITS.readers)
    operator = pages.person("operator")
    page = operator.open("/dead-letters")
    page.get_by_label("Filter: Dead letters").fill(slug)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(readers)
    assert {row.split("\t")[1] for row in rows.all_inner_texts()} == set(UNITS.readers)
    for _ in range(2):
        page.get_by_role("columnheader", name="By").get_by_role("button").press("Enter")
    page.wait_for_url(lambda address: f"letters.q={slug}" in address and "letters.sort=-service" in address)
    page.reload()
    expect(rows).to_have_count(readers)
    assert [row.split("\t")[1] for row in rows.all_inner_texts()] == sorted(UNITS.readers, reverse=True)
    assert rows.first.get_by_text("Undecodable").count() == 1
    page.get_by_label("set aside by audit, again").click()
    page.get_by_text("by operator-1").wait_for()
    expect(page.get_by_role("button", name="set aside by audit, again")).to_have_text("Send once more")
    # It is as bad as it was, so it is set aside once more, at its new place; what was sent again is still told.
    until(lambda: len(letters_of(pages, slug)) == 2 * readers, "the letters of the second time")
    assert [entry["service"] for entry in letters_of(pages, slug) if entry["replayed_by"] == "operator-1"] == ["audit"]
    page.get_by_role("button", name="Look again").click()
    expect(rows).to_have_count(2 * readers)
    assert operator.refused() == []


# What a module of the pages says, asked in the browser that runs it.
PARTS: dict[str, tuple[str, Any]] = {
    "whole events, and what is left": (
        """stream.eventsOf('event: a\\ndata: {"x":1}\\n\\n: quiet\\n\\ndata: 2\\n\\ndata: 3')""",
        [['{"x":1}', "2"], "data: 3"],
    ),
    "one, and more than one": (
        "[1, 2, 1234].map((count) => strings.t('project.units', { count }))",
        ["on 1 unit", "on 2 units", "on 1,234 units"],
    ),
    "every form that Arabic has": (
        """(await strings.speak('ar'), [1, 2, 3, 11, 100].map((count) => strings.t('spans.list', { count })))""",
        ["علامة واحدة", "علامتان", "3 علامات", "11 علامة", "100 علامة"],
    ),
    "hours on four hundred points": (
        """(() => {
          let all = [];
          for (let at = 1; at <= 5000; at += 1) all = project.oneMore(all, { at, value: at });
          return [all.length <= 400, all[0].at, all.at(-1).at]; })()""",
        [True, 1, 5000],
    ),
    "a line ends where nobody looked": (
        """time_plot.segmentsOf([{ at: 0, value: null }, { at: 1, value: 1 }, { at: 2, value: null },
          { at: 3, value: 1 }, { at: 4, value: 2 }]).map((one) => one.length)""",
        [1, 2],
    ),
    "a band where an interval is known": (
        """[[null, null], [1, 2]].map(([low, high]) =>
          time_plot.bandOf([{ at: 5, value: 1, low, high }], (value) => value, (value) => value))""",
        ["", "M5.0 2.0L5.0 1.0Z"],
    ),
    "ticks on full minutes": ("time_plot.clockTicks([61_000, 359_000]).map((at) => at % 60_000)", [0, 0, 0, 0]),
    "an unlucky gold unit is no reason to help": (
        """[0.81, 0.79].map((high) =>
          help.reasonsOf({ gold_units: 4, gold_correct: 1, accuracy: { high } }, 0.8).length)""",
        [0, 1],
    ),
    "who is slower, less right and on a break": (
        """help.reasonsOf({ gold_units: 0, accuracy: { high: null }, fatigue: { slower: true, less_accurate: true,
          break_reason: 'r', break_until: '2100-01-01T00:00:00Z' } }, 0.8).length""",
        3,
    ),
}
MODULES = ("parts/stream", "parts/strings", "parts/time_plot", "roles/project", "roles/help")


def test_the_parts_say_what_they_are_to(pages: Pages) -> None:
    page = pages.person("client", locale="en-US").page
    ready = "".join(f"const {name.split('/')[1]} = await import('/files/{name}.js'); " for name in MODULES)
    found = {name: page.evaluate(f"async () => {{ {ready} return {asked}; }}") for name, (asked, _) in PARTS.items()}
    assert found == {name: wanted for name, (_, wanted) in PARTS.items()}


def looked_at_and_tried_again(page: Page) -> None:
    """Go from where annotators choose through what was missed, appeal one of it, and try again."""
    page.locator("a.card", has_text="Look at what you missed").click()
    page.get_by_text("1 of 2").wait_for()
    expect(page.locator(".answer")).to_have_count(2)
    page.get_by_label("Were you right? Say why").fill("I counted.")
    page.get_by_role("button", name="Appeal").click()
    page.get_by_text("You have appealed").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_text("2 of 2").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".desk .progress")


def test_a_wrong_known_label_is_corrected_on_its_page(pages: Pages, slug: str) -> None:
    project_id = doubted(pages, slug)
    doubts = f"/projects/{project_id}/gold"
    judge = pages.person("adjudicator", f"{slug}-judge")
    page = judge.open(f"/gold/{project_id}")
    page.get_by_text("5 of 5 good annotators disagree").wait_for()
    assert page.locator(".content .text").inner_text() == "Is 13 even?"
    page.get_by_role("button", name="The known label is right").wait_for()
    page.locator(".answer", has_text="Said by 5").get_by_role("button").click()
    page.keyboard.press("Control+Enter")
    page.get_by_text("Say why: it is kept with your word.").wait_for()
    page.get_by_label("Reason", exact=True).fill("13 is odd.")
    page.get_by_role("button", name="This is right").click()
    page.get_by_text("No known label is in doubt").wait_for()
    quality = f"/projects/{project_id}/quality"
    until(lambda: pages.ask("metrics", "GET", quality)["gold_correct"] == 35 or None, "all judged by what is right")
    learner = pages.person("annotator", f"{slug}-wrong")
    looked_at_and_tried_again(learner.open("/annotate"))
    (appealed,) = until(lambda: pages.ask("adjudicate", "GET", doubts, role="operator")["gold"], "the appeal")
    assert (appealed["standing"], appealed["appeals"]) == ("appealed", ["I counted."])
    assert [*judge.refused(), *learner.refused()] == []
