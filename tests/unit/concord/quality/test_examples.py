import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import concord.quality

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(concord.quality.__path__, "concord.quality.")
    if not found.name.endswith("__main__")
)
NOT_STATISTICS = {"estimate", "infer", "inference_report", "label_file"}
"""They make an estimate, read a file or print."""

SHOWN_BY_THEIR_CALLERS = {
    "chances_of", "clamp", "expectation", "heard_of", "log_prevalence", "tighter_accept_max",
}  # fmt: skip
"""One step of a larger algorithm, whose example runs it."""

STATISTICS = [name for name in MODULES if ".check" not in name and name.rsplit(".", 1)[-1] not in NOT_STATISTICS]


def public_functions(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_gives_what_it_shows(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))) > 50


@pytest.mark.parametrize("name", STATISTICS)
def test_every_public_statistic_shows_an_example(name: str) -> None:
    module = importlib.import_module(name)
    bare = {f for f in public_functions(module) if ">>>" not in (getattr(module, f).__doc__ or "")}
    assert bare <= SHOWN_BY_THEIR_CALLERS
