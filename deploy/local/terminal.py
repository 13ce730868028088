"""What the verbs print: one line a step, rewritten in place on a terminal, plain lines elsewhere."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_REFRESH_SECONDS = 0.5


class StepFailed(Exception):
    """A program that a verb ran ended with an error; the text holds the end of what it said."""


def say(line: str) -> None:
    """Print one line at once, whoever reads."""
    print(line, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show that `what` is being done and for how long, in one line, and at the end how long it took."""
    began = time.monotonic()
    done = threading.Event()
    ticking = threading.Thread(target=_tick, args=(what, began, done), daemon=True)
    if sys.stdout.isatty():
        ticking.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        done.set()
        if ticking.is_alive():
            ticking.join()
        start = "\r" if sys.stdout.isatty() else ""
        say(f"{start}{what} ... {outcome} in {time.monotonic() - began:.1f} s")


def run(argv: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a program without showing what it says, unless it fails.

    Raises:
        StepFailed: It ended with another status than 0.
    """
    told(argv, cwd, environment)


def told(argv: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it says.

    Raises:
        StepFailed: It ended with another status than 0.
    """
    program = subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = program.communicate()
    finally:
        # Ended or interrupted, nothing that it started stays.
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
    if program.returncode:
        last = "\n".join(output.splitlines()[-20:])
        raise StepFailed(f"{' '.join(map(str, argv))} ended with status {program.returncode}:\n{last}")
    return output


def _tick(what: str, began: float, done: threading.Event) -> None:
    while not done.is_set():
        print(f"\r{what} ... {time.monotonic() - began:.0f} s", end="", flush=True)
        done.wait(_REFRESH_SECONDS)
