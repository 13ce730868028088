"""Every panel's query, and every rule, answered by a live Prometheus that scrapes what the services show."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.observability.boards import BOARDS, path_of
from tests.integration.observability.exposition import TRACE_ID, exposed, foundations
from tests.integration.observability.instruments import OWN
from tests.support.live_prometheus import Live, prometheus_over
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

STAND_INS = {"$__rate_interval": "10s", "$__range": "10s"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("prometheus")
    with exposed() as addresses, foundations() as others, prometheus_over(folder, addresses, others=others) as server:
        yield server


def _boards() -> dict[str, Any]:
    return {name: json.loads(path_of(name).read_text()) for name in BOARDS}


def _panels() -> dict[str, str]:
    return {
        f"{name}: {panel['title']} {target['refId']}": target["expr"]
        for name, whole in _boards().items()
        for panel in whole["panels"]
        for target in panel.get("targets") or []
    }


def _filled(expression: str) -> str:
    """Return a query with Grafana's own variables replaced."""
    for name, value in STAND_INS.items():
        expression = expression.replace(name, value)
    return re.sub(r"\$\w+", ".+", expression)


PANELS = _panels()


def test_every_service_is_scraped_under_its_own_name(live: Live) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    asked = 'up{job="concord"} == 1'
    while len(up := live.ask("query", query=asked)["result"]) < len(OWN) and time.monotonic() < until:
        time.sleep(0.5)
    named = {entry["metric"]["service"] for entry in up}
    assert named == {"ingest", "assign", "adjudicate", "audit", "metrics", "workbench"} == set(OWN)
    # A service that names itself is not given a second name.
    assert live.eventually('concord_http_requests_in_flight{service="assign"}') == [0.75]
    assert live.numbers('concord_http_requests_in_flight{exported_service!=""}') == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_panels_query_is_answered(live: Live, panel: str) -> None:
    assert live.eventually(_filled(PANELS[panel]))


def test_a_dot_of_a_panel_leads_to_a_trace(live: Live) -> None:
    shown = [
        target["expr"]
        for whole in _boards().values()
        for panel in whole["panels"]
        for target in panel.get("targets") or []
        if target.get("exemplar")
    ]
    assert shown
    for expression in shown:
        until = time.monotonic() + PATIENCE_SECONDS
        asked = {"query": _filled(expression), "start": str(time.time() - 600), "end": str(time.time() + 600)}
        while not (found := live.ask("query_exemplars", **asked)) and time.monotonic() < until:
            time.sleep(0.5)
        assert {exemplar["labels"]["trace_id"] for row in found for exemplar in row["exemplars"]} == {TRACE_ID}


@pytest.mark.parametrize("board", BOARDS)
def test_a_drop_down_has_something_to_choose(live: Live, board: str) -> None:
    asked = [variable["query"] for variable in _boards()[board]["templating"]["list"] if variable["type"] == "query"]
    assert asked
    for query in asked:
        series, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        assert live.eventually(_filled(series))
        assert live.ask(f"label/{label}/values", **{"match[]": _filled(series)})


@pytest.mark.parametrize("board", BOARDS)
def test_what_marks_releases_can_be_asked(live: Live, board: str) -> None:
    for marks in _boards()[board]["annotations"]["list"]:
        live.numbers(marks["expr"])


def test_every_rule_can_be_evaluated(live: Live) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        rules = [rule for group in live.ask("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] != "unknown" for rule in rules) or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert rules
    assert {rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] != "ok"} == {}


def test_an_alert_is_up_when_its_series_say_so_and_only_then(live: Live) -> None:
    # Dead letters grow with every look at the sample; alpha does not lie under its target, for both are the same.
    assert live.eventually('ALERTS{alertname="DeadLettersArriving"}')
    assert live.numbers('ALERTS{alertname="AgreementBelowTarget"}') == []
