"""Bodies that are sent with `content-encoding: gzip` (RFC 1952), unpacked a piece at a time."""

import zlib

from concord.chassis.errors import BadRequest, BodyTooLarge, ConcordError, FieldError

PIECE_BYTES_MAX = 262_144
"""Of what is unpacked at once: what a kilobyte unpacks to is not bounded by the kilobyte."""
RATIO_MAX = 200
"""How many bytes one byte may unpack to, after the first RATIO_FREE_BYTES; lines of JSON come to some 20."""
RATIO_FREE_BYTES = 10_000_000
_GZIP_WINDOW = 31


class Gunzip:
    """Unpacks one body; members that follow one another are one body, as `gzip -c a b` makes them."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._packed = b""
        self._read = 0
        self._unpacked = 0
        self._begun = False

    def feed(self, packed: bytes) -> None:
        """Take in what came; `piece` gives it back."""
        self._packed += packed
        self._read += len(packed)

    def piece(self) -> bytes:
        """Return the next piece; empty when more must be fed.

        Raises:
            ConcordError: BadRequest, where it is no gzip; BodyTooLarge, where it unpacks to far more than was sent.
        """
        while self._packed:
            if self._member.eof:
                self._member, self._begun = zlib.decompressobj(_GZIP_WINDOW), False
            try:
                piece = self._member.decompress(self._packed, PIECE_BYTES_MAX)
            except zlib.error as fault:
                raise _no_gzip(f"is no gzip from byte {self._read - len(self._packed)} on") from fault
            self._begun = True
            self._packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._unpacked += len(piece)
            if self._unpacked > RATIO_FREE_BYTES and self._unpacked > RATIO_MAX * self._read:
                text = (
                    f"The body unpacks to over {RATIO_MAX} times its {self._read} bytes; send it without compression."
                )
                raise BodyTooLarge(text)
            if piece:
                return piece
        return b""

    def end(self) -> None:
        """Say that no more comes.

        Raises:
            ConcordError: BadRequest, where it was cut off.
        """
        if not self._begun or not self._member.eof:
            raise _no_gzip("is gzip that was cut off")


def _no_gzip(problem: str) -> ConcordError:
    cure = "send what `gzip` makes, whole, or leave out content-encoding"
    return BadRequest(f"The body {problem}.", [FieldError("body", problem, cure)])
