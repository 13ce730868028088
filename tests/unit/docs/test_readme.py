"""Commands of the README that need no stack are run as they stand there; those that do are the demo's own tests."""

import re
import subprocess

import pytest

from deploy.local import places

COMMAND = re.compile(r"^\.venv/bin/python -m concord\.quality .*$", re.MULTILINE)
COMMANDS = COMMAND.findall((places.ROOT / "README.md").read_text())


def test_the_readme_shows_them() -> None:
    assert len(COMMANDS) == 2


THERE = {
    "schema changes": "docs/guide/schemas.md",
    "open units": "services/ingest/handlers/room.py",
    "retraining": "services/adjudicate/handlers/retraining.py",
    "appeals": "docs/decisions/0083-who-failed-sees-what-they-missed.md",
    "models": "docs/guide/models.md",
}


@pytest.mark.parametrize("what", THERE)
def test_the_readme_calls_nothing_missing_that_is_there(what: str) -> None:
    _, lacking = (places.ROOT / "README.md").read_text().split("**What was not done yet**")
    assert (places.ROOT / THERE[what]).exists()
    assert what not in lacking


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs_as_it_stands(command: str) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=places.ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
