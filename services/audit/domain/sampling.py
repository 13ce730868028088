"""The sample: which units of a lot are checked, in an order that nobody can foresee and anybody can draw again."""

import hashlib
import hmac
from collections.abc import Sequence


def draw_seed(secret: bytes, lot_id: str, rework: int) -> bytes:
    """Return the seed of one draw: it follows from the secret, and tells nothing of it, nor of any other draw's seed.

    So it can be told once the lot is accepted: then everybody draws the sample again, and foresees none.

    >>> draw_seed(b"s", "l1", 0) == draw_seed(b"s", "l1", 0) != draw_seed(b"s", "l1", 1)
    True
    """
    return hmac.digest(secret, f"draw\x00{lot_id}\x00{rework}".encode(), "sha256")


def is_repeated(secret: bytes, unit_id: str, rework: int, share: float) -> bool:
    """Return whether an inspection is one of this share that a second auditor repeats; nobody foresees which.

    >>> is_repeated(b"s", "u1", 0, 0.0), is_repeated(b"s", "u1", 0, 1.0)
    (False, True)
    """
    drawn = hmac.digest(secret, f"repeat\x00{unit_id}\x00{rework}".encode(), "sha256")
    return int.from_bytes(drawn[:8]) < share * 2**64


def inspection_order(seed: bytes, lot_id: str, rework: int, unit_ids: Sequence[str]) -> tuple[int, ...]:
    """Return the places of the units in the order of their keyed hash.

    It is the same for ever, whatever the order in which the units are handed in, and nobody foresees it without the
    seed. Take some of them away, and the rest are in the order in which they would have been drawn alone.

    >>> units = ["a", "b", "c"]
    >>> order = [units[place] for place in inspection_order(b"s", "l1", 0, units)]
    >>> order == [units[::-1][place] for place in inspection_order(b"s", "l1", 0, units[::-1])]
    True
    """

    def drawn(place: int) -> bytes:
        return hmac.new(seed, f"{lot_id}\x00{rework}\x00{unit_ids[place]}".encode(), hashlib.sha256).digest()

    return tuple(sorted(range(len(unit_ids)), key=drawn))
