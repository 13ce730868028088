"""Pictures of every page, to be looked at: `python -m tests.end_to_end.workbench.pictures FOLDER [STACK]`.

Each page in light, in dark and on a phone, and what people use all day in Arabic, too, with Arabic units on it. STACK
is the folder of a stack that runs with its pages (`.local/stack` after `make up`); without it one is started.
"""

import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.workbench.doubted import doubted, questioned
from tests.end_to_end.workbench.test_beside import UNITS, worked
from tests.end_to_end.workbench.test_kinds import SCHEMAS, content
from tests.end_to_end.workbench.test_live import busy, label_some, spoil
from tests.end_to_end.workbench.test_newest import show_alerts
from tests.end_to_end.workbench.test_rulings import BOXES, box, boxes, modelled, picture, said_by_two, text
from tests.end_to_end.workbench.test_safety import claimed, disputed
from tests.end_to_end.workbench.worked import weeks_of_work
from tests.support.pages import Pages, Person, opened, until
from tests.unit.workbench.test_pages import PAGE
from workbench.files import FOLDER

WIDE, NARROW = {"width": 1280, "height": 820}, {"width": 390, "height": 800}
ARABIC: dict[str, Any] = {
    "name": "أخبار الطقس",
    "guideline": "# الطقس\n\nهل **تخرج** في هذا الطقس؟\n\n- نعم إن كان دافئًا\n- لا إن كان ممطرًا",
    "schema": {"kind": "choice", "classes": ["جيد", "سيئ"]},
    "texts": ["صباح دافئ ومشمس في بيروت، والحرارة 24 درجة.", "عاصفة رملية تقترب من الرياض (الساعة 18:00)."],
}


GUIDELINE = "# What is asked\n\nSay what is **there**.\n\n- not what might be\n- nor what was"


