"""Alerts reach somebody, and whoever is reached finds an entry in the runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from concord.chassis.letter_door import PATH
from deploy.local import observers, prometheus
from deploy.local.ports import Ports
from deploy.local.services import SERVICES, WORKBENCH, parts
from deploy.local.suite import STEPS

ROOT = Path(__file__).parents[4]
PROMETHEUS = ROOT / "deploy" / "observability" / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
EVERYBODY = (*SERVICES, WORKBENCH)
"""Whoever answers requests, and is watched."""
LETTER_DOOR = ROOT / "concord" / "chassis" / "letter_door.py"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROMETHEUS / name).read_text())
    return found


ALERTS = {
    rule["alert"]: rule for group in _read("concord.rules.yml")["groups"] for rule in group["rules"] if "alert" in rule
}

RULE_TESTS = sorted(path.name for path in PROMETHEUS.glob("*.test.yml"))
ALWAYS = "Watchdog"
"""The one alert that fires as long as all is well."""


def _entries() -> dict[str, str]:
    """Return the runbook's entries by title."""
    parts = re.split(r"(?m)^## (.+)$", RUNBOOK.read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_is_one_entry_an_alert_and_no_other() -> None:
    assert list(_entries()) == list(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_entry_which_says_what_it_means_where_to_look_and_what_cures_it(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["runbook"] == f"docs/runbook.md#{alert.lower()}"
    entry = _entries()[alert]
    headings = re.findall(r"(?m)^\*\*(.+?)\.\*\*", entry)
    assert headings == ["Meaning", "Look at", "Cure"]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_to_fire_and_not_to_fire(alert: str) -> None:
    tests = [test for file in RULE_TESTS for test in _read(file)["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fired = [bool(case.get("exp_alerts")) for case in cases if case["alertname"] == alert]
    assert any(fired)
    assert alert == ALWAYS or not all(fired)


@pytest.fixture(scope="module")
def amtool() -> Path:
    return prometheus.ensure(prometheus.ALERTMANAGER) / "amtool"


def _receiver(amtool: Path, labels: dict[str, str]) -> str:
    """Return who hears of an alert with these labels, as Alertmanager's own tool says."""
    names = [f"{name}={value}" for name, value in labels.items()]
    config = f"--config.file={PROMETHEUS / 'alertmanager.yml'}"
    asked = subprocess.run(
        [amtool, "config", "routes", "test", config, *names], capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()


def test_a_page_wakes_its_team_and_a_ticket_waits(amtool: Path) -> None:
    config = _read("alertmanager.yml")
    receivers = {entry["name"] for entry in config["receivers"]}
    heard = {name: _receiver(amtool, {**rule["labels"], "alertname": name}) for name, rule in ALERTS.items()}
    assert set(heard.values()) == receivers
    for name, receiver in heard.items():
        labels = ALERTS[name]["labels"]
        assert (receiver == "tickets") == (labels["severity"] == "ticket")
        if labels["severity"] == "page":
            assert receiver == f"{labels['team']}-on-call"


def test_a_page_of_a_team_that_nobody_knows_wakes_somebody_too(amtool: Path) -> None:
    labels = {"alertname": "SomethingNew", "severity": "page", "team": "operations"}
    assert _receiver(amtool, labels) == "platform-on-call"


def test_that_alerts_come_through_is_heard_outside(amtool: Path) -> None:
    labels = {**ALERTS["Watchdog"]["labels"], "alertname": "Watchdog"}
    assert _receiver(amtool, labels) == "dead-mans-switch"


def test_what_one_alert_silences_exists() -> None:
    teams = {rule["labels"]["team"] for rule in ALERTS.values()}
    for rule in _read("alertmanager.yml")["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            name, _, value = re.split(r"\s+(=~|!=|=)\s+", matcher)
            known = {"team": teams, "alertname": set(ALERTS), "service": set(EVERYBODY)}[name]
            assert set(value.strip('"').split("|")) <= known


def test_the_local_prometheus_scrapes_the_five_services_and_the_workbench_where_they_listen() -> None:
    (job,) = _read("prometheus.yml")["scrape_configs"]
    ports = Ports().as_dict()
    scraped = {target["labels"]["service"]: target["targets"] for target in job["static_configs"]}
    assert scraped == {service: [f"127.0.0.1:{ports[service]}"] for service in EVERYBODY}
    assert job["job_name"] == "concord"


def test_the_local_prometheus_tells_the_alertmanager_beside_it() -> None:
    (entry,) = _read("prometheus.yml")["alerting"]["alertmanagers"]
    assert entry["static_configs"] == [{"targets": [f"127.0.0.1:{Ports().alertmanager}"]}]


def test_what_watches_a_stack_on_other_ports_asks_and_tells_those(tmp_path: Path) -> None:
    ports = Ports.moved(300)
    several = {service: [part.port for part in parts(service, ports, 2)] for service in SERVICES}
    several[WORKBENCH] = [ports.workbench]
    *_, asks = observers.programs(tmp_path, ports, several)
    settings = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    scraped = [
        target
        for static_config in settings["scrape_configs"][0]["static_configs"]
        for target in static_config["targets"]
    ]
    assert scraped == [f"127.0.0.1:{port}" for service in EVERYBODY for port in several[service]]
    body = settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert body == [f"127.0.0.1:{ports.alertmanager}"]
    assert asks.ports == (ports.prometheus,)
    assert all(Path(name).exists() for name in settings["rule_files"])


@pytest.mark.parametrize("page", ["runbook.md", "security.md"])
def test_every_route_that_a_page_names_exists(page: str) -> None:
    names = set(re.findall(r"`(?:GET|PUT|POST) /v1([^`?]+)", (ROOT / "docs" / page).read_text()))
    # The door to dead letters is every service's, and written once.
    of_letters = re.findall(r'{PATH}(/[^"]*)"', LETTER_DOOR.read_text().replace("{{", "{").replace("}}", "}"))
    letters = PATH.removeprefix("/v1")
    routes = {letters, *(f"{letters}{rest}" for rest in of_letters)} | {
        route
        for service in SERVICES
        for route in re.findall(r'"(/[^"]*)"', _api(service))
        if not route.startswith("/v1")
    }
    assert names
    assert names <= routes


@pytest.mark.parametrize("service", EVERYBODY)
def test_a_service_that_is_gone_altogether_is_missed(service: str) -> None:
    assert f'absent(up{{job="concord", service="{service}"}})' in ALERTS["ServiceNotAnswering"]["expr"]


def _api(service: str) -> str:
    folder = ROOT / "services" / service
    doors = [*folder.glob("api.py"), *sorted(folder.glob("api/*.py")), *sorted(folder.glob("door/*.py"))]
    return "".join(path.read_text() for path in doors)


def test_every_file_of_rules_tests_is_run_by_the_suite() -> None:
    steps = [beside for step in STEPS for beside in step.beside if beside.name == "alert rules"]
    (argv,) = [step.argv for step in steps]
    assert sorted(Path(file).name for file in argv if file.endswith(".yml")) == RULE_TESTS
