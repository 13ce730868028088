"""Decisions know nothing of lives."""

import pytest


@pytest.fixture(autouse=True)
def lives() -> int:
    """Let each test run once."""
    return 1
