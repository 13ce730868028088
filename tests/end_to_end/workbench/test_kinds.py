"""Every kind of label, drawn by mouse and by keys: what the services stored is what was drawn, in their own units."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from concord.labels import KINDS
from tests.support.pages import HEIGHT, PLAIN, WIDTH, Pages, until

pytestmark = pytest.mark.real

# A cat is two UTF-16 units, an accent of its own is a code point, and a byte order mark counts as one, too.
TEXT = "\ufeff\U0001f431\U0001f431 cafe\u0301 noir in Bern"
CLASSES = ["alpha", "beta", "gamma"]
GROWN = ("Control+ArrowRight", "Control+ArrowDown")
TREE = [{"id": "animal"}, {"id": "dog", "parent": "animal"}, {"id": "cat", "parent": "animal"}, {"id": "car"}]
FORM = [
    {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
    {"name": "how", "schema": {"kind": "rating", "lowest": 1, "highest": 5}, "when": {"field": "toxic", "is": ["yes"]}},
    {"name": "note", "schema": {"kind": "text"}, "required": False},
]
SCHEMAS: dict[str, dict[str, Any]] = {
    "choice": {"classes": CLASSES},
    "choices": {"classes": CLASSES},
    "rating": {"lowest": 1, "highest": 5},
    "number": {"low": 0, "high": 100},
    "preference": {"strengths": 2},
    "ranking": {"items": CLASSES},
    "spans": {"classes": CLASSES},
    "boxes": {"classes": CLASSES},
    "polygons": {"classes": CLASSES},
    "text": {},
    "taxonomy": {"nodes": TREE},
    "form": {"fields": FORM},
}


def content(kind: str, name: str) -> dict[str, Any]:
    if kind in ("boxes", "polygons"):
        return {"content": {"uri": f"{PLAIN}?{name}"}, "media_type": "image/svg+xml"}
    if kind == "preference":
        return {"content": {"question": name, "a": "the true A", "b": "the true B"}}
    return {"content": f"{TEXT} {name}"}


def pick(page: Page, name: str) -> None:
    page.locator(f".pick:has(span:text-is('{name}'))").first.click()


def pixel(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a pixel of the picture is on the screen, whatever its size there."""
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    return stage["x"] + x / WIDTH * stage["width"], stage["y"] + y / HEIGHT * stage["height"]


def drag(page: Page, start: tuple[float, float], *ends: tuple[float, float]) -> None:
    page.mouse.move(*pixel(page, *start))
    page.mouse.down()
    for end in ends:
        page.mouse.move(*pixel(page, *end), steps=4)
    page.mouse.up()


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def by_mouse_choices(page: Page) -> None:
    pick(page, "gamma")
    pick(page, "alpha")


def by_mouse_boxes(page: Page) -> None:
    pick(page, "beta")
    # Backwards, so that the corner that was begun with is not the upper left one.
    drag(page, (300, 250), (200, 200), (100, 100))
    # A move ends where the pointer is let go: nothing lags behind by one movement.
    drag(page, (200, 150), (230, 160), (240, 170))


def by_mouse_polygons(page: Page) -> None:
    for point in ((100, 100), (200, 110), (150, 200)):
        page.mouse.click(*pixel(page, *point))
    page.mouse.click(*pixel(page, 100, 100))


def by_mouse_spans(page: Page) -> None:
    # A double click selects a word, as everywhere.
    box = page.locator(".marked .piece").last.bounding_box()
    assert box is not None
    place: list[float] = page.evaluate("""() => {
      const node = document.querySelector(".marked .piece:last-child").firstChild;
      const range = document.createRange(), at = node.data.indexOf("Bern");
      range.setStart(node, at); range.setEnd(node, at + 4);
      const { x, y, width, height } = range.getBoundingClientRect(); return [x + width / 2, y + height / 2]; }""")
    page.mouse.dblclick(*place)
    page.wait_for_selector(".piece.selected")
    pick(page, "beta")


