"""Every example in a docstring runs, wherever it stands: those of labels and statistics have tests of their own."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

PACKAGES = (
    "cli",
    "concord.capacity",
    "concord.chassis",
    "concord.client",
    "concord.contracts",
    "concord.exports",
    "concord.pages",
    "concord.privacy",
    "demo",
    "services",
    "workbench",
)
EXAMPLES_MIN = 250


def modules(package: str) -> Iterator[str]:
    yield package
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not found.name.endswith("__main__") and "_pb2" not in found.name:
            yield found.name


def test_the_examples_of_every_docstring_run() -> None:
    results = {
        name: doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
        for package in PACKAGES
        for name in modules(package)
    }
    assert [name for name, result in results.items() if result.failed] == []
    assert sum(result.attempted for result in results.values()) > EXAMPLES_MIN
