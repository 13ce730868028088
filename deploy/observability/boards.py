"""Grafana's boards, built of typed parts and kept as JSON in `grafana/`, one for each who looks.

`contract` is for who answers to the client, `floor` for who sees to it that people have work, `platform` for who is on
call. What a board can be narrowed down to, all its panels are, but for those in rows that say so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, VariableOption

from deploy.k8s.alerting import DOCS
from deploy.observability import contract, floor, on_call
from deploy.observability.panels import Panel, chooser, releases

FOLDER = Path(__file__).parent / "grafana"
STRAY_IN_VARIABLES = ("auto", "auto_count", "auto_min", "id")
LETTERS = "ABCDEFGH"

Rows = Sequence[tuple[str, Sequence[Panel]]]


class Board(NamedTuple):
    """One board: its title, how it can be narrowed down, and its rows."""

    title: str
    choosers: Mapping[str, str]
    rows: Callable[[], Rows]


OF_PROJECTS = {
    "client": "label_values(concord_agreement_units, client)",
    "project": 'label_values(concord_agreement_units{client=~"$client"}, project)',
}
BOARDS = {
    "contract": Board("Concord: what contracts promise", OF_PROJECTS, contract.rows),
    "floor": Board("Concord: people and their work", OF_PROJECTS, floor.rows),
    "platform": Board(
        "Concord: services and what they stand on",
        {"service": 'label_values(up{job="concord"}, service)'},
        on_call.rows,
    ),
}


def path_of(name: str) -> Path:
    """Return where a board's JSON is kept."""
    return FOLDER / f"{name}.json"


def text_of(name: str) -> str:
    """Return a board's JSON, with what the builder leaves open filled in."""
    whole: dict[str, Any] = json.loads(JSONEncoder().encode(_built(name).build()))
    for place, panel in enumerate(whole["panels"], start=1):
        panel["id"] = place
        if panel.get("options") is None:
            panel.pop("options", None)
        for letter, target in zip(LETTERS, panel.get("targets") or [], strict=False):
            target["refId"] = letter
    whole.pop("style", None)  # Grafana has no field of this name since 10.2
    for variable in whole["templating"]["list"]:
        for stray in STRAY_IN_VARIABLES:
            variable.pop(stray, None)
    return json.dumps(whole, sort_keys=True, indent=2) + "\n"


def _built(name: str) -> dashboard.Dashboard:
    board = BOARDS[name]
    others = dashboard.DashboardLink("Concord").type(DashboardLinkType.DASHBOARDS).tags(["concord"])
    docs = dashboard.TextBoxVariable("docs").label("Documentation").default_value(DOCS)
    docs = docs.current(VariableOption(text=DOCS, value=DOCS))
    building = (
        dashboard.Dashboard(board.title)
        .uid(f"concord-{name}")
        .tags(["concord"])
        .time("now-6h", "now")
        .refresh("30s")
        .readonly()
        .link(others.include_vars(True).keep_time(True))
        .annotation(releases())
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    )
    for variable, query in board.choosers.items():
        building = building.with_variable(chooser(variable, query))
    building = building.with_variable(docs)
    for title, panels in board.rows():
        building = building.with_row(dashboard.Row(title))
        for panel in panels:
            building = building.with_panel(panel)
    return building