def order_of(page: Page) -> list[str]:
    """Return a ranking's things as they stand now, in an order that is the annotator's own at first."""
    rows = page.locator(".ranked").all_inner_texts()
    return [next(name for name in CLASSES if name in row) for row in rows]


def dragged(page: Page, begin: int, end: int) -> None:
    rows = page.locator(".ranked")
    first, last = rows.nth(begin).bounding_box(), rows.nth(end).bounding_box()
    assert first is not None
    assert last is not None
    page.mouse.move(first["x"] + 200, first["y"] + first["height"] / 2)
    page.mouse.down()
    page.mouse.move(last["x"] + 200, last["y"] + last["height"] / 2, steps=8)
    page.mouse.up()


def moved(page: Page, name: str, place: int) -> None:
    dragged(page, order_of(page).index(name), place)
    until(lambda: order_of(page)[place] == name, f"{name} where it was dragged to")


def by_mouse_ranking(page: Page) -> None:
    moved(page, order_of(page)[0], 2)
    for place, name in enumerate(("beta", "gamma", "alpha")):
        if order_of(page).index(name) != place:
            moved(page, name, place)


def by_keys_ranking(page: Page) -> None:
    for place, name in enumerate(("beta", "alpha", "gamma"), start=1):
        keys(page, "ArrowUp", "ArrowUp", *["ArrowDown"] * order_of(page).index(name), str(place))


def by_mouse_preference(page: Page) -> None:
    side = page.locator(".answer", has_text="the true B").get_attribute("aria-label")
    pick(page, f"{side} by 2")


def by_keys_preference(page: Page) -> None:
    is_left = page.locator(".answer", has_text="the true A").get_attribute("aria-label") == "Left"
    keys(page, "ArrowLeft" if is_left else "ArrowRight")


def by_keys_number(page: Page) -> None:
    page.keyboard.type("37.25")


def by_mouse_number(page: Page) -> None:
    page.locator("input[type=text]").fill("8,5")


def by_mouse_form(page: Page) -> None:
    pick(page, "yes")
    page.locator(".pick", has_text="4").click()
    page.locator("textarea").fill("because")


def by_mouse_taxonomy(page: Page) -> None:
    pick(page, "animal …")
    pick(page, "cat")


# By mouse and by keys: what is done, and the label that must be stored.
DONE: dict[str, tuple[Callable[[Page], None], Any, Callable[[Page], None], Any]] = {
    "choice": (lambda page: pick(page, "gamma"), "gamma", lambda page: keys(page, "2"), "beta"),
    "choices": (
        by_mouse_choices,
        ["alpha", "gamma"],
        lambda page: keys(page, "1", "2", "3", "2"),
        ["alpha", "gamma"],
    ),
    "rating": (lambda page: page.locator(".pick").nth(3).click(), 4, lambda page: keys(page, "2", "ArrowRight"), 3),
    "number": (by_mouse_number, 8.5, by_keys_number, 37.25),
    "preference": (
        by_mouse_preference, {"prefer": "b", "strength": 2}, by_keys_preference, {"prefer": "a", "strength": 1},
    ),
    "ranking": (
        by_mouse_ranking, ["beta", "gamma", "alpha"], by_keys_ranking, ["beta", "alpha", "gamma"],
    ),
    "spans": (
        by_mouse_spans, {"spans": [{"start": 18, "end": 22, "class": "beta"}]},
        # Over the mark, two cats and a blank, then a word whose last letter has its accent behind it.
        lambda page: keys(page, *["ArrowRight"] * 4, *["Shift+ArrowRight"] * 4, "1"),
        {"spans": [{"start": 4, "end": 9, "class": "alpha"}]},
    ),
    "boxes": (
        by_mouse_boxes, {"boxes": [{"left": 140, "top": 120, "right": 340, "bottom": 270, "class": "beta"}]},
        lambda page: keys(page, "a", "3", *["ArrowRight"] * 4, "Shift+ArrowUp", *GROWN),
        {"boxes": [{"left": 260, "top": 150, "right": 389, "bottom": 231, "class": "gamma"}]},
    ),
    "polygons": (
        by_mouse_polygons, {"polygons": [{"points": [[100, 100], [200, 110], [150, 200]], "class": "alpha"}]},
        lambda page: keys(page, "a", "2", "v", "ArrowDown", "ArrowDown", "i", "Shift+ArrowRight"),
        {"polygons": [{"points": [[243.2, 240], [320, 154], [368.4, 197], [396.8, 240]], "class": "beta"}]},
    ),
    "text": (
        lambda page: page.locator("textarea").fill("two\nlines"), "two\nlines",
        lambda page: page.keyboard.type("cafe\u0301"), "caf\u00e9",
    ),
    "taxonomy": (by_mouse_taxonomy, "cat", lambda page: keys(page, "1", "1"), "dog"),
    "form": (
        by_mouse_form, {"answers": {"toxic": "yes", "how": 4, "note": "because"}},
        lambda page: keys(page, "2"), {"answers": {"toxic": "no"}},
    ),
}  # fmt: skip


