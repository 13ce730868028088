"""What is told of an export as a whole."""

import hashlib

import msgspec

BLOCK_BYTES = 1_048_576
"""Of a file whose digest stands by itself: within so many bytes a change is found."""


class FileFacts(msgspec.Struct, frozen=True):
    """A file of an export.

    Attributes:
        blocks: SHA-256 of every `block_bytes` of it, so that what was changed can be found.
    """

    name: str
    media_type: str
    rows: int
    bytes: int
    sha256: str
    block_bytes: int
    blocks: tuple[str, ...]


class Companion(msgspec.Struct, frozen=True):
    """A small file that goes with an export, whole."""

    name: str
    media_type: str
    text: str


class Snapshot(msgspec.Struct, frozen=True):
    """What an export is an export of: one numbered issue of a project, which is a set of accepted lots.

    Attributes:
        issued_at: of the issue's certificate, RFC 3339.
        certificate_sha256: of the issue's certificate.
        units, annotations, lots: what the certificate counts.
        guideline_versions: under which the labels were given.
        quality: what the certificate claims, in a sentence or two.
    """

    project_id: str
    issue: int
    issued_at: str
    certificate_sha256: str
    units: int
    annotations: int
    lots: int
    guideline_versions: tuple[int, ...]
    quality: str


class FileTally:
    """Takes a file in pieces and tells what can be claimed of it."""

    def __init__(self, name: str, media_type: str) -> None:
        self.name = name
        self.media_type = media_type
        self._whole = hashlib.sha256()
        self._bytes = 0
        self._block = hashlib.sha256()
        self._blocks: list[str] = []

    def add(self, piece: bytes) -> None:
        """Take in the next piece."""
        self._whole.update(piece)
        view = memoryview(piece)
        while view:
            room = BLOCK_BYTES - self._bytes % BLOCK_BYTES
            self._block.update(view[:room])
            self._bytes += len(view[:room])
            view = view[room:]
            if not self._bytes % BLOCK_BYTES:
                self._blocks.append(self._block.hexdigest())
                self._block = hashlib.sha256()

    def facts(self, rows: int) -> FileFacts:
        """Return what is claimed of all that was taken in."""
        rest = [self._block.hexdigest()] if self._bytes % BLOCK_BYTES else []
        blocks = (*self._blocks, *rest)
        return FileFacts(self.name, self.media_type, rows, self._bytes, self._whole.hexdigest(), BLOCK_BYTES, blocks)
