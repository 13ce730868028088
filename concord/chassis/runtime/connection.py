"""One HTTP connection with a bound on its head: uvicorn's fast parser has none of its own."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 16_384
HEAD_SECONDS_MAX = 10.0
"""How long a caller may take to send a request's line and headers; the silence before the first is bounded too."""


class BoundedConnection(HttpToolsProtocol):
    """Closes connections whose request line and headers are too long or come too slowly.

    A head that arrives in one piece, as nearly all do, costs two assignments.
    """

    _head_open = False
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._unset_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; close when a head is still open and too long."""
        was_open = self._head_open
        super().data_received(data)
        if not self._head_open:
            return
        if was_open:
            self._head_bytes += len(data)
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse("The request's head is too long.")

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head_open, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._head_open = False
        self._unset_timer()
        super().on_headers_complete()

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse("The request's head did not come in time.")

    def _refuse(self, reason: str) -> None:
        self._unset_timer()
        if not self.transport.is_closing():
            self.send_400_response(reason)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
