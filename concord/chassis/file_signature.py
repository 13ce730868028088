"""By what a file is known to have become another, without reading it."""

from pathlib import Path

Signature = tuple[int, int, int]
"""Its inode, its size, when it was written (ns)."""


def signature_of(file: Path) -> Signature:
    """Return what a file is known by; a look costs microseconds.

    Raises:
        OSError: there is none, or it may not be looked at.
    """
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
