"""Tests beside services that lag: with `pytest -p tests.support.laggard` each process of a stack stands still in turn.

What a test asks of one service after it told another is then often not there at the first look. What fails so, and not
without, rests on how fast a service hears of something.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from deploy.local.stack import Stack

LAG_SECONDS = 4.0
"""Well under a group's session timeout: nothing is dealt anew."""
BETWEEN_SECONDS = 0.3


class Laggard:
    """Stops the processes of one stack's services, one after another, until it is ended."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let all go on."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            for name in self._stack.processes:
                with suppress(KeyError, ProcessLookupError):  # its test has just killed it
                    self._stop_a_while(self._stack.pid(name))
                if self._over.wait(BETWEEN_SECONDS):
                    return

    def _stop_a_while(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            self._over.wait(LAG_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="session", autouse=True)
def lagging() -> Iterator[None]:
    """Have every stack that a test starts lag from when it is up until it is stopped."""
    laggards: dict[int, Laggard] = {}
    start, stop = Stack.start, Stack.stop

    def started(stack: Stack) -> None:
        start(stack)
        laggards[id(stack)] = Laggard(stack)

    def stopped(stack: Stack) -> None:
        if laggard := laggards.pop(id(stack), None):
            laggard.end()
        stop(stack)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "start", started)
        patch.setattr(Stack, "stop", stopped)
        yield
