"""Who may speak with whom at which door: the gateway, the services and the workbench, and nobody else."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from concord.chassis.http.application import LIVE, METRICS, READY
from deploy.k8s.catalogue import SERVICES
from deploy.k8s.render import Manifest
from deploy.k8s.workload import environment, named, pod_labels, selects

WORKBENCH = "workbench"
INSIDE = (LIVE, READY, METRICS)
"""What shares a port with the door and is for the cluster alone."""
SPEAK = frozenset({("audit", "ingest"), *((WORKBENCH, service) for service in SERVICES)})
"""Whose pods may speak with whose: exports that go with the data read it from ingest, and pages are of all services."""
STICKS = {
    f"nginx.ingress.kubernetes.io/{key}": value
    for key, value in (("affinity", "cookie"), ("session-cookie-path", "/"), ("session-cookie-secure", "true"))
}
"""By what the gateway keeps a browser with a pod: docs/decisions/0134."""
LIMITS = tuple(f"nginx.ingress.kubernetes.io/{key}" for key in ("limit-rps", "limit-connections"))
"""By what the gateway lets one address have no more than so much of it: docs/decisions/0171."""
_NAME = "app.kubernetes.io/name"
_OF_BROKERS_AND_STORE = ("CONCORD_KAFKA_", "CONCORD_MONGODB_")
_STORE = {"kubernetes.io/metadata.name": "mongodb"}
_HTTP_PORT = 80

Peers = list[tuple[dict[str, str], list[Manifest]]]
"""Labels that pods are chosen by, and the ports that they may use."""


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield who may speak and should not, who may not and must, and what the gateway shows of the inside."""
    for name in named(manifests, "Deployment"):
        yield from (f"NetworkPolicy/{name}: {fault}" for fault in _neighbours(name, manifests))
    yield from _keeps_nothing(manifests)
    yield from _inside(manifests)
    yield from _scattered(manifests)
    yield from _unbounded(manifests)


def peers(policy: Manifest, direction: str) -> Peers:
    """Return which pods of the namespace a policy lets in ("ingress") or out to ("egress"), each with its ports."""
    end = {"ingress": "from", "egress": "to"}[direction]
    return [
        (peer["podSelector"].get("matchLabels", {}), rule.get("ports", []))
        for rule in policy["spec"].get(direction, [])
        for peer in rule.get(end, [])
        if "podSelector" in peer and "namespaceSelector" not in peer
    ]


def _neighbours(name: str, manifests: list[Manifest]) -> Iterator[str]:
    policy, deployments = named(manifests, "NetworkPolicy").get(name), named(manifests, "Deployment")
    if policy is None:
        return  # told on its own
    for direction in ("ingress", "egress"):
        allowed = peers(policy, direction)
        for other, deployment in deployments.items():
            if other == name:
                continue
            pair = (name, other) if direction == "egress" else (other, name)
            ports = [port["port"] for match, some in allowed if selects(match, pod_labels(deployment)) for port in some]
            open_ended = any(selects(match, pod_labels(deployment)) and not some for match, some in allowed)
            if pair not in SPEAK and (ports or open_ended):
                yield f"its pods may speak with another service's ({direction}: {other})"
            elif pair in SPEAK and (ports != ["http"] or open_ended):
                yield f"its pods may not speak with {other}'s at the door alone ({direction}: {ports})"


