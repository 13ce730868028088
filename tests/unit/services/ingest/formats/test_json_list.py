"""A JSON list is cut into its elements however it comes, in bounded memory."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.chassis.errors import BadRequest
from services.ingest.formats import json_list as module
from services.ingest.formats.json_list import ListSplitter

values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(['"', "\\", "[{", "]},"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def cut(data: bytes, size: int) -> list[bytes | None]:
    splitter = ListSplitter()
    found = [encoded for at in range(0, len(data), size) for encoded in splitter.feed(data[at : at + size])]
    splitter.end()
    return found


@given(elements=st.lists(values, max_size=5), size=st.integers(1, 11), indent=st.sampled_from([None, 1]))
def test_a_list_is_cut_into_what_it_was_made_of(elements: list[Any], size: int, indent: int | None) -> None:
    data = json.dumps(elements, indent=indent).encode()
    assert [json.loads(encoded or b"?") for encoded in cut(data, size)] == elements


@pytest.mark.parametrize("data", [b"", b"{}", b"[1", b"[1] 2", b'["a]', b"null"])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest) as refusal:
        cut(data, 3)
    assert refusal.value.errors[0].cure


@pytest.mark.parametrize("long", [b'"' + b"x" * 500 + b'"', b'"' + b'\\"' * 250 + b'"', b"[" + b"1," * 300 + b"1]"])
def test_an_element_that_is_too_long_is_not_kept_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch, long: bytes
) -> None:
    monkeypatch.setattr(module, "RECORD_BYTES_MAX", 100)
    for size in (1, 7, 60):
        assert cut(b"[1," + long + b', {"a": 2}]', size) == [b"1", None, b' {"a": 2}'], size


def test_what_is_kept_of_a_deep_or_long_element_is_bounded() -> None:
    splitter = ListSplitter()
    list(splitter.feed(b"["))
    for _ in range(50):
        list(splitter.feed(b"[" * 100_000))
        assert len(splitter._kept) <= 1_100_000
