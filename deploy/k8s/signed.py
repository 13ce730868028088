"""What may run: where images are to be signed each has a policy, and ours are let in by their signature alone."""

import re
from collections.abc import Iterator

from deploy.k8s.render import Manifest
from deploy.k8s.workload import named, pod_of, programs

INCLUDED = "policy.sigstore.dev/include"
"""The label by which the policy controller looks at a namespace's pods at all."""


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield images that no policy is for, and those of ours that are let in as they are; nothing without policies."""
    policies = named(manifests, "ClusterImagePolicy")
    if not policies:
        return
    for name, namespace in named(manifests, "Namespace").items():
        if namespace["metadata"].get("labels", {}).get(INCLUDED) != "true":
            yield f"Namespace/{name}: the policies of images are for other namespaces"
    ours = programs(manifests)
    for name, deployment in named(manifests, "Deployment").items():
        for container in pod_of(deployment)["containers"]:
            image = container["image"]
            chosen = [policy for policy in policies.values() if _is_for(policy, image)]
            if not chosen:
                yield f"Deployment/{name}: no policy is for the image {image}, so none is let in"
            elif name in ours and not any(_asks(policy) for policy in chosen):
                yield f"Deployment/{name}: the image {image} is let in as it is, signed or not"


def _is_for(policy: Manifest, image: str) -> bool:
    return any(_matches(entry["glob"], image) for entry in policy["spec"]["images"])


def _asks(policy: Manifest) -> bool:
    """Return whether each of a policy's authorities wants a signature: one that does not is enough for all."""
    return all("static" not in authority for authority in policy["spec"]["authorities"])


def _matches(glob: str, image: str) -> bool:
    """Return whether a glob is for an image: one star for what has no slash, two for anything.

    >>> _matches("registry.example.org/concord**", "registry.example.org/concord:0.1.0")
    True
    >>> _matches("registry.example.org/*", "registry.example.org/a/concord:0.1.0")
    False
    """
    parts = (re.escape(part).replace(r"\*", "[^/]*") for part in glob.split("**"))
    return re.fullmatch(".*".join(parts), image) is not None
