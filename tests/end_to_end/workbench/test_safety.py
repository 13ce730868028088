"""No text that anybody can enter runs, and no page keeps anybody out."""

import json
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.end_to_end.workbench.hostile import ADDRESSES, PAYLOADS
from tests.end_to_end.workbench.test_kinds import SCHEMAS, content
from tests.end_to_end.workbench.test_people import heard
from tests.support.pages import HUGE, HUGE_HEIGHT, HUGE_WIDTH, PLAIN, TURNED, Pages, Person, painted, until
from tests.unit.workbench.test_pages import FIRST_PAGE, FIRST_PAGE_BYTES_MAX

pytestmark = pytest.mark.real

RAN = "window.count = 0; window.ran = () => { window.count += 1; };"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = ["color-contrast", "target-size", "scrollable-region-focusable"]
"""What colours and width can change; the names and roles of things are the same in the dark and on a phone."""
TEXT_SCHEMA: dict[str, Any] = {
    "kind": "choice",
    "classes": ["<img src=x onerror=ran()>", "</button><script>ran()</script>"],
}


def hostile_person(pages: Pages, role: str, subject: str) -> Person:
    person = pages.person(role, subject)
    person.page.add_init_script(RAN)
    person.page.on("dialog", lambda dialog: person.faults.append(f"dialog: {dialog.message}"))
    return person


def seen(page: Page, wait: str) -> None:
    """Look at a page until what is waited for is there; nothing on it has run."""
    page.wait_for_selector(wait)
    page.wait_for_timeout(150)
    assert page.evaluate("window.count") == 0
    assert page.locator("iframe, object, embed, base, form[action^=javascript], a[href^=javascript i]").count() == 0


def test_sixty_texts_that_would_run_run_nowhere(pages: Pages, slug: str) -> None:
    assert len(set(PAYLOADS)) >= 60
    everything = {text: text for text in PAYLOADS}
    units = [{"id": "all", "content": everything, "priority": 9}, {"id": "text", "content": "\n".join(PAYLOADS)}]
    words = [uri for uri in ADDRESSES if "://" not in uri]
    units += [{"id": f"a{place}", "content": {"uri": uri}} for place, uri in enumerate(words)]
    text = "\n\n".join([*PAYLOADS, *(f"[x]({uri})" for uri in ADDRESSES), *(f"# {text}" for text in PAYLOADS)])
    policy = {"overlap": {"initial": 2, "max": 2}, "gold": {"rate": 0}, "consensus": {"confidence": 0.99}}
    project_id = pages.project(slug, TEXT_SCHEMA, units, name=PAYLOADS[2], guideline=text, policy=policy)
    for name, key in (("<b onclick=ran()>1", "1"), ("<img src=x onerror=ran()>2", "2")):
        person = hostile_person(pages, "annotator", f"{name} {slug}")
        page = person.at_desk(project_id)
        seen(page, ".side .prose")
        page.keyboard.press("f")
        page.locator("dialog input").fill(PAYLOADS[2])
        page.keyboard.press("Enter")
        for _ in units:
            seen(page, "[data-unit]")
            unit = page.locator("[data-unit]").get_attribute("data-unit")
            page.keyboard.press(key)
            page.keyboard.press("Enter")
            page.wait_for_selector(f"[data-unit]:not([data-unit='{unit}']), .nothing")
        page.wait_for_selector("[data-waiting]", state="detached")
    page = hostile_person(pages, "adjudicator", f"<script>ran()</script> {slug}").open(
        f"/adjudicate?project={project_id}"
    )
    seen(page, ".ruling .answer .notice, .ruling")
    client = hostile_person(pages, "client", "client-1")
    seen(client.open("/projects"), "table")
    seen(client.open(f"/projects/{project_id}"), ".numbers")
    page = client.open("/new")
    page.get_by_label("Name", exact=True).fill(PAYLOADS[0])
    page.get_by_label("Classes, one a line").fill("\n".join(dict.fromkeys(text.strip() for text in PAYLOADS)))
    page.get_by_label("Guideline (Markdown)").fill("\n".join(PAYLOADS))
    seen(page, ".preview .pick")
    page = hostile_person(pages, "operator", "operator-1").open("/people")
    page.get_by_role("button", name="Add somebody").click()
    page.get_by_label("Name", exact=True).fill(f"<b onclick=ran()>{slug}")
    page.get_by_label("Skills, commas between").fill(", ".join(text[:90] for text in PAYLOADS[:20]))
    page.locator("dialog").get_by_label("Vendor").fill(PAYLOADS[0][:90])
    page.get_by_role("button", name="Save").click()
    page.get_by_text("is saved.").wait_for()
    heard(pages, f"text={slug}", 3)
    page.get_by_label("Name or vendor").fill(slug)
    page.locator(".roster button", has_text=f"<b onclick=ran()>{slug}").click()
    seen(page, "dialog .person-state")
    page.keyboard.press("Escape")
    page.get_by_label("Name or vendor").fill(PAYLOADS[2][:120])
    seen(page, ".roster, .quiet")


