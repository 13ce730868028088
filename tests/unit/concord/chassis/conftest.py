"""What tests of a process's door share."""

import sys

import pytest

from concord.chassis.runtime.serve import bind


@pytest.fixture
def leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close the door as soon as a process is told to stop: for tests of what comes before that."""
    # By the module's own name, for its package has a function of that name.
    monkeypatch.setattr(sys.modules[bind.__module__], "LEAVE_SECONDS", 0.0)
