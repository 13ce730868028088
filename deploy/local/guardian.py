"""Outlives the process that started a stack just long enough to stop what that one left behind.

A stack's owner can end without a word: SIGKILL, a crash of the interpreter, a third Ctrl-C. It holds the write end
of a pipe whose other end is this process's standard input; Linux closes it with the owner, and the sweep begins.
"""

import signal
import subprocess
import sys
from pathlib import Path

from deploy.local import family
from deploy.local.places import ROOT

_RELEASE = b"release"


class Guardian:
    """The owner's hand on its guardian."""

    def __init__(self, folder: Path) -> None:
        """Start the guardian of the stack in `folder`, in a session of its own so that Ctrl-C does not reach it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.guardian", str(folder.resolve())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the guardian once the stack was stopped; whatever is left it still sweeps."""
        self._process.communicate()

    def release(self) -> None:
        """End the guardian and leave the stack running without an owner."""
        self._process.communicate(_RELEASE)


def main(folder: str) -> None:
    """Wait for the owner to release the stack or to end, and in the second case stop the stack."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() != _RELEASE:
        family.stop(Path(folder), grace_seconds=5)


if __name__ == "__main__":
    main(sys.argv[1])