class Album:
    """The pictures, each named by its page and how that looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, name: str, page: Page, wait: str) -> None:
        """Take a page when something is there: light, dark, and as wide as a phone; a dialog as the window shows it."""
        page.wait_for_selector(wait)
        self.seen.add(urlsplit(page.url).path)
        is_over = page.locator("dialog[open]").count() > 0
        for look, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", NARROW)):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            page.wait_for_timeout(120)
            page.screenshot(path=self.folder / f"{name}.{look}.png", full_page=not is_over)
        page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"]})

    def missing(self) -> list[str]:
        """Return the pages that the script knows and no picture shows."""
        wanted = [entry[0].replace("\\/", "/") for entry in PAGE.findall((FOLDER / "app.js").read_text())]
        return [entry for entry in wanted if not any(re.fullmatch(entry, path) for path in self.seen)]

    def in_arabic(self, name: str, page: Page, wait: str) -> None:
        """Take a page in Arabic, and leave it in English."""
        page.wait_for_selector(wait)
        page.locator("#language").select_option("ar")
        self.take(f"{name}-arabic", page, f"html[dir=rtl] {wait}")
        page.locator("#language").select_option("en")


def certified(pages: Pages, slug: str) -> str:
    """Return a project whose lots are all certified, some of their labels found wrong on the way."""
    units = [{"id": f"u{place}", "content": f"Text number {place}."} for place in range(9)]
    policy = {
        "overlap": {"initial": 1, "max": 1}, "gold": {"rate": 0}, "lot": {"size": 3},
        "consensus": {"method": "majority", "confidence": 0.5},
        "audit": {"plan": "fraction", "fraction": 1.0, "on_reject": "inspect_all"},
    }  # fmt: skip
    schema = {"kind": "choice", "classes": ["good", "bad"]}
    project_id = pages.project(slug, schema, units, policy=policy, name="Reviews of restaurants")
    pages.ask("assign", "PUT", f"/annotators/{slug}a", {}, role="operator")
    token = pages.stack.issuer.token("annotator", f"{slug}a")
    path = f"/projects/{project_id}/claims"
    held = until(lambda: pages.ask("assign", "POST", path, {"units": 9}, token=token)["assignments"] or None, "units")
    for place, offer in enumerate(held):
        label = {"label": "bad" if place % 4 else "good"}
        pages.ask("assign", "POST", f"/assignments/{offer['assignment_id']}/submission", label, token=token)

    def checked() -> bool | None:
        asked = f"/inspections?project_id={project_id}"
        for inspection in pages.ask("audit", "GET", asked, role="auditor")["inspections"]:
            verdict = {"unit_id": inspection["unit_id"], "label": "bad", "reason": "It says so."}
            pages.ask("audit", "POST", "/inspections", {"verdicts": [verdict]}, role="auditor")
        lots = pages.ask("audit", "GET", f"/projects/{project_id}/lots")["lots"]
        return (len(lots) == 3 and all(lot["status"] == "accepted" for lot in lots)) or None

    until(checked, "three accepted lots")
    return project_id


def arabic(pages: Pages, slug: str) -> str:
    """Return a project in Arabic with a unit that two disagree on, and others to label."""
    policy = {
        "overlap": {"initial": 2, "max": 2}, "gold": {"rate": 0},
        "consensus": {"method": "majority", "confidence": 0.6},
    }  # fmt: skip
    units = [{"id": f"u{place}", "content": text} for place, text in enumerate(ARABIC["texts"])]
    body = {"policy": policy, "name": ARABIC["name"], "guideline": ARABIC["guideline"]}
    project_id = pages.project(slug, ARABIC["schema"], units, **body)
    for name, label in ((f"{slug}ليلى", "جيد"), (f"{slug}سمير", "سيئ")):
        pages.ask("assign", "PUT", f"/annotators/{name}", {}, role="operator")
        token = pages.stack.issuer.token("annotator", name)
        offers = until(lambda: claimed(pages, project_id, token), "two units")  # noqa: B023 - called at once
        # The same unit for both, in whatever order they were offered.
        first = min(offers, key=lambda unit: unit["unit_id"])
        path = f"/assignments/{first['assignment_id']}/submission"
        pages.ask("assign", "POST", path, {"label": label}, token=token)
    return project_id


def of_the_desk(pages: Pages, album: Album, slug: str) -> None:
    """Take the annotator's pages."""
    person = pages.person("annotator", f"ann-{slug}")
    album.take("choose", person.open("/annotate"), "form")
    for kind, schema in SCHEMAS.items():
        units = [{"id": name, **content(kind, name)} for name in ("m-unit", "k-unit")]
        project_id = pages.project(f"{slug}-{kind}", {"kind": kind, **schema}, units, guideline=GUIDELINE)
        page = person.at_desk(project_id)
        wait = ".stage svg" if kind in ("boxes", "polygons") else ".answering"
        page.wait_for_selector(wait)
        if kind in ("spans", "boxes", "polygons"):
            for key in ("Shift+ArrowRight", "Shift+ArrowRight", "1") if kind == "spans" else ("a", "2"):
                page.keyboard.press(key)
        album.take(f"desk-{kind}", page, wait)
        if kind == "choice":
            of_the_dialogs(album, page)
            album.take("revising", person.open(f"/revising/{project_id}"), "[data-annotation]")
    units = [{"id": f"u{place}", "content": text} for place, text in enumerate(ARABIC["texts"])]
    schema = {"kind": "spans", "classes": ["مكان", "طقس"]}
    project_id = pages.project(f"{slug}-ar", schema, units, name=ARABIC["name"], guideline=ARABIC["guideline"])
    page = person.at_desk(project_id)
    for key in ("Control+Shift+ArrowLeft", "1"):
        page.keyboard.press(key)
    album.in_arabic("desk", page, ".answering")


