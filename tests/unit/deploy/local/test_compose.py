"""The compose file cannot be run where there is no Docker, so its shape is held against what a broker needs."""

from typing import Any

import pytest
import yaml

from deploy.local import places
from deploy.local.ports import Ports


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((places.ROOT / "deploy" / "local" / "compose.yaml").read_text())
    services: dict[str, Any] = document["services"]
    for service in services.values():
        assert service["healthcheck"]["test"][0] == "CMD"
        for volume in service["volumes"]:
            assert volume.split(":")[0] in document["volumes"]
    return services


def test_the_images_are_the_official_ones_at_a_fixed_version(services: dict[str, Any]) -> None:
    assert {name: service["image"] for name, service in services.items()} == {
        "kafka": "apache/kafka:4.3.1",
        "mongodb": "mongo:8.0",
    }


def test_the_ports_are_those_of_the_local_stack_and_open_to_this_machine_only(services: dict[str, Any]) -> None:
    assert services["kafka"]["ports"] == [f"127.0.0.1:{Ports().kafka}:{Ports().kafka}"]
    assert services["mongodb"]["ports"] == [f"127.0.0.1:{Ports().mongodb}:27017"]


def test_the_broker_is_set_up_as_the_local_one(services: dict[str, Any]) -> None:
    text = (places.ROOT / "deploy" / "local" / "kafka" / "server.properties").read_text()
    local = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    compose = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in services["kafka"]["environment"].items()
    }
    alike = compose.keys() - {"controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"}
    assert {name: compose[name] for name in alike} == {name: local[name] for name in alike}
    assert compose["advertised.listeners"] == f"PLAINTEXT://127.0.0.1:{Ports().kafka}"
    assert str(Ports().kafka_controller) in compose["controller.quorum.voters"]


def test_the_store_is_a_replica_set_that_its_health_check_makes(services: dict[str, Any]) -> None:
    store = services["mongodb"]
    name = store["command"][store["command"].index("--replSet") + 1]
    check = store["healthcheck"]["test"][-1]
    assert f"rs.initiate({{_id: '{name}'" in check
    assert "isWritablePrimary" in check


def test_neither_may_take_the_machine_with_it(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["mem_limit"].endswith("g"), name
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys(), name
