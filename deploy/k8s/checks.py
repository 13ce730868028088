"""All checks of rendered manifests, in the order in which their faults help most."""

from collections.abc import Iterator

from deploy.k8s import doors, hardening, references, rights, scaling, schema, signed
from deploy.k8s.render import Manifest


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield every fault, led by the manifest that has it."""
    shapeless = False
    for manifest in manifests:
        for fault in schema.faults(manifest):
            shapeless = True
            yield f"{manifest['kind']}/{manifest['metadata']['name']}: {fault}"
    if shapeless:
        return  # the other checks read fields that the schemas promise
    yield from references.faults(manifests)
    yield from rights.faults(manifests)
    yield from scaling.faults(manifests)
    yield from doors.faults(manifests)
    yield from hardening.faults(manifests)
    yield from signed.faults(manifests)