def _keeps_nothing(manifests: list[Manifest]) -> Iterator[str]:
    """Yield what the workbench is given of brokers and store, and where its pages would lead nowhere."""
    deployment = named(manifests, "Deployment").get(WORKBENCH)
    if deployment is None:
        yield f"Deployment/{WORKBENCH}: there is none"
        return
    try:
        variables = environment(deployment, manifests)
    except KeyError:
        return  # a reference that leads nowhere, which is told on its own
    for name in variables:
        if name.startswith(_OF_BROKERS_AND_STORE):
            yield f"Deployment/{WORKBENCH}: is given {name}, and keeps nothing"
    services = named(manifests, "Service")
    for service in SERVICES:
        address = urlsplit(variables.get(f"CONCORD_WORKBENCH_{service.upper()}", ""))
        ports = services.get(service, {"spec": {"ports": []}})["spec"]["ports"]
        if address.hostname != service or (address.port or _HTTP_PORT) not in {port["port"] for port in ports}:
            yield f"Deployment/{WORKBENCH}: looks for {service} at {address.geturl()!r}, where it is not"
    for kafka in named(manifests, "Kafka").values():
        for listener in kafka["spec"]["kafka"]["listeners"]:
            let_in = [
                networkpolicypeer["podSelector"]["matchLabels"]
                for networkpolicypeer in listener.get("networkPolicyPeers", [])
                if "podSelector" in networkpolicypeer
            ]
            if any(selects(match, pod_labels(deployment)) for match in let_in):
                yield f"Deployment/{WORKBENCH}: the brokers' listener {listener['name']} lets it in"
    yield from _reaches(named(manifests, "NetworkPolicy").get(WORKBENCH))


def _reaches(policy: Manifest | None) -> Iterator[str]:
    """Yield where a policy of who keeps nothing lets out to brokers or store."""
    if policy is None:
        return  # told on its own
    if any("strimzi.io/cluster" in match for match, _ in peers(policy, "egress")):
        yield f"NetworkPolicy/{WORKBENCH}: lets its pods out to the brokers"
    for rule in policy["spec"].get("egress", []):
        if any(peer.get("namespaceSelector", {}).get("matchLabels") == _STORE for peer in rule.get("to", [])):
            yield f"NetworkPolicy/{WORKBENCH}: lets its pods out to the store"


def _inside(manifests: list[Manifest]) -> Iterator[str]:
    """Yield the paths by which the gateway would lead to health and telemetry."""
    for name, gateway in named(manifests, "Ingress").items():
        for rule in gateway["spec"]["rules"]:
            for entry in rule["http"]["paths"]:
                for path in INSIDE:
                    if leads_to(entry, path):
                        yield f"Ingress/{name}: {rule['host']}{entry['path']} leads to {path}, which stays inside"


def _scattered(manifests: list[Manifest]) -> Iterator[str]:
    """Yield the gateways that lead to the workbench and send a browser that asks again to another pod."""
    for name, gateway in named(manifests, "Ingress").items():
        paths = [path for rule in gateway["spec"]["rules"] for path in rule["http"]["paths"]]
        to_workbench = any(path["backend"]["service"]["name"] == WORKBENCH for path in paths)
        if to_workbench and any(
            gateway["metadata"].get("annotations", {}).get(key) != is_ for key, is_ in STICKS.items()
        ):
            yield f"Ingress/{name}: a browser does not stay with one pod of the workbench on all its paths"


def _unbounded(manifests: list[Manifest]) -> Iterator[str]:
    """Yield the gateways at which one address may take what all others need; 0 is no limit to the controller."""
    for name, gateway in named(manifests, "Ingress").items():
        for limit in LIMITS:
            if int(gateway["metadata"].get("annotations", {}).get(limit, "0")) <= 0:
                yield f"Ingress/{name}: one address may have all of it, without {limit}"


def leads_to(entry: Manifest, path: str) -> bool:
    """Return whether a path of the gateway's takes an address, as Kubernetes matches them.

    >>> leads_to({"path": "/", "pathType": "Prefix"}, "/live"), leads_to({"path": "/", "pathType": "Exact"}, "/live")
    (True, False)
    >>> leads_to({"path": "/sign-in", "pathType": "Prefix"}, "/sign-in/back")
    True
    """
    if entry["pathType"] == "Exact":
        return bool(path == entry["path"])
    wanted = [step for step in entry["path"].split("/") if step]
    return [step for step in path.split("/") if step][: len(wanted)] == wanted
