"""The roster in a browser: looked through a page at a time, changed by keys, and taken from a file row by row."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.pages import Pages, until

pytestmark = pytest.mark.real

COUNT = 60
"""More than a page shows."""


def roster(slug: str) -> str:
    """Return a file of a vendor's people, of whom one cannot be taken."""
    rows = [f"{slug}-{place:02},law|medicine,{slug},en,{'retired' if place == 7 else ''}" for place in range(COUNT)]
    rows[3] = f"{slug}-03,law,{slug},en,asleep"
    return "\n".join(["annotator_id,skills,vendor,languages,state", *rows])


def names(page: Page) -> list[str]:
    return page.locator(".roster tbody tr td:first-child").all_inner_texts()


def listed(page: Page, slug: str, wanted: int) -> list[str]:
    """Return the names on the page once there are so many, each with the slug in it."""

    def found() -> list[str] | None:
        there = names(page)
        return there if len(there) == wanted and all(slug in name for name in there) else None

    there: list[str] = until(found, f"{wanted} people")
    return there


def heard(pages: Pages, sought: str, wanted: int) -> list[dict[str, Any]]:
    """Return the people who are sought once the service lists so many: it hears of a change a moment after it."""

    def found() -> list[dict[str, Any]] | None:
        listed: list[dict[str, Any]] = pages.ask("assign", "GET", f"/annotators?limit=500&{sought}", role="operator")[
            "annotators"
        ]
        return listed if len(listed) == wanted else None

    there: list[dict[str, Any]] = until(found, f"{wanted} people in the service's list")
    return there


def test_an_operator_takes_a_roster_from_a_file_and_looks_through_it(pages: Pages, slug: str) -> None:
    page = pages.person("operator").open("/people")
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "roster.csv", "mimeType": "text/csv", "buffer": roster(slug).encode()}
    )
    page.get_by_role("button", name="Send").click()
    heard(pages, f"vendor={slug}", COUNT - 1)
    page.get_by_text(f"{COUNT - 1} new or changed, 0 as they were, 1 refused.").wait_for()
    refused = page.locator("dialog tbody tr").inner_text().split("\t")
    assert (refused[0], refused[1]) == ("5", "state"), "the line in which it stands, and the column"
    assert "send one of invited" in refused[3]
    page.keyboard.press("Escape")
    page.get_by_label("Vendor", exact=True).fill(slug)
    first = listed(page, slug, 50)
    page.get_by_role("button", name="Next").click()
    second = listed(page, slug, COUNT - 1 - 50)
    assert sorted(first + second) == [f"{slug}-{place:02}" for place in range(COUNT) if place != 3]
    # How the list stands is in the address: it outlives a reload, and can be sent to somebody.
    page.wait_for_url(lambda address: f"vendor={slug}" in address and "page=2" in address)
    page.reload()
    assert listed(page, slug, COUNT - 1 - 50) == second
    page.get_by_role("button", name="Previous").click()
    assert listed(page, slug, 50) == first
    page.get_by_label("State").select_option("retired")
    assert listed(page, slug, 1) == [f"{slug}-07"]


def test_somebody_is_added_certified_until_a_day_and_paused_by_keys_alone(pages: Pages, slug: str) -> None:
    page = pages.person("operator").open("/people")
    name = f"Zoë {slug} {'x' * 80}"
    page.get_by_role("button", name="Add somebody").press("Enter")
    page.get_by_label("Name", exact=True).press_sequentially(name)
    page.get_by_label("Skills, commas between").press_sequentially("law, medicine")
    page.get_by_role("button", name="One more credential").press("Enter")
    page.get_by_label("Certified in", exact=True).press_sequentially("law")
    page.get_by_label("Holds until").fill("2031-05-01T10:00")
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_text(f"{name} is saved.").wait_for()
    heard(pages, f"text={slug}", 1)
    page.get_by_label("Name or vendor").press_sequentially(slug)
    assert listed(page, slug, 1) == [name]
    expect(page.locator(".roster tbody")).to_contain_text("until May 1, 2031")
    page.get_by_role("button", name=name).press("Enter")
    page.get_by_label("State from now on").select_option("paused")
    page.get_by_label("Reason, as they are told it").press_sequentially("on leave")
    page.get_by_label("Until, if the pause has an end").fill("2001-01-01T00:00")
    page.get_by_role("button", name="Change the state").press("Enter")
    page.locator("dialog .problem", has_text="The end of the pause has passed").wait_for()
    page.get_by_label("Until, if the pause has an end").fill("2031-06-01T00:00")
    page.get_by_role("button", name="Change the state").press("Enter")
    page.get_by_text(f"{name} is paused now.").wait_for()
    page.locator(".roster .badge.paused").wait_for()
    expect(page.locator(".roster tbody")).to_contain_text("on leave")
    found = pages.ask("assign", "GET", f"/annotators/{name}", role="operator")
    assert (found["state"], found["state_reason"]) == ("paused", "on leave")
    assert [credential["domain"] for credential in found["credentials"]] == ["law"]
    # A pause of theirs, and what they can do, are two things: neither takes the other away.
    page.get_by_role("button", name=name).press("Enter")
    page.get_by_label("Languages, commas between").press_sequentially("en")
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_text(f"{name} is saved.").wait_for()
    again = pages.ask("assign", "GET", f"/annotators/{name}", role="operator")
    page.set_viewport_size({"width": 390, "height": 800})
    wide = page.locator(".roster td:first-child").first.evaluate("(cell) => cell.getBoundingClientRect().width")
    assert wide < 390 / 2, "a long name breaks, and the state beside it is in sight on a phone"
    assert again["credentials"] == found["credentials"]
    assert (again["state"], again["languages"]) == ("paused", ["en"])
