"""What manifests name of one another: all of it must be there."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.render import Manifest
from deploy.k8s.workload import (
    environment,
    exporters,
    mounted_files,
    named,
    pod_labels,
    pod_of,
    programs,
    secrets,
    selects,
)

FILES_BELOW = "/etc/concord/"
EXPORTER = "kafkaExporter"
OF_PROMETHEUS = "monitoring.coreos.com/"
RELEASE = "release"
"""By which the operator that most use, kube-prometheus-stack, looks for monitors and rules, and finds none without."""


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield every name, port, key and file that leads nowhere, and every deployment left without protection."""
    ours = programs(manifests)
    for name, deployment in named(manifests, "Deployment").items():
        missing = list(_sources(deployment, manifests))
        yield from (f"Deployment/{name}: {fault}" for fault in missing)
        if not missing and name in ours:
            yield from (f"Deployment/{name}: {fault}" for fault in _files_and_port(deployment, manifests))
        yield from (f"Deployment/{name}: {fault}" for fault in _protection(deployment, manifests, budget=name in ours))
    yield from _services(manifests)
    yield from _policies(manifests)
    yield from _gateways(manifests)
    yield from _monitors(manifests)
    yield from _routes(manifests)


def _sources(deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    """Yield config maps, secrets and keys that a pod needs and nothing makes."""
    maps, made, pod = named(manifests, "ConfigMap"), secrets(manifests), pod_of(deployment)
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            if "configMapRef" in source and (name := source["configMapRef"]["name"]) not in maps:
                yield f"nothing makes the config map {name}"
    for name, keys in _secrets_wanted(pod):
        if name not in made:
            yield f"nothing makes the secret {name}"
        else:
            yield from (f"the secret {name} has no key {key}" for key in keys if key not in made[name])


def _secrets_wanted(pod: Manifest) -> Iterator[tuple[str, list[str]]]:
    """Yield the secrets that a pod names, and the keys of each that it names one by one."""
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            if "secretRef" in source:
                yield source["secretRef"]["name"], []
        for variable in container.get("env", []):
            if (reference := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
                yield reference["name"], [reference["key"]]
    for volume in pod.get("volumes", []):
        if "secret" in volume:
            yield volume["secret"]["secretName"], [item["key"] for item in volume["secret"].get("items", [])]


def _files_and_port(deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    """Yield files that the settings name and nothing mounts, and ports that are not the one listened on."""
    variables = environment(deployment, manifests)
    files = set(mounted_files(deployment, manifests))
    for name, value in sorted(variables.items()):
        if value.startswith(FILES_BELOW) and value not in files:
            yield f"{name} names {value}, which no secret puts there"
    container = pod_of(deployment)["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    if str(ports.get("http")) != variables.get("CONCORD_HTTP_PORT"):
        yield f"its port http is {ports.get('http')}, and it listens on {variables.get('CONCORD_HTTP_PORT')}"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if (port := container.get(probe, {}).get("httpGet", {}).get("port")) not in ports:
            yield f"its {probe} asks the port {port}, which it has not"


def _protection(deployment: Manifest, manifests: list[Manifest], *, budget: bool) -> Iterator[str]:
    """Yield what a deployment must have beside it and has not."""
    labels = pod_labels(deployment)
    budgets = [entry["spec"]["selector"]["matchLabels"] for entry in named(manifests, "PodDisruptionBudget").values()]
    if budget and not any(selects(match, labels) for match in budgets):
        yield "no disruption budget"
    # A policy for every pod of the namespace denies; what this one needs must be said for it alone.
    own = [match for entry in named(manifests, "NetworkPolicy").values() if (match := _pods(entry))]
    if not any(selects(match, labels) for match in own):
        yield "no network policy of its own"


def _services(manifests: list[Manifest]) -> Iterator[str]:
    for name, service in named(manifests, "Service").items():
        backing = _chosen(service["spec"]["selector"], manifests)
        if not backing:
            yield f"Service/{name}: no deployment has the labels that it selects"
        for port in service["spec"]["ports"]:
            if any(port["targetPort"] not in _ports(entry) for entry in backing):
                yield f"Service/{name}: its pods have no port {port['targetPort']}"


def _policies(manifests: list[Manifest]) -> Iterator[str]:
    policies = named(manifests, "NetworkPolicy")
    if not any(
        not _pods(entry) and {"Ingress", "Egress"} <= set(entry["spec"]["policyTypes"]) for entry in policies.values()
    ):
        yield "NetworkPolicy: none denies everything to every pod"
    for name, policy in policies.items():
        for rule in policy["spec"].get("ingress", []):
            for port in rule.get("ports", []):
                if any(port["port"] not in _ports(entry) for entry in _chosen(_pods(policy), manifests)):
                    yield f"NetworkPolicy/{name}: its pods have no port {port['port']}"


def _gateways(manifests: list[Manifest]) -> Iterator[str]:
    services, made = named(manifests, "Service"), secrets(manifests)
    for name, gateway in named(manifests, "Ingress").items():
        for entry in gateway["spec"].get("tls", []):
            if entry["secretName"] not in made:
                yield f"Ingress/{name}: nothing makes the secret {entry['secretName']}"
        for rule in gateway["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]
                if backend["port"]["name"] not in {port["name"] for port in ports}:
                    yield f"Ingress/{name}: no service {backend['name']} with a port {backend['port']['name']}"


def _monitors(manifests: list[Manifest]) -> Iterator[str]:
    of_brokers = {
        f"{name}-kafka-exporter" for name, entry in named(manifests, "Kafka").items() if EXPORTER in entry["spec"]
    }
    ours, others = programs(manifests), exporters(manifests)
    chosen: set[str] = set()
    for name, monitor in named(manifests, "PodMonitor").items():
        of_strimzi = monitor["spec"]["selector"].get("matchLabels", {}).get("strimzi.io/name")
        if of_strimzi is not None:
            chosen.add(of_strimzi)
            if of_strimzi not in of_brokers:
                yield f"PodMonitor/{name}: no cluster makes the pods {of_strimzi}"
            continue
        every = {**ours, **others}
        watched = {key: entry for key, entry in every.items() if _watches(monitor, pod_labels(entry))}
        chosen |= watched.keys()
        if not watched.keys() & others.keys() and watched.keys() != ours.keys():
            yield f"PodMonitor/{name}: does not watch every deployment"
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            if any(endpoint["port"] not in _ports(entry) for entry in watched.values()):
                yield f"PodMonitor/{name}: its pods have no port {endpoint['port']}"

    yield from (f"Kafka: nobody watches the pods {key}" for key in sorted(of_brokers - chosen))
    yield from (f"Deployment/{key}: nobody watches what it tells" for key in sorted(others.keys() - chosen))
    watching = [manifest for manifest in manifests if manifest["apiVersion"].startswith(OF_PROMETHEUS)]
    if len({entry["metadata"].get("labels", {}).get(RELEASE) for entry in watching}) > 1:
        yield f"{OF_PROMETHEUS}: what one Prometheus is to find has several labels {RELEASE}, or some has none"


def _routes(manifests: list[Manifest]) -> Iterator[str]:
    """Yield receivers that a route names and that are not there, or whose address nothing makes."""
    made = secrets(manifests)
    for name, config in named(manifests, "AlertmanagerConfig").items():
        receivers = {receiver["name"]: receiver for receiver in config["spec"]["receivers"]}
        top = config["spec"]["route"]
        for route in (top, *top.get("routes", [])):
            if route["receiver"] not in receivers:
                yield f"AlertmanagerConfig/{name}: there is no receiver {route['receiver']}"
        for receiver in receivers.values():
            for hook in receiver["webhookConfigs"]:
                address = hook["urlSecret"]
                if address["key"] not in made.get(address["name"], ()):
                    yield f"AlertmanagerConfig/{name}: nothing makes {address['key']} of the secret {address['name']}"


def _watches(monitor: Manifest, labels: dict[str, str]) -> bool:
    """Return whether a monitor looks at pods with these labels; all that its selector says must hold."""
    selector = monitor["spec"]["selector"]
    among = selector.get("matchExpressions", [])
    return selects(selector.get("matchLabels", {}), labels) and all(
        labels.get(entry["key"]) in entry["values"] for entry in among
    )


def _pods(policy: Manifest) -> dict[str, str]:
    """Return the labels of the pods that a policy is for; none is all pods."""
    match: dict[str, str] = policy["spec"]["podSelector"].get("matchLabels", {})
    return match


def _chosen(match_labels: dict[str, str], manifests: list[Manifest]) -> list[Manifest]:
    deployments = named(manifests, "Deployment").values()
    return [deployment for deployment in deployments if match_labels and selects(match_labels, pod_labels(deployment))]


def _ports(deployment: Manifest) -> set[Any]:
    """Return the names and numbers of a deployment's ports."""
    ports = [port for container in pod_of(deployment)["containers"] for port in container.get("ports", [])]
    return {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
