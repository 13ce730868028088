"""A running ingest over the memory ports, and one with a project."""

from collections.abc import AsyncIterator

import pytest

from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, start


@pytest.fixture
async def ingest() -> AsyncIterator[Ingest]:
    found = await start(House())
    yield found
    await found.service.runtime.stop()


@pytest.fixture
async def project(ingest: Ingest) -> Ingest:
    assert (await ingest.call("PUT", "/v1/projects/p", DEFINITION)).status == 201
    return ingest
