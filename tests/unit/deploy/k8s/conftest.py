"""The production overlay, rendered once, and a copy of it for whoever wants to break it."""

import copy

import pytest

from deploy.k8s.render import PRODUCTION, Manifest, rendered


@pytest.fixture(scope="session")
def production() -> list[Manifest]:
    return rendered(PRODUCTION)


@pytest.fixture
def manifests(production: list[Manifest]) -> list[Manifest]:
    return copy.deepcopy(production)
