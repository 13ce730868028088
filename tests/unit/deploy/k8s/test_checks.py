"""Each check is seen to fail on a planted breach, and to say what and where."""

from collections.abc import Callable, Iterable

import pytest

from deploy.k8s import checks, doors, hardening, references, rights, scaling, schema
from deploy.k8s.render import Manifest
from deploy.k8s.workload import pod_of

Breach = Callable[[list[Manifest]], object]


def _one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(manifest for manifest in manifests if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name))


def _drop(kind: str, name: str) -> Breach:
    return lambda manifests: manifests.remove(_one(manifests, kind, name))


def _spec(kind: str, name: str, change: Callable[[Manifest], object]) -> Breach:
    return lambda manifests: change(_one(manifests, kind, name)["spec"])


def _pod(change: Callable[[Manifest], object], name: str = "assign") -> Breach:
    return lambda manifests: change(pod_of(_one(manifests, "Deployment", name)))


def _container(change: Callable[[Manifest], object], name: str = "assign") -> Breach:
    return _pod(lambda pod: change(pod["containers"][0]), name)


def _trigger(service: str, kind: str, change: Callable[[Manifest], object]) -> Breach:
    def of(spec: Manifest) -> object:
        return change(next(trigger for trigger in spec["triggers"] if trigger["type"] == kind))

    return _spec("ScaledObject", service, of)


def _acls(change: Callable[[list[Manifest]], object]) -> Breach:
    return _spec("KafkaUser", "audit", lambda spec: change(spec["authorization"]["acls"]))


