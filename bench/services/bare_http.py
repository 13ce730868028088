"""The floor of an HTTP call: a bare ASGI application in uvicorn that reads the body and answers as many bytes.

``python -m bench.services.bare_http PORT``. The services' server is set up the same way, but for what protects it.
"""

import sys
from collections.abc import Sequence

import uvicorn
from starlette.types import Receive, Scope, Send

ANSWER_BYTES = b"x-answer-bytes"
"""Header of the request that says how long the answer is to be."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, answer so many bytes."""
    assert scope["type"] == "http", scope["type"]
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    length = int(dict(scope["headers"]).get(ANSWER_BYTES, b"2"))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * length})


def main(arguments: Sequence[str]) -> int:
    """Serve at a port of 127.0.0.1 until ended."""
    uvicorn.run(
        application,
        port=int(arguments[0]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