def violations(page: Page, rules: list[str]) -> list[Any]:
    """Return what axe finds wrong: its rules, the elements, and what was seen there."""
    # Evaluated by the driver: a script tag with its text inside would be refused by the policy.
    page.evaluate(AXE)
    found = page.evaluate(
        """async (runOnly) => (await axe.run(document, { runOnly, resultTypes: ["violations"] })).violations.map(
          ({ id, nodes }) => [id, nodes.slice(0, 3).map(
            (node) => `${node.html.slice(0, 150)} ${node.failureSummary.slice(0, 99)}`)])""",
        rules,
    )
    return [*found]


def disputed(pages: Pages, slug: str) -> str:
    """Return a project with a unit that two disagree on, and one that waits to be checked."""
    policy = {
        "overlap": {"initial": 2, "max": 2}, "gold": {"rate": 0},
        "consensus": {"method": "majority", "confidence": 0.6}, "lot": {"size": 1},
        "audit": {"plan": "sequential", "aql": 0.05, "ltpd": 0.3},
    }  # fmt: skip
    units = [{"id": name, "content": f"Is {name} near?"} for name in ("one", "two")]
    schema = {"kind": "choice", "classes": ["near", "far"]}
    guideline = "# Near\n\nWithin **an hour**.\n\n- by train\n- by [road](https://example.org)"
    project_id = pages.project(slug, schema, units, policy=policy, guideline=guideline)
    for name, says in (("x", ("near", "near")), ("y", ("near", "far"))):
        issuer = pages.stack.issuer
        pages.ask("assign", "PUT", f"/annotators/{slug}{name}", {}, role="operator")
        token = issuer.token("annotator", f"{slug}{name}")
        offers = until(lambda: claimed(pages, project_id, token), "two units")  # noqa: B023 - called at once
        for offer, label in zip(sorted(offers, key=lambda unit: unit["unit_id"]), says, strict=True):
            pages.ask(
                "assign", "POST", f"/assignments/{offer['assignment_id']}/submission", {"label": label}, token=token
            )
    return project_id


def claimed(pages: Pages, project_id: str, token: str) -> Any:
    offers = pages.ask("assign", "POST", f"/projects/{project_id}/claims", {"units": 2}, token=token)["assignments"]
    return offers if len(offers) == 2 else None


TOUCHING = """() => {
  const lies = (each) => getComputedStyle(each.closest(".sending") ?? each).position === "sticky";
  const over = document.querySelector("main dialog[open]") ?? document.querySelector("main");
  const shown = [...over.querySelectorAll(":is(.button, .pick)")]
    .filter((each) => each.checkVisibility() && !lies(each));
  const at = shown.map((each) => each.getBoundingClientRect());
  const before = (a, b) => a.right <= b.left + 1 || a.bottom + 2 <= b.top;
  const apart = (a, b) => before(a, b) || before(b, a);
  return shown.flatMap((first, i) => shown.slice(i + 1).filter((_, k) => !apart(at[i], at[i + 1 + k]))
    .map((other) => `${first.textContent.trim()} on ${other.textContent.trim()}`));
}"""
"""Buttons that touch, and so are hit by mistake: what stays in sight while the page scrolls may lie over others."""


