"""Where books are kept in tests of metrics: shared by several lives, as the changelog is."""

from collections import defaultdict
from collections.abc import Mapping


class MemoryParts:
    """Pieces by place and name.

    Attributes:
        pieces: what is kept.
        failing: whether no change is acknowledged.
    """

    def __init__(self) -> None:
        self.pieces: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)
        self.failing = False

    def read(self, place: int) -> Mapping[bytes, bytes]:
        """Return the pieces of a place."""
        return dict(self.pieces[place])

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Keep a piece, or remove it."""
        if piece is None:
            self.pieces[place].pop(name, None)
        else:
            self.pieces[place][name] = piece

    async def settled(self) -> None:
        """Return, or fail."""
        if self.failing:
            raise TimeoutError
