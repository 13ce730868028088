"""Identity: credentials in, a caller with roles and a tenant out; and the guard of every route."""

from concord.chassis.identity.api_keys import ApiKeyRecord, ApiKeys, new_api_key, secret_hash
from concord.chassis.identity.caller import Caller, Role
from concord.chassis.identity.claims import ClaimMapping
from concord.chassis.identity.guard import (
    PLACE_KEY,
    Guard,
    guards_of,
    keep_place,
    known_caller,
    refuse_unknown_parameters,
    require,
    verified,
)
from concord.chassis.identity.identity import Identity
from concord.chassis.identity.identity_file import (
    IdentityFile,
    identity_from,
    identity_of,
    read_identity,
    read_identity_file,
)
from concord.chassis.identity.issue import SigningKey, mint_token
from concord.chassis.identity.tokens import KeySet, Tokens

__all__ = [
    "PLACE_KEY",
    "ApiKeyRecord",
    "ApiKeys",
    "Caller",
    "ClaimMapping",
    "Guard",
    "Identity",
    "IdentityFile",
    "KeySet",
    "Role",
    "SigningKey",
    "Tokens",
    "guards_of",
    "identity_from",
    "identity_of",
    "keep_place",
    "known_caller",
    "mint_token",
    "new_api_key",
    "read_identity",
    "read_identity_file",
    "refuse_unknown_parameters",
    "require",
    "secret_hash",
    "verified",
]
