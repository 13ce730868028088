"""The page of every series: what services show to Prometheus, from where it is declared, and who looks at it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import yaml

from concord.chassis.telemetry import Instrument
from deploy.local.places import ROOT
from deploy.observability.boards import BOARDS, path_of
from tests.integration.observability.instruments import EVERYONES, OWN, READY, WITHOUT_JOURNAL, journal, process
from tests.integration.observability.promql import SUFFIXES

RULES = ROOT / "deploy/observability/prometheus/concord.rules.yml"
NAME = re.compile(r"[a-zA-Z_][\w:]*")
UNITS: Mapping[str, str] = {
    "timestamp_seconds": "seconds since 1970",
    "start_time_seconds": "seconds since 1970",
    "seconds": "seconds",
    "bytes": "bytes",
    "percent": "share, 0 to 1",
    "rate": "share, 0 to 1",
    "rate_low": "share, 0 to 1",
    "rate_high": "share, 0 to 1",
    "alpha": "alpha, at most 1",
    "alpha_low": "alpha, at most 1",
    "alpha_high": "alpha, at most 1",
}
"""By how a series' name ends; the longest ending that fits."""
OF_THE_MEASURE = "of the measure"
OTHER_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("concord_confidence_gap", "concord_confidence_gap_low", "concord_confidence_gap_high"), "share, -1 to 1"),
    **dict.fromkeys(("concord_annotator_accuracy", "concord_annotator_accuracy_low", "concord_annotator_accuracy_high"), "share, 0 to 1"),
    **dict.fromkeys(("concord_position_first", "concord_position_first_low", "concord_position_first_high", "concord_position_expected"), "share, 0 to 1"),
    **dict.fromkeys(("concord_contract_target", "concord_contract_finding", "concord_contract_finding_low", "concord_contract_finding_high"), OF_THE_MEASURE),
    **dict.fromkeys(("concord_contract_breached", "concord_drift_found", "concord_position_found", "concord_ready", "concord_dependency_up", "concord_identity_file_refused", "concord_certificate_file_refused", "concord_build_info"), "1 or 0"),
    "concord_drift_psi": "index, from 0",
}  # fmt: skip
"""Of series whose names do not tell; all others are counts."""
INTRODUCTION = """\
What each service shows at `GET /metrics`, from the tables in which it is declared. A histogram is three series: \
`_bucket` (with the label `le`), `_sum` and `_count`. Prometheus adds `service`, `job` and `instance`. People are \
counted; annotators are named where it is about accuracy on gold alone.

Series by `project` are bounded: metrics shows 380 projects of a process, and those that are quiet longest leave first \
([SeriesWithheld](runbook.md#serieswithheld)); others show the 400 in which it is most, and none where there is nothing \
([ProjectsBeyondNamed](runbook.md#projectsbeyondnamed)).
"""


class Users(NamedTuple):
    """Who looks at a series: alerts, and panels by board."""

    alerts: Sequence[str]
    panels: Sequence[tuple[str, str]]


def groups() -> dict[str, Sequence[Instrument]]:
    """Return what is shown, by who shows it."""
    keeping = ", ".join(service for service in OWN if service not in WITHOUT_JOURNAL)
    return {
        **OWN,
        "Every process": (READY, *EVERYONES, *process()),
        f"Journals: {keeping}": journal(),
    }


def shown_as(instrument: Instrument) -> str:
    """Return a series' name as Prometheus has it; of a histogram without its endings."""
    return f"{instrument.name}_total" if instrument.kind == "counter" else instrument.name


def unit(instrument: Instrument) -> str:
    """Return what its values are."""
    if instrument.name in OTHER_UNITS:
        return OTHER_UNITS[instrument.name]
    endings = [ending for ending in UNITS if instrument.name.endswith(f"_{ending}")]
    return UNITS[max(endings, key=len)] if endings else "count"


def users() -> dict[str, Users]:
    """Return who looks at each series, by its name in its table; by way of what rules record, too."""
    instruments = [instrument for table in groups().values() for instrument in table]
    series = {f"{entry.name}{suffix}": entry.name for entry in instruments for suffix in SUFFIXES[entry.kind]}
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    recorded: dict[str, set[str]] = defaultdict(set)
    for rule in rules:
        if "record" in rule:
            recorded[rule["record"]] |= set(NAME.findall(rule["expr"]))

    def asked(expression: str) -> set[str]:
        found, left = set[str](), set(NAME.findall(expression))
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left |= recorded.get(name, set())
        return {series[name] for name in found & series.keys()}

    alerts: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        for name in asked(rule["expr"]) if "alert" in rule else ():
            alerts[name].append(rule["alert"])
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for board, title, expressions in _panels():
        for name in asked(" ".join(expressions)):
            panels[name].append((board, title))
    return {entry.name: Users(alerts[entry.name], panels[entry.name]) for entry in instruments}


def _panels() -> Iterator[tuple[str, str, list[str]]]:
    for board in BOARDS:
        whole = json.loads(path_of(board).read_text())
        for panel in whole["panels"]:
            yield board, panel["title"], [target["expr"] for target in panel.get("targets") or []]
        # What marks a release is looked at on every board.
        for marks in whole["annotations"]["list"]:
            yield board, marks["name"], [marks.get("expr") or ""]


def page(made: str) -> str:
    """Return the page; `made` says on it what it is made by."""
    known = users()
    lines = [made, "# Series", "", INTRODUCTION]
    for title, table in groups().items():
        lines += [f"## {title[0].upper()}{title[1:]}", "", "| series | kind | labels | unit | meaning | alerts | panels |", "|---|---|---|---|---|---|---|"]  # fmt: skip
        lines += [_line(entry, known[entry.name]) for entry in sorted(table, key=shown_as)]
        lines.append("")
    return "\n".join(lines)


def _line(entry: Instrument, known: Users) -> str:
    labels = ", ".join(f"`{label}`" for label in entry.labels)
    alerts = ", ".join(f"[{alert}](runbook.md#{alert.lower()})" for alert in known.alerts)
    panels = "; ".join(f"{board}: {title}" for board, title in known.panels)
    cells = (f"`{shown_as(entry)}`", entry.kind, labels, unit(entry), _escaped(entry.help), alerts, panels)
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
