"""Every panel's query, and every rule, answered by a live Prometheus that scrapes what the services show."""

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import prometheus
from tests.integration.observability.exposition import exposed

pytestmark = pytest.mark.real

OBSERVABILITY = Path(__file__).parents[3] / "deploy" / "observability"
STAND_INS = {"$__rate_interval": "10s", "$__range": "10s"}
WAIT_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0


class Live:
    """A Prometheus of our own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=10) as reply:
            answer = json.load(reply)
        assert answer["status"] == "success"
        return answer["data"]

    def numbers(self, expression: str) -> list[float]:
        """Return the numbers that a query answers now, those that are none left out."""
        values = [float(found["value"][1]) for found in self.ask("query", query=expression)["result"]]
        return [value for value in values if not isnan(value)]

    def eventually(self, expression: str) -> list[float]:
        """Return the numbers that a query answers as soon as it answers any; none when it never does."""
        until = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := self.numbers(expression)) and time.monotonic() < until:
            time.sleep(0.5)
        return found


def _configuration(folder: Path, addresses: dict[str, str]) -> Path:
    """Write the local stack's configuration, scraping these addresses every second."""
    source = OBSERVABILITY / "prometheus"
    config = yaml.safe_load((source / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(source / name) for name in config["rule_files"]]
    for target in config["scrape_configs"][0]["static_configs"]:
        target["targets"] = [addresses[target["labels"]["service"]]]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder, address = tmp_path_factory.mktemp("prometheus"), _free_address()
    with exposed() as addresses, (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                prometheus.ensure() / "prometheus",
                f"--config.file={_configuration(folder, addresses)}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Live(address)
            _wait_until_it_answers(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_answers(server: Live, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < until and process.poll() is None:
        try:
            server.ask("status/runtimeinfo")
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"prometheus does not answer:\n{log.read_text()[-2000:]}")


def _panels() -> dict[str, str]:
    whole = json.loads((OBSERVABILITY / "grafana" / "concord.json").read_text())
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
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
    until = time.monotonic() + WAIT_SECONDS_MAX
    while len(live.numbers('up{job="concord"} == 1')) < 5 and time.monotonic() < until:
        time.sleep(0.5)
    up = live.ask("query", query='up{job="concord"} == 1')["result"]
    named = {one["metric"]["service"] for one in up}
    assert named == {"ingest", "assign", "adjudicate", "audit", "metrics"}
    # A service that names itself is not given a second name.
    assert live.eventually('concord_http_requests_in_flight{service="assign"}') == [0.75]
    assert live.numbers('concord_http_requests_in_flight{exported_service!=""}') == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_panels_query_is_answered(live: Live, panel: str) -> None:
    assert live.eventually(_filled(PANELS[panel]))


def test_every_rule_can_be_evaluated(live: Live) -> None:
    until = time.monotonic() + WAIT_SECONDS_MAX
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
