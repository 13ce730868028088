"""The guide's way through the pages, to the letter: each numbered line of it is a step that is done in the browser."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from deploy.local import places
from tests.support.pages import Pages, Person

pytestmark = pytest.mark.real

GUIDE = (places.ROOT / "docs/guide/pages.md").read_text()
STEP = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
NAME = "Spam or not"


class Reader:
    """Does what the guide says: one method a sentence; a sentence that is none of them is no step for anybody.

    Args:
        pages: the browser.
        slug: makes the project's name one that no other run has used.
        folder: where files lie.
    """

    def __init__(self, pages: Pages, slug: str, folder: Path) -> None:
        self.pages, self.slug, self.folder = pages, slug, folder
        self.people: dict[tuple[str, str], Person] = {}
        self.project = "PROJECT"
        self.page: Page
        self.sentences: dict[str, Callable[..., None]] = {
            r"Sign in as \*\*(\w+)\*\* `([^`]+)` and open `([^`]+)`\.": self.sign_in,
            r"Write (`.+`) into \*\*(.+)\*\*\.": self.write,
            r"Choose `([^`]+)` at \*\*(.+)\*\*\.": self.choose,
            r"Press \*\*(.+)\*\*\.": self.press,
            r"Note the project's id, .+": self.note,
            r"Give `([^`]+)` as \*\*(.+)\*\*\.": self.give,
            r"See `([^`]+)`": self.see,
            r"Label (\d+) units: `(\w+)` where it says `([^`]+)`, else `(\w+)`\.": self.label,
            r"Take the side that says `(\w+)`\.": self.take,
            r"Download \*\*(.+)\*\* and \*\*(.+)\*\*\.": self.download,
        }

    def do(self, sentence: str) -> None:
        for pattern, method in self.sentences.items():
            if (found := re.fullmatch(pattern, sentence)) is not None:
                method(*found.groups())
                return
        pytest.fail(f"no step that anybody could do: {sentence}")

    def sign_in(self, role: str, subject: str, path: str) -> None:
        whose = (role, subject)
        if whose not in self.people:
            self.people[whose] = self.pages.person(role.lower(), subject)
        self.page = self.people[whose].open(path.replace("PROJECT", self.project))

    def write(self, name: str, label: str) -> None:
        lines = re.findall(r"`([^`]+)`", name)
        text = "\n".join(f"{NAME} {self.slug}" if line == NAME else line for line in lines)
        self.page.get_by_label(label, exact=True).fill(text)

    def choose(self, option: str, label: str) -> None:
        # What may be chosen is text within the label, too.
        self.page.get_by_label(re.compile(f"^{re.escape(label)}")).select_option(label=option)

    def press(self, name: str) -> None:
        # The key of a button stands on it, too.
        self.page.get_by_role("button", name=re.compile(rf"^{re.escape(name)}\b")).last.click()

    def note(self) -> None:
        self.page.wait_for_selector(".upload")
        self.project = self.page.locator("main code").first.inner_text().split("/")[-1]

    def give(self, file: str, label: str) -> None:
        (content,) = re.findall(r"```csv\n(.*?)```", GUIDE, re.DOTALL)
        (self.folder / file).write_text(content)
        self.page.get_by_label(label, exact=True).set_input_files(self.folder / file)

    def see(self, text: str) -> None:
        # What a filter offers says it, too, and is not seen.
        self.page.locator("main").get_by_text(text).locator("visible=true").first.wait_for()

    def label(self, count: str, label: str, says: str, other: str) -> None:
        for _ in range(int(count)):
            self.page.wait_for_selector("[data-unit]")
            unit = self.page.locator("[data-unit]").get_attribute("data-unit")
            text = self.page.locator(".content .text").inner_text()
            wanted = self.page.locator(f".pick:has(span:text-is('{label if says in text else other}')) kbd").first
            self.page.keyboard.press(wanted.inner_text())
            self.page.keyboard.press("Enter")
            self.page.wait_for_selector(f"[data-unit]:not([data-unit='{unit}']), .nothing")
        self.page.wait_for_selector("[data-waiting]", state="detached")

    def take(self, label: str) -> None:
        side = self.page.locator(".answer", has_text=label).get_by_role("button")
        side.click()

    def download(self, *names: str) -> None:
        for name in names:
            with self.page.expect_download() as download:
                self.page.locator(".leaving").get_by_role("link", name=name, exact=True).click()
            download.value.save_as(self.folder / name)


def test_every_step_of_the_guide_is_done_as_it_stands_and_its_files_hold(
    pages: Pages, slug: str, tmp_path: Path
) -> None:
    reader = Reader(pages, slug, tmp_path)
    steps = STEP.findall(GUIDE)
    assert len(steps) > 20
    for step in steps:
        try:
            reader.do(step)
        except Exception as fault:
            raise AssertionError(f"{step}\n{reader.page.locator('main').inner_text()}") from fault
    key = pages.ask("audit", "GET", "/keys")["public_key"]
    concord = [str(places.ENVIRONMENT / "bin" / "concord"), "verify", str(tmp_path / "Certificate")]
    verified = subprocess.run(
        [*concord, str(tmp_path / "Labels"), "--public-key", key], check=False, capture_output=True, text=True
    )
    assert (verified.returncode, "VERIFIED" in verified.stdout) == (0, True), verified.stderr
    rows: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "Labels").read_text().splitlines()]
    labels = {row["source_id"]: row["label"] for row in rows}
    assert labels == {"m0": "spam", "m1": "ham", "m2": "spam", "m3": "ham", "m4": "ham", "m5": "ham"}
