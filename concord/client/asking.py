"""How requests are worded and answers read: shared by every operation."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from concord.client.errors import Damaged
from concord.client.steps import JSON, Answer, Flow, Send

T = TypeVar("T")


def path_of(template: str, **ids: str) -> str:
    """Return a path with each id in its place, quoted.

    >>> path_of("/v1/annotators/{annotator_id}", annotator_id="auth0|w 1")
    '/v1/annotators/auth0%7Cw%201'
    """
    return template.format(**{name: quote(value, safe="") for name, value in ids.items()})


def query_of(**entry: str | float | bool | None) -> dict[str, str]:
    """Return a query: what is None or an empty text is left out.

    >>> query_of(limit=5, after="", data=False)
    {'limit': '5', 'data': 'false'}
    """
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in entry.items()
        if value is not None and value != ""
    }


def answered(wish: Send) -> Flow[Answer]:
    """Return the answer to a request; whoever drives the flow sees to it that there is one, and no refusal."""
    answer = yield wish
    assert isinstance(answer, Answer), "the driver answers a request with an answer"
    return answer


def got(kind: type[T], service: str, path: str, query: Mapping[str, str] | None = None) -> Flow[T]:
    """Return what a GET answers, as this type."""
    answer = yield from answered(Send(service, "GET", path, query or {}))
    return decoded(kind, answer.body)


def sent(
    kind: type[T],
    service: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Flow[T]:
    """Return what a write answers, as this type; a body that is no bytes yet is sent as JSON."""
    content = body if isinstance(body, bytes | Path | None) else msgspec.json.encode(body)
    key = str(uuid.uuid4())
    answer = yield from answered(Send(service, method, path, query or {}, content, media_type, key))
    return decoded(kind, answer.body)


def decoded(kind: type[T], body: bytes) -> T:
    """Return an answer's body as this type; what it tells beside is not looked at, so that services may grow.

    Raises:
        Damaged: it is none.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise Damaged(f"The answer is no {kind.__name__} ({fault}); is the address that of the service?") from fault
