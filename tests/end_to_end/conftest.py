"""Where the stacks of these tests live."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import places


@pytest.fixture
def folder() -> Iterator[Path]:
    """A stack's folder below the project's own, where `make down` finds what a killed test leaves."""
    path = places.LOCAL / f"end-to-end-{random.SystemRandom().randrange(10**9)}"
    yield path
    shutil.rmtree(path, ignore_errors=True)
