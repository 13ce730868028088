"""Sampling: which units are kept, decided by a hash of the unit's id, so that it can be repeated."""

import hashlib

SCALE = 2**64


def kept(unit_id: str, rate: float) -> bool:
    """Return whether a unit is in a sample of this rate; the same unit is in or out for ever.

    A higher rate keeps all that a lower one keeps.

    >>> kept("k7q2-u1", 1.0), kept("k7q2-u1", 0.0)
    (True, False)
    """
    place = int.from_bytes(hashlib.sha256(unit_id.encode()).digest()[:8], "big")
    return place < rate * SCALE
