"""One process: an event loop, the HTTP door, the runtime's parts, and signals that drain instead of killing."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from concord.chassis.errors import Unavailable
from concord.chassis.http.problems import refusal
from concord.chassis.runtime.connection import BoundedConnection, leave
from concord.chassis.runtime.runtime import STOP_SECONDS_MAX, PartDied, Runtime
from concord.chassis.settings import HttpSettings, SettingsRefused

log = logging.getLogger(__name__)

LEAVE_SECONDS = 1.0
"""How long the door stays open once the process is told to stop, if handing over is done before: until whoever spreads
requests has seen that it is not ready, and callers who ask again and again have been told to come by another
connection. Part of STOP_SECONDS_MAX."""
DRAIN_SECONDS_MAX = 4
"""How long requests in hand may take once the process is told to stop; part of STOP_SECONDS_MAX."""
LINGER_UNTIL_SECONDS = STOP_SECONDS_MAX - DRAIN_SECONDS_MAX - 1.0
"""After which no door stays open longer for what lingers: the parts have to stop as well."""
LINGER_SECONDS_MAX = 1.0
"""How long threads may keep the process once all is stopped."""
KEEP_ALIVE_SECONDS = 30
PENDING_CONNECTIONS_MAX = 512
COLLECT_AFTER = (50_000, 10, 10)
"""Python's own 700 has the collector look for cycles, of which there are few, every few requests."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a bootstrap returns: a wired service, not yet started.

    Attributes:
        runtime: its parts.
        application: its HTTP door, which a test may call without a socket.
        http: where the door listens when the service is a process.
        linger_seconds: how long the door stays open once all is handed over, within LINGER_UNTIL_SECONDS.
    """

    runtime: Runtime
    application: ASGIApp
    http: HttpSettings
    linger_seconds: float = 0.0


class _Server(uvicorn.Server):
    """uvicorn without its own signals: this process decides when the door closes."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _Ended:
    """Tells whoever is not answered before the process ends that the request may be sent again; else it was a 500.

    What became of it is as unknown as where the store did not answer.

    Args:
        app: the service's application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:  # by the server alone, when its patience is over
            ended = Unavailable("The process ended before this was answered; send it again.", retry_after_seconds=1)
            try:
                await refusal(ended, scope["path"])(scope, receive, send)
            except RuntimeError:  # the answer has begun
                pass
            else:
                return
            raise


def door(service: Service) -> uvicorn.Server:
    """Return the HTTP server of a service, not yet started."""
    return _Server(
        uvicorn.Config(
            _Ended(service.application),
            host=service.http.host,
            port=service.http.port,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            limit_concurrency=service.http.connections_max,
            backlog=PENDING_CONNECTIONS_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        )
    )


def bind(http: HttpSettings) -> socket.socket:
    """Return the listening socket.

    Raises:
        OSError: the address is not ours or the port is taken; the message names both.
    """
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((http.host, http.port))
    except OSError as fault:
        listener.close()
        raise OSError(fault.errno, f"cannot listen on {http.host}:{http.port}: {fault.strerror}") from fault
    return listener


async def serve(service: Service, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and stop. Health answers from the first moment, readiness when all is up.

    Raises:
        PartDied: a part's loop ended by itself.
        Exception: what a part's start raised, or OSError when the port is taken.
    """
    listener = bind(service.http)
    log.info("%s listens on %s:%s", service.runtime.name, *listener.getsockname()[:2])
    server = door(service)
    loop = asyncio.get_running_loop()
    open_door = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    start = asyncio.create_task(service.runtime.start(), name="start")
    death = asyncio.create_task(service.runtime.until_death(), name="death")
    entry = asyncio.create_task(stop.wait(), name="told to stop")
    ends = (open_door, death, entry)
    try:
        await asyncio.wait((start, *ends), return_when=asyncio.FIRST_COMPLETED)
        if start.done() and start.exception() is None:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping_since = loop.time()
        service.runtime.drain()
        if entry.done() and not death.done() and start.done():
            leave(server.server_state)
            await service.runtime.hand_over()
            lingers_until = min(loop.time() + service.linger_seconds, stopping_since + LINGER_UNTIL_SECONDS)
            until = max(stopping_since + LEAVE_SECONDS, lingers_until)
            await asyncio.wait((open_door, death), timeout=until - loop.time())
        for task in (start, death, entry):
            task.cancel()
        server.should_exit = True
        await asyncio.wait((start, *ends))
        await service.runtime.stop(STOP_SECONDS_MAX - (loop.time() - stopping_since))
    for ended in (death, start, open_door):
        if not ended.cancelled() and (fault := ended.exception()) is not None:
            raise fault


def main(build: Callable[[Mapping[str, str]], Awaitable[Service]]) -> NoReturn:
    """Run a service as this process: exit status 0 after SIGTERM or SIGINT, 1 when a part died, 2 on bad settings.

    Args:
        build: the service's `bootstrap.from_environment`; called inside the event loop with the environment.
    """
    sys.exit(uvloop.run(_process(build)))


async def _process(build: Callable[[Mapping[str, str]], Awaitable[Service]]) -> int:
    """Build and serve; return the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        _exit_at_the_latest(1, STOP_SECONDS_MAX + LINGER_SECONDS_MAX)

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, told)
    gc.set_threshold(*COLLECT_AFTER)  # before it is built, for a service may say otherwise
    try:
        service = await build(os.environ)
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    status = await _served(service, stop)
    _exit_at_the_latest(status, LINGER_SECONDS_MAX)
    return status


async def _served(service: Service, stop: asyncio.Event) -> int:
    """Serve; return the exit status, and log why it is not 0."""
    gc.freeze()  # what was imported and wired stays: no need to look through it again and again
    try:
        await serve(service, stop)
    except PartDied as death:
        log.critical("%s ends: %s", service.runtime.name, death, exc_info=death.__cause__)
    except OSError as fault:
        log.critical("%s ends: %s", service.runtime.name, fault)
    except Exception:
        log.critical("%s could not start", service.runtime.name, exc_info=True)
    else:
        return 0
    return 1


def _exit_at_the_latest(status: int, seconds: float) -> None:
    """End the process after so long whatever still runs: a driver's thread that waits for a dead store, say.

    What had to be stored and published was, or will be by the next process: nothing rests on a clean end.
    """
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
