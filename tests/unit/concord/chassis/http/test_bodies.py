"""Bodies are read in flat memory, and a wrong one is told where and how to put it right."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from fastapi import Request

from concord.chassis.errors import BadRequest, ConcordError, Invalid
from concord.chassis.http import Overlong, decode, decode_each, decode_line, read_lines, split


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    kind: str


class Body(msgspec.Struct, forbid_unknown_fields=True):
    units: list[Inner]
    priority: int = 0


DECODER = msgspec.json.Decoder(Body)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"units": [{"kind": "a"}, {}]}', "units[1].kind"),
        (b'{"units": [{"kind": "a", "more": 1}]}', "units[0].more"),
        (b'{"units": [{"kind": 1}]}', "units[0].kind"),
        (b'{"units": {}}', "units"),
        (b'{"units": [], "priority": "high"}', "priority"),
        (b"{}", "units"),
        (b"null", "body"),
    ],
)
def test_the_field_is_named_by_its_path(text: bytes, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(DECODER, text)
    (error,) = refused.value.errors
    assert error.field == field
    assert error.problem
    assert error.cure


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"units": [}'])
def test_what_is_no_json_cannot_be_read(text: bytes) -> None:
    with pytest.raises(BadRequest):
        decode(DECODER, text)


def test_nesting_without_end_is_refused_and_does_not_overflow() -> None:
    with pytest.raises((BadRequest, Invalid)):
        decode(msgspec.json.Decoder(object), b"[" * 200_000)


def request_of(*chunks: bytes) -> Request:
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, object]:
        return waiting.pop(0)

    return Request({"type": "http", "headers": [], "method": "POST", "path": "/"}, receive)


async def gathered(lines: AsyncIterator[list[bytes | Overlong]]) -> list[bytes | None]:
    """Return the lines; None for one that is too long."""
    return [line if isinstance(line, bytes) else None async for some in lines for line in some]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\r\n", b"\nc"], [b"ab", b"", b"c"]),
        ([b"a\r", b"\nb\r"], [b"a", b"b"]),
        ([], []),
        ([b"\n"], [b""]),
        ([b"\xef\xbb", b"\xbfa\n\xef\xbb\xbfb"], [b"a", b"\xef\xbb\xbfb"]),
    ],
)
async def test_lines_come_whole_however_they_were_cut(chunks: list[bytes], lines: list[bytes]) -> None:
    assert await gathered(read_lines(request_of(*chunks))) == lines


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"x" * 10 + b"\r\n", b"y"], [b"x" * 10, b"y"]),
        ([b"x" * 12 + b"\n", b"y"], [None, b"y"]),
        ([b"short\nlong", b"long", b"long", b"long\nshort\nlast"], [b"short", None, b"short", b"last"]),
        ([b"x" * 8, b"x" * 8, b"x\n", b"y\n"], [None, b"y"]),
        ([b"a\n", b"x" * 12], [b"a", None]),
        ([b"x" * 12, b""], [None]),
        ([b"x" * 12, b"\n"], [None]),
        ([b"x" * 12, b"\n\n"], [None, b""]),
    ],
)
async def test_an_overlong_line_is_said_in_its_place_and_the_rest_goes_on(
    chunks: list[bytes], lines: list[bytes | None]
) -> None:
    assert await gathered(read_lines(request_of(*chunks), line_bytes_max=11)) == lines


@pytest.mark.parametrize("text", [b"\xff", b'{"units": [{"kind": "\xed\xa0\x80"}]}', b'"\\ud83d"'])
def test_what_is_no_text_is_no_json_and_no_fault_of_ours(text: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        decode(DECODER, text)
    (error,) = refused.value.errors
    assert (error.field, bool(error.problem), bool(error.cure)) == ("body", True, True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"units": [],\n "priority": x}', "line 2, byte 14"),
        (b'{\n\n"\xff": 1}', "line 3, byte 2"),
        (b"]", "line 1, byte 1"),
    ],
)
def test_what_is_no_json_is_told_its_place(text: bytes, place: str) -> None:
    with pytest.raises(BadRequest, match=place):
        decode(msgspec.json.Decoder(), text)


def test_half_a_surrogate_pair_is_called_what_it_is() -> None:
    for text in (b'{"a": "\\ud83d"}', b'{"a": "\xed\xa0\xbd"}'):
        with pytest.raises(BadRequest, match="half a surrogate pair"):
            decode(msgspec.json.Decoder(), text)


def test_a_byte_order_mark_before_a_body_is_passed_over() -> None:
    assert decode(DECODER, b'\xef\xbb\xbf{"units": []}') == Body([])


SPLIT = msgspec.json.Decoder(list[msgspec.Raw])


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        (b"7", "units[1]"),
        (b"{}", "units[1].kind"),
        (b'{"kind": 1e400}', "units[1].kind"),
        (b'{"kind": "\xff"}', "units[1]"),
        (b'{"kind": "\\ud83d"}', "units[1]"),
        (b'{"kind": "a", "more": 1' + b"0" * 5_000 + b"}", "units[1].more"),
        (b"[]", "units[1]"),
    ],
)
def test_one_odd_record_refuses_only_itself(odd: bytes, field: str) -> None:
    texts = split(SPLIT, b'[{"kind": "a"}, ' + odd + b', {"kind": "\xc3\xa9"}]')
    first, refusal, last = decode_each(msgspec.json.Decoder(Inner), texts, "units")
    assert [first, last] == [Inner("a"), Inner("é")]
    assert isinstance(refusal, ConcordError)
    (error,) = refusal.errors
    assert (error.field, bool(error.problem), bool(error.cure)) == (field, True, True)


@pytest.mark.parametrize("text", [b"[", b"[1,]", b'[NaN, "\\ud83d"]', b'["\\ud83d", ]', b'["\\u00zz"]', b"[" * 40_000])
def test_what_is_no_list_of_records_is_refused_whole(text: bytes) -> None:
    with pytest.raises((BadRequest, Invalid)):
        split(SPLIT, text)


def test_a_line_is_held_to_the_depth_of_a_body() -> None:
    anything: msgspec.json.Decoder[object] = msgspec.json.Decoder(object)
    assert decode_line(anything, b"[" * 32 + b"]" * 32)
    assert decode_line(anything, b'["' + b"[" * 99 + b'"]')
    for depth in (33, 900, 200_000):
        with pytest.raises(BadRequest, match="32 levels"):
            decode_line(anything, b"[" * depth + b"]" * depth)
