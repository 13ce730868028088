"""What goes wrong, by kind, and what is refused: an error knows its status and reads as a sentence with a cure.

Whatever runs for ever asks `kind_of` what to do about an error, and nothing else decides it.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from concord.contracts.codec import UnknownSchemaVersion


class Kind(enum.Enum):
    """What is to be done about an error, wherever it comes up outside a request."""

    PASSING = "wait with back-off, for ever"
    DEPLOYMENT = "end the process, so that somebody is told"
    POISON = "set what caused it aside and go on"
    UNKNOWN = "try what caused it alone; then set it aside if everything that it needs answers"


class Passing(Exception):
    """Something that is needed does not answer, or is full, now; later it will. Nothing good is given up for it."""


class DeploymentFault(Exception):
    """What is deployed does not fit: a right is missing, a contract is newer, records were passed over.

    Neither waiting nor setting aside cures it. The process ends, and the next one finds everything as it was.
    """


class Poison(Exception):
    """A record or a request of the world's that can never be served: it becomes a dead letter without further tries."""


def logged(error: BaseException) -> str:
    """Return what a log may say of an error: its kind, and its words unless these may be those of a record.

    Why something is poison may quote what a client sent; that is told with the dead letter, to who may read those.

    >>> logged(ValueError("no such row")), logged(Poison("gold is 'Ada Lovelace'"))
    ('ValueError: no such row', 'Poison')
    """
    name = type(error).__name__
    return name if isinstance(error, Poison) else f"{name}: {error}"


def kind_of(error: BaseException) -> Kind:
    """Return what is to be done about an error."""
    if isinstance(error, Passing):
        return Kind.PASSING
    # Contracts are below the chassis, so theirs does not know this family.
    if isinstance(error, DeploymentFault | UnknownSchemaVersion):
        return Kind.DEPLOYMENT
    return Kind.POISON if isinstance(error, Poison) else Kind.UNKNOWN


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request.

    Attributes:
        field: where, as a path into the body or the name of a parameter: `policy.overlap.max`, `units[3].payload`.
        problem: what is wrong with it, as a sentence.
        cure: what to send instead.
    """

    field: str
    problem: str
    cure: str


class ConcordError(Exception):
    """A refusal that a caller is told about as problem+json (RFC 9457).

    Args:
        detail: what happened, as a sentence; a caller reads it, so it holds ids and never payloads.
        errors: which fields were wrong and how to put them right.
        retry_after_seconds: when trying again makes sense; sent as Retry-After.
    """

    status = 500

    def __init__(
        self, detail: str, errors: Sequence[FieldError] = (), *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds

    def headers(self) -> dict[str, str]:
        """Return the response headers that go with this refusal."""
        return {} if self.retry_after_seconds is None else {"retry-after": str(self.retry_after_seconds)}


class BadRequest(ConcordError):
    """The request cannot be read at all."""

    status = 400


class Unauthenticated(ConcordError):
    """No credential, or one that does not hold."""

    status = 401

    def headers(self) -> dict[str, str]:
        """Return the challenge that RFC 9110 asks for with a 401."""
        return super().headers() | {"www-authenticate": 'Bearer realm="concord"'}


class Forbidden(ConcordError):
    """The caller's role may not do this anywhere; what belongs to others is NotFound instead."""

    status = 403


class NotFound(ConcordError):
    """There is no such thing, or it belongs to somebody else, which looks the same."""

    status = 404


class TooSlow(ConcordError):
    """The body stopped coming."""

    status = 408


class Conflict(ConcordError):
    """It was already otherwise."""

    status = 409


class Gone(ConcordError):
    """It was there once."""

    status = 410


class BodyTooLarge(ConcordError):
    """The body is over the route's limit."""

    status = 413


class UnsupportedMediaType(ConcordError):
    """The body's media type is not one this route reads."""

    status = 415


class Misdirected(ConcordError):
    """The request came to a process that may not serve it (RFC 9110, 15.5.20)."""

    status = 421


class Invalid(ConcordError):
    """The request was read, and something in it is wrong."""

    status = 422


class TooManyRequests(ConcordError):
    """This caller has too much in flight."""

    status = 429

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, errors, retry_after_seconds=retry_after_seconds)


class Unavailable(ConcordError, Passing):
    """The service cannot do this now and will later."""

    status = 503

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, errors, retry_after_seconds=retry_after_seconds)


class Backlogged(Unavailable):
    """Too many records wait to be published; taking more would promise what memory and disk cannot hold."""
