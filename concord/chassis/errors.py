"""What is refused, and how it is said: an error knows its status and reads as a sentence with a cure."""

from collections.abc import Sequence
from dataclasses import dataclass


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
    title = "Concord could not serve this"

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
    title = "The request cannot be read"


class Unauthenticated(ConcordError):
    """No credential, or one that does not hold."""

    status = 401
    title = "Not signed in"

    def headers(self) -> dict[str, str]:
        """Return the challenge that RFC 9110 asks for with a 401."""
        return super().headers() | {"www-authenticate": 'Bearer realm="concord"'}


class Forbidden(ConcordError):
    """The caller's role may not do this anywhere; what belongs to others is NotFound instead."""

    status = 403
    title = "This role may not do that"


class NotFound(ConcordError):
    """There is no such thing, or it belongs to somebody else, which looks the same."""

    status = 404
    title = "Not found"


class TooSlow(ConcordError):
    """The body stopped coming."""

    status = 408
    title = "The body did not come in time"


class Conflict(ConcordError):
    """It was already otherwise."""

    status = 409
    title = "In conflict with what is there"


class Gone(ConcordError):
    """It was there once."""

    status = 410
    title = "No longer there"


class BodyTooLarge(ConcordError):
    """The body is over the route's limit."""

    status = 413
    title = "The body is too large"


class UnsupportedMediaType(ConcordError):
    """The body's media type is not one this route reads."""

    status = 415
    title = "Media type not read here"


class Invalid(ConcordError):
    """The request was read, and something in it is wrong."""

    status = 422
    title = "Something in the request is wrong"


class TooManyRequests(ConcordError):
    """This caller has too much in flight."""

    status = 429
    title = "Too many requests at once"

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, errors, retry_after_seconds=retry_after_seconds)


class Unavailable(ConcordError):
    """The service cannot do this now and will later."""

    status = 503
    title = "Not available now"

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, errors, retry_after_seconds=retry_after_seconds)


class Backlogged(Unavailable):
    """Too many records wait to be published; taking more would promise what memory and disk cannot hold."""

    title = "Too much is waiting to be published"