def test_every_kind_is_tried() -> None:
    assert set(DONE) == set(SCHEMAS) == {*KINDS, "form"}


@pytest.mark.parametrize("kind", DONE)
def test_what_was_drawn_by_mouse_and_by_keys_is_what_is_stored(kind: str, pages: Pages, slug: str) -> None:
    by_mouse, of_mouse, by_keys, of_keys = DONE[kind]
    units = [
        {"id": name, "priority": 2 - place, **content(kind, name)} for place, name in enumerate(("m-unit", "k-unit"))
    ]
    project_id = pages.project(slug, {"kind": kind, **SCHEMAS[kind]}, units)
    person = pages.person("annotator", f"ann-{slug}")
    page = person.at_desk(project_id)
    first = page.locator("[data-unit]").get_attribute("data-unit")
    label(page, kind, by_mouse, by_keys)
    page.wait_for_selector(f"[data-unit]:not([data-unit='{first}'])")
    label(page, kind, by_mouse, by_keys)
    page.wait_for_selector(".nothing")
    stored = pages.resolutions(project_id, 2)
    # A pixel of the screen is three quarters of the picture's at most; a key moves by the picture's own.
    assert is_near(stored["m-unit"], of_mouse, 0.75), stored
    assert is_near(stored["k-unit"], of_keys, 0.01), stored
    assert person.refused() == []


def called(page: Page, name: str) -> Locator:
    return page.locator(".unit", has_text=name).or_(page.locator(f".unit img[src$={name}]"))


def label(page: Page, kind: str, by_mouse: Callable[[Page], None], by_keys: Callable[[Page], None]) -> None:
    """Label the present unit as its name says, and send it the same way."""
    page.wait_for_selector(".stage svg" if kind in ("boxes", "polygons") else ".answering")
    called(page, "m-unit").or_(called(page, "k-unit")).first.wait_for(state="attached")
    if called(page, "m-unit").count():
        by_mouse(page)
        page.locator(".sending .primary").click()
    else:
        by_keys(page)
        page.keyboard.press("Control+Enter")


def is_near(found: Any, wanted: Any, apart: float) -> bool:
    """Say whether two labels are the same, numbers so far apart at most."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(is_near(found[name], wanted[name], apart) for name in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(is_near(*pair, apart) for pair in zip(found, wanted, strict=True))
    return abs(found - wanted) <= apart if isinstance(found, float) else bool(found == wanted)


SHUFFLED = """async ([things, seeds]) => {
  const { shuffled } = await import("/files/parts/seeded.js");
  return Array.from({ length: seeds }, (_, place) => shuffled(things, `assignment-${place}`).join("")); }"""


def test_every_order_of_a_ranking_is_as_likely_whatever_the_assignments_are_called(pages: Pages) -> None:
    page = pages.person().open("/sign-in")
    orders = Counter(page.evaluate(SHUFFLED, [list("abcd"), 4_800]))
    # Of 24 orders each is wanted 200 times; chi-square with 23 degrees is over 49.7 once in a thousand.
    assert len(orders) == 24
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 49.7
