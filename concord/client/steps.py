"""What an operation asks of whoever carries it out: a generator, so that both clients share it."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

T = TypeVar("T")
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, again while the service is away; the answer is an `Answer`.

    Every request of ours may be sent again: its Idempotency-Key and what it says make it the same.

    Attributes:
        service: which of the five.
        path: below the service's address, each id in it quoted.
        body: as bytes, or the file that is sent as it is read.
        key: sent as Idempotency-Key; empty for what only reads.
        into: the file that the answer's body is written to as it comes; in memory if None.
        making_seconds_max: how long the service may say that it is still making the answer, beside what patience there
            is with one that is away.
    """

    service: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path | None = None
    media_type: str = JSON
    key: str = ""
    into: Path | None = None
    making_seconds_max: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered; `sha256` of a body that went into a file."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


class Source(Protocol):
    """What an import is read from."""

    def read(self, offset: int, size: int) -> tuple[bytes, bool]:
        """Return about `size` bytes from `offset` on, and whether they are the last; never before an earlier offset."""

    @property
    def total(self) -> int | None:
        """Return how many bytes there are; None where that is not known beforehand."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read a part of a source; the answer is what its `read` returns."""

    source: Source
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Digest:
    """Take the SHA-256 of a file; the answer is its hex, or an empty text where there is no such file."""

    path: Path


Step: TypeAlias = Send | Sleep | Read | Digest


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why no answer came: a connection that was refused, broke off, or was silent for too long."""

    reason: str


Reply: TypeAlias = Answer | NoAnswer | tuple[bytes, bool] | str | None
Flow: TypeAlias = Generator[Step, Reply, T]
"""An operation: yields what is to be done, is sent what came of it, and returns its result."""
