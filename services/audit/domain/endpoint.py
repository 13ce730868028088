"""Where a project's client wants to be told of what happens, and by which secret it knows that we tell it."""

import base64
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from standardwebhooks import Webhook

LOT_ACCEPTED, LOT_REJECTED, CERTIFICATE_ISSUED = "lot.accepted", "lot.rejected", "certificate.issued"
TARGET_BREACHED, TARGET_RECOVERED, UNIT_ERASED = "target.breached", "target.recovered", "unit.erased"
UNIT_REIDENTIFIED = "unit.reidentified"
LABEL_ERROR_FOUND, RECHECK_CONCLUDED = "label.error_found", "recheck.concluded"
RADIUS_FOUND, LOT_HELD, LOT_CORRECTED = "radius.found", "lot.held", "lot.corrected"
EVENT_TYPES = (
    LOT_ACCEPTED,
    LOT_REJECTED,
    RADIUS_FOUND,
    LOT_HELD,
    CERTIFICATE_ISSUED,
    LOT_CORRECTED,
    LABEL_ERROR_FOUND,
    RECHECK_CONCLUDED,
    TARGET_BREACHED,
    TARGET_RECOVERED,
    UNIT_ERASED,
    UNIT_REIDENTIFIED,
)
TEST = "webhook.test"
"""What is sent when a client asks for a try; no endpoint asks for it by name."""
ENDPOINTS_MAX = 10
"""Of one project."""
SECRETS_OVERLAP_SECONDS = 86_400
"""How long the secret before the newest signs, too."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's own mark of a secret, not one
MICROSECONDS = 1_000_000


class EndpointDoesNotExist(LookupError):
    """The project has no such endpoint."""


class TooManyEndpoints(ValueError):
    """The project has as many endpoints as it may."""


class UrlTaken(ValueError):
    """Another endpoint of the project has this address."""


class Endpoint(msgspec.Struct, frozen=True):
    """One address of a project's client.

    Attributes:
        events: the types of events that are told to it.
        salt: what its secret is made of, beside our own.
        salt_before: that of the secret before, which signs until `before_until_us`; empty: there is none.
        left_out_at_us: when an event was last left out because too many deliveries waited, to the hour; 0: never.
    """

    endpoint_id: str
    url: str
    events: tuple[str, ...]
    salt: str
    registered_at_us: int
    salt_before: str = ""
    before_until_us: int = 0
    left_out_at_us: int = 0

    def salts(self, now_us: int) -> list[str]:
        """Return what the secrets are made of that sign now, the newest first."""
        before = [self.salt_before] if self.salt_before and now_us < self.before_until_us else []
        return [self.salt, *before]


class EndpointsState(msgspec.Struct, frozen=True):
    """All endpoints of a project, in the order in which they were registered."""

    project_id: str
    endpoints: Annotated[tuple[Endpoint, ...], msgspec.Meta(max_length=ENDPOINTS_MAX)] = ()

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one of them.

        Raises:
            EndpointDoesNotExist: see there.
        """
        for endpoint in self.endpoints:
            if endpoint.endpoint_id == endpoint_id:
                return endpoint
        raise EndpointDoesNotExist(f"There is no webhook {endpoint_id}.")

    def registered(self, endpoint: Endpoint) -> "EndpointsState":
        """Return the state with one more.

        Raises:
            TooManyEndpoints, UrlTaken: see there.
        """
        if len(self.endpoints) >= ENDPOINTS_MAX:
            raise TooManyEndpoints(f"The project has {ENDPOINTS_MAX} webhooks, and may have no more; remove one first.")
        self._check_free(endpoint)
        return EndpointsState(self.project_id, (*self.endpoints, endpoint))

    def changed(self, endpoint: Endpoint) -> "EndpointsState":
        """Return the state with an endpoint as it is now.

        Raises:
            EndpointDoesNotExist, UrlTaken: see there.
        """
        self.endpoint(endpoint.endpoint_id)
        self._check_free(endpoint)
        now = tuple(endpoint if entry.endpoint_id == endpoint.endpoint_id else entry for entry in self.endpoints)
        return EndpointsState(self.project_id, now)

    def removed(self, endpoint_id: str) -> "EndpointsState":
        """Return the state without one of them.

        Raises:
            EndpointDoesNotExist: see there.
        """
        gone = self.endpoint(endpoint_id)
        return EndpointsState(self.project_id, tuple(endpoint for endpoint in self.endpoints if endpoint is not gone))

    def _check_free(self, endpoint: Endpoint) -> None:
        for entry in self.endpoints:
            if entry.url == endpoint.url and entry.endpoint_id != endpoint.endpoint_id:
                raise UrlTaken(
                    f"Webhook {entry.endpoint_id} has this url; change that one, or make a new secret for it."
                )


def rotated(endpoint: Endpoint, salt: str, now_us: int) -> Endpoint:
    """Return an endpoint with a new secret; the one before signs, too, for a day, and one before that no more."""
    until_us = now_us + SECRETS_OVERLAP_SECONDS * MICROSECONDS
    return msgspec.structs.replace(endpoint, salt=salt, salt_before=endpoint.salt, before_until_us=until_us)


def secret_of(ours: bytes, endpoint_id: str, salt: str) -> str:
    """Return an endpoint's secret as its client has it: nobody can make it without our own and the salt.

    >>> secret_of(b"ours", "k1-w1", "salt")
    'whsec_z00kyJkF5riBU/rtu1vvE/Nykew2KipeI2MOs7d3tSA='
    """
    digest = hmac.digest(ours, f"webhook/{endpoint_id}/{salt}".encode(), "sha256")
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def signed_headers(secrets: Sequence[str], delivery_id: str, body: str, now_us: int) -> dict[str, str]:
    """Return the headers by which a receiver knows that a body is ours and of now.

    Source: Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    seconds = now_us // MICROSECONDS
    at = datetime.fromtimestamp(seconds, UTC)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(Webhook(secret).sign(delivery_id, at, body) for secret in secrets),
    }
