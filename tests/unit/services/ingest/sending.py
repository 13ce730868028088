"""Bodies sent to ingest's doors as a client sends them."""

from typing import Any

from tests.support.ingest import Ingest

PATH = "/v1/projects/k1-p/units"


def sent_as(kind: str, **more: str) -> list[tuple[str, str]]:
    return [("content-type", kind), *((name.replace("_", "-"), value) for name, value in more.items())]


async def sent(ingest: Ingest, body: bytes, kind: str, query: str = "", **more: str) -> Any:
    answer = await ingest.call("POST", PATH, body, headers=sent_as(kind, **more), query=query)
    assert answer.status == 202, answer.body
    return answer.json()


def ndjson(count: int) -> bytes:
    return b"\n".join(b'{"id":"%d","content":"text %d"}' % (number, number) for number in range(count))
