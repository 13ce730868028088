"""Copies of a few lives are lives of their own: under ids that nobody else has, and said as their originals are."""

import asyncio
from typing import Any

import bson
import pytest

from bench.starts.journal import NAMED_CHARACTERS, Copies
from bench.starts.template import KINDS, LOT_UNITS, lives
from simulation.virtual_time import VirtualTimeLoop


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return bson.decode(bson.encode(runner.run(lives())))


@pytest.mark.parametrize("service", ["ingest", "assign", "adjudicate", "audit"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_two_copies_have_a_document_of_one_key(told: dict[str, Any], service: str, kind: str) -> None:
    copies = Copies(told[kind], service)
    found = [(collection, document["_id"]) for number in (1, 2, 40_000) for collection, document in copies.of(number)]
    assert found
    assert len(set(found)) == len(found)
    originals = {identifier[:-NAMED_CHARACTERS] for identifier in told[kind]["ids"]}
    assert any(beginning in key for _, key in found for beginning in originals), "they lie in the places of theirs"


def test_all_that_is_copied_was_said(told: dict[str, Any]) -> None:
    marks: dict[str, int] = {}
    for entry in told["basis"]:
        if entry["collection"] == "marks":
            writer, _, number = entry["document"]["_id"].rpartition("/")
            marks[writer] = max(marks.get(writer, 0), int(number))
    commits = [
        document["document"]["commit"]
        for kind in KINDS
        for document in told[kind]["documents"]
        if document["collection"] == "journal"
    ]
    assert commits
    for writer, _, number in (commit.rpartition("/") for commit in commits):
        assert int(number) <= marks[writer]


def test_what_is_open_has_markers_and_what_is_closed_has_none(told: dict[str, Any]) -> None:
    marked = {
        (kind, document["service"])
        for kind in KINDS
        for document in told[kind]["documents"]
        if document["collection"] == "open"
    }
    assert {("to audit", "audit"), ("begun", "ingest"), ("begun", "assign"), ("begun", "adjudicate")} <= marked
    assert "closed" not in {kind for kind, _ in marked}
    assert len(told["closed"]["ids"]) == LOT_UNITS + 1
