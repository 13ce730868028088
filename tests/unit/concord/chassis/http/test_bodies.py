"""Bodies are read in flat memory, and a wrong one is told where and how to put it right."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from fastapi import Request

from concord.chassis.errors import BadRequest, Invalid
from concord.chassis.http import decode, read_lines


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


async def gathered(lines: AsyncIterator[list[bytes]]) -> list[bytes]:
    return [line async for some in lines for line in some]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\r\n", b"\nc"], [b"ab", b"", b"c"]),
        ([b"a\r", b"\nb\r"], [b"a", b"b"]),
        ([], []),
        ([b"\n"], [b""]),
    ],
)
async def test_lines_come_whole_however_they_were_cut(chunks: list[bytes], lines: list[bytes]) -> None:
    assert await gathered(read_lines(request_of(*chunks))) == lines


async def test_a_line_without_end_is_refused_after_what_came_before_it() -> None:
    lines = read_lines(request_of(b"short\nlong", b"long", b"long", b"long"), line_bytes_max=10)
    assert await anext(lines) == [b"short"]
    with pytest.raises(BadRequest, match="over 10 bytes"):
        await anext(lines)


async def test_a_whole_line_over_the_limit_is_refused_too() -> None:
    with pytest.raises(BadRequest, match="over 10 bytes"):
        await gathered(read_lines(request_of(b"x" * 11 + b"\n"), line_bytes_max=10))
    with pytest.raises(BadRequest, match="over 10 bytes"):
        await gathered(read_lines(request_of(b"x" * 11), line_bytes_max=10))
