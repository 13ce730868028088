"""A hot route answers whatever is sent as the same route would through the router: status, headers and body."""

import asyncio
import gzip
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Scope

from concord.chassis.errors import NotFound
from concord.chassis.http import AnyId, HotRoute, Limits, allow_body, application, json_answer, read_json, read_split
from concord.chassis.identity import Caller, IdentityFile, Role, SigningKey, identity_of, new_api_key, require
from concord.chassis.runtime import Runtime
from concord.chassis.telemetry import Telemetry
from tests.unit.concord.chassis.hand_clock import HandClock

Client = Annotated[Caller, require(Role.CLIENT)]
HOT, ROUTED = "/through-hot", "/through-router"


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=0)]
    label: msgspec.Raw = msgspec.Raw(b"null")


class Served(msgspec.Struct):
    unit_id: str
    about: str
    count: int = 0
    label: msgspec.Raw = msgspec.Raw(b"null")


class Gone(Exception):
    """It is gone."""

    cure = "take another"


WISH = msgspec.json.Decoder(Wish)


async def serve(request: Request, unit_id: AnyId, caller: Client) -> Response:
    if unit_id == "gone":
        raise Gone("It is gone.")
    if unit_id == "none":
        raise NotFound(f"There is no {unit_id!r}.")
    allow_body(request, 500, gzip=unit_id == "packed")
    wish = await (read_json if unit_id == "whole" else read_split)(request, WISH)
    return json_answer(Served(unit_id, caller.subject, wish.count, wish.label))


async def show(request: Request, unit_id: AnyId) -> Response:
    return json_answer(Served(unit_id, str(request.query_params)))


def routers() -> list[APIRouter]:
    """Return the same routes twice: hot, and through the router."""
    found = []
    for prefix, kind in ((HOT, HotRoute), (ROUTED, APIRoute)):
        routes = APIRouter(prefix=prefix, route_class=kind)
        routes.post("/{unit_id}/wish")(serve)
        routes.post("/wish/{unit_id}")(serve)
        routes.get("/{unit_id}", dependencies=[Depends(require(Role.CLIENT, Role.AUDITOR).dependency)])(show)
        found.append(routes)
    return found


CLOCK = HandClock()
KEYS = {role: new_api_key(b"pepper", [role], int(CLOCK.seconds) + 60, "k7q2") for role in (Role.CLIENT, Role.ANNOTATOR)}
LIFE = Runtime("tested", [])
asyncio.run(LIFE.start())
APP = application(
    "tested",
    routers(),
    readiness=LIFE,
    identity=identity_of(
        IdentityFile("iss", "aud", SigningKey.generate("one").jwks(), api_keys=tuple(key[1] for key in KEYS.values())),
        b"pepper",
        CLOCK,
    ),
    telemetry=Telemetry("tested"),
    domain={Gone: 410},
    limits=Limits(body_bytes_max=300),
)
CREDENTIALS = [*(f"Bearer {key}".encode() for key, _ in KEYS.values()), b"Bearer \xff", b"Basic eA==", b"bearer", b""]
IDS = st.sampled_from(
    ["u-1", "whole", "packed", "gone", "none", "wish", "", "a%2Fb", "..", "a\nb", "\x00", "é", "x" * 300]
)
TEXTS = [
    b"", b"{}", b"[]", b"null", b'{"count": ', b'{"count": 1}', b'\xef\xbb\xbf{"count": 1}', b'{"count": NaN}',
    b'{"count": 1, "count": -1}', b'{"count": 1e400}', b'{"count": -0}', b'{"count": -0.0}',
    b'{"count": 1, "more": 2}', b'{"count": 1, "label": "\\ud83d"}', b'{"count": 1, "label": "\xff"}',
    b'{"count": 1, "label": [[1]]}', b'{"count": 1, "label": ' + b"[" * 40 + b"]" * 40 + b"}",
    b'{"count": 1}' + b" " * 600, b'{"count": 9999999999999999999}',
]  # fmt: skip
BODIES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS).map(lambda text: gzip.compress(text, mtime=0)),
    st.binary(max_size=20),
)
HEADERS = st.lists(
    st.sampled_from(
        [
            (b"content-type", b"application/json"),
            (b"content-type", b"Application/JSON; charset=utf-8"),
            (b"content-type", b"application/problem+json"),
            (b"content-type", b"text/plain"),
            (b"content-type", b"\xff"),
            (b"content-encoding", b"gzip"),
            (b"content-encoding", b"br"),
            (b"content-encoding", b"identity"),
            (b"if-none-match", b"*"),
            (b"range", b"bytes=0-1"),
            (b"traceparent", b"00-x"),
            (b"x-http-method-override", b"DELETE"),
        ]
    ),
    max_size=3,
    unique=True,
)


async def answered(scope: Scope, pieces: list[bytes], *, ends: bool) -> list[Message]:
    """Return what is sent in answer to a request whose body comes in pieces, and breaks off unless it ends."""
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"})

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await APP(scope, receive, send)
    return sent


@settings(max_examples=150)
@given(
    method=st.sampled_from(["POST"] * 6 + ["GET", "GET", "HEAD", "OPTIONS", "PUT", "post", "ODD"]),
    path=st.tuples(IDS, st.sampled_from(["/{}/wish", "/wish/{}", "/{}", "/{}/", "/{}/wish/", "/{}/wish\n", ""])),
    query=st.sampled_from([b""] * 4 + [b"x=1", b"x=1&x=2", b"=", b"%ff", b"unit_id=other"]),
    credential=st.sampled_from(CREDENTIALS[:1] * 6 + CREDENTIALS),
    headers=HEADERS,
    body=BODIES,
    cut=st.integers(0, 30),
    ends=st.sampled_from([True, True, True, False]),
)
def test_whatever_is_sent_is_answered_alike(
    method: str,
    path: tuple[str, str],
    query: bytes,
    credential: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    cut: int,
    ends: bool,
) -> None:
    pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
    found = []
    for prefix in (HOT, ROUTED):
        address = prefix + path[1].replace("{}", path[0])
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": address,
            "raw_path": address.encode(),
            "query_string": query,
            "headers": [(b"authorization", credential), *headers],
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("tested", 80),
        }
        start, *rest = asyncio.run(answered(scope, pieces, ends=ends))
        content = b"".join(message.get("body", b"") for message in rest).replace(prefix.encode(), b"")
        told = sorted((name, value) for name, value in start["headers"] if name != b"content-length")
        found.append((start["status"], told, content))
    assert found[0] == found[1]
    assert found[0][0] < 500
