"""What every pod must be so that the namespace's restricted standard, and we, let it run."""

from collections.abc import Iterator

from concord.chassis.runtime.runtime import STOP_SECONDS_MAX
from concord.chassis.runtime.serve import LINGER_SECONDS_MAX
from deploy.k8s.render import Manifest
from deploy.k8s.workload import named, pod_of

USER = 10_001


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield what a pod is allowed and should not be, and what a stop or a scheduler would miss."""
    for name, deployment in named(manifests, "Deployment").items():
        pod = pod_of(deployment)
        yield from (f"Deployment/{name}: {fault}" for fault in (*_pod(pod), *_container(pod)))
        account = pod.get("serviceAccountName", "default")
        if account != name or account not in named(manifests, "ServiceAccount"):
            yield f"Deployment/{name}: goes as the account {account}, which is not its own"
    for name, cluster in named(manifests, "Kafka").items():
        yield from (f"Kafka/{name}: {fault}" for fault in _brokers(cluster["spec"]))
    for name, namespace in named(manifests, "Namespace").items():
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"Namespace/{name}: does not enforce the restricted standard"


def _pod(pod: Manifest) -> Iterator[str]:
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("runAsUser") != USER:
        yield f"does not run as the user {USER} of the image"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if not pod.get("priorityClassName"):
        yield "gives way to whatever else the node runs"
    if pod.get("automountServiceAccountToken", True):
        yield "is given a token of the cluster's API"


def _brokers(cluster: Manifest) -> Iterator[str]:
    """Yield what the pods that Strimzi makes of a cluster lack, so that the namespace would refuse them."""
    operators = ("topicOperatorContainer", "userOperatorContainer")
    parts = (("kafka", ("kafkaContainer",)), ("kafkaExporter", ("container",)), ("entityOperator", operators))
    for part, containers in parts:
        if part not in cluster:
            continue
        template = cluster[part].get("template", {})
        context = template.get("pod", {}).get("securityContext", {})
        if not context.get("runAsNonRoot"):
            yield f"its pods of {part} may run as root"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"its pods of {part} have no seccomp profile"
        for container in containers:
            held = template.get(container, {}).get("securityContext", {})
            if held.get("allowPrivilegeEscalation", True):
                yield f"its {container} of {part} may gain privileges"
            if held.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"its {container} of {part} keeps capabilities"
    apart = cluster["kafka"].get("template", {}).get("pod", {}).get("affinity", {}).get("podAntiAffinity", {})
    nodes = apart.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    if not any(node["topologyKey"] == "kubernetes.io/hostname" for node in nodes):
        yield "two of its brokers may be on one node"


def _container(pod: Manifest) -> Iterator[str]:
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation", True):
            yield "may gain privileges"
        if not context.get("readOnlyRootFilesystem"):
            yield "may write to its image"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield "keeps capabilities"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            yield "does not say what it needs"
        if "startupProbe" not in container:
            yield "is asked whether it lives before it can have started"
        if container["image"].rpartition("/")[2].partition(":")[2] in ("", "latest"):
            yield f"runs whatever {container['image']} is that day"
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pod.get("terminationGracePeriodSeconds", 30) < pause + STOP_SECONDS_MAX + LINGER_SECONDS_MAX:
            yield "is killed before a stop may be over"
