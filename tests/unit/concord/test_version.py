"""What is signed says the version that the package has."""

import tomllib
from pathlib import Path

from concord.version import VERSION


def test_the_version_that_is_signed_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
