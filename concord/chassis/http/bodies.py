"""Bodies read without a framework: msgspec, with errors as problems that name the field and the cure."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec
from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from concord.chassis.errors import BadRequest, ConcordError, FieldError, Invalid, UnsupportedMediaType
from concord.chassis.http.limits import BODY_LIMIT_KEY, JSON_DEPTH_MAX, BodyLimit, JsonDepth, too_deep
from concord.chassis.http.misfits import field_error

T = TypeVar("T")
LINE_BYTES_MAX = 1_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NEWLINE = b"\n"
_BODY_KEY = "concord.body"
_PLAIN_JSON = (b"content-type", b"application/json")
_HALF_A_PAIR = ("holds half a surrogate pair", "send whole characters; do not cut a text within one")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape in a JSON string; the group is half a surrogate pair without its other half."""
_BYTE = re.compile(r"\(byte (\d+)\)")


def allow_body(request: Request, bytes_max: int, *, gzip: bool = False) -> None:
    """Let this request's body be larger (or smaller) than the process's limit; call before it is read.

    Args:
        request: the request.
        bytes_max: what its route takes; of gzip, what it unpacks to.
        gzip: whether `content-encoding: gzip` is taken; it is read unpacked.
    """
    limit = request.scope.get(BODY_LIMIT_KEY)
    if isinstance(limit, BodyLimit):
        limit.bytes_max = bytes_max
        limit.gzip_taken = gzip


def decode(decoder: "msgspec.json.Decoder[T]", text: bytes) -> T:
    """Return what the JSON text says; a byte order mark before it is passed over (RFC 8259, section 8.1).

    Args:
        decoder: made once for the type and kept; the type forbids unknown fields.
        text: one JSON text.

    Raises:
        BadRequest: it is no JSON, or is nested too deeply; the error names line and column where they are known.
        Invalid: it is JSON of another shape; the error names the path.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as fault:
        error = field_error(fault, decoder.type, text)
        raise Invalid(f"{error.field}: {error.problem}.", [error]) from fault
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _no_json(text, fault) from fault


def decode_each(decoder: "msgspec.json.Decoder[T]", texts: Sequence[bytes], field: str) -> Iterator[T | ConcordError]:
    """Yield what each JSON text of a list says, or why it cannot be taken: one odd record refuses only itself.

    Args:
        decoder: of one record.
        texts: from a decoder of `list[msgspec.Raw]`.
        field: the list's name in the body, which the errors' paths start with.
    """
    for place, text in enumerate(texts):
        try:
            yield decode(decoder, bytes(text))
        except (BadRequest, Invalid) as refusal:
            path = f"{field}[{place}]"
            entry = refusal.errors[0]
            inner = "" if entry.field == "body" else entry.field
            separator = "." if inner and not inner.startswith("[") else ""
            error = FieldError(f"{path}{separator}{inner}", entry.problem, entry.cure)
            yield type(refusal)(f"{error.field}: {error.problem}.", [error])


def split(decoder: "msgspec.json.Decoder[T]", text: bytes) -> T:
    r"""Return what a JSON text says whose parts are kept as they are (`msgspec.Raw`) and read one by one afterwards.

    Half a surrogate pair (`"\ud83d"`) is what a browser makes of a text that it has cut in the middle of a character:
    JSON by its grammar, no text, and refused by msgspec wherever it stands. Here it spoils only the part it is in.

    Raises:
        BadRequest, Invalid: as `decode`.
    """
    try:
        return decode(decoder, text)
    except BadRequest as refusal:
        halves = _ESCAPE.sub(_half, text)
        if halves == text:
            raise
        try:
            return decode(decoder, halves)
        except BadRequest:
            # Something else is wrong as well, and its place is that in the text as it was sent.
            raise refusal from refusal.__cause__


def _half(found: "re.Match[bytes]") -> bytes:
    """Return half a surrogate pair as the bytes that it would have if it were a character; all else as it is."""
    return found[0] if found[1] is None else chr(int(found[1], 16)).encode("utf-8", "surrogatepass")


def _no_json(text: bytes, fault: Exception) -> BadRequest:
    """Return what is wrong with a text that is no JSON, and where."""
    if isinstance(fault, RecursionError):
        return too_deep()
    at: int | None = None
    if isinstance(fault, UnicodeDecodeError):
        # The fault's own place is within the string it stands in.
        try:
            text.decode()
        except UnicodeDecodeError as whole:
            at = whole.start
        problem, cure = f"is no UTF-8 ({fault.reason})", "send JSON in UTF-8"
        if at is not None and _SURROGATE.match(text, at):
            problem, cure = _HALF_A_PAIR
    else:
        found = _BYTE.search(str(fault))
        at = int(found[1]) if found else None
        problem, cure = f"is no JSON ({_BYTE.sub('', str(fault)).strip()})", "send well-formed JSON in UTF-8"
        if at is None and _ESCAPE.sub(_half, text) != text:
            problem, cure = _HALF_A_PAIR
    if at is not None:
        column = at - (text.rfind(b"\n", 0, at) + 1) + 1
        problem += f" at line {text.count(NEWLINE, 0, at) + 1}, byte {column}"
    return BadRequest(f"The body {problem}.", [FieldError("body", problem, cure)])


def check_json(request: Request) -> None:
    """Raise UnsupportedMediaType unless the body is declared as JSON; this also keeps forms of other sites out."""
    if _PLAIN_JSON in request.scope["headers"]:
        return  # as nearly all say it
    kind = media_type(request)
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"The body is {kind or 'of no type'}; send `content-type: application/json`.")


def media_type(request: Request) -> str:
    """Return the media type that a request declares, in small letters and without parameters; empty for none."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