def _acl(kind: str, name: str, pattern: str = "literal") -> Manifest:
    return {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": ["Read"]}


def _env(container: Manifest, name: str) -> Manifest:
    variable: Manifest = next(entry for entry in container["env"] if entry["name"] == name)
    return variable


SCHEMA = {
    "an unknown field": (
        _spec("Deployment", "assign", lambda spec: spec.update(replica=2)),
        "Deployment/assign: spec: Additional properties are not allowed ('replica' was unexpected)",
    ),
    "a wrong type": (
        _spec("Service", "audit", lambda spec: spec["ports"][0].update(port="80")),
        "Service/audit: spec.ports.0.port",
    ),
    "a kind that does not exist": (
        lambda manifests: _one(manifests, "Service", "audit").update(kind="Servise"),
        "Servise/audit: Couldn't find schema for kind Servise",
    ),
    "a custom resource without a schema": (
        lambda manifests: _one(manifests, "Kafka", "concord").update(kind="KafkaBridge"),
        "KafkaBridge/concord: there is no schema for KafkaBridge of kafka.strimzi.io/v1",
    ),
    "an unknown field of a custom resource": (
        _spec("KafkaTopic", "concord.units.v1", lambda spec: spec.update(partition=8)),
        "KafkaTopic/concord.units.v1: spec: Additional properties",
    ),
    "an operation that Kafka does not know": (
        _acls(lambda acls: acls[0].update(operations=["Reed"])),
        "KafkaUser/audit: spec.authorization.acls[0].operations[0]: 'Reed' is not one of",
    ),
    "a number that the scaler wants as text": (
        _trigger("audit", "kafka", lambda entry: entry["metadata"].update(lagThreshold=500)),
        "ScaledObject/audit: spec.triggers[1]",
    ),
    "a parameter that the scaler does not know": (
        _trigger("audit", "kafka", lambda entry: entry["metadata"].update(lagTreshold="500")),
        "ScaledObject/audit: spec.triggers[1]",
    ),
    "a field beside a custom resource's specification": (
        lambda manifests: _one(manifests, "PodMonitor", "concord").update(selector={}),
        "PodMonitor/concord: selector: a custom resource has",
    ),
}
REFERENCES = {
    "a config map that nothing makes": (
        _container(lambda entry: entry["envFrom"].append({"configMapRef": {"name": "absent"}})),
        "Deployment/assign: nothing makes the config map absent",
    ),
    "a secret that nothing makes": (
        _drop("ExternalSecret", "assign-mongodb"),
        "Deployment/assign: nothing makes the secret assign-mongodb",
    ),
    "an identity file that nothing makes": (
        _drop("ExternalSecret", "concord-identity"),
        "Deployment/audit: nothing makes the secret concord-identity",
    ),
    "a key that the secret has not": (
        _container(lambda entry: _env(entry, "CONCORD_KAFKA_PASSWORD")["valueFrom"]["secretKeyRef"].update(key="pass")),
        "Deployment/assign: the secret assign has no key pass",
    ),
    "a file that nothing mounts": (
        _container(lambda entry: entry["volumeMounts"].pop(0)),
        "Deployment/assign: CONCORD_",
    ),
    "a port that nobody listens on": (
        _container(lambda entry: entry["ports"][0].update(containerPort=8001)),
        "Deployment/assign: its port http is 8001, and it listens on 8000",
    ),
    "a probe at no port": (
        _container(lambda entry: entry["livenessProbe"]["httpGet"].update(port="web")),
        "Deployment/assign: its livenessProbe asks the port web, which it has not",
    ),
    "no disruption budget": (_drop("PodDisruptionBudget", "audit"), "Deployment/audit: no disruption budget"),
    "no network policy": (_drop("NetworkPolicy", "ingest"), "Deployment/ingest: no network policy of its own"),
    "nothing denied": (_drop("NetworkPolicy", "deny-by-default"), "none denies everything to every pod"),
    "a service of no pods": (
        _spec("Service", "audit", lambda spec: spec["selector"].update({"app.kubernetes.io/name": "awdit"})),
        "Service/audit: no deployment has the labels that it selects",
    ),
    "a service to no port": (
        _spec("Service", "audit", lambda spec: spec["ports"][0].update(targetPort="web")),
        "Service/audit: its pods have no port web",
    ),
    "a policy for no port": (
        _spec("NetworkPolicy", "audit", lambda spec: spec["ingress"][0]["ports"][0].update(port="web")),
        "NetworkPolicy/audit: its pods have no port web",
    ),
    "a gateway to no service": (_drop("Service", "metrics"), "Ingress/concord: no service metrics with a port http"),
    "a certificate that nobody makes": (
        lambda manifests: _one(manifests, "Ingress", "concord")["metadata"].pop("annotations"),
        "Ingress/concord: nothing makes the secret concord-gateway-tls",
    ),
    "a monitor that looks elsewhere": (
        _spec("PodMonitor", "concord", lambda spec: spec["selector"].update(matchLabels={"a": "b"})),
        "PodMonitor/concord: does not watch every deployment",
    ),
    "a monitor of no port": (
        _spec("PodMonitor", "concord", lambda spec: spec["podMetricsEndpoints"][0].update(port="web")),
        "PodMonitor/concord: its pods have no port web",
    ),
    "an exporter that nothing makes": (
        _spec("Kafka", "concord", lambda spec: spec.pop("kafkaExporter")),
        "PodMonitor/kafka-exporter: no cluster makes the pods concord-kafka-exporter",
    ),
    "an exporter that nobody looks at": (
        _drop("PodMonitor", "kafka-exporter"),
        "Kafka: nobody watches the pods concord-kafka-exporter",
    ),
    "rules that no Prometheus finds": (
        lambda manifests: _one(manifests, "PrometheusRule", "concord")["metadata"]["labels"].pop("release"),
        "what one Prometheus is to find has several labels release, or some has none",
    ),
    "a route to nobody": (
        _spec("AlertmanagerConfig", "concord", lambda spec: spec["route"]["routes"][1].update(receiver="nobody")),
        "AlertmanagerConfig/concord: there is no receiver nobody",
    ),
    "a receiver without an address": (
        _drop("ExternalSecret", "concord-alert-receivers"),
        "AlertmanagerConfig/concord: nothing makes tickets of the secret concord-alert-receivers",
    ),
}
RIGHTS = {
    "an operator that moves what it looks at": (
        _spec("KafkaUser", "operator", lambda spec: spec["authorization"]["acls"][0].update(operations=["Write"])),
        "KafkaUser/operator: it may ['Write'], and should look",
    ),
    "a right on no topic": (
        _drop("KafkaTopic", "concord.lots.v1"),
        "KafkaUser/audit: there is no topic concord.lots.v1",
    ),
    "a right on many topics": (
        _acls(lambda acls: acls.append(_acl("topic", "concord.", "prefix"))),
        "KafkaUser/audit: its right on topic concord. is for more than one topic",
    ),
    "a right to create others' topics": (
        _acls(lambda acls: acls[0].update(operations=["Create", "Write"])),
        "KafkaUser/audit: it may create the topic concord.projects.v1, whose name is not its own",
    ),
    "no group": (_acls(lambda acls: acls.pop()), "KafkaUser/audit: it may join [], and should the group audit"),
    "another's group": (
        _acls(lambda acls: acls.append(_acl("group", "assign"))),
        "KafkaUser/audit: it may join [('audit', ['Read']), ('assign', ['Read'])]",
    ),
    "no cluster": (_drop("Kafka", "concord"), "KafkaTopic/concord.units.v1: there is no cluster concord"),
    "no user": (
        _container(lambda entry: _env(entry, "CONCORD_KAFKA_USERNAME").update(value="nobody")),
        "Deployment/assign: there is no Kafka user nobody",
    ),
    "another's user": (
        _container(lambda entry: _env(entry, "CONCORD_KAFKA_USERNAME").update(value="audit")),
        "Deployment/assign: goes as the Kafka user audit, which may not join the group assign",
    ),
}
HARDENING = {
    "root": (_pod(lambda pod: pod["securityContext"].update(runAsUser=0)), "does not run as the user 10001"),
    "no seccomp": (_pod(lambda pod: pod["securityContext"].pop("seccompProfile")), "has no seccomp profile"),
    "a token": (_pod(lambda pod: pod.pop("automountServiceAccountToken")), "is given a token of the cluster's API"),
    "another's account": (
        _pod(lambda pod: pod.update(serviceAccountName="default")),
        "Deployment/assign: goes as the account default, which is not its own",
    ),
    "privileges": (
        _container(lambda entry: entry["securityContext"].update(allowPrivilegeEscalation=True)),
        "may gain privileges",
    ),
    "a root that can be written": (
        _container(lambda entry: entry["securityContext"].pop("readOnlyRootFilesystem")),
        "may write to its image",
    ),
    "capabilities": (_container(lambda entry: entry["securityContext"].pop("capabilities")), "keeps capabilities"),
    "no limit": (_container(lambda entry: entry["resources"].pop("limits")), "does not say what it needs"),
    "any image": (_container(lambda entry: entry.update(image="registry:5000/concord")), "is that day"),
    "no time to stop": (
        _pod(lambda pod: pod.update(terminationGracePeriodSeconds=15)),
        "is killed before a stop may be over",
    ),
    "no time to start": (
        _container(lambda entry: entry.pop("startupProbe")),
        "is asked whether it lives before it can have started",
    ),
    "no priority": (_pod(lambda pod: pod.pop("priorityClassName")), "gives way to whatever else the node runs"),
    "brokers as root": (
        _spec("Kafka", "concord", lambda spec: spec["kafka"]["template"]["pod"]["securityContext"].pop("runAsNonRoot")),
        "Kafka/concord: its pods of kafka may run as root",
    ),
    "an operator without a seccomp profile": (
        _spec("Kafka", "concord", lambda spec: spec["entityOperator"]["template"].pop("pod")),
        "Kafka/concord: its pods of entityOperator have no seccomp profile",
    ),
    "brokers with privileges": (
        _spec("Kafka", "concord", lambda spec: spec["kafka"]["template"].pop("kafkaContainer")),
        "Kafka/concord: its kafkaContainer of kafka may gain privileges",
    ),
    "an operator with capabilities": (
        _spec(
            "Kafka",
            "concord",
            lambda spec: spec["entityOperator"]["template"]["userOperatorContainer"]["securityContext"].pop(
                "capabilities"
            ),
        ),
        "Kafka/concord: its userOperatorContainer of entityOperator keeps capabilities",
    ),
    "an exporter as root": (
        _spec("Kafka", "concord", lambda spec: spec["kafkaExporter"].pop("template")),
        "Kafka/concord: its pods of kafkaExporter may run as root",
    ),
    "two brokers on one node": (
        _spec("Kafka", "concord", lambda spec: spec["kafka"]["template"]["pod"].pop("affinity")),
        "Kafka/concord: two of its brokers may be on one node",
    ),
    "a lax namespace": (
        lambda manifests: _one(manifests, "Namespace", "concord")["metadata"].pop("labels"),
        "Namespace/concord: does not enforce the restricted standard",
    ),
}


SCALING = {
    "a scaler of nothing": (
        _spec("ScaledObject", "audit", lambda spec: spec["scaleTargetRef"].update(name="awdit")),
        "ScaledObject/audit: there is no deployment of the name that it scales",
    ),
    "two who say how many": (
        _spec("Deployment", "audit", lambda spec: spec.update(replicas=2)),
        "ScaledObject/audit: its deployment says a number too, which each release would put back",
    ),
    "another's lag": (
        _trigger("audit", "kafka", lambda entry: entry["metadata"].update(consumerGroup="assign")),
        "ScaledObject/audit: it looks at the lag of assign, and its pods are the group audit",
    ),
    "no credentials": (
        _drop("TriggerAuthentication", "kafka"),
        "ScaledObject/audit: nothing makes the credentials kafka",
    ),
    "a password that the pods have not": (
        _container(lambda entry: entry["env"].remove(_env(entry, "CONCORD_KAFKA_PASSWORD")), "audit"),
        "ScaledObject/audit: its password is the variable CONCORD_KAFKA_PASSWORD, which its pods have not",
    ),
    "a container that is not there": (
        _spec("TriggerAuthentication", "kafka", lambda spec: spec["env"][0].update(containerName="main")),
        "ScaledObject/audit: its username is the variable CONCORD_KAFKA_USERNAME, which its pods have not",
    ),
    "an authority that nothing makes": (
        _spec("TriggerAuthentication", "kafka", lambda spec: spec["secretTargetRef"][0].update(key="ca.pem")),
        "its ca is the key ca.pem of the secret concord-cluster-ca-cert, which nothing makes",
    ),
    "brokers that do not let the scaler in": (
        _spec("Kafka", "concord", lambda spec: spec["kafka"]["listeners"][0]["networkPolicyPeers"].pop()),
        "the brokers' listener tls does not let it in",
    ),
    "fewer than can be spared": (
        _spec("ScaledObject", "audit", lambda spec: spec.update(minReplicaCount=1)),
        "Deployment/audit: has 1 pods at least, and none to spare with fewer than 2",
    ),
    "more pods than places": (
        _spec("ScaledObject", "audit", lambda spec: spec.update(maxReplicaCount=65)),
        "Deployment/audit: may have 65 pods for 64 places",
    ),
    "more replicas than places, without a scaler": (
        lambda manifests: (
            _drop("ScaledObject", "audit")(manifests),
            _spec("Deployment", "audit", lambda spec: spec.update(replicas=65))(manifests),
        ),
        "Deployment/audit: may have 65 pods for 64 places",
    ),
    "a budget that protects nothing": (
        _spec("PodDisruptionBudget", "audit", lambda spec: spec.update(maxUnavailable=2)),
        "Deployment/audit: the budget audit lets all of its 2 pods go at once",
    ),
    "all on one node": (
        _pod(lambda pod: pod.pop("topologySpreadConstraints"), "audit"),
        "Deployment/audit: may have all its pods on one node",
    ),
    "nobody let in to hand on": (
        _spec("NetworkPolicy", "audit", lambda spec: spec["ingress"].pop(1)),
        "NetworkPolicy/audit: its pods may not hand on to one another at their door alone (ingress: [])",
    ),
    "nobody let out to hand on": (
        _spec("NetworkPolicy", "audit", lambda spec: spec["egress"].pop(0)),
        "NetworkPolicy/audit: its pods may not hand on to one another at their door alone (egress: [])",
    ),
    "a second port for its own": (
        _spec("NetworkPolicy", "audit", lambda spec: spec["ingress"][1]["ports"].append({"port": 9000})),
        "NetworkPolicy/audit: its pods may not hand on to one another at their door alone (ingress: ['http', 9000])",
    ),
    "a spread that counts others": (
        _pod(
            lambda pod: pod["topologySpreadConstraints"][0]["labelSelector"].update(matchLabels={"a": "b"}), "workbench"
        ),
        "Deployment/workbench: its spread over kubernetes.io/hostname counts other pods than its own",
    ),
    "one of what keeps nothing": (
        _spec("Deployment", "workbench", lambda spec: spec.update(replicas=1)),
        "Deployment/workbench: has 1 pods at least, and none to spare with fewer than 2",
    ),
}
DOORS = {
    "another service let in": (
        _spec(
            "NetworkPolicy",
            "audit",
            lambda spec: spec["ingress"][1]["from"].append(
                {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "service"}}}
            ),
        ),
        "NetworkPolicy/audit: its pods may speak with another service's (ingress: assign)",
    ),
    "the workbench not let in": (
        _spec("NetworkPolicy", "ingest", lambda spec: spec["ingress"].pop()),
        "NetworkPolicy/ingest: its pods may not speak with workbench's at the door alone (ingress: [])",
    ),
    "the workbench not let out": (
        _spec("NetworkPolicy", "workbench", lambda spec: spec["egress"].pop(0)),
        "NetworkPolicy/workbench: its pods may not speak with metrics's at the door alone (egress: [])",
    ),
    "the workbench at every port": (
        _spec("NetworkPolicy", "workbench", lambda spec: spec["egress"][0].pop("ports")),
        "NetworkPolicy/workbench: its pods may not speak with ingest's at the door alone (egress: [])",
    ),
    "the workbench at the brokers": (
        _spec(
            "NetworkPolicy",
            "workbench",
            lambda spec: spec["egress"].append(
                {"to": [{"podSelector": {"matchLabels": {"strimzi.io/cluster": "concord"}}}], "ports": [{"port": 9093}]}
            ),
        ),
        "NetworkPolicy/workbench: lets its pods out to the brokers",
    ),
    "the workbench at the store": (
        _spec(
            "NetworkPolicy",
            "workbench",
            lambda spec: spec["egress"][1]["to"][0]["namespaceSelector"].update(
                matchLabels={"kubernetes.io/metadata.name": "mongodb"}
            ),
        ),
        "NetworkPolicy/workbench: lets its pods out to the store",
    ),
    "the workbench let in by the brokers": (
        _spec(
            "Deployment",
            "workbench",
            lambda spec: spec["template"]["metadata"]["labels"].update({"app.kubernetes.io/component": "service"}),
        ),
        "Deployment/workbench: the brokers' listener tls lets it in",
    ),
    "the workbench told of the brokers": (
        _container(lambda entry: entry.update(env=[{"name": "CONCORD_KAFKA_PASSWORD", "value": "one"}]), "workbench"),
        "Deployment/workbench: is given CONCORD_KAFKA_PASSWORD, and keeps nothing",
    ),
    "pages of a service that is elsewhere": (
        _spec("Service", "audit", lambda spec: spec["ports"][0].update(port=8080)),
        "Deployment/workbench: looks for audit at 'http://audit', where it is not",
    ),
    "no workbench": (_drop("Deployment", "workbench"), "Deployment/workbench: there is none"),
    "a gateway to health": (
        _spec("Ingress", "workbench", lambda spec: spec["rules"][0]["http"]["paths"][0].update(pathType="Prefix")),
        "Ingress/workbench: work.concord.example.org/ leads to /ready, which stays inside",
    ),
    "a browser sent to any pod": (
        lambda manifests: _one(manifests, "Ingress", "workbench")["metadata"]["annotations"].pop(
            "nginx.ingress.kubernetes.io/affinity"
        ),
        "Ingress/workbench: a browser does not stay with one pod of the workbench on all its paths",
    ),
    "a gateway that one address may have": (
        lambda manifests: _one(manifests, "Ingress", "concord")["metadata"]["annotations"].update(
            {"nginx.ingress.kubernetes.io/limit-rps": "0"}
        ),
        "Ingress/concord: one address may have all of it, without nginx.ingress.kubernetes.io/limit-rps",
    ),
    "a gateway to telemetry": (
        _spec("Ingress", "concord", lambda spec: spec["rules"][0]["http"]["paths"][0].update(path="/metrics")),
        "Ingress/concord: ingest.concord.example.org/metrics leads to /metrics, which stays inside",
    ),
}


