"""Planted personal data is where it may be and nowhere else; and what looks for it finds what is planted there."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.end_to_end.planted.run import Plan, run
from tests.end_to_end.planted.search import Searcher

SMALL = Plan(of_each_kind=20, refused=20, labels=14, sealed=30, projects=2, files=False)


@pytest.mark.real
async def test_planted_personal_data_is_in_no_place_but_where_it_may_be(folder: Path) -> None:
    lines: list[str] = []
    outcome = await run(SMALL, folder, lines.append)
    assert "\n".join(outcome.faults()) == "", (outcome.figures, outcome.counts)
    assert set(outcome.planted.values()) == {SMALL.of_each_kind}
    assert outcome.figures["sealed_before"] >= SMALL.sealed


VALUE = "Zoë Kérn-Müller"
WAYS = {
    "text": VALUE.encode(),
    "small": VALUE.lower().encode(),
    "json": json.dumps(VALUE).encode(),
    "escaped": repr(VALUE.encode()).encode(),
    "percent": quote(VALUE).encode(),
    "utf-16": VALUE.encode("utf-16"),
    "hex": VALUE.encode().hex().encode(),
    "base64": base64.b64encode(b"ab" + VALUE.encode()),
    "compact": b"4111111111111111",
}


@pytest.fixture(scope="module")
def searcher() -> Searcher:
    return Searcher(["4111 1111 1111 1111", VALUE, *(f"other-{number}@example.org" for number in range(1_000))])


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("before", range(9))
def test_a_value_is_found_however_it_is_written_and_wherever_it_begins(
    searcher: Searcher, how: str, before: int
) -> None:
    things = [("nothing", b"nothing " * 100), ("here", b"x" * before + b" " + WAYS[how] + b" y"), ("after", b"z" * 50)]
    assert {(hit.place, hit.how) for hit in searcher.find(things)} == {("here", how)}


def test_a_number_within_a_longer_one_is_another_number() -> None:
    searcher = Searcher(["030 901820"])
    assert list(searcher.find([("a time", b"1795030901820")])) == []
    assert [hit.how for hit in searcher.find([("a number", b"=030901820;")])] == ["compact"]
