"""Nobody hears twice of one cause: of all that fires of it one page is heard, and what it silences is heard alone."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import yaml

from deploy.local.services import SERVICES, WORKBENCH
from tests.unit.deploy.observability.test_alerting import ALERTS, PROMETHEUS

CONFIG: dict[str, Any] = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text())
KEEPING = tuple(service for service in SERVICES if service != "metrics")
"""Services that keep something in the store."""
SCRAPE_AND_EVALUATION_SECONDS = 30
Labels = dict[str, str]


def alert(name: str, **labels: str) -> Labels:
    """Return the labels of an alert as Alertmanager has them."""
    return {**ALERTS[name]["labels"], "alertname": name, **labels}


def each(name: str, services: Iterable[str] = SERVICES, **labels: str) -> list[Labels]:
    """Return an alert of each of these services."""
    return [alert(name, service=service, **labels) for service in services]


BURNING = [
    alert("FreshnessBudgetBurning", objective="freshness", service="metrics"),
    alert("BudgetBurningSlowly", objective="freshness", service="metrics"),
]
WORKBENCH_FAILS = [
    *each("RequestsFailing", [WORKBENCH]),
    *each("AvailabilityBudgetBurning", [WORKBENCH], objective="availability"),
    *each("BudgetBurningSlowly", [WORKBENCH], objective="availability"),
]
QUALITY = {"client": "k1", "project": "k1-p"}

CAUSES: dict[str, tuple[str, list[Labels], set[str]]] = {
    "the store is away": (
        "StoreNotAnswering",
        [
            *each("StoreNotAnswering", KEEPING, dependency="store"),
            *each("RequestsFailing", KEEPING),
            *each("AvailabilityBudgetBurning", KEEPING, objective="availability"),
            *each("ConsumerStuck", KEEPING, instance="a"),
            *each("LoopStandsStill", KEEPING, loop="leases"),
            *each("LeasesOverdue", ["assign"]),
            *each("AuditLotsStanding", ["audit"]),
            *each("ServiceRestarting", KEEPING),
            *each("GroupFallsBehind", KEEPING, consumergroup="x"),
            *WORKBENCH_FAILS,
            alert("QualityNotMeasured"),
            alert("SubmissionBudgetBurning", objective="submission", service="assign"),
            *BURNING,
        ],
        set(),
    ),
    "the brokers are away": (
        "BrokerNotAnswering",
        [
            *each("BrokerNotAnswering", dependency="broker"),
            *each("PublisherBacklog", KEEPING, instance="a"),
            *each("RequestsFailing", KEEPING),
            *each("GroupFallsBehind", consumergroup="x"),
            *WORKBENCH_FAILS,
            alert("KafkaBelowMinimum", topic="concord.units.v1"),
            alert("KafkaUnderReplicated", topic="concord.units.v1"),
            alert("QualityNotMeasured"),
            *BURNING,
        ],
        set(),
    ),
    "two of three brokers are gone": (
        "KafkaBelowMinimum",
        [
            *(alert("KafkaBelowMinimum", topic=topic) for topic in ("concord.units.v1", "concord.lots.v1")),
            *(alert("KafkaUnderReplicated", topic=topic) for topic in ("concord.units.v1", "concord.lots.v1")),
            *each("PublisherBacklog", KEEPING, instance="a"),
            *BURNING,
        ],
        set(),
    ),
    "metrics is gone": (
        "ServiceNotAnswering",
        [
            *each("ServiceNotAnswering", ["metrics"]),
            *each("ServiceRestarting", ["metrics"]),
            *each("GroupFallsBehind", ["metrics"], consumergroup="metrics"),
            alert("QualityNotMeasured"),
            alert("AgreementBreachCertain", **QUALITY),
            alert("AgreementBelowTarget", **QUALITY),
            *WORKBENCH_FAILS,
            *BURNING,
        ],
        set(),
    ),
    "assign starts again and again": (
        "ServiceRestarting",
        [
            *each("ServiceRestarting", ["assign"]),
            *each("RequestsFailing", ["assign"]),
            *each("AvailabilityBudgetBurning", ["assign"], objective="availability"),
            alert("SubmissionBudgetBurning", objective="submission", service="assign"),
            *WORKBENCH_FAILS,
            *BURNING,
        ],
        set(),
    ),
    "a machine is gone, and what ran on it": (
        "ServiceNotAnswering",
        [*each("ServiceNotAnswering", [*SERVICES, WORKBENCH]), *WORKBENCH_FAILS, alert("QualityNotMeasured")],
        set(),
    ),
    "a handler of metrics hangs": (
        "ConsumerStuck",
        [
            *each("ConsumerStuck", ["metrics"], instance="a"),
            *each("ServiceRestarting", ["metrics"]),
            *each("GroupFallsBehind", ["metrics"], consumergroup="metrics"),
            alert("QualityNotMeasured"),
            *BURNING,
        ],
        set(),
    ),
    "assign may not write its topic": (
        "PublisherBacklog",
        [*each("PublisherBacklog", ["assign"], instance="a"), *BURNING],
        set(),
    ),
    "assign has a defect": (
        "RequestsFailing",
        [
            *each("RequestsFailing", ["assign"]),
            *each("AvailabilityBudgetBurning", ["assign"], objective="availability"),
            *each("BudgetBurningSlowly", ["assign"], objective="availability"),
            *WORKBENCH_FAILS,
        ],
        set(),
    ),
    "alpha falls": (
        "AgreementBreachCertain",
        [alert("AgreementBreachCertain", **QUALITY), alert("AgreementBelowTarget", **QUALITY)],
        set(),
    ),
    "alpha falls, and the project is finished": (
        "",
        [alert("FinishedProjectInBreach", **QUALITY), alert("AgreementBelowTarget", **QUALITY)],
        {"FinishedProjectInBreach"},
    ),
    "one disk is full, and another fills": (
        "DiskFull",
        [
            alert("DiskFull", namespace="concord", persistentvolumeclaim="data-0"),
            alert("DiskFilling", namespace="concord", persistentvolumeclaim="data-0"),
            alert("DiskFilling", namespace="mongodb", persistentvolumeclaim="data-1"),
        ],
        {"DiskFilling"},
    ),
    "the workbench alone fails": ("RequestsFailing", WORKBENCH_FAILS, set()),
}
"""Of each cause: which page is heard (none where there is none), all that fires of it, and which tickets."""


def matches(labels: Mapping[str, str], matchers: Iterable[str]) -> bool:
    """Return whether all matchers hold, as Alertmanager has it: a label that is not there is empty."""
    for matcher in matchers:
        name, operator, value = re.split(r"\s+(=~|!=|=)\s+", matcher)
        text, value = labels.get(name, ""), value.strip('"')
        holds = bool(re.fullmatch(value, text)) if operator == "=~" else (text == value) == (operator == "=")
        if not holds:
            return False
    return True


def silenced(target: Labels, firing: list[Labels]) -> bool:
    """Return whether something that fires silences an alert; what is silenced itself silences on."""
    return any(
        matches(target, rule["target_matchers"])
        and any(
            matches(source, rule["source_matchers"])
            and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", ()))
            and not (matches(source, rule["target_matchers"]) and matches(target, rule["source_matchers"]))
            for source in firing
        )
        for rule in CONFIG["inhibit_rules"]
    )


def group(labels: Labels) -> tuple[str, ...]:
    """Return in which notification an alert is told: whose, and by what it is put together with others."""
    root = CONFIG["route"]
    route = next((route for route in root["routes"] if matches(labels, route["matchers"])), root)
    together = route.get("group_by", root["group_by"])
    return (route["receiver"], *(labels.get(name, "") for name in together))


@pytest.mark.parametrize("cause", CAUSES)
def test_of_one_cause_one_page_is_heard(cause: str) -> None:
    page, firing, tickets = CAUSES[cause]
    heard = [labels for labels in firing if not silenced(labels, firing)]
    pages = [labels for labels in heard if labels["severity"] == "page"]
    assert {labels["alertname"] for labels in pages} == ({page} if page else set())
    assert len({group(labels) for labels in pages}) <= 1
    assert {labels["alertname"] for labels in heard if labels["severity"] == "ticket"} == tickets


@pytest.mark.parametrize("name", [name for name in ALERTS if ALERTS[name]["labels"]["severity"] == "page"])
def test_each_page_is_heard_when_it_fires_alone(name: str) -> None:
    for service in ("", *SERVICES, WORKBENCH):
        labels = alert(name, service=service)
        assert not silenced(labels, [labels])


def test_one_services_fault_silences_nothing_of_another_service() -> None:
    firing = [*each("ServiceNotAnswering", ["ingest"]), *each("RequestsFailing", ["audit"])]
    assert not any(silenced(labels, firing) for labels in firing)


def test_a_file_that_all_services_read_is_one_ticket() -> None:
    for name, labels in (("IdentityFileRefused", {}), ("CertificateFileRefused", {"file": "authority"})):
        assert len({group(told) for told in each(name, **labels)}) == 1


def test_a_page_waits_for_its_reason_and_not_for_long() -> None:
    for route in CONFIG["route"]["routes"]:
        waits = int(route.get("group_wait", "10s").removesuffix("s"))
        if route["receiver"].endswith("on-call"):
            assert waits == SCRAPE_AND_EVALUATION_SECONDS
