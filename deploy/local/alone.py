"""What two commands, or two tests side by side, must not make at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock that Linux gives back when this process ends, however it ends; others wait for it meanwhile."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
