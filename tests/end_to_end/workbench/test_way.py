"""The whole way in a browser: from a CSV over three annotators, an adjudicator and an auditor to a certificate."""

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.local import places
from tests.support.pages import Pages, Person, until

pytestmark = pytest.mark.real

TEXTS = ["fine and warm", "cold and wet", "neither one nor the other", "a storm", "sun all day", "fog, then sun"]
LABELS = {"fine and warm": "2", "cold and wet": "1", "neither one nor the other": "2", "a storm": "1"}
DISPUTED = "neither one nor the other"
CSV = "id,content\n" + "\n".join(f'u{place},"{text}"' for place, text in enumerate(TEXTS))


def make_project(client: Person, name: str) -> str:
    page = client.open("/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Classes, one a line").fill("bad\ngood")
    page.get_by_label("Guideline (Markdown)").fill("# Weather\n\nWould you go **out**?")
    page.get_by_label("Labels at most").fill("2")
    page.get_by_label("Settled at a confidence of").fill("0.8")
    page.get_by_label("Share of hidden gold").fill("0")
    page.get_by_label("Units a lot").fill("6")
    page.get_by_label("Sample").select_option("fraction")
    page.get_by_label("Share that is checked").fill("0.9")
    # What is previewed is what annotators will have.
    page.locator(".preview .pick", has_text="good").click()
    expect(page.locator(".preview code")).to_have_text('"good"')
    page.get_by_role("button", name="Make the project").click()
    page.wait_for_selector(".upload")
    project_id = page.locator("main code").first.inner_text().split("/")[-1]
    page.get_by_label("File").set_input_files({"name": "units.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
    page.get_by_text(f"{len(TEXTS)} units.").wait_for()
    page.get_by_role("button", name="Send").click()
    page.get_by_text(f"{len(TEXTS)} taken").wait_for()
    page.get_by_role("button", name="That was all").click()
    page.get_by_text("The lots are cut.").wait_for()
    return project_id


def next_with_a_unit(pages: list[Page], turn: int) -> Page | None:
    """Return the first page from this one on that has a unit; None where none has."""
    in_turn = [pages[(turn + place) % len(pages)] for place in range(len(pages))]
    return next((page for page in in_turn if page.locator("[data-unit]").count()), None)


def annotate(people: list[Person], project_id: str) -> list[str]:
    """Let everybody label in turn by keys until each text was labelled twice; return what was labelled, in order."""
    pages = [person.at_desk(project_id) for person in people]
    names: list[str] = []
    while len(names) < 2 * len(TEXTS):
        page = until(partial(next_with_a_unit, pages, len(names)), "a unit for anybody")
        text = page.locator(".content .text").inner_text()
        unit = page.locator("[data-unit]").get_attribute("data-unit")
        # Whoever is the second to say something of this one says the contrary.
        page.keyboard.press("1" if text == DISPUTED and text in names else LABELS.get(text, "2"))
        page.keyboard.press("Enter")
        page.wait_for_selector(f"[data-unit]:not([data-unit='{unit}']), .nothing")
        names.append(text)
    for page in pages:
        page.wait_for_selector("[data-waiting]", state="detached")
    return names


def ask(page: Page) -> None:
    """Say that the guideline does not tell how the unit is to be labelled, by the keyboard."""
    page.wait_for_selector(".ruling")
    page.keyboard.press("q")
    page.get_by_label("Reason", exact=True).fill("Nothing is said of fog.")
    page.locator(".sending .primary", has_text="Ask").click()
    page.wait_for_selector(".nothing")


def dismiss(page: Page) -> None:
    """Answer on the project's page that the guideline is clear enough."""
    question = page.locator(".questions .answer")
    question.get_by_text("Nothing is said of fog.").wait_for()
    expect(question).to_contain_text("1 unit waits")
    question.get_by_role("textbox").fill("Fog is weather.")
    question.get_by_role("button", name="It stays as it is").click()
    question.wait_for(state="detached")


def rule(page: Page) -> None:
    page.wait_for_selector(".ruling")
    expect(page.locator(".answer")).to_have_count(2)
    # Both sides say one thing that the other does not, and it is marked.
    assert sorted(page.locator(".pieces li.only").all_inner_texts()) != []
    page.locator(".answer", has_text="good").get_by_role("button").click()
    page.get_by_role("button", name="Rule", exact=False).last.click()
    page.get_by_text("A ruling is binding: give its reason.").wait_for()
    page.get_by_label("Reason", exact=True).fill("Fog lifts.")
    page.locator(".sending .primary").click()
    page.get_by_text("Ruled in this sitting: 1").wait_for()


def check(page: Page, errors: int) -> int:
    """Check the whole sample blind, all of it right but for some at first; say how much it was."""
    count = 0
    while page.locator("[data-unit]").count():
        assert page.locator("main").inner_text().count("Fog lifts.") == 0
        text = page.locator(".content .text").inner_text()
        unit = page.locator("[data-unit]").get_attribute("data-unit")
        page.keyboard.press(LABELS.get(text, "2"))
        page.keyboard.press("Enter")
        page.wait_for_selector(f"[data-unit]:not([data-unit='{unit}']), .nothing")
        count += 1
    return count - errors


def accepted(pages: Pages, project_id: str) -> Any:
    lots = pages.ask("audit", "GET", f"/projects/{project_id}/lots")["lots"]
    return lots if lots and all(lot["status"] == "accepted" for lot in lots) else None


def test_from_a_csv_to_a_certificate_that_holds(pages: Pages, slug: str, tmp_path: Path) -> None:
    client = pages.person("client")
    project_id = make_project(client, f"Weather {slug}")
    people = [pages.person("annotator", f"{slug}-{letter}") for letter in "abc"]
    # Two labels a unit and no more, whoever gave them.
    assert sorted(annotate(people, project_id)) == sorted(2 * TEXTS)
    adjudicator = pages.person("adjudicator", f"{slug}-judge")
    ask(adjudicator.open(f"/adjudicate?project={project_id}"))
    dismiss(client.open(f"/projects/{project_id}"))
    rule(adjudicator.open(f"/adjudicate?project={project_id}"))
    auditor = pages.person("auditor", f"{slug}-auditor")
    page = auditor.open(f"/audit?project={project_id}")
    page.wait_for_selector("[data-unit]")
    page.wait_for_selector(".side .plot")
    assert check(page, 0) == 6
    until(lambda: accepted(pages, project_id), "an accepted lot")
    page = client.open(f"/projects/{project_id}")
    page.locator(".listing .badge.accepted").first.wait_for()
    page.get_by_role("button", name="Verify here").click()
    page.locator(".verdict.good").wait_for()
    files = {}
    for name in ("Certificate", "Labels"):
        with page.expect_download() as download:
            page.locator(".leaving").get_by_role("link", name=name, exact=True).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    key = pages.ask("audit", "GET", "/keys")["public_key"]
    concord = [str(places.ENVIRONMENT / "bin" / "concord"), "verify", str(files["Certificate"]), str(files["Labels"])]
    assert subprocess.run([*concord, "--public-key", key], check=False, capture_output=True).returncode == 0
    labels = {row["source_id"]: row["label"] for row in map(json.loads, files["Labels"].read_text().splitlines())}
    assert labels == {f"u{place}": "bad" if LABELS.get(text) == "1" else "good" for place, text in enumerate(TEXTS)}
    verify_by_hand(client, files, key)
    for person in pages.people:
        assert person.refused() == []


def verify_by_hand(client: Person, files: dict[str, Path], key: str) -> None:
    """Hold the files against each other on the page that needs nobody, and see that one changed byte is told."""
    page = client.open("/verify")
    page.get_by_label("Certificate").set_input_files(files["Certificate"])
    page.get_by_label("Labels as they were handed over").set_input_files(files["Labels"])
    page.get_by_label("Public key that you trust").fill(key)
    page.get_by_role("button", name="Verify", exact=True).click()
    page.locator(".verdict.good").wait_for()
    changed = files["Labels"].read_bytes().replace(b'"good"', b'"bad_"', 1)
    page.get_by_label("Labels as they were handed over").set_input_files(
        {"name": "labels.jsonl", "mimeType": "application/jsonl", "buffer": changed}
    )
    page.get_by_role("button", name="Verify", exact=True).click()
    page.locator(".verdict.bad").wait_for()
