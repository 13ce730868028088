"""The boards' JSON is what their code makes, reads well, honours its drop-downs and leads to the runbook."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.observability.boards import BOARDS, FOLDER, path_of, text_of
from tests.integration.observability.instruments import everything
from tests.integration.observability.promql import selectors, series_of

DEPLOY = Path(__file__).parents[4] / "deploy"
GRID_WIDTH = 24
SERIES = series_of(everything())
OF_ALL = ("In all projects", "What Concord stands on")
"""How rows begin that say that their panels do not follow the drop-downs."""
MARKED = re.compile(r"(?:concord_\w+|concord:[\w:]+|\bup|\bprocess_\w+)(?:\{([^}]*)\})?")
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load((DEPLOY / "observability" / "prometheus" / "concord.rules.yml").read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}

pytestmark = pytest.mark.parametrize("board", BOARDS)


def panels_of(board: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each panel of a board with its row's title."""
    row = ""
    for panel in json.loads(path_of(board).read_text())["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            yield row, panel


def test_the_committed_file_is_what_the_code_makes(board: str) -> None:
    assert path_of(board).read_text() == text_of(board)
    assert {path.stem for path in FOLDER.iterdir()} == set(BOARDS)


def lost(written: Any, read: Any, where: str = "") -> Iterator[str]:
    """Yield what of a JSON value is not in another, or is otherwise there; more may be."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            yield from lost(value, read[key], f"{where}.{key}") if key in read else [f"{where}.{key}"]
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for place, (value, other) in enumerate(zip(written, read, strict=True)):
            yield from lost(value, other, f"{where}[{place}]")
    elif written != read:
        yield where


def read_back(whole: dict[str, Any]) -> list[str]:
    """Return the fields that Grafana's own models do not know: of a board, its panels, their options and queries."""
    plugins.register_default_plugins()
    return list(lost(whole, json.loads(JSONEncoder().encode(Dashboard.from_json(whole)))))


def test_grafanas_own_models_know_every_field(board: str) -> None:
    whole = json.loads(path_of(board).read_text())
    assert read_back(whole) == []
    place, panel = next((place, panel) for place, panel in enumerate(whole["panels"]) if panel["type"] == "stat")
    panel["options"], panel["targets"][0]["expression"], panel["heigth"] = {"colourMode": "value"}, "up", 8
    here = f".panels[{place}]"
    assert sorted(read_back(whole)) == [f"{here}.heigth", f"{here}.options.colourMode", f"{here}.targets[0].expression"]


def test_every_panel_says_what_it_means_and_in_what_unit(board: str) -> None:
    for _, panel in panels_of(board):
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_no_two_panels_lie_on_one_another_or_share_a_title(board: str) -> None:
    panels = json.loads(path_of(board).read_text())["panels"]
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


def test_what_can_be_chosen_is_honoured_by_every_panel_or_its_row_says_that_it_is_not(board: str) -> None:
    chosen = [f'{name}=~"${name}"' for name in BOARDS[board].choosers]
    for row, panel in panels_of(board):
        for asked in (target["expr"] for target in panel["targets"]):
            if row.startswith(OF_ALL):
                assert not any(choice in asked for choice in chosen), (row, panel["title"])
                continue
            marked = [found for found in MARKED.finditer(asked) if not found[0].startswith("concord:objective_allowed")]
            assert marked or panel["title"] == "Alerts firing", panel["title"]
            for found in marked:
                assert all(choice in (found[1] or "") for choice in chosen), (panel["title"], found[0])


def test_people_are_counts_where_it_is_said_how_many_work(board: str) -> None:
    named = {
        panel["title"]
        for _, panel in panels_of(board)
        for target in panel["targets"]
        if any("annotator" in SERIES[selector.name].labels for selector in selectors(target["expr"]))
    }
    assert named == ({"The ten least accurate", "Gold units behind it"} if board == "floor" else set())


def test_links_lead_to_entries_of_the_runbook_where_the_documentation_is(board: str) -> None:
    whole = json.loads(path_of(board).read_text())
    assert "docs" in {variable["name"] for variable in whole["templating"]["list"]}
    for _, panel in panels_of(board):
        for link in panel.get("links") or []:
            address, _, entry = link["url"].partition("#")
            assert address == "${docs}/runbook.html"
            assert entry in {alert.lower() for alert in ALERTS}
            assert link["title"].endswith(next(alert for alert in ALERTS if alert.lower() == entry))


def test_what_a_contract_asks_is_drawn_as_such_and_releases_are_marked(board: str) -> None:
    whole = json.loads(path_of(board).read_text())
    (marks,) = [entry for entry in whole["annotations"]["list"] if entry["name"] == "Releases"]
    assert {selector.name for selector in selectors(marks["expr"])} == {"concord_build_info"}
    for _, panel in panels_of(board):
        legends = [target["legendFormat"] for target in panel["targets"]]
        if any(re.fullmatch("{{.* target", legend) for legend in legends):
            (override,) = panel["fieldConfig"]["overrides"]
            assert override["matcher"] == {"id": "byRegexp", "options": ".* target$"}


def test_every_alert_has_a_panel_that_leads_to_its_entry(board: str) -> None:
    del board
    linked = {
        link["url"].partition("#")[2]
        for name in BOARDS
        for _, panel in panels_of(name)
        for link in panel.get("links") or []
    }
    assert linked == {alert.lower() for alert in ALERTS}


def test_every_panel_that_the_runbook_names_is_on_a_board(board: str) -> None:
    del board
    titles = {panel["title"] for name in BOARDS for _, panel in panels_of(name)}
    text = (DEPLOY.parent / "docs" / "runbook.md").read_text()
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", text))
    assert named - titles == {"Signing people in"}, "which is a heading of another page"


def test_an_alert_names_a_board_with_such_a_panel_narrowed_down_to_what_it_is_about(board: str) -> None:
    of_board = {link["url"].partition("#")[2] for _, panel in panels_of(board) for link in panel.get("links") or []}
    for alert, rule in ALERTS.items():
        address, _, query = rule["annotations"]["dashboard"].partition("?")
        if address == f"/d/concord-{board}":
            assert alert.lower() in of_board
            variable = query.partition("=")[0].removeprefix("var-")
            assert not query or variable in BOARDS[board].choosers
        else:
            assert address.removeprefix("/d/concord-") in BOARDS
