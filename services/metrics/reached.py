"""What metrics' routes reach, and who may ask them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Request

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.errors import TooManyRequests, Unavailable
from concord.chassis.identity import Caller, Role, require
from concord.chassis.places.gather import Gather
from concord.chassis.table import Table
from services.metrics.measure import Measure
from services.metrics.owning import Owning
from services.metrics.surveying import Surveys

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


FOLLOWERS_MAX, FOLLOWERS_PER_CLIENT_MAX = 200, 50
"""A stream is open for as long as whoever follows it likes: no client has all of them."""
RETRY_SECONDS = 5


class Followers:
    """The streams that are open, by client; under None those of callers that are bound to none."""

    def __init__(self) -> None:
        self._open = Counter[str | None]()

    def __len__(self) -> int:
        return self._open.total()

    def must_have_room(self, client_id: str | None) -> None:
        """Let a client open one more.

        Raises:
            TooManyRequests: it has as many as it may.
            Unavailable: all clients together have.
        """
        if self._open[client_id] >= FOLLOWERS_PER_CLIENT_MAX:
            text = (
                f"{FOLLOWERS_PER_CLIENT_MAX} streams of yours are open; close some, or ask for /quality now and then."
            )
            raise TooManyRequests(text, retry_after_seconds=RETRY_SECONDS)
        if len(self) >= FOLLOWERS_MAX:
            text = "As many streams as may are open; ask for /quality now and then."
            raise Unavailable(text, retry_after_seconds=RETRY_SECONDS)

    @contextmanager
    def one_more(self, client_id: str | None) -> Iterator[None]:
        """Count a stream while it is open."""
        self._open[client_id] += 1
        try:
            yield
        finally:
            self._open -= Counter([client_id])


@dataclass(frozen=True, slots=True)
class Reached:
    """What the routes reach.

    Attributes:
        followers: the streams that are open.
    """

    measure: Measure
    surveys: Surveys
    owning: Owning
    annotators: Table[AnnotatorRow]
    gather: Gather
    followers: Followers = field(default_factory=Followers)


def reached_by(request: Request) -> Reached:
    """Return what the routes reach."""
    return cast("Reached", request.app.state.service)
