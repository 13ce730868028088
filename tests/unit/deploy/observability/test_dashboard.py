"""The dashboard's JSON is what its code makes, and reads well."""

import json
from typing import Any

import pytest

from deploy.observability.dashboard import FILE, text

GRID_WIDTH = 24


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text())["panels"]
    return found


def test_the_committed_file_is_what_the_code_makes() -> None:
    assert FILE.read_text() == text()


def test_every_panel_says_what_it_means_and_in_what_unit(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_no_two_panels_lie_on_one_another_or_share_a_title(panels: list[dict[str, Any]]) -> None:
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (column, row)
        for place in places
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < GRID_WIDTH
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
