"""What the checks ask of rendered manifests: by kind and name, and what a deployment's pod is given."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.k8s.render import Manifest

SCRAM_SECRET_KEYS = frozenset({"password", "sasl.jaas.config"})
AUTHORITY_SECRET_KEYS = frozenset({"ca.crt", "ca.p12", "ca.password"})
CERTIFICATE_SECRET_KEYS = frozenset({"tls.crt", "tls.key"})
POD_ADDRESS = "10.0.0.7"
"""Stands for what a cluster tells a pod of itself."""
COMPONENT, EXPORTER = "app.kubernetes.io/component", "exporter"
_ISSUER = "cert-manager.io/cluster-issuer"


def named(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the manifests of a kind by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def exporters(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the deployments that tell Prometheus of others, by name: none of our programs runs in them."""
    deployments = named(manifests, "Deployment").items()
    return {name: entry for name, entry in deployments if pod_labels(entry).get(COMPONENT) == EXPORTER}


def programs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the deployments of services and workbench, by name: all that are not said to be something else."""
    return {name: entry for name, entry in named(manifests, "Deployment").items() if name not in exporters(manifests)}


def pod_of(deployment: Manifest) -> dict[str, Any]:
    """Return the pod's specification."""
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def pod_labels(deployment: Manifest) -> dict[str, str]:
    """Return the labels of the pods."""
    labels: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(match_labels: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether a selector picks something that bears these labels; an empty one picks everything."""
    return match_labels.items() <= labels.items()


def secrets(manifests: list[Manifest]) -> dict[str, frozenset[str]]:
    """Return the keys of every secret that something in the manifests makes, by the secret's name."""
    made: dict[str, frozenset[str]] = {}
    for name, entry in named(manifests, "ExternalSecret").items():
        made[name] = frozenset(entry["secretKey"] for entry in entry["spec"]["data"])
    for name in named(manifests, "KafkaUser"):
        made[name] = SCRAM_SECRET_KEYS
    for name in named(manifests, "Kafka"):
        made[f"{name}-cluster-ca-cert"] = AUTHORITY_SECRET_KEYS
    for entry in named(manifests, "Ingress").values():
        if _ISSUER in entry["metadata"].get("annotations", {}):
            made.update({entry["secretName"]: CERTIFICATE_SECRET_KEYS for entry in entry["spec"].get("tls", [])})
    return made


def environment(deployment: Manifest, manifests: list[Manifest], stand_in: str = "hidden") -> dict[str, str]:
    """Return the variables that a deployment's first container gets, with a stand-in for the value of every secret.

    Raises:
        KeyError: a config map or secret that is named does not exist.
    """
    maps, made, variables = named(manifests, "ConfigMap"), secrets(manifests), {}
    container = pod_of(deployment)["containers"][0]
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            variables.update(maps[source["configMapRef"]["name"]]["data"])
        else:
            variables.update(dict.fromkeys(made[source["secretRef"]["name"]], stand_in))
    for entry in container.get("env", []):
        variables[entry["name"]] = _value(entry, variables, stand_in)
    return variables


def _value(variable: Mapping[str, Any], before: Mapping[str, str], stand_in: str) -> str:
    """Return a variable's value: `$(NAME)` in it stands for one that is named before."""
    if "value" not in variable:
        return POD_ADDRESS if "fieldRef" in variable["valueFrom"] else stand_in
    value = str(variable["value"])
    for name, text in before.items():
        value = value.replace(f"$({name})", text)
    return value


def mounted_files(deployment: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    """Yield the paths of the files that secrets put into a deployment's first container."""
    made, pod = secrets(manifests), pod_of(deployment)
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for mount in pod["containers"][0].get("volumeMounts", []):
        source = volumes[mount["name"]].get("secret")
        if source is None:
            continue
        items = source.get("items")
        names = [item["path"] for item in items] if items else sorted(made.get(source["secretName"], ()))
        yield from (f"{mount['mountPath']}/{name}" for name in names)
