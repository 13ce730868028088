"""The production overlay, rendered once, and a copy of it for whoever wants to break it."""

import copy
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.k8s.render import PRODUCTION, Manifest, rendered


@pytest.fixture(scope="session")
def production() -> list[Manifest]:
    return rendered(PRODUCTION)


@pytest.fixture
def manifests(production: list[Manifest]) -> list[Manifest]:
    return copy.deepcopy(production)


@pytest.fixture
def with_component(tmp_path: Path) -> Callable[[str], list[Manifest]]:
    """Return the production overlay with one more component of `deploy/k8s/components`."""

    def render(name: str) -> list[Manifest]:
        component = PRODUCTION.parents[1] / "components" / name
        overlay, part = (os.path.relpath(path, tmp_path.resolve()) for path in (PRODUCTION, component))
        (tmp_path / "kustomization.yaml").write_text(
            f"namespace: concord\nresources: [{overlay}]\ncomponents: [{part}]"
        )
        return rendered(tmp_path)

    return render
