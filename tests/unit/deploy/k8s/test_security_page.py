"""docs/security.md says what is so: its example holds, its script works, its table is the overlay's."""

import contextlib
import io
import re

import msgspec
import pytest

from concord.chassis.clock import SystemClock
from concord.chassis.identity.api_keys import ApiKeyRecord, ApiKeys
from concord.chassis.identity.caller import Role
from concord.chassis.identity.identity_file import IdentityFile, identity_of
from deploy.k8s.catalogue import SERVICES
from deploy.k8s.doors import WORKBENCH
from deploy.k8s.render import ROOT, Manifest
from deploy.k8s.workload import environment, named, pod_of, programs, secrets

PAGE = (ROOT / "docs" / "security.md").read_text()
OUTSIDE = ("the gateway", "Alertmanager", "people")
"""Who is given a secret and is no deployment of ours."""
PEPPER = "a-pepper-of-this-test-and-of-nothing-else"


def _rows() -> list[list[str]]:
    """Return the secrets' table: secret, key, given to."""
    part = PAGE.partition("| secret (Kubernetes), key |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]


def test_the_identity_files_example_is_one() -> None:
    example = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0].replace("<64 hex digits>", "0" * 64)
    file = msgspec.json.decode(example, type=IdentityFile)
    identity_of(file, PEPPER.encode(), SystemClock())
    assert file.api_keys[0].roles == (Role.CLIENT,)


def test_the_script_makes_a_key_that_its_record_lets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    script = re.findall(r"python -c '\n(.*?)'\n```", PAGE, re.DOTALL)[0]
    monkeypatch.setenv("CONCORD_API_KEY_PEPPER", PEPPER)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script, "docs/security.md", "exec"), {})
    key, record = printed.getvalue().splitlines()
    keys = ApiKeys([msgspec.json.decode(record, type=ApiKeyRecord)], PEPPER.encode())
    caller = keys.caller(key, SystemClock().now_us())
    assert caller.roles == {Role.CLIENT}
    assert caller.client_id == "k7q2"


def test_every_secret_is_in_the_table_with_its_keys_and_who_gets_it(production: list[Manifest]) -> None:
    made = secrets(production)
    deployments = named(production, "Deployment")
    listed: set[tuple[str, str]] = set()
    for name_and_key, given_to, *_ in _rows():
        first = re.fullmatch(r"`([^`]+)`(?:, (\S+))?", name_and_key)
        assert first is not None, name_and_key
        name, key = first.groups()
        every = given_to.startswith("all")
        everybody = (*SERVICES, WORKBENCH) if every and "services" not in given_to else SERVICES
        services = everybody if every or given_to == "that service" else tuple(re.findall(r"[\w-]+", given_to))
        for service in services:
            secret = name.replace("<service>", service)
            assert secret in made
            if key is not None:
                assert key in made[secret]
                listed.add((secret, key))
            if service in deployments:
                assert _gets(deployments[service], secret)
        if "<service>" not in name and given_to not in OUTSIDE:
            assert {text for text, deployment in deployments.items() if _gets(deployment, name)} == set(services)
    external = named(production, "ExternalSecret")
    assert {(name, key) for name in external for key in made[name]} <= listed


def test_secrets_have_the_names_of_the_settings_that_they_fill(production: list[Manifest]) -> None:
    for deployment in programs(production).values():
        filled = {name for name, value in environment(deployment, production, PEPPER).items() if value == PEPPER}
        assert all(name in PAGE for name in filled - {"CONCORD_KAFKA_PASSWORD"})


def _gets(deployment: Manifest, secret: str) -> bool:
    """Return whether a secret is named anywhere in a deployment's pod."""
    pod = pod_of(deployment)
    container = pod["containers"][0]
    names = {source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source}
    sources = [entry["valueFrom"] for entry in container.get("env", []) if "valueFrom" in entry]
    names |= {source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source}
    names |= {volume["secret"]["secretName"] for volume in pod.get("volumes", []) if "secret" in volume}
    return secret in names
