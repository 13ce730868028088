"""Each manifest against its schema: Kubernetes' own, strict, or a narrow one of ours for custom resources."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft7Validator

from deploy.k8s.render import Manifest

KUBERNETES_VERSION = "1.37"
"""The newest whose schemas the validator carries."""
CUSTOM = Path(__file__).parent / "schemas"
_FIELDS = frozenset({"apiVersion", "kind", "metadata", "spec"})


def faults(manifest: Manifest) -> Iterator[str]:
    """Yield where a manifest leaves its schema; one for which there is no schema is a fault too."""
    if _built_in(manifest["apiVersion"]):
        yield from _strict(manifest)
    else:
        yield from _narrow(manifest)


def _built_in(api_version: str) -> bool:
    group = api_version.rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def _strict(manifest: Manifest) -> Iterator[str]:
    try:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.ValidationError as fault:
        yield f"{'.'.join(str(step) for step in fault.path)}: {fault.message}"
    except kubernetes_validate.SchemaNotFoundError as fault:
        yield str(fault.message)


def _narrow(manifest: Manifest) -> Iterator[str]:
    schema = _custom(manifest["apiVersion"]).get(manifest["kind"])
    if schema is None:
        yield f"there is no schema for {manifest['kind']} of {manifest['apiVersion']} in {CUSTOM.name}/"
        return
    for field in sorted(manifest.keys() - _FIELDS):
        yield f"{field}: a custom resource has {', '.join(sorted(_FIELDS))}"
    for fault in Draft7Validator(schema).iter_errors(manifest.get("spec")):
        yield f"spec{fault.json_path[1:]}: {fault.message}"


@cache
def _custom(api_version: str) -> dict[str, Any]:
    """Return the schemas of an API group's kinds; empty when there is none."""
    path = CUSTOM / f"{api_version.replace('/', '_')}.yaml"
    known: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return known
