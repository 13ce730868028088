"""Which claims of a token say who its holder is: issuers put them in different places, under their own names."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from concord.chassis.identity.caller import Caller, Role


class ClaimMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a token says who its holder is, each as the names on the way to it: `["realm_access", "roles"]`.

    Attributes:
        subject: what the holder is called everywhere.
        roles: a list of names.
        client_id: the client whose data alone the holder may touch; empty where no token says so. It is not the id that
            an application has at its issuer, which some issuers write into a claim of this very name (RFC 9068).
        role_names: the issuer's name of a role -> ours; no other counts then. Without any, they are ours.
    """

    subject: tuple[str, ...] = ("sub",)
    roles: tuple[str, ...] = ("roles",)
    client_id: tuple[str, ...] = ("client_id",)
    role_names: dict[str, Role] = {}

    def caller(self, claims: Mapping[str, Any]) -> Caller:
        """Return who the holder of a token with these claims is.

        Raises:
            ValueError: they name nobody, or what would bind the holder to a client is no text.
        """
        subject = _at(claims, self.subject)
        if not isinstance(subject, str):
            raise ValueError(f"{'.'.join(self.subject)} is no text")  # noqa: TRY004 - of a token, not of an argument
        return Caller(subject, self._roles(_at(claims, self.roles)), self._client(claims))

    def _roles(self, claim: object) -> frozenset[Role]:
        """Return the roles that a claim names, unknown ones left out."""
        named: Sequence[object] = claim if isinstance(claim, list) else []
        known = self.role_names or {str(role): role for role in Role}
        return frozenset(known[name] for name in named if isinstance(name, str) and name in known)

    def _client(self, claims: Mapping[str, Any]) -> str | None:
        """Return the client that a token binds its holder to; None where it has no such claim.

        Raises:
            ValueError: it is no text. Left out, it would let somebody who is bound to one client see every other's.
        """
        client = _at(claims, self.client_id) if self.client_id else None
        if client is not None and not isinstance(client, str):
            raise ValueError("a client_id is a text")
        return client


def _at(claims: Mapping[str, Any], path: Sequence[str]) -> object:
    """Return what stands at the end of a path of names; None where it leads nowhere.

    >>> _at({"realm_access": {"roles": ["auditor"]}}, ["realm_access", "roles"])
    ['auditor']
    """
    found: object = claims
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
