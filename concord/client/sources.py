"""What an import is read from: a file, or units one after the other. Both can be read on from where the service is."""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, cast

import msgspec

from concord.client.models import Json, Unit

LINE = b"\n"


class Changed(ValueError):
    """The source does not go back to where the import stands."""


class FileSource:
    """A file on disk; one whose name ends in `.gz` is unpacked while it is read.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._total = None if path.suffix == ".gz" else path.stat().st_size
        # Closed by `close`: it lives as long as the import.
        self._file: IO[bytes] = cast("IO[bytes]", gzip.open(path)) if self._total is None else path.open("rb")  # noqa: SIM115

    @property
    def total(self) -> int | None:
        """Return the file's size; None of a packed one."""
        return self._total

    def read(self, offset: int, size: int) -> tuple[bytes, bool]:
        """Return `size` bytes from `offset` on, fewer at the end, and whether they are the last."""
        self._file.seek(offset)
        found = self._file.read(size)
        ended = len(found) < size or not self._file.read(1)
        return found, ended

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class UnitSource:
    """Units one after the other, as lines of JSON.

    An import that is taken up skips what was read before, so the same units must come in the same order again.

    Args:
        units: are taken one by one, as they are needed; never all at once.
    """

    total = None

    def __init__(self, units: Iterable[Unit | Mapping[str, Json]]) -> None:
        self._lines: Iterator[bytes] = (msgspec.json.encode(unit) + LINE for unit in units)
        self._begin, self._buffer, self._ended = 0, bytearray(), False

    def read(self, offset: int, size: int) -> tuple[bytes, bool]:
        """Return at least `size` bytes of whole lines from `offset` on, and whether they are the last.

        Raises:
            Changed: the offset lies before one that was asked for already, or behind the last unit.
        """
        if offset < self._begin:
            raise Changed(f"The import stands at byte {offset}, and what came before {self._begin} is gone.")
        while self._begin + len(self._buffer) < offset + size and not self._ended:
            self._more()
            # What lies before the offset is not asked for again.
            spare = min(offset - self._begin, len(self._buffer))
            del self._buffer[:spare]
            self._begin += spare
        spare = min(offset - self._begin, len(self._buffer))
        del self._buffer[:spare]
        self._begin += spare
        if self._begin < offset:
            detail = f"The import stands at byte {offset}, and these units end at {self._begin}"
            raise Changed(f"{detail}; give it a new name.")
        return bytes(self._buffer), self._ended

    def _more(self) -> None:
        line = next(self._lines, None)
        if line is None:
            self._ended = True
        else:
            self._buffer += line


def name_of(path: Path) -> str:
    """Return a name for a file's import: the same for the same file, another once it was changed.

    >>> name_of(Path("/dev/null")).startswith("null-0-")
    True
    """
    stat_result = path.stat()
    return f"{path.name[:120]}-{stat_result.st_size}-{stat_result.st_mtime_ns}"
