"""What the production overlay promises of the five services and the workbench."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from concord.chassis.http.application import OPEN_PATHS
from concord.chassis.settings import Environment, ServiceSettings, SettingsRefused
from concord.chassis.wiring import address_of
from concord.contracts.topics import PLACES_PRODUCTION, TOPICS
from deploy.k8s import checks, generated
from deploy.k8s.__main__ import main
from deploy.k8s.catalogue import SERVICES
from deploy.k8s.doors import WORKBENCH, leads_to
from deploy.k8s.render import PRODUCTION, ROOT, Manifest, NotRendered, rendered
from deploy.k8s.workload import POD_ADDRESS, environment, named, pod_of, programs
from services.adjudicate.settings import AdjudicateSettings
from services.assign.settings import AssignSettings
from services.audit.settings import AuditSettings
from services.ingest.settings import IngestSettings
from services.metrics.settings import MetricsSettings
from workbench.api import PAGES, router
from workbench.settings import WorkbenchSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "ingest": IngestSettings,
    "assign": AssignSettings,
    "adjudicate": AdjudicateSettings,
    "audit": AuditSettings,
    "metrics": MetricsSettings,
}
URI = "mongodb://service:password@db-0.db:27017/?replicaSet=rs&tls=true"
PLACEHOLDER = "0123456789abcdefghijklmnopqrstuvwxyz-placeholder"


def test_what_follows_from_code_is_what_was_committed() -> None:
    assert list(generated.differences()) == []


def test_alerts_lead_to_where_somebody_serves_the_runbook_and_the_boards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "--docs", "https://docs.vendor.test/", "--grafana", "https://boards.vendor.test"]) == 0
    (tmp_path / "mine.yaml").write_text(capsys.readouterr().out)
    (tmp_path / "rules.yaml").write_text((generated.RULES.parents[1] / "kubernetes/rules.yaml").read_text())
    (tmp_path / "kustomization.yaml").write_text("{resources: [rules.yaml], patches: [{path: mine.yaml}]}")
    (patched,) = rendered(tmp_path)
    alerts = {
        rule["alert"]: rule["annotations"]
        for group in patched["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert alerts["UnitsNobodyCanLabel"]["runbook_url"] == "https://docs.vendor.test/runbook.html#unitsnobodycanlabel"
    floor = "https://boards.vendor.test/d/concord-floor?var-project={{ $labels.project }}"
    assert alerts["UnitsNobodyCanLabel"]["dashboard_url"] == floor
    assert all(annotations.keys() == {"summary", "runbook_url", "dashboard_url"} for annotations in alerts.values())
    assert "example.org" not in str(alerts)


def test_the_overlay_has_no_fault_and_the_command_counts_its_manifests(
    production: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == f"{len(production)} manifests, 0 faults\n"


def test_the_command_fails_on_a_fault_and_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pod.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: one}, spec: {kontainers: []}}")
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]")
    assert main(["--overlay", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert text == "Pod/one: spec: 'containers' is a required property\n1 manifests, 1 faults\n"


def test_an_overlay_that_kustomize_refuses_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [absent.yaml]")
    with pytest.raises(NotRendered, match=r"absent\.yaml"):
        rendered(tmp_path)
    assert main(["--overlay", str(tmp_path)]) == 1
    assert "absent.yaml" in capsys.readouterr().out


def test_programs_of_the_house_are_let_in_by_a_component_and_told_the_owners(
    with_component: Callable[[str], list[Manifest]],
) -> None:
    manifests = with_component("callers")
    assert list(checks.faults(manifests)) == []
    policies = named(manifests, "NetworkPolicy")
    caller = {"podSelector": {"matchLabels": {"concord-caller": "true"}}}
    services = {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "service"}}}
    (entry,) = policies["callers-of-services"]["spec"]["ingress"]
    (way_out,) = policies["callers"]["spec"]["egress"]
    assert (policies["callers-of-services"]["spec"]["podSelector"], entry["from"]) == (
        services["podSelector"],
        [caller],
    )
    assert (policies["callers"]["spec"]["podSelector"], way_out["to"]) == (caller["podSelector"], [services])
    deployments = named(manifests, "Deployment")
    for service in SERVICES:
        assert (
            deployments[service]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "service"
        )
        assert _given(manifests, service)["CONCORD_OWNERS_NAMED"] == "true"


def test_there_is_one_deployment_a_service_and_the_workbench_and_its_argument_can_be_run(
    production: list[Manifest],
) -> None:
    deployments = programs(production)
    assert set(SERVICES) == set(SETTINGS)
    assert set(deployments) == {*SERVICES, WORKBENCH}
    for name, deployment in deployments.items():
        (argument,) = pod_of(deployment)["containers"][0]["args"]
        assert argument == (f"services.{name}" if name in SERVICES else name)
        assert importlib.util.find_spec(f"{argument}.__main__") is not None


def _given(production: list[Manifest], service: str) -> dict[str, str]:
    """Return what a service is given, with an address of the store in its secret, where it is given one."""
    given = environment(named(production, "Deployment")[service], production, PLACEHOLDER)
    return {name: URI if name == "CONCORD_MONGODB_URI" else value for name, value in given.items()}


def test_who_keeps_nothing_in_the_store_is_not_told_where_it_is(production: list[Manifest]) -> None:
    told = {service for service in SERVICES if "CONCORD_MONGODB_URI" in _given(production, service)}
    let_out = {
        service
        for service in SERVICES
        if "mongodb" in repr(named(production, "NetworkPolicy")[service]["spec"]["egress"])
    }
    assert told == let_out == set(SERVICES) - {"metrics"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_starts_in_the_clear(production: list[Manifest], service: str) -> None:
    for name, value in (("CONCORD_KAFKA_SECURITY", "PLAINTEXT"), ("CONCORD_MONGODB_URI", "mongodb://a:b@db")):
        with pytest.raises(SettingsRefused, match=name):
            SETTINGS[service].from_environment({**_given(production, service), name: value})


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_accepts_the_environment_that_it_is_given(production: list[Manifest], service: str) -> None:
    variables = _given(production, service)
    settings = SETTINGS[service].from_environment(variables)
    assert settings.environment is Environment.PRODUCTION
    assert settings.kafka.security == "SASL_SSL"
    assert settings.kafka.username == service
    assert settings.kafka.password.reveal() == PLACEHOLDER
    assert str(settings.http.port) == variables["CONCORD_HTTP_PORT"]
    assert settings.places.count == PLACES_PRODUCTION
    assert address_of(settings) == f"http://{POD_ADDRESS}:{settings.http.port}"
    assert settings.http.host == "0.0.0.0"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_no_secret_that_it_does_not_need(production: list[Manifest], service: str) -> None:
    variables = _given(production, service)
    for name in [name for name, value in variables.items() if value in (PLACEHOLDER, URI)]:
        with pytest.raises(SettingsRefused, match=name):
            SETTINGS[service].from_environment({key: value for key, value in variables.items() if key != name})


def test_the_workbench_accepts_the_environment_that_it_is_given(production: list[Manifest]) -> None:
    deployment = named(production, "Deployment")[WORKBENCH]
    settings = WorkbenchSettings.from_environment(environment(deployment, production, PLACEHOLDER))
    assert settings.environment is Environment.PRODUCTION
    assert settings.over_https
    assert settings.session_secret.reveal() == settings.oidc.client_secret.reveal() == PLACEHOLDER
    assert settings.local.issuer_key is None
    assert f"{settings.url.removeprefix('https://')}" in [rule["host"] for rule in _rules(production)]


def test_the_workbench_is_given_two_secrets_and_its_sessions_need_theirs(production: list[Manifest]) -> None:
    variables = environment(named(production, "Deployment")[WORKBENCH], production, PLACEHOLDER)
    given = {name for name, value in variables.items() if value == PLACEHOLDER}
    # An issuer may know an application without a secret; one that gave it wants it.
    assert given == {"CONCORD_WORKBENCH_SECRET", "CONCORD_OIDC_CLIENT_SECRET"}
    with pytest.raises(SettingsRefused, match="CONCORD_WORKBENCH_SECRET"):
        WorkbenchSettings.from_environment({**variables, "CONCORD_WORKBENCH_SECRET": ""})


def test_every_address_of_the_workbench_is_reached_from_outside_and_no_other(production: list[Manifest]) -> None:
    (paths,) = [rule["http"]["paths"] for rule in _rules(production) if rule["host"].startswith("work.")]
    routes = [re.sub(r"{[^}]*}", "one", route.path) for route in router().routes if isinstance(route, APIRoute)]
    assert len(routes) > len(PAGES)
    for route in routes:
        assert any(leads_to(path, route) for path in paths), route
    for path in paths:
        assert any(leads_to(path, route) for route in routes), path["path"]
        assert path["backend"]["service"]["name"] == WORKBENCH


def test_links_lead_to_the_host_at_which_ingest_is_reached(production: list[Manifest]) -> None:
    hosts = {rule["host"]: rule["http"]["paths"][0]["backend"]["service"]["name"] for rule in _rules(production)}
    assert set(hosts.values()) == {*SERVICES, WORKBENCH}
    variables = environment(named(production, "Deployment")["assign"], production, PLACEHOLDER)
    assert hosts[variables["CONCORD_INGEST_URL"].removeprefix("https://")] == "ingest"


def test_health_and_telemetry_are_not_reached_from_outside(production: list[Manifest]) -> None:
    for rule in _rules(production):
        paths = [path for path in rule["http"]["paths"] if path["backend"]["service"]["name"] in SERVICES]
        assert {path["path"] for path in paths} <= {"/v1"}
        for inside in (*OPEN_PATHS, "/openapi.json"):
            assert not any(leads_to(path, inside) for path in rule["http"]["paths"]), inside


def test_every_topic_of_the_catalogue_is_made(production: list[Manifest]) -> None:
    made = named(production, "KafkaTopic")
    assert {name: entry["spec"]["partitions"] for name, entry in made.items()} == {
        topic.name: topic.partitions_at(PLACES_PRODUCTION) for topic in TOPICS
    }


def test_every_service_runs_twice_at_least_and_rolls(production: list[Manifest]) -> None:
    scalers, deployments = named(production, "ScaledObject"), programs(production)
    assert set(scalers) == set(SETTINGS)
    for name, deployment in deployments.items():
        least = scalers[name]["spec"]["minReplicaCount"] if name in scalers else deployment["spec"]["replicas"]
        assert (least, deployment["spec"]["strategy"]["type"]) == (2, "RollingUpdate")


@pytest.mark.parametrize("service", sorted(SETTINGS))
def test_a_service_scales_on_what_waits_for_it_and_on_its_doors_cpu(production: list[Manifest], service: str) -> None:
    spec = named(production, "ScaledObject")[service]["spec"]
    door, consumer = spec["triggers"]
    assert (door["type"], door["metricType"]) == ("cpu", "Utilization")
    assert consumer["metadata"]["consumerGroup"] == service
    assert "topic" not in consumer["metadata"], "of all topics that it reads, whichever a release adds"
    assert spec["maxReplicaCount"] <= PLACES_PRODUCTION


def test_without_the_scaler_a_service_runs_twice_all_the_same() -> None:
    for name, deployment in named(rendered(ROOT / "deploy" / "k8s" / "base"), "Deployment").items():
        assert deployment["spec"]["replicas"] == 2, name


def _rules(manifests: list[Manifest]) -> list[Manifest]:
    """Return the gateway's rules, one a host."""
    return [rule for gateway in named(manifests, "Ingress").values() for rule in gateway["spec"]["rules"]]


def test_nothing_in_the_manifests_is_a_secret(production: list[Manifest]) -> None:
    assert PRODUCTION.is_relative_to(ROOT)
    assert named(production, "Secret") == {}


def test_memory_is_near_its_limit_by_the_limits_that_are_given(production: list[Manifest]) -> None:
    (of_prometheus,) = named(production, "PrometheusRule").values()
    told = {
        rule["labels"]["service"]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        for group in of_prometheus["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record") == "concord:memory_limit:bytes"
    }
    given = {
        name: float(pod_of(deployment)["containers"][0]["resources"]["limits"]["memory"].removesuffix("i")[:-1])
        * {"M": 2**20, "G": 2**30}[pod_of(deployment)["containers"][0]["resources"]["limits"]["memory"][-2]]
        for name, deployment in programs(production).items()
    }
    assert told == given
