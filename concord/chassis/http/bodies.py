"""Bodies read without a framework: msgspec, with errors as problems that name the field and the cure."""

import re
from collections.abc import AsyncIterator
from itertools import takewhile
from typing import TypeVar

import msgspec
from fastapi import Request, Response

from concord.chassis.errors import BadRequest, FieldError, Invalid, UnsupportedMediaType
from concord.chassis.http.limits import BODY_LIMIT_KEY, BodyLimit

T = TypeVar("T")
LINE_BYTES_MAX = 1_000_000
_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_CURES = (
    ("missing required field", "send it"),
    ("unknown field", "leave it out, or see /openapi.json for how it is spelt"),
    ("Expected ", "send what was expected"),
    ("Invalid enum value", "see /openapi.json for the values there are"),
)


def allow_body(request: Request, bytes_max: int) -> None:
    """Let this request's body be larger (or smaller) than the process's limit; call before it is read.

    Args:
        request: the request.
        bytes_max: what its route takes.
    """
    limit = request.scope.get(BODY_LIMIT_KEY)
    if isinstance(limit, BodyLimit):
        limit.bytes_max = bytes_max


def decode(decoder: "msgspec.json.Decoder[T]", text: bytes) -> T:
    """Return what the JSON text says.

    Args:
        decoder: made once for the type and kept; the type forbids unknown fields.
        text: one JSON text.

    Raises:
        BadRequest: it is no JSON.
        Invalid: it is JSON of another shape; the error names the path.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as fault:
        error = field_error(fault)
        raise Invalid(f"{error.field}: {error.problem}.", [error]) from fault
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadRequest(
            "The body is no JSON.", [FieldError("body", str(fault), "send well-formed JSON in UTF-8")]
        ) from fault


async def read_json(request: Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return the request's body as the decoder's type: the cheap way for hot routes.

    Raises:
        UnsupportedMediaType: the body is not declared as JSON; this also keeps forms of other sites out.
        BadRequest: it is no JSON.
        Invalid: it is JSON of another shape.
    """
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"The body is {kind or 'of no type'}; send `content-type: application/json`.")
    return decode(decoder, await request.body())


async def read_lines(request: Request, line_bytes_max: int = LINE_BYTES_MAX) -> AsyncIterator[list[bytes]]:
    """Yield the body's lines as they come, some at a time, in flat memory; each without its line end, empty ones too.

    Args:
        request: the request; see `allow_body` for how long its body may be.
        line_bytes_max: of one line.

    Raises:
        BadRequest: a line is longer than that; what came before it was yielded.
    """
    rest = b""
    async for chunk in request.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        fitting = list(takewhile(lambda line: len(line) <= line_bytes_max, lines))
        if fitting:
            yield [line.removesuffix(b"\r") for line in fitting]
        if len(fitting) < len(lines) or len(rest) > line_bytes_max:
            raise BadRequest(f"A line is over {line_bytes_max} bytes; send shorter ones.")
    if rest:
        yield [rest.removesuffix(b"\r")]


def json_answer(body: msgspec.Struct, status: int = 200) -> Response:
    """Return a body as a JSON answer, without a framework between."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def field_error(fault: msgspec.ValidationError) -> FieldError:
    """Return msgspec's message as a path, a problem and a cure."""
    found = _PLACE.match(str(fault))
    assert found is not None, "the pattern matches every text"
    problem, path = found["problem"], (found["path"] or "$")
    field = path.removeprefix("$").removeprefix(".") or "body"
    named = re.search(r"field `([^`]+)`", problem)
    if named and "field" in problem:
        field = named[1] if field == "body" else f"{field}.{named[1]}"
    cure = next((cure for start, cure in _CURES if start in problem), "see /openapi.json for what is taken here")
    return FieldError(field, problem, cure)