def looks(page: Page, *, apart: bool = False) -> list[Any]:
    """Return what is wrong with a page in light, and what else is where it is dark and as narrow as a phone.

    Args:
        page: it.
        apart: whether buttons that touch are wrong, too.
    """
    assert page.viewport_size is not None
    wide = page.viewport_size
    found = violations(page, RULES)
    if apart:
        found += [["touching", pair] for pair in page.evaluate(TOUCHING)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 800})
    painted(page)
    found += violations(page, LOOKS)
    # Nothing is wider than the page: on a phone nobody scrolls sideways to a button.
    beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if apart:
        found += [["touching", pair] for pair in page.evaluate(TOUCHING)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(wide)
    painted(page)
    return [*found, *([["wider than a phone", beyond]] if beyond > 0 else [])]


def test_axe_finds_nothing_on_any_page_in_light_or_dark_wide_or_narrow(pages: Pages, slug: str) -> None:
    project_id = disputed(pages, slug)
    found: dict[str, Any] = {}
    options: dict[str, Any] = {"color_scheme": "light", "reduced_motion": "reduce"}

    def look(name: str, page: Page, wait: str) -> None:
        page.wait_for_selector(wait)
        page.wait_for_selector("[aria-busy=true]", state="detached")
        painted(page)
        found[name] = looks(page, apart=True)

    look("sign-in", pages.person(**options).open("/sign-in"), ".cards")
    look(
        "adjudicate",
        pages.person("adjudicator", f"adj-{slug}", **options).open(f"/adjudicate?project={project_id}"),
        ".ruling .own",
    )
    look("audit", pages.person("auditor", f"aud-{slug}", **options).open(f"/audit?project={project_id}"), ".side .plot")
    client = pages.person("client", **options)
    for path, wait in (
        ("/projects", "table"), (f"/projects/{project_id}", ".numbers"), ("/new", ".preview .pick"),
        ("/verify", "form"), ("/units", ".find"), ("/alerts", ".listing"),
        (f"/new?project={project_id}", ".upload"),
    ):  # fmt: skip
        look(path, client.open(path), wait)
    client.open(f"/projects/{project_id}").get_by_role("button", name="Guideline, version").click()
    client.page.get_by_role("button", name="One more example").click()
    look("guideline", client.page, "dialog .example")
    client.page.keyboard.press("Escape")
    client.page.get_by_role("button", name="Close for good").click()
    look("closing", client.page, "dialog form")
    operator = pages.person("operator", **options)
    look("people", operator.open("/people"), ".roster")
    operator.page.locator(".roster button").first.click()
    look("a person", operator.page, "dialog .person-state")
    operator.page.keyboard.press("Escape")
    operator.page.get_by_role("button", name="Import a file").click()
    look("a roster's file", operator.page, "dialog input[type=file]")
    operator.page.keyboard.press("Escape")
    look("dead letters", operator.open("/dead-letters"), ".listing")
    annotator = pages.person("annotator", f"ann-{slug}", **options)
    look("choose", annotator.open("/annotate"), "form")
    for kind, schema in SCHEMAS.items():
        text = pages.project(f"{slug}-{kind}", {"kind": kind, **schema}, [{"id": "m-unit", **content(kind, "m-unit")}])
        page = annotator.at_desk(text)
        look(kind, page, ".stage svg" if PLAIN in json.dumps(content(kind, "")) else ".answering")
        if kind == "choice":
            page.keyboard.press("?")
            look("keys", page, "dialog .keys")
            page.keyboard.press("Escape")
            page.locator("#language").select_option("ar")
            look("arabic", page, "html[dir=rtl] [data-unit]")
            page.locator("#language").select_option("en")
    wrong = {name: entry for name, entry in found.items() if entry}
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_first_page_is_what_was_weighed_and_no_more(pages: Pages) -> None:
    person = pages.person()
    sizes: dict[str, int] = {}
    person.page.on("response", lambda answer: sizes.update({answer.url: int(answer.headers.get("content-length", 0))}))
    person.open("/sign-in").wait_for_selector(".cards")
    asked = {url.removeprefix(pages.base).removeprefix("/files/") for url in sizes} - {"/session"}
    assert asked - {"/sign-in"} <= set(FIRST_PAGE)
    assert 0 < sum(sizes.values()) < FIRST_PAGE_BYTES_MAX


# How often anything in the document was changed by what is done, as the browser itself counts it.
COUNTED = """() => { window.changes = 0; new MutationObserver((all) => { changes += all.length; }).observe(
  document.body, { subtree: true, childList: true, attributes: true, characterData: true }); }"""
CHANGES_MAX = 60
"""By a key on a large unit: some pieces around the caret, the buttons of the class, what is read out; not the unit."""
NODES_MAX = 6_000


def changes(page: Page, *keys: str) -> int:
    """Press keys one by one; return the most changes that one of them made."""
    most = 0
    for key in keys:
        page.evaluate("window.changes = 0")
        page.keyboard.press(key)
        page.wait_for_timeout(60)
        most = max(most, page.evaluate("window.changes"))
    return most


def large_unit(pages: Pages, slug: str) -> tuple[str, list[dict[str, Any]], Page]:
    """Return a project of 10,000 characters and 300 classes, 500 marks on them, and the desk that shows all that."""
    classes = [f"class {place}" for place in range(300)]
    text = ("word " * 2_000)[:10_000]
    project_id = pages.project(slug, {"kind": "spans", "classes": classes}, [{"id": "long", "content": text}])
    subject = f"ann-{slug}"
    person = pages.person("annotator", subject)
    page = person.at_desk(project_id)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("/")
    page.keyboard.type("class 299")
    page.keyboard.press("Enter")
    page.wait_for_selector(".piece.mark")
    # Five hundred marks, as a draft that was left here before; whoever leaves the desk keeps the one in hand first.
    person.open("/annotate")
    (held,) = pages.ask("assign", "GET", "/me", token=pages.stack.issuer.token("annotator", subject))["leases"]
    marks = [
        {"start": 20 * at, "end": 20 * at + 1, "class": classes[-1 - at % 3], "key": f"k{at}"} for at in range(500)
    ]
    # Later than what the desk may have saved at the service, however long it was open.
    page.evaluate(
        """([name, draft]) => localStorage.setItem(name, JSON.stringify(
          { draft, at: Date.now() + 60_000, revision: 0, dirty: true }))""",
        [f"concord:{subject}:draft:{held['assignment_id']}", marks],
    )
    page = person.at_desk(project_id)
    page.wait_for_selector(".piece.mark >> nth=499")
    page.locator(".marked").focus()
    return project_id, marks, page


def huge_picture(pages: Pages, slug: str) -> tuple[str, Page]:
    """Return a project of a picture of forty megapixels, and the desk that shows it."""
    unit = {"id": "m", "content": {"uri": HUGE}, "media_type": "image/png"}
    project_id = pages.project(slug, {"kind": "boxes", "classes": ["a"]}, [unit])
    page = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    page.wait_for_selector(".stage svg")
    return project_id, page


def test_a_large_unit_with_many_classes_and_marks_still_answers(pages: Pages, slug: str) -> None:
    project_id, marks, page = large_unit(pages, slug)
    page.evaluate(COUNTED)
    assert changes(page, "ArrowRight", "Shift+ArrowRight", "ArrowRight", "n", "n") < CHANGES_MAX
    assert page.evaluate("document.querySelectorAll('*').length") < NODES_MAX
    page.keyboard.press("Enter")
    wanted = [{name: mark[name] for name in ("start", "end", "class")} for mark in marks]
    assert pages.resolutions(project_id, 1) == {"long": {"spans": wanted}}


def test_forty_megapixels_are_drawn_on_and_not_drawn_anew(pages: Pages, slug: str) -> None:
    project_id, page = huge_picture(pages, slug)
    page.keyboard.press("a")
    picture = page.locator(".stage img").element_handle()
    page.evaluate(COUNTED)
    assert changes(page, "ArrowRight", "Shift+ArrowDown", "Control+ArrowLeft", "+", "Alt+ArrowRight", "z") < CHANGES_MAX
    assert picture.evaluate("(one) => one.isConnected && one === document.querySelector('.stage img')")
    page.keyboard.press("Enter")
    (box,) = pages.resolutions(project_id, 1)["m"]["boxes"]
    assert box["left"] == HUGE_WIDTH * 0.4 + 1
    assert box["top"] == HUGE_HEIGHT * 0.4 + 10


def test_a_picture_with_an_exif_turn_is_drawn_as_it_is_seen(pages: Pages, slug: str) -> None:
    unit = {"id": "m", "content": {"uri": TURNED}, "media_type": "image/jpeg"}
    project_id = pages.project(slug, {"kind": "boxes", "classes": ["a"]}, [unit])
    page = pages.person("annotator", f"ann-{slug}").at_desk(project_id)
    page.wait_for_selector(".stage svg")
    assert page.evaluate(
        "(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight])(document.querySelector('.stage img'))"
    ) == [8, 16]
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    (box,) = pages.resolutions(project_id, 1)["m"]["boxes"]
    assert [box[name] for name in ("left", "top", "right", "bottom")] == pytest.approx([3.2, 6.4, 4.8, 9.6])
