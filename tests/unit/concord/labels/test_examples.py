"""Every example in the docstrings runs, and everything public in the package has one."""

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import concord.labels

MODULES = ["concord.labels", *(f"concord.labels.{each.name}" for each in pkgutil.iter_modules(concord.labels.__path__))]
ABSTRACT = {"LabelSchema", "ClassedSchema", "SchemaFault", "LabelFault", "TooMuchToCut", "CannotBeGrouped"}
PLAIN = {
    "classes",
    "Region",
    "Drawing",
    "Agreed",
    "Settled",
    "Vote",
    "Merged",
    "RegionSchema",
    "Node",
    "Part",
    "Field",
    "Condition",
    "ids",
    "Example",
    "Weighed",
    "as_one",
    "FieldObject",
    "FieldOrigin",
    "Lineage",
    "DrawnObject",
    "Origin",
    "Traced",
}

HELD_BY_PROPERTIES = {f"concord.labels.{name}" for name in ("versions", "schema_change", "spec_edits")}
"""What a change of a schema is made of: one example of each way from end to end, and properties of all of them."""


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def _public(module: ModuleType) -> list[tuple[str, str]]:
    found = []
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(thing) and name not in ABSTRACT:
            found.append((name, thing.__doc__ or ""))
            methods = {key: each for key, each in vars(thing).items() if not key.startswith("_")}
            found += [(key, each.__doc__ or "") for key, each in methods.items() if inspect.isroutine(each)]
        elif inspect.isfunction(thing):
            found.append((name, thing.__doc__ or ""))
    return found


@pytest.mark.parametrize("name", sorted({*MODULES} - HELD_BY_PROPERTIES))
def test_everything_public_has_an_example(name: str) -> None:
    without = [key for key, text in _public(importlib.import_module(name)) if ">>>" not in text and key not in PLAIN]
    assert without == []
