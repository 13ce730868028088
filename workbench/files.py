"""The pages' files: read once at the start, each with a tag of its content and a compressed form."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Response

from concord.chassis.errors import NotFound

FOLDER = Path(__file__).parent / "pages"
MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
COMPRESSION_LEVEL = 9
REVALIDATED = "no-cache"
"""A browser keeps a file and asks whether it is still the same: a new version is there at the next look."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent."""

    content: bytes
    compressed: bytes
    tag: str
    media_type: str


class PageFiles:
    """The files below one folder, by path; nothing else can be asked for.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in MEDIA_TYPES
        }

    def answer(self, name: str, headers: Mapping[str, str]) -> Response:
        """Return a file, or that the browser's own is still good.

        Raises:
            NotFound: there is none of this name.
        """
        found = self._files.get(name)
        if found is None:
            raise NotFound("There is no such page or file.")
        file_headers = {"etag": found.tag, "cache-control": REVALIDATED, "vary": "accept-encoding"}
        if headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=file_headers)
        if "gzip" in headers.get("accept-encoding", ""):
            return Response(
                found.compressed, headers=file_headers | {"content-encoding": "gzip"}, media_type=found.media_type
            )
        return Response(found.content, headers=file_headers, media_type=found.media_type)


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return PageFile(content, gzip.compress(content, COMPRESSION_LEVEL, mtime=0), tag, MEDIA_TYPES[path.suffix])