def of_the_dialogs(album: Album, page: Page) -> None:
    """Take what opens over a desk, and a desk with nothing left."""
    page.keyboard.press("?")
    album.take("keys", page, "dialog .keys")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    album.take("skip", page, "dialog")
    page.keyboard.press("Escape")
    for _ in range(2):
        page.keyboard.press("1")
        page.keyboard.press("Enter")
    album.take("nothing-left", page, ".nothing")


def of_the_reviewers(pages: Pages, album: Album, slug: str) -> None:
    """Take the pages of adjudicators and auditors."""
    project_id, in_arabic = disputed(pages, f"{slug}-d"), arabic(pages, f"{slug}-r")
    adjudicator, auditor = pages.person("adjudicator", f"adj-{slug}"), pages.person("auditor", f"aud-{slug}")
    page = adjudicator.open(f"/adjudicate?project={project_id}")
    page.locator(".answer .button").first.click()
    album.take("adjudicate", page, ".ruling .own")
    album.in_arabic("adjudicate", adjudicator.open(f"/adjudicate?project={in_arabic}"), ".ruling .own")
    of_what_is_drawn(pages, album, f"{slug}-o")
    judged = modelled(pages, f"{slug}-m")
    album.take("judging", adjudicator.open(f"/judging/{judged}"), ".sides .answer")
    album.take("adjudicate-nothing", adjudicator.open(f"/adjudicate?project={slug}"), ".problem:not(:empty)")
    album.take("audit", auditor.open(f"/audit?project={project_id}"), ".side .plot")
    album.in_arabic("audit", auditor.page, ".side .plot")


def of_the_doubted(pages: Pages, album: Album, slug: str) -> None:
    """Take known labels in doubt, what somebody missed, questions on the guideline, and what is broken."""
    project_id = doubted(
        pages, slug, name="Even or odd, by people who have long names for what they do", guideline=GUIDELINE
    )
    own = pages.person("annotator", f"{slug}-own")
    page = own.open(f"/mine/{weeks_of_work(pages, f'{slug}-weeks', f'{slug}-own')}")
    album.take("mine", page, ".figure")
    album.in_arabic("mine", page, ".figure")
    learner = pages.person("annotator", f"{slug}-wrong")
    album.take("choose-retraining", learner.open("/annotate"), "a.card")
    page = learner.open(f"/retraining/{project_id}")
    page.get_by_label("Were you right? Say why").fill("I counted, twice, and there is nothing left over.")
    album.take("retraining", page, ".own textarea")
    album.in_arabic("retraining", page, ".own textarea")
    page.get_by_role("button", name="Appeal").click()
    album.take("retraining-appealed", page, ".notice[role=status]")
    judge = pages.person("adjudicator", f"adj-{slug}")
    album.take("gold", judge.open(f"/gold/{project_id}"), ".own .pick")
    album.in_arabic("gold", judge.page, ".own .pick")
    album.take("candidates", judge.open(f"/gold/{project_id}/candidates"), ".nothing, .own .pick")
    album.take("gold-nothing", judge.open(f"/gold/{slug}-none"), ".problem:not(:empty)")
    other = disputed(pages, f"{slug}-q")
    questioned(pages, other, "Is a town near that one reaches in an hour by train and in two by road?")
    client = pages.person("client")
    album.take("questions", client.open(f"/projects/{other}"), ".questions .answer")
    album.in_arabic("questions", client.page, ".questions .answer")
    show_alerts(client.page, project_id)
    album.take("alerts-broken", client.open("/alerts"), ".listing tbody tr:nth-child(2)")
    album.in_arabic("alerts-broken", client.page, ".listing tbody tr:nth-child(2)")
    page = learner.open("/annotate")
    learner.context.clear_cookies()
    album.take("session-ended", page, ".notice.warn")


