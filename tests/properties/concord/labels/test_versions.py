"""Whatever is done to a schema, version after version, every label that was given keeps a meaning, and one meaning."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.labels import Json, LabelSchema, schema_from
from concord.labels.schema_change import SchemaChange, changed, spec_of
from concord.labels.spec_edits import in_no_order
from concord.labels.versions import Versions

KINDS = ("choice", "choices", "spans", "taxonomy")
seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=25, deadline=None)


def spec(kind: str, names: list[str]) -> dict[str, Any]:
    if kind == "taxonomy":
        return {"kind": kind, "nodes": [{"id": "all"}, *({"id": name, "parent": "all"} for name in names)]}
    return {"kind": kind, "classes": names}


def names_of(kind: str, schema: LabelSchema) -> list[str]:
    return [class_name for class_name in schema.classes if class_name != "all"]  # type: ignore[attr-defined]  # all of KINDS have them


def label_of(kind: str, name: str) -> Json:
    match kind:
        case "choices":
            return [name]
        case "spans":
            return {"spans": [{"start": 0, "end": 4, "class": name}]}
    return name


def mapped(draw: random.Random, names: list[str], fresh: list[str]) -> tuple[list[str], SchemaChange]:
    """Return other names, and a change that leads to them: one class is renamed, merged, split or retired, one new."""
    name, other = draw.sample(names, 2)
    new = fresh.pop()
    match draw.choice(["rename", "merge", "split", "retire", "add"]):
        case "rename":
            return [new if key == name else key for key in names], SchemaChange(rename={name: new})
        case "merge":
            return [key for key in names if key != name], SchemaChange(merge={name: other})
        case "split":
            left = [key for key in names if key != name]
            return [*left, new], SchemaChange(split={name: (other, new)})
        case "retire":
            return [*(key for key in names if key != name), new], SchemaChange(retire=(name,))
    return [*names, new], SchemaChange()


def history(kind: str, seed: int, changes: int) -> list[tuple[Versions, dict[str, Any]]]:
    """Return a schema's versions, each with what it was wanted to offer."""
    draw, names, fresh = random.Random(seed), ["a", "b", "c", "d"], [f"n{number}" for number in range(changes)]
    schema = schema_from(spec(kind, names))
    found = [(Versions(schema), spec_of(schema))]
    for _ in range(changes):
        names, change = mapped(draw, names, fresh)
        if len(names) < 2:
            break
        known, wanted = found[-1][0], schema_from(spec(kind, names))
        after = changed(known, wanted, change)
        assert after is not None
        found.append((Versions(schema_from(after.whole), (*known.steps, *after.steps)), spec_of(wanted)))
    return found


@pytest.mark.parametrize("kind", KINDS)
@some
@given(seeds)
def test_each_version_offers_for_ever_what_it_offered_when_it_came(kind: str, seed: int) -> None:
    found = history(kind, seed, 6)
    newest = found[-1][0]
    for version, (then, wanted) in enumerate(found, start=1):
        assert in_no_order(spec_of(newest.offered(version))) == in_no_order(wanted)
        assert spec_of(newest.offered(version)) == spec_of(then.offered())


@pytest.mark.parametrize("kind", KINDS)
@some
@given(seeds)
def test_a_label_reads_the_same_at_once_and_version_after_version(kind: str, seed: int) -> None:
    found = history(kind, seed, 6)
    newest = found[-1][0]
    for then, _ in found:
        for name in names_of(kind, then.offered()):
            label = label_of(kind, name)
            read = newest.read(label)
            between = [versions.read(label) for versions, _ in found[then.present - 1 :]]
            assert [newest.read(entry) for entry in between if entry is not None] == [read] * sum(
                entry is not None for entry in between
            )
            if read is not None:
                assert newest.read(read) == read, "reading twice is reading once"
                assert newest.schema.canonical(read) == read, "and the whole schema knows it"


@pytest.mark.parametrize("kind", KINDS)
@some
@given(seeds)
def test_what_is_offered_now_reads_as_itself_and_its_place_never_moved(kind: str, seed: int) -> None:
    found = history(kind, seed, 6)
    newest = found[-1][0]
    for then, _ in found:
        for before, now in zip(names_of(kind, then.schema), names_of(kind, newest.schema), strict=False):
            assert now in newest.closed() or newest.name("", before) == now
    for name in names_of(kind, newest.offered()):
        assert newest.read(label_of(kind, name)) == label_of(kind, name)
        assert newest.version_of(label_of(kind, name)) == newest.present
