"""Commands of the README that need no stack are run as they stand there; those that do are the demo's own tests."""

import re
import subprocess

import pytest

from deploy.local import places

COMMAND = re.compile(r"^\.venv/bin/python -m concord\.quality .*$", re.MULTILINE)
COMMANDS = COMMAND.findall((places.ROOT / "README.md").read_text())


def test_the_readme_shows_them() -> None:
    assert len(COMMANDS) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs_as_it_stands(command: str) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=places.ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
