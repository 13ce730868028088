"""Overlays rendered by kustomize, which the kubectl of a wheel carries."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "deploy" / "k8s" / "overlays" / "production"
SECONDS_MAX = 60

Manifest = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Takes a bare `=`, as kustomize writes a matcher's, for the text that it is: PyYAML has no value for it."""


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:value", _as_text)


class NotRendered(Exception):
    """Kustomize refused an overlay; the text is what it said."""


def rendered(overlay: Path) -> list[Manifest]:
    """Return the manifests of an overlay, in kustomize's order.

    Raises:
        NotRendered: see there.
    """
    kubectl = Path(sys.executable).parent / "kubectl"
    run = subprocess.run(
        [kubectl, "kustomize", overlay],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        # No cluster is asked, so none may be configured either.
        env={**os.environ, "KUBECONFIG": os.devnull},
    )
    if run.returncode:
        raise NotRendered(f"{overlay}: {run.stderr.strip()}")
    return [manifest for manifest in yaml.load_all(run.stdout, _Loader) if manifest]