@pytest.mark.parametrize("what", SCHEMA)
def test_a_manifest_that_leaves_its_schema_is_named(
    production: list[Manifest], manifests: list[Manifest], what: str
) -> None:
    breach, text = SCHEMA[what]
    breach(manifests)
    (broken,) = [manifest for manifest in manifests if manifest not in production]
    found = [f"{broken['kind']}/{broken['metadata']['name']}: {fault}" for fault in schema.faults(broken)]
    assert any(fault.startswith(text) for fault in found)


@pytest.mark.parametrize("what", REFERENCES)
def test_a_name_that_leads_nowhere_is_told(manifests: list[Manifest], what: str) -> None:
    _found(references.faults, manifests, *REFERENCES[what])


@pytest.mark.parametrize("what", RIGHTS)
def test_a_right_too_many_or_too_few_is_told(manifests: list[Manifest], what: str) -> None:
    _found(rights.faults, manifests, *RIGHTS[what])


@pytest.mark.parametrize("what", HARDENING)
def test_a_pod_that_is_allowed_too_much_is_told(manifests: list[Manifest], what: str) -> None:
    _found(hardening.faults, manifests, *HARDENING[what])


@pytest.mark.parametrize("what", SCALING)
def test_a_number_of_pods_that_does_not_hold_is_told(manifests: list[Manifest], what: str) -> None:
    _found(scaling.faults, manifests, *SCALING[what])


