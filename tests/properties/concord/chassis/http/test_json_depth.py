"""The depth that is followed without parsing is the depth that a parser finds, however the text is cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from concord.chassis.http import JSON_DEPTH_MAX
from concord.chassis.http.limits import JsonDepth

TRICKY = st.text(alphabet='[]{}"\\,:a', max_size=12)
LEAVES = st.one_of(st.none(), st.integers(), TRICKY)
TREES = st.recursive(LEAVES, lambda kids: st.lists(kids, max_size=4) | st.dictionaries(TRICKY, kids, max_size=4))


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def refused(text: bytes, cuts: list[int]) -> bool:
    """Return whether the text is refused when it comes in these pieces."""
    depth = JsonDepth()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    try:
        for start, end in pairwise(places):
            depth.feed(text[start:end])
    except HTTPException:
        return True
    return False


@given(tree=TREES, wraps=st.integers(20, 40), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_refused_exactly_when_a_parser_would_find_more_than_32_levels(tree: Any, wraps: int, cuts: list[int]) -> None:
    for level in range(wraps):
        tree = [tree] if level % 2 else {'"[': tree, "}\\": "]"}
    assert refused(json.dumps(tree).encode(), cuts) == (depth_of(tree) > JSON_DEPTH_MAX)


def test_little_is_kept_of_a_long_text_with_few_brackets() -> None:
    depth = JsonDepth()
    for _ in range(20):
        depth.feed(b"[" + b" " * 100_000)
    depth.feed(b'"' + b"x" * 100_000)
    assert len(b"".join(depth._kept or [])) == 0
    assert len(depth._open) == 1


@given(st.text(alphabet='[]{}"\\', max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_however_a_text_is_cut_the_answer_is_the_same(text: str, cuts: list[int]) -> None:
    assert refused(text.encode(), cuts) == refused(text.encode(), [])


@pytest.mark.parametrize("text", ['"' + '\\"' * 400_000, '"' * 800_001, "[" * 33 + '"' + "\\" * 800_000])
def test_hostile_text_is_read_once(text: str) -> None:
    # Quadratic work would take hours here.
    refused(text.encode(), [])
