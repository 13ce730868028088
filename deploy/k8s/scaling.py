"""How many pods there are of a service: never fewer than can be spared, never more than there are places."""

from collections.abc import Iterator

from deploy.k8s.doors import peers
from deploy.k8s.render import Manifest
from deploy.k8s.workload import environment, named, pod_labels, pod_of, programs, secrets, selects

LEAST = 2
"""Of a service that rolls: one may go at any time, and another has its projects."""
SCALER = {"kubernetes.io/metadata.name": "keda"}


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield scalers that lead nowhere or too far, budgets that protect nothing, and pods that cannot hand on."""
    scalers = {entry["spec"]["scaleTargetRef"]["name"]: entry for entry in named(manifests, "ScaledObject").values()}
    deployments = named(manifests, "Deployment")
    for name, scaler in scalers.items():
        found = _scaler(scaler, deployments.get(name), manifests)
        yield from (f"ScaledObject/{scaler['metadata']['name']}: {fault}" for fault in found)
    for name, deployment in programs(manifests).items():
        if deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            least, most = _between(deployment, scalers.get(name))
            yield from (f"Deployment/{name}: {fault}" for fault in _number(least, deployment, manifests))
            if (places := _places(deployment, manifests)) is None:
                continue  # any of its pods answers anything
            if most > places:
                yield f"Deployment/{name}: may have {most} pods for {places} places: the others would have nothing"
            yield from (f"NetworkPolicy/{name}: {fault}" for fault in _forwarding(name, deployment, manifests))


def _scaler(scaler: Manifest, deployment: Manifest | None, manifests: list[Manifest]) -> Iterator[str]:
    if deployment is None:
        yield "there is no deployment of the name that it scales"
        return
    if "replicas" in deployment["spec"]:
        yield "its deployment says a number too, which each release would put back"
    name = deployment["metadata"]["name"]
    for trigger in scaler["spec"]["triggers"]:
        if trigger["type"] == "kafka":
            if (group := trigger["metadata"]["consumerGroup"]) != name:
                yield f"it looks at the lag of {group}, and its pods are the group {name}"
            yield from _admitted(trigger, deployment, manifests)


def _admitted(trigger: Manifest, deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    """Yield what the scaler lacks to be let in by the broker."""
    reference = trigger.get("authenticationRef", {}).get("name")
    credentials = named(manifests, "TriggerAuthentication").get(reference)
    if credentials is None:
        yield f"nothing makes the credentials {reference}"
        return
    variables, made = environment(deployment, manifests), secrets(manifests)
    containers = {container["name"] for container in pod_of(deployment)["containers"]}
    for entry in credentials["spec"].get("env", []):
        if entry["name"] not in variables or entry.get("containerName", next(iter(containers))) not in containers:
            yield f"its {entry['parameter']} is the variable {entry['name']}, which its pods have not"
    for row in credentials["spec"].get("secretTargetRef", []):
        if row["key"] not in made.get(row["name"], ()):
            yield f"its {row['parameter']} is the key {row['key']} of the secret {row['name']}, which nothing makes"
    for broker in named(manifests, "Kafka").values():
        inside = (entry for entry in broker["spec"]["kafka"]["listeners"] if entry["type"] == "internal")
        for listener in inside:
            peers = listener.get("networkPolicyPeers", [])
            if not any(peer.get("namespaceSelector", {}).get("matchLabels") == SCALER for peer in peers):
                yield f"the brokers' listener {listener['name']} does not let it in"


def _between(deployment: Manifest, scaler: Manifest | None) -> tuple[int, int]:
    """Return how many pods there are at least and at most."""
    if scaler is None:
        replicas = int(deployment["spec"].get("replicas", 1))
        return replicas, replicas
    return int(scaler["spec"]["minReplicaCount"]), int(scaler["spec"]["maxReplicaCount"])


def _places(deployment: Manifest, manifests: list[Manifest]) -> int | None:
    """Return among how many places its pods share the projects; None where none of them has any."""
    try:
        return int(environment(deployment, manifests)["CONCORD_PLACES"])
    except KeyError:
        return None  # or a reference that leads nowhere, which is told on its own


def _number(least: int, deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    if least < LEAST:
        yield f"has {least} pods at least, and none to spare with fewer than {LEAST}"
    labels = pod_labels(deployment)
    for name, budget in named(manifests, "PodDisruptionBudget").items():
        spec = budget["spec"]
        if selects(spec["selector"]["matchLabels"], labels) and least - int(spec["maxUnavailable"]) < 1:
            yield f"the budget {name} lets all of its {least} pods go at once"
    spread = [
        topologyspreadconstraint.get("topologyKey")
        for topologyspreadconstraint in pod_of(deployment).get("topologySpreadConstraints", [])
    ]
    if "kubernetes.io/hostname" not in spread:
        yield "may have all its pods on one node"
    for constraint in pod_of(deployment).get("topologySpreadConstraints", []):
        if not selects(constraint["labelSelector"]["matchLabels"], labels):
            yield f"its spread over {constraint['topologyKey']} counts other pods than its own"


def _forwarding(name: str, deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    """Yield where the pods may not hand on to one another."""
    policy = named(manifests, "NetworkPolicy").get(name)
    if policy is None:
        return  # told on its own
    labels = pod_labels(deployment)
    for direction in ("ingress", "egress"):
        allowed = peers(policy, direction)
        ports = [port["port"] for match, some in allowed if selects(match, labels) for port in some]
        if ports != ["http"]:
            yield f"its pods may not hand on to one another at their door alone ({direction}: {ports})"
