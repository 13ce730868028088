"""What the production overlay may be given more: doors for clients, an issuer inside, images that must be signed."""

import copy
from collections.abc import Callable

import pytest
import yaml

from deploy.k8s import checks, schema
from deploy.k8s.__main__ import main
from deploy.k8s.catalogue import SERVICES, client_user
from deploy.k8s.doors import WORKBENCH
from deploy.k8s.render import Manifest
from deploy.k8s.signed import INCLUDED
from deploy.k8s.workload import named, pod_labels, pod_of

Components = Callable[[str], list[Manifest]]


def listener(manifests: list[Manifest], name: str) -> Manifest:
    listeners: list[Manifest] = named(manifests, "Kafka")["concord"]["spec"]["kafka"]["listeners"]
    (found,) = (entry for entry in listeners if entry["name"] == name)
    return found


def test_clients_come_to_the_brokers_by_a_listener_of_their_own_that_is_bounded(
    with_component: Components, production: list[Manifest]
) -> None:
    manifests = with_component("clients-at-the-brokers")
    assert list(checks.faults(manifests)) == []
    outside = listener(manifests, "clients")
    assert (outside["type"], outside["tls"], outside["authentication"]["type"]) == (
        "loadbalancer",
        True,
        "scram-sha-512",
    )
    assert listener(manifests, "tls") == listener(production, "tls"), "the services' own is as it was"

    open_ended = copy.deepcopy(manifests)
    listener(open_ended, "clients").pop("configuration")
    assert list(checks.faults(open_ended)) == [
        f"Kafka/concord: its listener clients is for outside and has no {bound}"
        for bound in ("maxConnections", "maxConnectionCreationRate")
    ]


def test_a_clients_user_writes_the_intake_so_much_and_no_more(
    production: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["client", "k7q2", "--bytes-a-second", "1000000"]) == 0
    user = yaml.safe_load(capsys.readouterr().out)
    assert user == client_user("k7q2", 1_000_000)
    assert list(schema.faults(user)) == []
    assert user["metadata"]["name"] == "client-k7q2"
    (acl,) = user["spec"]["authorization"]["acls"]
    assert (acl["resource"]["name"], acl["operations"]) == ("concord.intake.v1", ["Describe", "Write"])
    assert list(checks.faults([*production, user])) == []

    greedy, free = copy.deepcopy(user), copy.deepcopy(user)
    greedy["spec"]["authorization"]["acls"][0]["operations"].append("Read")
    free["spec"].pop("quotas")
    assert list(checks.faults([*production, greedy])) == [
        "KafkaUser/client-k7q2: it may more than write the intake, or not even that"
    ]
    assert list(checks.faults([*production, free])) == ["KafkaUser/client-k7q2: it may send as much as it likes"]


@pytest.mark.parametrize("code", ["", "K7", "a-b", "x" * 25])
def test_a_code_that_no_client_can_have_is_refused(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["client", *([code] if code else [])])
    assert "[a-z0-9]{1,24}" in capsys.readouterr().err


def test_an_issuer_inside_the_cluster_is_reached_by_services_and_workbench_alone(with_component: Components) -> None:
    manifests = with_component("issuer-inside")
    assert list(checks.faults(manifests)) == []
    policy = named(manifests, "NetworkPolicy")["issuer-inside"]["spec"]
    (chosen,) = policy["podSelector"]["matchExpressions"]
    deployments = named(manifests, "Deployment").items()
    reaching = {name for name, entry in deployments if pod_labels(entry).get(chosen["key"]) in chosen["values"]}
    assert reaching == {*SERVICES, WORKBENCH}
    assert policy["policyTypes"] == ["Egress"]
    ((port,),) = ([entry["port"] for entry in rule["ports"]] for rule in policy["egress"])
    assert port == 8443


EXPORTER: dict[str, tuple[Callable[[list[Manifest]], object], str]] = {
    "nobody looks at it": (
        lambda manifests: manifests.remove(named(manifests, "PodMonitor")["mongodb-exporter"]),
        "Deployment/mongodb-exporter: nobody watches what it tells",
    ),
    "looked at where it is not": (
        lambda manifests: named(manifests, "PodMonitor")["mongodb-exporter"]["spec"]["podMetricsEndpoints"][0].update(
            port="http"
        ),
        "PodMonitor/mongodb-exporter: its pods have no port http",
    ),
    "no network policy": (
        lambda manifests: manifests.remove(named(manifests, "NetworkPolicy")["mongodb-exporter"]),
        "Deployment/mongodb-exporter: no network policy of its own",
    ),
    "no address": (
        lambda manifests: manifests.remove(named(manifests, "ExternalSecret")["mongodb-exporter"]),
        "Deployment/mongodb-exporter: nothing makes the secret mongodb-exporter",
    ),
    "root": (
        lambda manifests: pod_of(named(manifests, "Deployment")["mongodb-exporter"])["securityContext"].update(
            runAsUser=0
        ),
        "Deployment/mongodb-exporter: does not run as the user 10001 of the image",
    ),
}


@pytest.mark.parametrize("what", EXPORTER)
def test_the_stores_exporter_is_held_to_what_every_pod_is(manifests: list[Manifest], what: str) -> None:
    breach, fault = EXPORTER[what]
    breach(manifests)
    assert list(checks.faults(manifests)) == [fault]


UNSIGNED: dict[str, tuple[Callable[[list[Manifest]], object], str]] = {
    "a registry that is another": (
        lambda manifests: _policy(manifests)["images"][0].update(glob="registry.example.com/concord**"),
        "Deployment/audit: no policy is for the image registry.example.org/concord:0.1.0, so none is let in",
    ),
    "a policy that takes anything": (
        lambda manifests: _policy(manifests)["authorities"].append({"name": "any", "static": {"action": "pass"}}),
        "Deployment/audit: the image registry.example.org/concord:0.1.0 is let in as it is, signed or not",
    ),
    "a namespace that nobody looks at": (
        lambda manifests: named(manifests, "Namespace")["concord"]["metadata"]["labels"].pop(INCLUDED),
        "Namespace/concord: the policies of images are for other namespaces",
    ),
}


def _policy(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = named(manifests, "ClusterImagePolicy")["concord"]["spec"]
    return spec


def test_images_must_be_signed_where_that_is_asked_and_each_has_a_policy(with_component: Components) -> None:
    manifests = with_component("signed-images")
    assert list(checks.faults(manifests)) == []
    for breach, fault in UNSIGNED.values():
        broken = copy.deepcopy(manifests)
        breach(broken)
        assert fault in list(checks.faults(broken))
