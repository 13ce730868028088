"""The town's own account of changing classes: each change is one that the services take, and both read labels alike."""

import random
from typing import Any

import pytest

from concord.labels import schema_from
from concord.labels.schema_change import SchemaChange, changed
from concord.labels.versions import Versions
from simulation.wording import CHANGES_MAX, KINDS, Wording

CLASSES = ["no", "unsure", "yes"]


def _choice(classes: list[str]) -> dict[str, Any]:
    return {"kind": "choice", "classes": classes}


@pytest.mark.parametrize("seed", range(40))
def test_what_the_town_makes_of_its_classes_is_a_mapping_and_reads_as_the_services_read_it(seed: int) -> None:
    draw = random.Random(seed)
    wording, versions = Wording.of(CLASSES), Versions(schema_from(_choice(CLASSES)))
    for _ in range(CHANGES_MAX):
        wording, entry = wording.changed(draw)
        body: dict[str, Any] = {name: tuple(each) if name == "retire" else each for name, each in entry.items()}
        change = SchemaChange(**body)
        made = changed(versions, schema_from(_choice(wording.offered)), change)
        assert made is not None
        versions = Versions(schema_from(made.whole), (*versions.steps, *made.steps))
        assert versions.present == wording.version
        for name in wording.reads[-1]:
            assert versions.named(name) == wording.read(name)
            assert (versions.closed_since(f'"{name}"') > 0) == (wording.read(name) in wording.closed)
        for true in CLASSES:
            spoken = wording.said(true, wording.version)
            assert spoken in wording.offered
            assert wording.says_true(spoken, true)
    for version, classes in enumerate(wording.offers, 1):
        offered = versions.offered(version).spec()["classes"]
        assert isinstance(offered, list)
        assert {str(name) for name in offered} == set(classes)


def test_every_kind_of_change_comes_about() -> None:
    found = set()
    for seed in range(60):
        _, change = Wording.of(CLASSES).changed(random.Random(seed))
        found |= set(change) or {"add"}
    assert found == set(KINDS)


def test_what_was_said_of_a_class_that_was_split_said_several_also_once_its_parts_are_one() -> None:
    """While they were two, another label was asked for in its place, beyond the cap."""
    split = Wording.of(CLASSES)._after(["no", "unsure", "yes-2a", "yes-2b"], {}, "yes", "yes-2a", ("yes-2a", "yes-2b"))
    joined = split._after(["no", "unsure", "yes-2b"], {"yes-2a": "yes-2b"})
    assert not joined.split
    assert joined.read("yes") == "yes-2b"
    assert [joined.said_several(name) for name in ("yes", "yes-2a", "no", None)] == [True, False, False, False]
