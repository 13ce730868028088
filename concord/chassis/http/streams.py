"""Answers that are written as they are read: what fails before there is anything to send is refused like all else."""

from collections.abc import AsyncIterator, Sequence


async def begun(pieces: AsyncIterator[bytes], ahead: int = 1) -> AsyncIterator[bytes]:
    """Return the pieces of an answer once the first of them are there.

    An answer's head says 200, and nothing can be taken back then: what is answered by nobody later breaks it off.

    Args:
        pieces: the answer's; closed with what is returned.
        ahead: how many are waited for: where the first needs nothing that may be away, one more.

    Raises:
        whatever reading the first of them raises.
    """
    first: list[bytes] = []
    while len(first) < ahead and (piece := await anext(pieces, None)) is not None:
        first.append(piece)
    return _whole(first, pieces)


async def _whole(first: Sequence[bytes], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    async for piece in pieces:
        yield piece