def of_what_is_beside(pages: Pages, album: Album, slug: str) -> None:
    """Take a model beside people, and what may become gold."""
    project_id = worked(pages, slug)
    page = pages.person("client").open(f"/agreement/{project_id}")
    page.locator(".models .link").first.click()
    album.take("models", page, ".models table >> nth=1")
    album.in_arabic("models", page, ".models")
    page = pages.person("adjudicator", f"adj-{slug}").open(f"/gold/{project_id}/candidates")
    album.take("candidates", page, ".own textarea")
    album.in_arabic("candidates", page, ".own textarea")
    for _ in range(UNITS):
        page.get_by_label("Reason", exact=True).fill("A village, perhaps.")
        page.get_by_role("button", name="Not this one").click()
        page.wait_for_timeout(300)
    album.take("candidates-nothing", page, ".nothing")


def of_what_is_drawn(pages: Pages, album: Album, slug: str) -> None:
    """Take drawn objects that are ruled one by one, and escalations that may be closed together."""
    drawn = boxes(box(20), box(250)), boxes(box(24), box(480, "van"))
    project_id = said_by_two(pages, slug, BOXES, picture, drawn)
    page = pages.person("adjudicator", f"judge-{slug}").open(f"/adjudicate?project={project_id}")
    album.take("objects", page, ".objects .region")
    album.in_arabic("objects", page, ".objects .region")
    choice, consensus = PLAIN_CHOICE, {"method": "posterior", "confidence": 0.9999}
    project_id = said_by_two(pages, f"{slug}-b", choice, text, ("alpha", "alpha"), consensus)
    bars = f"/projects/{project_id}/escalations/bars"
    until(
        lambda: [bar["units"] for bar in pages.ask("adjudicate", "GET", bars)["bars"]][:1] == [2],
        "two that may be closed",
    )
    page = pages.person("client").open(f"/closing/{project_id}")
    page.locator(".bars input").first.check()
    page.get_by_label("Why they need no ruling").fill("Sure enough for what they are for.")
    album.take("closing", page, ".bars tr.chosen")
    album.in_arabic("closing", page, ".bars tr.chosen")
    page.get_by_role("button", name="Settle 2 units …").click()
    album.take("closing-sure", page, "dialog")


def of_those_who_lead(pages: Pages, album: Album, slug: str) -> None:
    """Take the pages of clients and operators."""
    project_id = certified(pages, f"{slug}-c")
    client = pages.person("client")
    of_what_is_live(pages, album, client, f"{slug}-l")
    album.take("projects", client.open("/projects"), "table")
    page = client.open(f"/projects/{project_id}")
    page.locator(".listing .badge.accepted").first.wait_for()
    page.get_by_role("button", name="Verify here").click()
    album.take("project", page, ".verdict")
    album.in_arabic("project", page, ".numbers")
    page.locator(".listing td button").first.click()
    album.take("lot", page, "dialog .plot, dialog .badge")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Guideline, version").click()
    page.get_by_role("button", name="One more example").click()
    page.get_by_label("Text", exact=True).fill("The soup was cold.")
    page.get_by_label("Why").fill("It says what was wrong.")
    album.take("guideline", page, ".example")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pause").click()
    album.take("pause", page, "dialog form")
    page.keyboard.press("Escape")
    album.take("alerts", client.open("/alerts"), ".listing")
    album.take("project-new", client.open(f"/projects/{pages.project(f'{slug}-n', PLAIN_CHOICE, [])}"), ".numbers")
    page = client.open("/new")
    album.take("set-up", page, ".preview .pick")
    album.in_arabic("set-up", page, ".preview .pick")
    album.take("upload", client.open(f"/new?project={project_id}"), ".upload")
    album.take("verify", client.open("/verify"), "form")
    operator = pages.person("operator")
    spoil(pages, slug)
    of_the_roster(album, operator)
    album.take("projects-operator", operator.open("/projects"), "table")
    operator.open("/dead-letters").get_by_label("Filter: Dead letters").wait_for()
    operator.page.get_by_role("button", name="again").last.click()
    album.take("dead-letters", operator.page, "tbody time")
    album.in_arabic("dead-letters", operator.page, "tbody time")