async def whole_body(request: Request) -> bytes:
    """Return the request's body, as `Request.body` does at four times the cost; asked again, the same.

    Raises:
        ClientDisconnect: the connection was closed before its end.
    """
    kept: bytes | None = request.scope.get(_BODY_KEY)
    if kept is not None:
        return kept
    receive, pieces, more = request.receive, list[bytes](), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = request.scope[_BODY_KEY] = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return body


async def read_json(request: Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return the request's body as the decoder's type: the cheap way for hot routes.

    Raises:
        UnsupportedMediaType: the body is not declared as JSON.
        BadRequest: it is no JSON.
        Invalid: it is JSON of another shape.
    """
    check_json(request)
    return decode(decoder, await whole_body(request))


async def read_wish(request: Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return the request's body as `read_json` does; where nothing was sent, what the type says by its defaults.

    For routes whose body has only optional fields; not for definitions, of which nothing would wipe what was said.

    Raises:
        UnsupportedMediaType, BadRequest, Invalid: as `read_json`.
    """
    body = await whole_body(request)
    if not body:
        return decoder.decode(b"{}")
    check_json(request)
    return decode(decoder, body)


async def read_split(request: Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return the request's body as `read_json` does, its `msgspec.Raw` parts unread: see `split` and `decode_each`.

    Raises:
        UnsupportedMediaType, BadRequest, Invalid: as `read_json`.
    """
    check_json(request)
    return split(decoder, await whole_body(request))


def decode_line(decoder: "msgspec.json.Decoder[T]", line: bytes) -> T:
    """Return what one line of JSON says. The depth of a whole body of JSON is followed as it comes; a line's is here.

    Raises:
        BadRequest, Invalid: as `decode`.
    """
    check_depth(line)
    return decode(decoder, line)


def check_depth(text: bytes) -> None:
    """Let a whole text of JSON through that is nested no deeper than is taken.

    Raises:
        BadRequest: it is nested more than JSON_DEPTH_MAX levels deep.
    """
    if text.count(b"[") + text.count(b"{") > JSON_DEPTH_MAX:
        try:
            JsonDepth().feed(text)
        except HTTPException as carrier:
            raise too_deep() from carrier


class Overlong:
    """A line that is longer than a line may be; what it held was thrown away as it came."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max


class Streamed(Protocol):
    """What gives a body as it comes: a request does."""

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the body's chunks."""
        ...


async def read_lines(request: Streamed, line_bytes_max: int = LINE_BYTES_MAX) -> AsyncIterator[list[bytes | Overlong]]:
    """Yield the body's lines as they come, some at a time, in flat memory; each without its line end, empty ones too.

    A byte order mark before the first line is passed over. A line over the bound is said in its place, and the rest
    goes on.

    Args:
        request: the request; see `allow_body` for how long its body may be.
        line_bytes_max: of one line.
    """
    rest, overlong, first = b"", False, True
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(NEWLINE)
        lines: list[bytes | Overlong] = []
        for line in whole:
            if overlong or len(line) > line_bytes_max:
                lines.append(Overlong(line_bytes_max))
            else:
                lines.append(line.removesuffix(b"\r"))
            overlong = False
        if len(rest) > line_bytes_max:
            rest, overlong = b"", True
        if lines:
            yield _unmarked(lines, first)
            first = False
    if overlong or rest:
        last: bytes | Overlong = Overlong(line_bytes_max) if overlong else rest.removesuffix(b"\r")
        yield _unmarked([last], first)


def _unmarked(lines: list[bytes | Overlong], first: bool) -> list[bytes | Overlong]:
    """Return the lines, those of a body's beginning without its byte order mark."""
    if first and isinstance(lines[0], bytes):
        lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
    return lines


def json_answer(body: msgspec.Struct, status: int = 200) -> Response:
    """Return a body as a JSON answer, without a framework between."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")
