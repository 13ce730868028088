"""The pages' files: what they may hold, and the words of every language."""

import re
from pathlib import Path
from typing import get_args

import pytest

from services.assign.domain.reasons import Code
from services.assign.domain.roster import LEADS_TO
from workbench.api import PAGES
from workbench.files import FOLDER, PageFiles

STRING = re.compile(r'"([A-Za-z_.0-9]+)": (?:"((?:[^"\\]|\\.)*)"|\{ ([^}]+(?:\{\w+\}[^}]*)*) \})')
FORM = re.compile(r'(\w+): "((?:[^"\\]|\\.)*)"')
FORMS = {"en": {"one", "other"}, "ar": {"one", "two", "few", "many", "other"}}
"""What a count may ask for; Arabic's zero is said as its other."""
BLANK = re.compile(r"\{\w+\}")
USED = re.compile(r'\bt\(\s*"([A-Za-z_.0-9]+)"')
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySet|https?://(?!\.\.\.)"
)
ADDRESSES = re.compile(r"http://www\.w3\.org/2000/svg|https\?:|\(https\?|`https\?")
LINES_MAX = 400
FIRST_PAGE_BYTES_MAX = 150_000
FIRST_PAGE = (
    "index.html", "style.css", "work.css", "icon.svg", "app.js", "vendor/htm-preact-standalone.js",
    "parts/address.js", "parts/html.js", "parts/api.js", "parts/keys.js", "parts/memory.js", "parts/session.js",
    "parts/strings.js", "parts/strings_en.js", "roles/sign_in.js",
)  # fmt: skip
"""What the sign-in page asks for; the browser test sees that it is no more."""


def scripts() -> list[Path]:
    return [path for path in sorted(FOLDER.rglob("*.js")) if path.parent.name != "vendor"]


def words(language: str) -> dict[str, dict[str, str]]:
    """Return every sentence by its name: its forms by count, or the one that it has."""
    found = STRING.findall((FOLDER / f"parts/strings_{language}.js").read_text())
    return {name: dict(FORM.findall(forms)) if forms else {"": sentence} for name, sentence, forms in found}


def test_every_language_has_every_sentence_with_the_same_blanks() -> None:
    english, arabic = words("en"), words("ar")
    assert english.keys() == arabic.keys()
    for name, forms in english.items():
        wanted = sorted(BLANK.findall(list(forms.values())[-1]))
        for sentence in (*forms.values(), *arabic[name].values()):
            # One and two may be said without a figure: that is what their forms are for.
            assert sorted({*BLANK.findall(sentence), *(["{count}"] if "other" in forms else [])}) == wanted, name


def test_every_sentence_with_forms_has_those_that_its_language_asks_for() -> None:
    counted = {name for name, forms in words("en").items() if "" not in forms}
    assert len(counted) > 15
    for language, wanted in FORMS.items():
        for name in counted:
            forms = words(language)[name]
            assert forms.keys() == wanted, name
            assert all("{count}" in forms[form] for form in ("few", "many", "other") if form in forms), name


def test_every_reason_why_there_is_nothing_has_its_words() -> None:
    assert {f"why.{code}" for code in get_args(Code)} <= words("en").keys()


def test_the_page_of_people_offers_the_states_that_may_follow_each() -> None:
    text = (FOLDER / "roles/person.js").read_text().partition("const LEADS_TO = {")[2].partition("};")[0]
    found = {
        state: tuple(re.findall(r'"(\w+)"', following)) for state, following in re.findall(r"(\w+): \[([^]]*)\]", text)
    }
    assert found == LEADS_TO


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_every_sentence_that_is_asked_for_is_there(path: Path) -> None:
    assert set(USED.findall(path.read_text())) <= words("en").keys()


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_no_page_writes_markup_or_fetches_from_elsewhere(path: Path) -> None:
    text = ADDRESSES.sub("", path.read_text())
    assert FORBIDDEN.findall(text) == []
    assert len(text.splitlines()) <= LINES_MAX


def test_every_page_that_the_script_knows_is_an_address_that_the_door_answers() -> None:
    patterns = re.findall(r"^  \[/\^(.+?)\$/, ", (FOLDER / "app.js").read_text(), re.MULTILINE)
    assert len(patterns) > 10
    known = {page.replace("{one}", "x") for page in PAGES}
    for pattern in patterns:
        wanted = pattern.replace("\\/", "/").replace("(?:", "(")
        assert any(re.fullmatch(wanted, name) for name in known), pattern


PAGE = re.compile(r"^  \[/\^(.+?)\$/, \[(.*?)\], \(\) => import\(\"\./(.+?)\"\), \"[^\"]+\"\]", re.MULTILINE)
LINK = re.compile(r"""(?:\bhref=(?:\$\{)?|\bgo\(|return \w[^;`]*\? )["`](/[^"`]*)["`](?: : `(/[^`]*)`)?""")
"""Where a page leads: an attribute, a call, or a function that chooses between two addresses."""
IMPORT = re.compile(r'from "(\.{1,2}/[^"]+\.js)"')
FILLED = re.compile(r"\$\{[^{}`]*\}")


def linked(module: str) -> set[str]:
    """Return every address to which a page or a part of it leads, what is filled in as `x`."""
    found, waiting, seen = set(), [FOLDER / module], set()
    while waiting:
        path = waiting.pop()
        if path in seen or path.name == "app.js" or path.parent.name == "vendor":
            continue
        seen.add(path)
        text = path.read_text()
        waiting += [(path.parent / entry).resolve() for entry in IMPORT.findall(text)]
        found |= {entry.partition("?")[0] for pair in LINK.findall(FILLED.sub("x", text)) for entry in pair if entry}
    return found


@pytest.mark.parametrize("role", ["annotator", "adjudicator", "auditor", "client", "operator"])
def test_every_page_of_a_role_is_reached_by_links_from_its_first_one(role: str) -> None:
    text = (FOLDER / "app.js").read_text()
    pages = {
        pattern.replace("\\/", "/"): module for pattern, roles, module in PAGE.findall(text) if f'"{role}"' in roles
    }
    table = text.partition("const LINKS = [")[2].partition("\n];")[0]
    found = {to for to, roles in re.findall(r'\["([^"]+)", \[([^\]]*)\]\]', table) if f'"{role}"' in roles}
    assert pages
    assert found
    reached: set[str] = set()
    while fresh := {page for page in pages if page not in reached and any(re.fullmatch(page, to) for to in found)}:
        reached |= fresh
        found |= {to for entry in fresh for to in linked(pages[entry])}
    assert set(pages) - reached == set()


def test_every_address_that_a_page_leads_to_is_one_of_a_page() -> None:
    addresses = [re.escape(page).replace(r"\{one\}", "[^/]+") for page in PAGES]
    found = {to for path in scripts() for to in linked(path.relative_to(FOLDER).as_posix())} - {"/sign-in/issuer"}
    assert len(found) > 8
    pages = sorted(to for to in found if not to.startswith("/api/"))
    assert [to for to in pages if not any(re.fullmatch(address, to) for address in addresses)] == []


def test_the_first_page_is_small() -> None:
    files = PageFiles()
    sent = {name: len(files.answer(name, {"accept-encoding": "gzip"}).body) for name in FIRST_PAGE}
    assert sum(sent.values()) < FIRST_PAGE_BYTES_MAX, sent
