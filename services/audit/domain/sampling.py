"""The sample: which units of a lot are checked, in an order that nobody can foresee and anybody can draw again."""

import hashlib
import hmac
from collections.abc import Iterable


def inspection_order(secret: bytes, lot_id: str, rework: int, unit_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the units in the order of their keyed hash: the same for ever, and unforeseeable without the secret.

    >>> inspection_order(b"s", "l1", 0, ["a", "b", "c"]) == inspection_order(b"s", "l1", 0, ["c", "a", "b"])
    True
    """

    def place(unit_id: str) -> bytes:
        return hmac.new(secret, f"{lot_id}\x00{rework}\x00{unit_id}".encode(), hashlib.sha256).digest()

    return tuple(sorted(unit_ids, key=place))
