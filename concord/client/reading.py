"""Reads files that the client wrote."""

from collections.abc import Iterator
from pathlib import Path

from concord.client.asking import decoded
from concord.client.models import Resolution


def read_resolutions(file: Path | str) -> Iterator[Resolution]:
    """Yield where each unit stands, out of a file that `resolutions` wrote, a line at a time."""
    with Path(file).open("rb") as lines:
        for line in lines:
            yield decoded(Resolution, line)
