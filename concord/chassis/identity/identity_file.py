"""The identity file: which issuer's tokens and which API keys are believed. It holds no secret, only their hashes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.identity.api_keys import ApiKeyRecord, ApiKeys
from concord.chassis.identity.claims import ClaimMapping
from concord.chassis.identity.identity import Identity
from concord.chassis.identity.tokens import KeySet, Tokens
from concord.chassis.settings import IdentitySettings, SettingProblem, SettingsRefused

_CURE = "write it as docs/security.md shows, or let the local stack make one"


class IdentityFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the file holds.

    Attributes:
        issuer: exact `iss` of the tokens that are believed.
        audience: our `aud`.
        jwks: the issuer's public keys; needed unless `jwks_url` is given.
        jwks_url: https address where they are fetched and renewed.
        api_keys: the API keys that are known.
        claims: which claims of a token say who its holder is.
    """

    issuer: str
    audience: str
    jwks: dict[str, Any] | None = None
    jwks_url: str | None = None
    api_keys: tuple[ApiKeyRecord, ...] = ()
    claims: ClaimMapping = ClaimMapping()

    @property
    def issuing(self) -> bytes:
        """Return what it says of the issuer, its keys and its tokens."""
        return msgspec.json.encode(msgspec.structs.replace(self, api_keys=()))


def read_identity(settings: IdentitySettings, clock: Clock) -> Identity:
    """Return the identity that the settings' file describes.

    Raises:
        SettingsRefused: the file is absent, malformed, or names neither keys nor an https address of them.
    """
    return identity_from(read_identity_file(settings), settings, clock)


def identity_from(file: IdentityFile, settings: IdentitySettings, clock: Clock) -> Identity:
    """Return the identity that a file's content describes, by the settings' pepper.

    Raises:
        SettingsRefused: as `identity_of`.
    """
    return identity_of(file, settings.peppers[0], clock, settings.peppers[1:])


def identity_of(file: IdentityFile, pepper: bytes, clock: Clock, others: Sequence[bytes] = ()) -> Identity:
    """Return the identity that a file's content describes; `others` are peppers that keys may have been made with, too.

    Raises:
        SettingsRefused: it names neither keys nor an https address of them.
    """
    keys = KeySet(file.jwks or {})
    refresh = None
    if file.jwks_url is not None:
        if not file.jwks_url.startswith("https://"):
            raise SettingsRefused([SettingProblem("jwks_url", "is no https address", "use the issuer's https address")])
        # An HTTP client, 9 MB: for who fetches keys, and nobody else.
        from concord.chassis.identity.key_set_url import KeySetUrl  # noqa: PLC0415 - see above

        refresh = KeySetUrl(file.jwks_url, clock).fetch
    elif not len(keys):
        raise SettingsRefused([SettingProblem("jwks", "holds no Ed25519, P-256 or RSA signing key with a kid", _CURE)])
    try:
        api_keys = ApiKeys(file.api_keys, pepper, others)
    except ValueError as fault:
        raise SettingsRefused([SettingProblem("api_keys", f"hold one that cannot be: {fault}", _CURE)]) from fault
    return Identity(api_keys, Tokens(file.issuer, file.audience, keys, clock, refresh, file.claims), clock, file)


def read_identity_file(settings: IdentitySettings) -> IdentityFile:
    """Return what the settings' file says.

    Raises:
        SettingsRefused: it is absent or malformed.
    """
    path = settings.file
    try:
        return msgspec.json.decode(path.read_bytes(), type=IdentityFile)
    except OSError as fault:
        problem = f"names {path}, which cannot be read ({fault.strerror})"
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        problem = f"names {path}, which is no identity file: {fault}"
    raise SettingsRefused([SettingProblem("CONCORD_IDENTITY_FILE", problem, _CURE)])
