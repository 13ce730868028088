"""Whatever is sent, the door answers below 500, and every refusal is problem+json with a sentence."""

import asyncio
import json
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Scope

from concord.chassis.http import Limits, application, cursor_of, page_size, position_of, read_json
from concord.chassis.identity import Caller, IdentityFile, Role, SigningKey, identity_of, new_api_key, require
from concord.chassis.runtime import Runtime
from concord.chassis.telemetry import Telemetry
from tests.unit.concord.chassis.hand_clock import HandClock

Client = Annotated[Caller, require(Role.CLIENT)]


class Nested(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=5, pattern=r"^[a-z]*$")]
    inner: Annotated[list["Nested"], msgspec.Meta(max_length=2)] = []


class Plain(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=0)]
    names: dict[str, list[str]] = {}


NESTED = msgspec.json.Decoder(Nested)
PLAIN = msgspec.json.Decoder(Plain)
router = APIRouter()


@router.post("/nested")
async def nested(request: Request, caller: Client) -> str:
    return (await read_json(request, NESTED)).name


@router.post("/plain")
async def plain(request: Request, caller: Client) -> int:
    return (await read_json(request, PLAIN)).count


@router.get("/list")
async def listed(caller: Client, limit: int | None = None, cursor: str | None = None) -> str:
    return cursor_of(page_size(limit), *(position_of(cursor) if cursor else ()))


CLOCK = HandClock()
API_KEY, RECORD = new_api_key(b"pepper", [Role.CLIENT], int(CLOCK.seconds) + 60, "k7q2")
IDENTITY_FILE = IdentityFile("iss", "aud", SigningKey.generate("one").jwks(), api_keys=(RECORD,))
LIFE = Runtime("tested", [])
asyncio.run(LIFE.start())
APP = application(
    "tested",
    [router],
    readiness=LIFE,
    identity=identity_of(
        IdentityFile("iss", "aud", SigningKey.generate("one").jwks(), api_keys=(RECORD,)), b"pepper", CLOCK
    ),
    telemetry=Telemetry("tested"),
    limits=Limits(body_bytes_max=2_000),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda kids: (
        st.lists(kids, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "inner", "count", "names", "other"]), kids, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
KINDS = st.sampled_from([b"application/json", b"application/problem+json", b"text/plain", b"application/x;=\xff", b""])
QUERIES = st.sampled_from(
    [b"", b"limit=0", b"limit=x", b"limit=9&cursor=%ff", b"cursor=W10", b"&&=\xff", b"limit=1&limit=2"]
)


async def answered(scope: Scope, body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await APP(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "ODD"]),
    path=st.sampled_from(["/nested", "/plain", "/list", "/nested/", "//", "/live", "/openapi.json"])
    | st.text(max_size=6),
    kind=KINDS,
    credential=st.sampled_from([f"Bearer {API_KEY}".encode()] * 6 + [b"Bearer \xff", b""]),
    query=QUERIES,
    body=BODIES,
)
def test_every_answer_is_below_500_and_every_refusal_a_problem(
    method: str, path: str, kind: bytes, credential: bytes, query: bytes, body: bytes
) -> None:
    headers = [(b"content-type", kind), (b"authorization", credential), (b"content-length", b"%d" % len(body))]
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "query_string": query,
        "headers": headers,
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("tested", 80),
    }
    status, entry, content = asyncio.run(answered(scope, body))
    assert status < 500
    if status >= 400:
        assert entry[b"content-type"] == b"application/problem+json"
    if method == "HEAD":
        assert content == b""
    elif status >= 400:
        answer = json.loads(content)
        assert answer["status"] == status
        assert answer["detail"]
        assert all(error["problem"] and error["cure"] for error in answer.get("errors", ()))


def test_a_good_request_is_served() -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/plain",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"authorization", f"Bearer {API_KEY}".encode())],
        "root_path": "",
    }
    assert asyncio.run(answered(scope, b'{"count": 3}'))[0] == 200