@pytest.mark.parametrize("what", DOORS)
def test_a_door_that_is_open_or_shut_to_the_wrong_ones_is_told(manifests: list[Manifest], what: str) -> None:
    _found(doors.faults, manifests, *DOORS[what])


def test_all_checks_are_made_once_the_shapes_are_right(manifests: list[Manifest]) -> None:
    for planted in (
        *(REFERENCES["no disruption budget"], RIGHTS["another's user"], HARDENING["root"]),
        *(SCALING["more pods than places"], DOORS["a gateway to health"]),
    ):
        planted[0](manifests)
    found = "\n".join(checks.faults(manifests))
    assert "no disruption budget" in found
    assert "goes as the Kafka user audit" in found
    assert "does not run as the user" in found
    assert "may have 65 pods" in found
    assert "which stays inside" in found


def test_names_are_not_followed_through_manifests_of_a_wrong_shape(manifests: list[Manifest]) -> None:
    SCHEMA["an unknown field"][0](manifests)
    alone = [_one(manifests, "Deployment", "assign")]
    assert len(list(checks.faults(alone))) == 1
    del alone[0]["spec"]["replica"]
    assert len(list(checks.faults(alone))) > 1


def _found(
    check: Callable[[list[Manifest]], Iterable[str]], manifests: list[Manifest], breach: Breach, text: str
) -> None:
    assert list(check(manifests)) == []
    breach(manifests)
    assert any(text in fault for fault in check(manifests))
