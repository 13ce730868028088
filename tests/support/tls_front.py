"""A door that speaks TLS in front of a part that does not, for tests of who is trusted."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE_BYTES = 65_536


@asynccontextmanager
async def tls_front(port: int, tls: ssl.SSLContext, at: int = 0) -> AsyncIterator[int]:
    """Listen by TLS in front of a local port while the block runs; give the port: `at`, or any free one."""
    writers = set[asyncio.StreamWriter]()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, to))
        await asyncio.gather(carry(reader, to), carry(behind, writer))
        writers.difference_update((writer, to))

    server = await asyncio.start_server(hand_on, "127.0.0.1", at, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
