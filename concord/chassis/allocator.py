"""Where large blocks of memory lie, as glibc is told; with another C library nothing is."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of its `malloc.h`; see mallopt(3)."""


def large_from(size: int) -> bool:
    """Have blocks of at least so many bytes lie apart: each is given back to the system when it is let go of.

    That costs its pages anew each time. A smaller one lies on the heap, and what is let go of there between two others
    stays the process's. glibc itself begins with 128 KB, and takes more after the first large one that was let go of.

    Returns:
        whether that could be said.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, size)) and bool(mallopt(_M_TRIM_THRESHOLD, 2 * size))
