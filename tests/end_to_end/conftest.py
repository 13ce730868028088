"""Where the stacks of these tests live."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import places


@contextmanager
def a_folder() -> Iterator[Path]:
    """A stack's folder below the project's own, where `make down` finds what a killed test leaves."""
    path = places.LOCAL / f"end-to-end-{random.SystemRandom().randrange(10**9)}"
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    with a_folder() as path:
        yield path
