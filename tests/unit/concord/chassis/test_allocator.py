"""Large blocks lie apart from the size on that was said, and not from where glibc comes to by itself."""

import subprocess
import sys

import pytest

CHILD = """
import ctypes, sys
from concord.chassis.allocator import large_from

class Held(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

library = ctypes.CDLL(None)
if not hasattr(library, "mallinfo2"):
    print("not glibc")
    sys.exit()
library.mallinfo2.restype = Held

def is_apart(size):
    before = library.mallinfo2().hblks
    block = bytes(size)
    return library.mallinfo2().hblks > before

large = bytes(30_000_000)
del large  # of what is free already a block may be cut, however large: each is larger than those before
print(is_apart(1_000_000), large_from(131_072), is_apart(3_000_000), is_apart(100_000),
      large_from(8_388_608), is_apart(3_000_000), is_apart(9_000_000))
"""


def test_a_block_lies_apart_that_is_as_large_as_was_said() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], check=True, capture_output=True, text=True)
    if done.stdout.strip() == "not glibc":
        pytest.skip("another C library")
    assert done.stdout.split() == ["False", "True", "True", "False", "True", "False", "True"]
