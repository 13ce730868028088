"""Run a program in the foreground so that nothing of it is left, whatever happens to us meanwhile."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local import places

_INTERRUPTED_SECONDS_MAX = 20.0
_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program from the project's root in a group of its own and return its exit status.

    Interrupted, it passes the interruption on, as Ctrl-C would, so that the program can put its own things away;
    then it ends what is left of the group and goes on with the interruption.

    Raises:
        FileNotFoundError: There is no such program.
    """
    held: list[int] = []
    program: subprocess.Popen[bytes] | None = None
    try:
        # Within: an interruption may come as soon as signals are obeyed again, before anything more is done.
        with _holding(held):
            program = subprocess.Popen(argv, cwd=places.ROOT, env=environment, start_new_session=True)
        for number in held:
            signal.raise_signal(number)
        return program.wait()
    except BaseException:
        if program is None:
            raise
        _signal(program, signal.SIGINT)
        try:
            program.wait(_INTERRUPTED_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pass  # it had its time
        finally:
            _signal(program, signal.SIGKILL)
            program.wait()
        raise


@contextmanager
def beside(argv: Sequence[str], environment: Mapping[str, str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the project's root in a group of its own while the block does something else.

    What it prints goes to the file. Of the group nothing is left after the block.

    Raises:
        FileNotFoundError: There is no such program.
    """
    held: list[int] = []
    with output.open("wb") as printed:
        with _holding(held):
            program = subprocess.Popen(
                argv, cwd=places.ROOT, env=environment, start_new_session=True, stdout=printed, stderr=printed
            )
        try:
            for number in held:
                signal.raise_signal(number)
            yield program
        finally:
            _signal(program, signal.SIGKILL)
            program.wait()


@contextmanager
def _holding(held: list[int]) -> Iterator[None]:
    """Note signals instead of obeying them: one in the middle of a start would leave a program that nobody knows of."""
    before = {number: signal.signal(number, lambda got, _frame: held.append(got)) for number in _HELD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(program.pid, number)
    except ProcessLookupError:
        return
