"""Whom a TLS connection to the brokers trusts: what the authority's file says when the connection is made.

aiokafka and Faust take one context when they begin, and make connections of it for as long as they live. So the context
looks at its file at each: an authority that is renewed counts without a restart, and one that is gone counts no more.
"""

import logging
import ssl
from pathlib import Path
from typing import Any

from aiokafka.helpers import create_ssl_context

from concord.chassis.file_signature import Signature, signature_of

log = logging.getLogger(__name__)


class Authority(ssl.SSLContext):
    """A context for clients that trusts whom a file names now.

    A file that cannot be used changes nothing: who was trusted is trusted on, and the log says so once.

    Raises:
        OSError, ssl.SSLError: it cannot be used when the process begins.
    """

    _file: Path
    _signature: Signature
    _trusting: ssl.SSLContext
    _refused = ""

    @classmethod
    def of(cls, file: Path) -> "Authority":
        """Return the context of a PEM file of certificates."""
        found = cls(ssl.PROTOCOL_TLS_CLIENT)
        found._file, found._signature = file, signature_of(file)
        found._trusting = create_ssl_context(cafile=file)
        return found

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Begin a connection of asyncio's; see `ssl.SSLContext`."""
        return self._now().wrap_bio(*arguments, **named)

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """Begin a connection that blocks; see `ssl.SSLContext`."""
        return self._now().wrap_socket(*arguments, **named)

    def _now(self) -> ssl.SSLContext:
        """Return a context that trusts whom the file names; a look costs microseconds."""
        try:
            signature = signature_of(self._file)
            if signature == self._signature:
                return self._trusting
            # Also of one that cannot be used: it is looked at again when it is another.
            self._signature = signature
            self._trusting = create_ssl_context(cafile=self._file)
        except OSError as fault:  # ssl.SSLError is one
            if str(fault) != self._refused:
                log.error("%s cannot be used, who was trusted is trusted on: %s", self._file, fault)  # noqa: TRY400 - what it says is the reason
            self._refused = str(fault)
        else:
            self._refused = ""
            log.warning("the brokers' authority %s has changed: connections from now on go by it", self._file)
        return self._trusting


def context_of(ca_file: Path | None) -> ssl.SSLContext:
    """Return what connections to brokers go by: whom a file names, or the system's authorities where there is none."""
    return create_ssl_context() if ca_file is None else Authority.of(ca_file)