ROSTER = """annotator_id,skills,credentials,vendor,languages,state
Zoë K.,law|medicine,law=2031-01-31T00:00:00Z|medicine=2024-05-01T00:00:00Z,Words & Co,en|de,
ليلى,طب,,كلمات,ar,qualifying
auth0|65f1c2d3e4,finance,,Words & Co,en,invited
Jonas,law,law=tomorrow,Words & Co,en,
"""


def of_the_roster(album: Album, operator: Person) -> None:
    """Take the roster, one of its people, and a file of which a row was refused."""
    page = operator.open("/people")
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "roster.csv", "mimeType": "text/csv", "buffer": ROSTER.encode()}
    )
    page.get_by_role("button", name="Send").click()
    album.take("people-file", page, "dialog tbody tr")
    page.keyboard.press("Escape")
    page.get_by_label("Name or vendor").fill("Zoë")
    page.get_by_role("button", name="Zoë K.").click()
    page.get_by_label("State from now on").select_option("paused")
    album.take("person", page, "dialog .person-state")
    page.get_by_label("Reason, as they are told it").fill("On leave until summer.")
    page.get_by_role("button", name="Change the state").click()
    page.locator("tr", has_text="On leave until summer.").first.wait_for()
    page.get_by_label("Name or vendor").fill("")
    album.take("people", page, ".roster tr:nth-child(3)")
    album.in_arabic("people", page, ".roster tr:nth-child(3)")


def of_what_is_live(pages: Pages, album: Album, client: Person, slug: str) -> None:
    """Take a project while it is labelled, and one of its units."""
    project_id = busy(pages, slug)
    page = client.open(f"/projects/{project_id}")
    page.wait_for_selector(".numbers")
    for most in (4, 6, 8, 20):
        until(lambda: label_some(pages, project_id, slug, most) or None, "units to label")  # noqa: B023 - called at once
        page.wait_for_timeout(2_500)
    album.take("live", page, ".help li")
    album.in_arabic("live", page, ".help li")
    page.get_by_label("Your id of it").fill("u3")
    page.get_by_role("button", name="Find").click()
    album.take("unit", page, ".timeline")
    album.in_arabic("unit", page, ".timeline")
    album.take("units", client.open("/units"), ".find")
    album.take("agreement", client.open(f"/agreement/{project_id}"), ".matrix")
    album.in_arabic("agreement", client.page, ".matrix")


PLAIN_CHOICE: dict[str, Any] = {"kind": "choice", **SCHEMAS["choice"]}


def sign_in(pages: Pages, album: Album) -> None:
    """Take the first page."""
    page = Person.open(pages.person(), "/sign-in")
    album.take("sign-in", page, ".cards")
    album.in_arabic("sign-in", page, ".cards")


@contextmanager
def stack_at(folder: str | None) -> Iterator[Stack]:
    """Give the stack that runs in a folder, or start one of our own."""
    if folder:
        stack = Stack(Path(folder), Ports.from_environment(os.environ), workbench=True)
        stack.start()
        stack.detach()
        yield stack
        return
    own = places.LOCAL / f"pages-{random.SystemRandom().randrange(10**9)}"
    with Stack(own, Ports.free(), workbench=True) as stack:
        yield stack
    shutil.rmtree(own, ignore_errors=True)


def main(folder: str, running: str | None = None) -> None:
    """Take all pictures; what went wrong in the browser meanwhile is told at the end."""
    album, slug = Album(Path(folder)), f"p{random.SystemRandom().randrange(10**9)}"
    with stack_at(running) as stack, opened(stack) as pages:
        sign_in(pages, album)
        of_the_doubted(pages, album, f"{slug}-g")
        of_what_is_beside(pages, album, f"{slug}-b")
        of_those_who_lead(pages, album, slug)
        of_the_reviewers(pages, album, slug)
        of_the_desk(pages, album, slug)
        pages.close()
    assert not album.missing(), f"no picture of {album.missing()}"


if __name__ == "__main__":
    main(*sys.argv[1:3])
